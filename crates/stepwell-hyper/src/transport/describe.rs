//! What went wrong, in words.

use std::time::Duration;

use stepwell_transport::{Phase, TransportError, TransportErrorKind};
use tokio::time::Instant;

use super::{HyperTransport, MAX_HEAD, MAX_HEADERS, is_https};
use crate::classify::{Refused, refused_by_tls};

impl HyperTransport {
    pub(super) fn too_large(&self, limit: usize) -> TransportError {
        let message = format!(
            "the reply of {} is larger than {limit} bytes; raise the limit if that is right",
            self.place()
        );
        TransportError::new(TransportErrorKind::BodyTooLarge, Phase::Responded, message)
    }

    pub(super) fn describe(
        &self,
        kind: TransportErrorKind,
        phase: Phase,
        error: hyper_util::client::legacy::Error,
        started: Instant,
    ) -> TransportError {
        let place = self.place();
        let message = match kind {
            TransportErrorKind::Refused => {
                format!("{place} refused the connection; is the server up, and is this its port?")
            }
            TransportErrorKind::UnknownHost => {
                format!("the host of {place} is not known; check its name")
            }
            TransportErrorKind::Unreachable => {
                format!("{place} cannot be reached; check the address and the network")
            }
            TransportErrorKind::Tls => self.describe_tls(refused_by_tls(&error)),
            TransportErrorKind::TimedOut => {
                format!("{place} did not take a connection")
            }
            TransportErrorKind::Closed => {
                format!("{place} closed the connection without answering")
            }
            TransportErrorKind::HeadTooLarge => format!(
                "the head of the reply of {place} is too large: it may have {MAX_HEADERS} header fields, in {} KiB; is there a proxy in between that adds some?",
                MAX_HEAD / 1024
            ),
            TransportErrorKind::Protocol => {
                format!("what {place} answered is not HTTP/1; is this the right port?")
            }
            TransportErrorKind::Canceled => format!(
                "the connection to {place} was given up; was the runtime that made it shut down?"
            ),
            _ => format!("the request to {place} failed"),
        };
        let described = TransportError::new(kind, phase, message).with_source(error);
        match kind {
            TransportErrorKind::TimedOut
            | TransportErrorKind::Closed
            | TransportErrorKind::Other => described.took(started.elapsed()),
            _ => described,
        }
    }

    pub(super) fn describe_tls(&self, refused: Option<Refused>) -> String {
        let place = self.place();
        match (refused, self.client_certificate) {
            (None, _) => format!(
                "TLS with {place} failed; is its certificate trusted, or is a CA file needed?"
            ),
            (Some(_), true) => format!(
                "{place} does not take the client certificate; is it valid today, and of a CA that the server trusts?"
            ),
            (Some(Refused::Certificate), false) => {
                format!("{place} asks for a client certificate; give one with its key")
            }
            (Some(Refused::Handshake), false) => {
                format!("{place} refused the TLS handshake; does it ask for a client certificate?")
            }
        }
    }

    /// Host and port, as a person knows them.
    pub(super) fn place(&self) -> String {
        let host = self.base.host().unwrap_or_default();
        let default = if is_https(&self.base) { 443 } else { 80 };
        format!("{host}:{}", self.base.port_u16().unwrap_or(default))
    }

    pub(super) fn timed_out(&self, what: &str, phase: Phase, timeout: Duration) -> TransportError {
        let message = format!("{} {what}", self.place());
        TransportError::new(TransportErrorKind::TimedOut, phase, message).took(timeout)
    }
}

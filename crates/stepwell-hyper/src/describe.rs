//! The messages of the transport's errors.

use std::{error::Error, sync::Arc, time::Duration};

use http::Uri;
use hyper_util::client::legacy;
use stepwell_transport::{Phase, TransportError, TransportErrorKind};
use tokio::time::Instant;

use crate::{
    classify::{TlsRefusal, classify_body, tls_refusal},
    client::{MAX_HEAD, MAX_HEADERS},
    connector::Tried,
    prepare::default_port,
};

/// The server, as error messages name it.
#[derive(Clone)]
pub(crate) struct ServerName {
    /// The host and the port.
    authority: Arc<str>,
    /// Whether a client certificate is configured.
    client_certificate: bool,
    tried: Tried,
}

impl ServerName {
    pub(crate) fn new(base: &Uri, client_certificate: bool, tried: Tried) -> Self {
        let host = base.host().unwrap_or_default();
        let port = base.port_u16().unwrap_or_else(|| default_port(base));
        Self {
            authority: format!("{host}:{port}").into(),
            client_certificate,
            tried,
        }
    }

    /// The request failed before there was a reply.
    pub(crate) fn failed(
        &self,
        kind: TransportErrorKind,
        phase: Phase,
        error: legacy::Error,
        started: Instant,
    ) -> TransportError {
        let authority = &self.authority;
        let message = match kind {
            TransportErrorKind::Refused => {
                format!(
                    "{authority} refused the connection; is the server up, and is this its port?"
                )
            }
            TransportErrorKind::UnknownHost => {
                format!("the host of {authority} is not known; check its name")
            }
            TransportErrorKind::NameLookup => format!(
                "the host of {authority} could not be looked up for now; does the name server answer?"
            ),
            TransportErrorKind::Unreachable => {
                format!("{authority} cannot be reached; check the address and the network")
            }
            TransportErrorKind::Tls => self.tls_failed(tls_refusal(&error)),
            TransportErrorKind::TimedOut => {
                format!("{authority} did not accept a connection")
            }
            TransportErrorKind::Closed => {
                format!("{authority} closed the connection without answering")
            }
            TransportErrorKind::HeadTooLarge => format!(
                "the head of the reply from {authority} exceeds {MAX_HEADERS} header fields or {} KiB; does a proxy in between add some?",
                MAX_HEAD / 1024
            ),
            TransportErrorKind::Protocol => {
                format!("the reply from {authority} is not HTTP/1; is this the right port?")
            }
            TransportErrorKind::Canceled => format!(
                "the connection to {authority} was dropped; has its tokio runtime been shut down?"
            ),
            _ => format!("the request to {authority} failed"),
        };
        let described = TransportError::new(kind, phase, message).with_source(error);
        match kind {
            TransportErrorKind::TimedOut
            | TransportErrorKind::Closed
            | TransportErrorKind::Other => described.took(started.elapsed()),
            _ => described,
        }
    }

    fn tls_failed(&self, refusal: Option<TlsRefusal>) -> String {
        let authority = &self.authority;
        match (refusal, self.client_certificate) {
            (None, _) => format!(
                "TLS with {authority} failed; is its certificate trusted, or is a CA file needed?"
            ),
            (Some(_), true) => format!(
                "{authority} does not take the client certificate; is it valid today, and of a CA that the server trusts?"
            ),
            (Some(TlsRefusal::Certificate), false) => {
                format!("{authority} asks for a client certificate; give one with its key")
            }
            (Some(TlsRefusal::Handshake), false) => {
                format!(
                    "{authority} refused the TLS handshake; does it ask for a client certificate?"
                )
            }
        }
    }

    /// All permits were in use until the timeout.
    pub(crate) fn no_permit(&self, timeout: Duration) -> TransportError {
        let message = format!(
            "send fewer requests to {} at once, or allow more: no permit was free",
            self.authority
        );
        timed_out(message, Phase::NotSent, timeout)
    }

    /// There was no connection until the timeout.
    pub(crate) fn no_connection(&self, timeout: Duration) -> TransportError {
        let message = format!("{} did not accept a connection", self.authority);
        let error = timed_out(message, Phase::NotSent, timeout);
        match self.tried.ends() {
            ends if ends.is_empty() => error,
            ends => error.with_source(ends),
        }
    }

    /// There was no reply until the timeout.
    pub(crate) fn no_answer(&self, timeout: Duration) -> TransportError {
        let message = format!("{} did not answer", self.authority);
        timed_out(message, Phase::MaybeSent, timeout)
    }

    /// The body of the reply was incomplete at the timeout.
    pub(crate) fn unfinished(&self, timeout: Duration) -> TransportError {
        let message = format!("{} began to answer but did not finish", self.authority);
        timed_out(message, Phase::Responded, timeout)
    }

    /// The body of the reply exceeds the limit.
    pub(crate) fn too_large(&self, limit: usize) -> TransportError {
        let message = format!(
            "the reply from {} is larger than {limit} bytes; raise the limit if that is expected",
            self.authority
        );
        TransportError::new(TransportErrorKind::BodyTooLarge, Phase::Responded, message)
    }

    /// The body of the reply broke off.
    pub(crate) fn broke_off(
        &self,
        error: Box<dyn Error + Send + Sync>,
        started: Instant,
    ) -> TransportError {
        let authority = &self.authority;
        let kind = classify_body(&*error);
        let message = if kind == TransportErrorKind::Protocol {
            format!(
                "the body of the reply from {authority} is not HTTP/1; does a proxy in between break it?"
            )
        } else {
            format!("the reply from {authority} was cut off, perhaps by a proxy")
        };
        let described = TransportError::new(kind, Phase::Responded, message).with_source(error);
        match kind {
            TransportErrorKind::Protocol => described,
            _ => described.took(started.elapsed()),
        }
    }

    /// The body of the reply is compressed.
    pub(crate) fn compressed(&self, encoding: &[u8]) -> TransportError {
        let message = format!(
            "the reply from {} is compressed ({}), although the request does not accept that; is there a proxy in between?",
            self.authority,
            String::from_utf8_lossy(encoding).escape_debug()
        );
        TransportError::new(
            TransportErrorKind::ContentEncoding,
            Phase::Responded,
            message,
        )
    }
}

fn timed_out(message: String, phase: Phase, timeout: Duration) -> TransportError {
    TransportError::new(TransportErrorKind::TimedOut, phase, message).took(timeout)
}

use std::{error::Error, fmt, time::Duration};

use crate::words::Time;

/// A request without a complete reply.
///
/// The error is one pointer wide. `Display` shows the message, and how long the request took if that is known. The cause is the
/// [`source`](Error::source).
pub struct TransportError(Box<Inner>);

struct Inner {
    kind: TransportErrorKind,
    phase: Phase,
    message: String,
    took: Option<Duration>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The connection was refused: nothing listens on this port, or not yet.
    Refused,
    /// The host name could not be resolved.
    UnknownHost,
    /// The host name could not be looked up for now: the name server did not answer.
    NameLookup,
    /// The host could not be reached.
    Unreachable,
    /// The TLS handshake failed: the certificate is not trusted or has another name, or the server has no TLS.
    Tls,
    /// The request took longer than its [`Timeout`](crate::Timeout).
    TimedOut,
    /// The connection was closed or reset before the reply was complete.
    Closed,
    /// The reply has more header fields, or a longer head, than the transport accepts.
    HeadTooLarge,
    /// The body of the reply exceeds the [`BodyLimit`](crate::BodyLimit).
    BodyTooLarge,
    /// The body of the reply is compressed, although the request did not accept that.
    ContentEncoding,
    /// The reply is not HTTP.
    Protocol,
    /// The request is invalid and cannot be sent.
    InvalidRequest,
    /// The transport does not support the operation: [`execute_streamed`](crate::Transport::execute_streamed) on a transport that does not
    /// stream.
    Unsupported,
    /// The transport was closed, or the request was cancelled.
    Canceled,
    /// Any other failure.
    Other,
}

/// How far a request got, and therefore whether it may have taken effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "no, maybe and yes are the only answers"
)]
pub enum Phase {
    /// Nothing of the request reached the server.
    NotSent,
    /// The server may have received it and acted on it.
    MaybeSent,
    /// The server has begun to answer.
    Responded,
}

impl TransportError {
    /// Creates an error. The message is in lower case and names the operation, its object and what to try next.
    pub fn new(kind: TransportErrorKind, phase: Phase, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            phase,
            message: message.into(),
            took: None,
            source: None,
        }))
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the time that the request took, which is shown after the message: `… did not answer` becomes `… did not answer within 2 s`.
    #[must_use]
    pub fn took(mut self, took: Duration) -> Self {
        self.0.took = Some(took);
        self
    }

    /// The message without the time, so that equal failures have equal messages.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What went wrong.
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// How far the request got.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TransportError")
            .field("kind", &self.0.kind)
            .field("phase", &self.0.phase)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)?;
        match (self.0.took, self.0.kind) {
            (None, _) => Ok(()),
            (Some(took), TransportErrorKind::TimedOut) => {
                write!(formatter, " within {}", Time(took))
            }
            (Some(took), _) => write!(formatter, ", after {}", Time(took)),
        }
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

const _: () = assert!(size_of::<TransportError>() == size_of::<usize>());

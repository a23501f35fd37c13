use std::{error::Error, fmt, time::Duration};

use crate::words::Time;

/// A request that got no whole reply.
///
/// One pointer wide. `Display` is the message, and how long it took where that is known; the cause is the [`source`](Error::source).
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
    /// The connection was refused: nothing listens there, or not yet.
    Refused,
    /// The host's name is not known.
    UnknownHost,
    /// The host cannot be reached.
    Unreachable,
    /// TLS could not be agreed on: a certificate that is not trusted, another name, or no TLS there at all.
    Tls,
    /// It took longer than the [`Timeout`](crate::Timeout).
    TimedOut,
    /// The connection was closed or reset before the whole reply was there.
    Closed,
    /// The reply has more header fields, or a longer head, than the transport takes.
    HeadTooLarge,
    /// The reply's body is longer than the [`BodyLimit`](crate::BodyLimit).
    BodyTooLarge,
    /// The reply's body is compressed, which was not asked for.
    ContentEncoding,
    /// What came back is not HTTP.
    Protocol,
    /// The request cannot be sent as it is.
    InvalidRequest,
    /// The transport cannot do what was asked of it: [`execute_streamed`](crate::Transport::execute_streamed) on one that does not stream.
    Unsupported,
    /// The transport was closed, or the request was given up.
    Canceled,
    /// None of these.
    Other,
}

/// How far a request had come: could it have taken effect?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "no, perhaps, and yes are complete")]
pub enum Phase {
    /// Nothing of it reached the server.
    NotSent,
    /// It may have reached the server, and the server may have acted on it.
    MaybeSent,
    /// The server has answered, if not wholly.
    Responded,
}

impl TransportError {
    /// An error of this kind; the message names what was done, to what, and what to try next, in lower case.
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

    /// Adds how long it took, which is shown behind the message: `… did not answer` becomes `… did not answer within 2 s`.
    #[must_use]
    pub fn took(mut self, took: Duration) -> Self {
        self.0.took = Some(took);
        self
    }

    /// The message without how long it took: the same for each failure of the same kind.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What went wrong.
    pub fn kind(&self) -> TransportErrorKind {
        self.0.kind
    }

    /// How far the request had come.
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

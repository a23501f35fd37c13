//! The error of a call: [`ClientError`].

mod json;
mod kind;
mod refusal;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use http::StatusCode;
use stepwell_transport::{Phase, TransportErrorKind};

use crate::{Operation, printable};

pub(crate) use self::kind::TransportSnafu;
pub use self::{json::JsonError, kind::ClientErrorKind};

/// A call of the API that failed.
///
/// Its text names the operation, the pipeline and the server, as in `could not read the pipeline "orders" at http://host:5115: the server
/// answered 404 Not Found: Pipeline not found`. It never contains the query or a body that was sent. It is one pointer wide, and cheap to
/// clone: the failure of one call can concern several callers.
///
/// [`phase`](Self::phase) says whether the call may already have taken effect, and [`is_retryable`](Self::is_retryable) whether the same
/// call could succeed later. These are different questions.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
/// use stepwell_arroyo::{Client, Phase, PipelineId};
/// use stepwell_transport::{FakeTransport, SharedTransport};
///
/// let fake = FakeTransport::new().at("http://host:5115");
/// fake.expect(Method::GET, "/api/v1/pipelines/orders")
///     .reply_json(404, &serde_json::json!({"error": "Pipeline not found"}));
/// let client = Client::new(SharedTransport::new(fake));
///
/// let error = client.pipeline(&PipelineId::new("orders")?).await.unwrap_err();
/// assert!(error.is_not_found() && !error.is_retryable());
/// assert_eq!(error.phase(), Phase::Responded);
/// assert_eq!(
///     error.to_string(),
///     r#"could not read the pipeline "orders" at http://host:5115: the server answered 404 Not Found: Pipeline not found"#
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ClientError(Arc<Inner>);

struct Inner {
    call: Call,
    kind: ClientErrorKind,
    retry_after: Option<Duration>,
}

/// What was called, for error messages.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    /// The pipeline's id, or its name if it is being created.
    pub(crate) pipeline: Option<String>,
    /// The server, without credentials.
    pub(crate) url: Option<String>,
}

impl ClientError {
    pub(crate) fn new(call: Call, kind: ClientErrorKind) -> Self {
        Self(Arc::new(Inner {
            call,
            kind,
            retry_after: None,
        }))
    }

    pub(crate) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        // It was just created, and nothing else holds it.
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.retry_after = retry_after;
        }
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &ClientErrorKind {
        &self.0.kind
    }

    /// What was called.
    pub fn operation(&self) -> Operation {
        self.0.call.operation
    }

    /// The status of the reply, if there was a complete one.
    pub fn status(&self) -> Option<StatusCode> {
        match self.0.kind {
            ClientErrorKind::Rejected { status, .. }
            | ClientErrorKind::NotArroyo { status, .. }
            | ClientErrorKind::Decode { status, .. }
            | ClientErrorKind::EmptyReply { status } => Some(status),
            _ => None,
        }
    }

    /// The `Retry-After` of a 409, 429 or 503, if it is in seconds. It may be any duration, so limit it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The kind of the transport's error, if the transport failed.
    pub fn transport_error_kind(&self) -> Option<TransportErrorKind> {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether the call may have taken effect.
    pub fn phase(&self) -> Phase {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => source.phase(),
            ClientErrorKind::Request { .. } => Phase::NotSent,
            _ => Phase::Responded,
        }
    }

    /// Whether the same call could succeed later without any intervention. Whether it is safe to send it again is another question.
    ///
    /// `true` for a connection that was refused, closed or timed out, for a name that cannot be looked up for now, for 408, 429, 5xx and a refusal that may pass
    /// ([`is_busy`](Self::is_busy)), and for a reply that is empty, breaks off, or describes another pipeline.
    /// `false` for every other refusal, an unknown host, a TLS failure, and a server that is not an Arroyo.
    pub fn is_retryable(&self) -> bool {
        match &self.0.kind {
            ClientErrorKind::Transport { source } => matches!(
                source.kind(),
                TransportErrorKind::Refused
                    | TransportErrorKind::NameLookup
                    | TransportErrorKind::Unreachable
                    | TransportErrorKind::TimedOut
                    | TransportErrorKind::Closed
                    | TransportErrorKind::Protocol
            ),
            ClientErrorKind::Rejected { status, .. } => {
                status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT || self.is_busy()
            }
            // A proxy may have given up.
            ClientErrorKind::Decode { source, .. } => source.breaks_off(),
            ClientErrorKind::EmptyReply { .. } | ClientErrorKind::OtherPipeline { .. } => true,
            ClientErrorKind::NotArroyo { .. }
            | ClientErrorKind::EventTooLarge { .. }
            | ClientErrorKind::Paging { .. }
            | ClientErrorKind::Request { .. } => false,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call {
            operation,
            pipeline,
            url,
        } = &self.0.call;
        write!(formatter, "could not {operation}")?;
        if let Some(pipeline) = pipeline {
            // A name may have any length and contain anything.
            write!(formatter, " {:?}", printable::line(pipeline, 100))?;
        }
        if let Some(url) = url {
            write!(formatter, " at {url}")?;
        }
        match &self.0.kind {
            // The source has the message.
            ClientErrorKind::Transport { .. } => Ok(()),
            kind => write!(formatter, ": {kind}"),
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientError")
            .field("call", &self.0.call)
            .field("kind", &self.0.kind)
            .finish()
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0.kind)
    }
}

const _: () = assert!(size_of::<ClientError>() == size_of::<usize>());

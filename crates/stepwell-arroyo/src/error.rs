use std::fmt;

use http::StatusCode;
use snafu::Snafu;
use stepwell_transport::{Phase, TransportError, TransportErrorKind};

/// A call of the API that did not come to its answer.
///
/// One pointer wide.
#[derive(Debug)]
pub struct ClientError(Box<ClientErrorKind>);

/// What a call was to do; its `Display` reads after "could not".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /api/v1/ping`
    Ping,
    /// `POST /api/v1/pipelines/validate_query`
    Validate,
    /// `GET /api/v1/pipelines`
    ListPipelines,
    /// `GET /api/v1/pipelines/{id}`
    GetPipeline,
    /// `POST /api/v1/pipelines`
    Create,
    /// `PUT /api/v1/pipelines/{id}`
    CreateWithId,
    /// `PATCH /api/v1/pipelines/{id}`
    Patch,
    /// `POST /api/v1/pipelines/{id}/restart`
    Restart,
    /// `DELETE /api/v1/pipelines/{id}`
    Delete,
    /// `GET /api/v1/pipelines/{id}/jobs`
    Jobs,
    /// `GET /api/v1/pipelines/{id}/jobs/{id}/errors`
    JobErrors,
    /// `GET /api/v1/pipelines/{id}/jobs/{id}/checkpoints`
    Checkpoints,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ping => "reach the API",
            Self::Validate => "validate the query",
            Self::ListPipelines => "list the pipelines",
            Self::GetPipeline => "read the pipeline",
            Self::Create | Self::CreateWithId => "create the pipeline",
            Self::Patch => "change the pipeline",
            Self::Restart => "restart the pipeline",
            Self::Delete => "delete the pipeline",
            Self::Jobs => "read the pipeline's job",
            Self::JobErrors => "read the job's errors",
            Self::Checkpoints => "read the job's checkpoints",
        })
    }
}

/// What went wrong with a call.
#[derive(Debug, Snafu)]
#[snafu(visibility(pub(crate)))]
#[non_exhaustive]
pub enum ClientErrorKind {
    /// There was no whole reply.
    #[snafu(display("could not {operation}{}", at(url)))]
    Transport {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// Why.
        source: TransportError,
    },
    /// The server answered with a status other than 2xx.
    #[snafu(display(
        "could not {operation}{}: the server answered {status}{}",
        at(url),
        words(message)
    ))]
    Rejected {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// The status.
        status: StatusCode,
        /// The server's words, at most 8 KiB of them; empty when it had none.
        message: String,
    },
    /// The reply is none that an Arroyo gives here.
    #[snafu(display(
        "could not {operation}{}: the answer ({status}{}) is none of an Arroyo API; check the address{}",
        at(url),
        content(content_type),
        words(start)
    ))]
    NotArroyo {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// The status.
        status: StatusCode,
        /// The content type of the reply.
        content_type: String,
        /// The first 200 characters of the reply; empty for JSON, which may hold a query.
        start: String,
    },
    /// The reply is JSON, but not of the form that is expected here, or it breaks off.
    #[snafu(display(
        "could not {operation}{}: the answer ({status}) cannot be read; is this server a supported version, or is a proxy in between?",
        at(url)
    ))]
    Decode {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// The status.
        status: StatusCode,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The reply is empty where something was to be in it.
    #[snafu(display("could not {operation}{}: the answer ({status}) is empty", at(url)))]
    EmptyReply {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// The list does not come to an end.
    #[snafu(display("could not {operation}{}: {problem}", at(url)))]
    Paging {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// What is wrong with the pages.
        problem: &'static str,
    },
    /// The request could not be made.
    #[snafu(display("could not {operation}{}: the request cannot be written", at(url)))]
    Request {
        /// What was to be done.
        operation: Operation,
        /// Where.
        url: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn at(url: &str) -> String {
    if url.is_empty() {
        String::new()
    } else {
        format!(" at {url}")
    }
}

fn words(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn content(content_type: &str) -> String {
    if content_type.is_empty() {
        String::new()
    } else {
        format!(", {content_type}")
    }
}

impl ClientError {
    /// What went wrong.
    pub fn kind(&self) -> &ClientErrorKind {
        &self.0
    }

    /// What was to be done.
    pub fn operation(&self) -> Operation {
        match *self.0 {
            ClientErrorKind::Transport { operation, .. }
            | ClientErrorKind::Rejected { operation, .. }
            | ClientErrorKind::NotArroyo { operation, .. }
            | ClientErrorKind::Decode { operation, .. }
            | ClientErrorKind::EmptyReply { operation, .. }
            | ClientErrorKind::Paging { operation, .. }
            | ClientErrorKind::Request { operation, .. } => operation,
        }
    }

    /// The status of the reply, if there was a whole one.
    pub fn status(&self) -> Option<StatusCode> {
        match *self.0 {
            ClientErrorKind::Rejected { status, .. }
            | ClientErrorKind::NotArroyo { status, .. }
            | ClientErrorKind::Decode { status, .. }
            | ClientErrorKind::EmptyReply { status, .. } => Some(status),
            _ => None,
        }
    }

    /// What went wrong with the connection, if that is what went wrong.
    pub fn transport_error_kind(&self) -> Option<TransportErrorKind> {
        match &*self.0 {
            ClientErrorKind::Transport { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Could the call have taken effect already?
    pub fn phase(&self) -> Phase {
        match &*self.0 {
            ClientErrorKind::Transport { source, .. } => source.phase(),
            ClientErrorKind::Request { .. } => Phase::NotSent,
            _ => Phase::Responded,
        }
    }

    /// Could the same call succeed later, with nothing changed by a person? Whether it may be sent again is another question.
    pub fn is_retryable(&self) -> bool {
        match &*self.0 {
            ClientErrorKind::Transport { source, .. } => matches!(
                source.kind(),
                TransportErrorKind::Refused
                    | TransportErrorKind::Unreachable
                    | TransportErrorKind::TimedOut
                    | TransportErrorKind::Closed
                    | TransportErrorKind::Protocol
            ),
            ClientErrorKind::Rejected { status, .. } => {
                status.is_server_error()
                    || *status == StatusCode::REQUEST_TIMEOUT
                    || *status == StatusCode::TOO_MANY_REQUESTS
            }
            // A reply that breaks off, as from a proxy that gives up.
            ClientErrorKind::Decode { source, .. } => source.is_eof(),
            ClientErrorKind::EmptyReply { .. } => true,
            ClientErrorKind::NotArroyo { .. }
            | ClientErrorKind::Paging { .. }
            | ClientErrorKind::Request { .. } => false,
        }
    }
}

impl From<ClientErrorKind> for ClientError {
    fn from(kind: ClientErrorKind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

const _: () = assert!(size_of::<ClientError>() == size_of::<usize>());

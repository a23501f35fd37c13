//! Why the API could not be reached.

use std::time::Duration;

use http::StatusCode;
use snafu::Snafu;
use stepwell_arroyo::{ClientError, PipelineId};
use stepwell_transport::Phase;

use crate::words::Time;

/// Why the API could not be reached.
#[derive(Debug, Snafu)]
#[non_exhaustive]
pub enum ConnectError {
    /// The API did not answer in time.
    #[snafu(display("the API{} did not answer within {}; is the server up, and is this its address?", at(url.as_ref()), Time(*elapsed)))]
    NotUp {
        /// The address that was tried.
        url: Option<String>,
        /// How long the call tried.
        elapsed: Duration,
        /// The last failure.
        source: ClientError,
    },
    /// The server refused the credentials (401 or 403; recordings `900_auth_ping_no_token`–`907_auth_lowercase_bearer`).
    #[snafu(display("the API{} refused the credentials with {status}; check the token", at(url.as_ref())))]
    Credentials {
        /// The address that was tried.
        url: Option<String>,
        /// 401 or 403.
        status: StatusCode,
        /// The server's answer.
        source: ClientError,
    },
    /// The address belongs to something other than an Arroyo API.
    #[snafu(display("the server{} is not an Arroyo API; check the address and its path", at(url.as_ref())))]
    NotArroyo {
        /// The address that was tried.
        url: Option<String>,
        /// The answer.
        source: ClientError,
    },
    /// No connection can be made: an unknown host, a TLS failure, or a request that cannot be sent. Retrying does not help.
    #[snafu(display("cannot connect to the API{}", at(url.as_ref())))]
    Unreachable {
        /// The address that was tried.
        url: Option<String>,
        /// The cause.
        source: ClientError,
    },
}

fn at(url: Option<&String>) -> String {
    url.map(|url| format!(" at {url}")).unwrap_or_default()
}

impl ConnectError {
    /// A stable name for the failure, for metrics, alerts and tests.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotUp { .. } => "connect.not_up",
            Self::Credentials { .. } => "connect.credentials",
            Self::NotArroyo { .. } => "connect.not_arroyo",
            Self::Unreachable { .. } => "connect.unreachable",
        }
    }

    /// Whether the server may already have acted on the request.
    pub fn phase(&self) -> Phase {
        Phase::NotSent
    }

    /// Whether the same call may succeed later without human intervention.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NotUp { .. })
    }

    /// The pipeline that the error is about, if its id is known.
    pub fn pipeline_id(&self) -> Option<&PipelineId> {
        None
    }

    /// The failed request that caused the error, if there is one.
    #[allow(
        clippy::unnecessary_wraps,
        reason = "the same signature as in the errors of other steps"
    )]
    pub(crate) fn client_error(&self) -> Option<&ClientError> {
        match self {
            Self::NotUp { source, .. }
            | Self::Credentials { source, .. }
            | Self::NotArroyo { source, .. }
            | Self::Unreachable { source, .. } => Some(source),
        }
    }
}

impl ConnectError {
    pub(crate) fn new(url: Option<String>, elapsed: Duration, error: ClientError) -> Self {
        let source = error;
        match source.status() {
            Some(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                Self::Credentials {
                    url,
                    status,
                    source,
                }
            }
            _ if source.is_retryable() => Self::NotUp {
                url,
                elapsed,
                source,
            },
            Some(_) => Self::NotArroyo { url, source },
            None => match source.transport_error_kind() {
                Some(_) => Self::Unreachable { url, source },
                None => Self::NotArroyo { url, source },
            },
        }
    }
}

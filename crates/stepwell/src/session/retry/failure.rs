//! The kinds of failure of a request: see [`Failure`].

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind};
use stepwell_transport::Phase;

/// The kind of failure of a request, as far as it matters for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection could be made, but one may be possible later.
    NotSent,
    /// No connection can be made, or the request cannot be written: an unknown host, a TLS failure. Retrying does not help.
    CannotBeSent,
    /// The request may have been sent, and the answer did not arrive: cut off, timed out, or 408.
    NoAnswer,
    /// The answer arrived but cannot be used: it is too large, or a list that does not end.
    Unusable,
    /// 429, or another refusal that may pass: see [`ClientError::is_busy`].
    Busy,
    /// A 5xx, or an answer that is empty or truncated, as from a proxy that gives up.
    ServerError,
    /// A 2xx with a web page, which does not come from the API.
    Page,
    /// A 2xx with unexpected JSON.
    Unreadable,
    /// A 2xx that describes another pipeline, as from a proxy that mixes up its replies.
    OtherPipeline,
    /// 401 or 403.
    Credentials,
    /// The API does not know the pipeline, or the pipeline has no job (recordings `107_get_jobs_unknown_pipeline`,
    /// `146_patch_unknown_id`).
    Gone,
    /// A 404 that is not about the pipeline: it comes from a proxy, or the server does not know the path.
    Unrouted,
    /// 405: a server up to 0.15 has no `PUT`.
    NotAllowed,
    /// A 400 or 409 that says that the id exists, or has no readable reason. The id may belong to another client's pipeline, to ours, or to
    /// a row without a job.
    AlreadyThere,
    /// Any other refusal. Redirects are not followed, so the server behind one has received nothing.
    Refused,
}

impl Failure {
    pub(crate) fn of(error: &ClientError) -> Self {
        match error.kind() {
            ClientErrorKind::Rejected { status, .. } => Self::of_refusal(error, *status),
            ClientErrorKind::NotArroyo { .. } => Self::Page,
            ClientErrorKind::OtherPipeline { .. } => Self::OtherPipeline,
            ClientErrorKind::Decode { .. } if !error.is_retryable() => Self::Unreadable,
            ClientErrorKind::Decode { .. } | ClientErrorKind::EmptyReply { .. } => {
                Self::ServerError
            }
            _ => match (error.phase(), error.is_retryable()) {
                (Phase::NotSent, true) => Self::NotSent,
                (Phase::NotSent, false) => Self::CannotBeSent,
                (_, true) => Self::NoAnswer,
                (_, false) => Self::Unusable,
            },
        }
    }

    fn of_refusal(error: &ClientError, status: StatusCode) -> Self {
        match status {
            _ if error.is_not_found() => Self::Gone,
            StatusCode::NOT_FOUND => Self::Unrouted,
            StatusCode::METHOD_NOT_ALLOWED => Self::NotAllowed,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::Credentials,
            StatusCode::REQUEST_TIMEOUT => Self::NoAnswer,
            _ if error.is_busy() => Self::Busy,
            _ if status.is_server_error() => Self::ServerError,
            _ if error.is_already_there() || says_nothing(error) => Self::AlreadyThere,
            _ => Self::Refused,
        }
    }

    /// Whether the request certainly changed nothing: it was not sent, or was refused.
    pub(crate) fn changed_nothing(self) -> bool {
        match self {
            Self::NotSent
            | Self::CannotBeSent
            | Self::Busy
            | Self::Credentials
            | Self::Gone
            | Self::Unrouted
            | Self::NotAllowed
            | Self::AlreadyThere
            | Self::Refused => true,
            // A gateway may give up on a request that the server completes.
            Self::NoAnswer
            | Self::Unusable
            | Self::ServerError
            | Self::Page
            | Self::Unreadable
            | Self::OtherPipeline => false,
        }
    }
}

/// Whether the message of a 400 or 409 is missing, or does not come from the API.
fn says_nothing(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ClientErrorKind::Rejected {
            status: StatusCode::BAD_REQUEST | StatusCode::CONFLICT,
            message,
            from_api,
            ..
        } if message.is_empty() || !from_api
    )
}

/// Whether the API answered that it does not know the pipeline.
pub(crate) fn is_gone(error: &ClientError) -> bool {
    Failure::of(error) == Failure::Gone
}

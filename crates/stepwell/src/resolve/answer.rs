//! What the answer to a create means.

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind, Phase};

/// What the answer to a create means.
pub(super) enum Answer {
    /// The request did not leave.
    NotSent,
    /// 405: a server up to 0.15 has no `PUT`.
    NoPut,
    /// A refusal whose words do not speak of a pipeline that is there already.
    Refused,
    /// A 400 or 409 to a `PUT` that says that the id exists, or says nothing: another's pipeline, ours, or a row without a job.
    Duplicate,
    /// Anything else: it may have taken effect.
    InDoubt,
}

/// Whether the words of a 400 or 409 were lost on the way, or are not the API's.
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

impl Answer {
    pub(super) fn of(error: &ClientError, by_put: bool) -> Self {
        let Some(status) = error.status() else {
            return if error.phase() == Phase::NotSent {
                Self::NotSent
            } else {
                Self::InDoubt
            };
        };
        match status {
            StatusCode::METHOD_NOT_ALLOWED if by_put => Self::NoPut,
            _ if by_put && (error.is_already_there() || says_nothing(error)) => Self::Duplicate,
            StatusCode::REQUEST_TIMEOUT => Self::InDoubt,
            // A redirect is not followed, so nothing was asked of the server behind it.
            status if status.is_client_error() || status.is_redirection() => Self::Refused,
            // A 2xx without a pipeline in it, and every 5xx: a gateway gives up on a create that the server goes on with.
            _ => Self::InDoubt,
        }
    }
}

//! What a failed request says of the next try.

use std::time::Duration;

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind, TransportErrorKind};

/// How long a pipeline may be unknown to the server before it counts as deleted: one that was just made may not show yet, and a node that
/// lags behind may not know it.
pub(crate) const GONE_AFTER: Duration = Duration::from_secs(10);

/// The server answered that it does not know the pipeline, or that the pipeline has no job (recordings
/// `107_get_jobs_unknown_pipeline`, `146_patch_unknown_id`). A proxy's 404 does not say so.
pub(crate) fn is_gone(error: &ClientError) -> bool {
    error.is_not_found()
}

/// Whether the same call may succeed later, on a server that has answered before: besides what is always worth another try, a page that a
/// gateway shows with a 200.
pub(crate) fn may_be_repeated(error: &ClientError) -> bool {
    error.is_retryable()
        || matches!(error.kind(), ClientErrorKind::NotArroyo { status, .. } if status.is_success())
}

/// Whether it is our deadline that ended the request, which had far less time `left` than a request has: such a failure says nothing of
/// the server.
pub(crate) fn is_cut_short(error: &ClientError, left: Duration, request_timeout: Duration) -> bool {
    left < request_timeout / 2 && error.transport_error_kind() == Some(TransportErrorKind::TimedOut)
}

/// Whether a server that has answered before may answer again: a gateway in between says many a thing while the server behind it is
/// rolled over.
pub(crate) fn may_pass(error: &ClientError) -> bool {
    error.is_retryable()
        || matches!(
            error.kind(),
            ClientErrorKind::NotArroyo { .. } | ClientErrorKind::Decode { .. }
        )
        || (error.status() == Some(StatusCode::NOT_FOUND) && !is_gone(error))
}

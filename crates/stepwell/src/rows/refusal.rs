//! What a refusal to give rows means.

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind};

use crate::session::retry::is_gone;

/// Whether the rows go elsewhere. The words are those of recording `119_job_output_non_preview`: the status is also that of a job which
/// does not run.
pub(super) fn go_elsewhere(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ClientErrorKind::Rejected { status, message, .. }
            if *status == StatusCode::BAD_REQUEST && message.contains("preview sink")
    )
}

/// Whether the server has no way to read rows: the API has no such route. A proxy's 404 does not say so.
pub(super) fn has_no_route(error: &ClientError) -> bool {
    let no_route = matches!(
        error.kind(),
        ClientErrorKind::Rejected {
            status: StatusCode::NOT_FOUND,
            from_api: true,
            ..
        }
    );
    no_route && !is_gone(error)
}

//! What it means when the server refuses to stream rows.

use http::StatusCode;
use stepwell_arroyo::{ClientError, ClientErrorKind};

use crate::session::retry::is_gone;

/// Whether the rows go to another sink. The message is that of recording `119_job_output_non_preview`; the status alone is also that of a
/// job which is not running.
pub(super) fn go_elsewhere(error: &ClientError) -> bool {
    matches!(
        error.kind(),
        ClientErrorKind::Rejected { status, message, .. }
            if *status == StatusCode::BAD_REQUEST && message.contains("preview sink")
    )
}

/// Whether the API has no route to stream rows. A proxy's 404 does not show that.
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

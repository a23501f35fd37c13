//! Error replies that do not come from the control plane.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// An error reply with a body like those of the control plane: `{"error": "…"}`.
#[derive(Debug)]
pub(crate) struct ErrorReply {
    pub(super) status: StatusCode,
    message: String,
}

impl ErrorReply {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The controller no longer answers.
    pub(super) fn closing() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the engine is closing")
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        let body = serde_json::json!({ "error": self.message }).to_string();
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = self.status;
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        response
    }
}

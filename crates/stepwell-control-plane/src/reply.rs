//! Replies in the forms that a real server uses.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::Options;

pub(crate) type Reply = Response<Bytes>;

/// 200 with JSON.
pub(crate) fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => typed(StatusCode::OK, "application/json", body),
        // None of the values passed here can fail to serialize; if one did, a client can read this.
        Err(error) => reject(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the reply cannot be written: {error}"),
        ),
    }
}

/// A refusal: `{"error": …}`.
pub(crate) fn reject(status: StatusCode, error: &str) -> Reply {
    let body = serde_json::json!({ "error": error }).to_string();
    typed(status, "application/json", body.into_bytes())
}

/// The refusal of a parallelism above the limit; `None` if it is within the limit.
pub(crate) fn too_many_subtasks(asked: u64, options: &Options) -> Option<Reply> {
    let most = options.most_subtasks?;
    (asked > u64::from(most)).then(|| {
        reject(
            StatusCode::BAD_REQUEST,
            &format!("parallelism {asked} is above the limit of {most}"),
        )
    })
}

/// A refusal by the extractors for paths and queries, which is plain text.
pub(crate) fn reject_text(error: &str) -> Reply {
    typed(
        StatusCode::BAD_REQUEST,
        "text/plain; charset=utf-8",
        error.as_bytes().to_vec(),
    )
}

/// 200 without a body or a content type.
pub(crate) fn empty() -> Reply {
    Response::new(Bytes::new())
}

pub(crate) fn not_found(what: &str) -> Reply {
    reject(StatusCode::NOT_FOUND, &format!("{what} not found"))
}

pub(crate) fn wrong_method(allow: &'static str) -> Reply {
    let mut reply = empty();
    *reply.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    reply
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allow));
    reply
}

fn typed(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Reply {
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

//! What comes back when something goes wrong.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use stepwell::transport::{Phase, TransportError, TransportErrorKind as Kind};
use tokio::time::Instant;

pub(crate) async fn timed_out(until: Instant) -> Result<Response<Bytes>, TransportError> {
    tokio::time::sleep_until(until).await;
    Err(TransportError::new(
        Kind::TimedOut,
        Phase::MaybeSent,
        "timed out",
    ))
}

pub(crate) fn closed() -> TransportError {
    TransportError::new(Kind::Closed, Phase::MaybeSent, "closed")
}

pub(crate) fn reply(status: StatusCode, body: &'static str) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from_static(body.as_bytes()));
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

/// What a gateway shows.
pub(crate) fn page(status: StatusCode) -> Response<Bytes> {
    let mut reply = reply(status, "<!doctype html><title>gateway</title>");
    let html = HeaderValue::from_static("text/html");
    reply.headers_mut().insert(header::CONTENT_TYPE, html);
    reply
}

/// The same create with an interval out of range, which a server finds out after it has written the row.
pub(crate) fn without_job(request: &Request<Bytes>) -> Request<Bytes> {
    let mut body: serde_json::Value = serde_json::from_slice(request.body()).unwrap_or_default();
    body["checkpoint_interval_micros"] = 1.into();
    Request::builder()
        .method(request.method())
        .uri(request.uri())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

/// The same job without its tasks.
pub(crate) fn without_tasks(reply: Response<Bytes>) -> Response<Bytes> {
    reply.map(|body| {
        let Ok(mut jobs) = serde_json::from_slice::<serde_json::Value>(&body) else {
            return body;
        };
        let job = jobs.get_mut("data").and_then(|data| data.get_mut(0));
        if let Some(job) = job
            && job["tasks"].is_u64()
        {
            job["tasks"] = 0.into();
        }
        Bytes::from(jobs.to_string())
    })
}

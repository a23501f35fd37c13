//! Decoding replies.
//!
//! The status comes first: anything but a 2xx is a refusal, whatever its body. Of JSON only the server's message in a refusal is shown,
//! because the JSON of a pipeline contains its query. The secrets of the request are removed from that message.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode, Uri, header};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::{
    CreatePipeline, Job, Pipeline, PipelineId,
    error::{ClientErrorKind, JsonError},
    printable,
    secrets::Secrets,
    wire::{EachRow, Made, read_rows},
};

/// How many bytes of the server's message an error keeps.
const WORDS: usize = 8 * 1024;

/// How many characters of a reply that is not JSON an error shows.
const START: usize = 200;

/// Replaces text that may contain a query.
const NOT_SHOWN: &str = "its text is not shown";

/// Decodes the value in a reply.
pub(crate) fn decode<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<T, ClientErrorKind> {
    decode_or_empty(reply)?.ok_or_else(|| empty(reply))
}

/// Decodes the value in a reply that may be empty.
pub(crate) fn decode_or_empty<T: DeserializeOwned>(
    reply: &Response<Bytes>,
) -> Result<Option<T>, ClientErrorKind> {
    json(reply)?
        .map(|body| serde_json::from_str(text(body)?))
        .transpose()
        .map_err(|error| undecoded(reply, &error))
}

/// Decodes a page of pipelines row by row. Returns whether there are more.
pub(crate) fn decode_rows(
    reply: &Response<Bytes>,
    each: EachRow<'_>,
) -> Result<bool, ClientErrorKind> {
    read(reply, |body| read_rows(body, each))
}

/// Decodes the reply to a create, which must describe what was sent.
pub(crate) fn decode_made(
    reply: &Response<Bytes>,
    id: Option<&PipelineId>,
    sent: &CreatePipeline,
) -> Result<Made, ClientErrorKind> {
    let (made, has_query) = read(reply, |json| Made::from_json(json, &sent.query))?;
    is_of(&made.id, id)?;
    let same = |same: bool, field| if same { Ok(()) } else { Err(other(field)) };
    same(!made.id.as_str().is_empty(), "id")?;
    same(made.name == *sent.name, "name")?;
    same(has_query, "query")?;
    Ok(made)
}

/// Decodes a reply with the pipeline that has this id.
pub(crate) fn decode_pipeline(
    reply: &Response<Bytes>,
    id: &PipelineId,
) -> Result<Pipeline, ClientErrorKind> {
    decode_pipeline_or_empty(reply, id)?.ok_or_else(|| empty(reply))
}

/// Decodes a reply that is empty, or has the pipeline with this id.
pub(crate) fn decode_pipeline_or_empty(
    reply: &Response<Bytes>,
    id: &PipelineId,
) -> Result<Option<Pipeline>, ClientErrorKind> {
    let pipeline: Option<Pipeline> = decode_or_empty(reply)?;
    if let Some(pipeline) = &pipeline {
        is_of(&pipeline.id, Some(id))?;
    }
    Ok(pipeline)
}

/// Checks that a job belongs to this pipeline; servers up to 0.15 do not tell.
pub(crate) fn check_job(job: &Job, id: &PipelineId) -> Result<(), ClientErrorKind> {
    match &job.pipeline_id {
        Some(of) if of != id => Err(other("pipeline_id")),
        _ => Ok(()),
    }
}

fn is_of(id: &PipelineId, wanted: Option<&PipelineId>) -> Result<(), ClientErrorKind> {
    match wanted {
        Some(wanted) if wanted != id => Err(other("id")),
        _ => Ok(()),
    }
}

fn other(field: &'static str) -> ClientErrorKind {
    ClientErrorKind::OtherPipeline { field }
}

fn read<T>(
    reply: &Response<Bytes>,
    read: impl FnOnce(&str) -> Result<T, serde_json::Error>,
) -> Result<T, ClientErrorKind> {
    match json(reply)? {
        Some(body) => text(body)
            .and_then(read)
            .map_err(|error| undecoded(reply, &error)),
        None => Err(empty(reply)),
    }
}

/// The body as text. Validating it as a whole takes half the time of validating every string in it.
fn text(body: &[u8]) -> Result<&str, serde_json::Error> {
    str::from_utf8(body).map_err(|error| {
        let before = match error.error_len() {
            // It ends within a character. The error before that character says whether the JSON breaks off.
            None => serde_json::from_slice::<IgnoredAny>(&body[..error.valid_up_to()]).err(),
            Some(_) => None,
        };
        before.unwrap_or_else(|| serde::de::Error::custom(error))
    })
}

fn undecoded(reply: &Response<Bytes>, error: &serde_json::Error) -> ClientErrorKind {
    ClientErrorKind::Decode {
        status: reply.status(),
        content_type: content_type(reply),
        source: JsonError::new(error),
    }
}

fn empty(reply: &Response<Bytes>) -> ClientErrorKind {
    ClientErrorKind::EmptyReply {
        status: reply.status(),
    }
}

/// Accepts any reply of the API. A web page is not one.
pub(crate) fn decode_done(reply: &Response<Bytes>) -> Result<(), ClientErrorKind> {
    json(reply).map(|_| ())
}

/// Decodes the reply to a ping, which must be the JSON string `"Pong"`: many servers answer 200 to anything.
pub(crate) fn decode_ping(reply: &Response<Bytes>) -> Result<(), ClientErrorKind> {
    match json(reply)?.map(serde_json::from_slice::<&str>) {
        Some(Ok("Pong")) => Ok(()),
        _ => Err(not_arroyo(reply)),
    }
}

/// The `Retry-After` of a server that is too busy, or busy with something that conflicts. Only seconds are read, not a date, because clocks differ.
pub(crate) fn retry_after(reply: &Response<Bytes>) -> Option<Duration> {
    let is_busy = matches!(
        reply.status(),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT
    );
    let value = reply.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u32 = value.trim().parse().ok()?;
    is_busy.then(|| Duration::from_secs(seconds.into()))
}

/// The body of a 2xx reply, which is empty or JSON.
fn json(reply: &Response<Bytes>) -> Result<Option<&[u8]>, ClientErrorKind> {
    if !reply.status().is_success() {
        return Err(rejected(reply));
    }
    let body = reply.body().trim_ascii();
    if body.is_empty() {
        Ok(None)
    } else if looks_like_json(body) {
        Ok(Some(body))
    } else {
        Err(not_arroyo(reply))
    }
}

/// Whether no error can show any text of this reply, so that no secrets have to be removed from it.
pub(crate) fn shows_nothing(reply: &Response<Bytes>) -> bool {
    reply.status().is_success()
        && looks_like_json(reply.body().trim_ascii())
        && reply
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value == "application/json")
}

/// Decides by the first byte. The content type may be dropped or changed by a proxy.
fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.first(), Some(b'{' | b'[' | b'"'))
}

pub(crate) fn not_arroyo(reply: &Response<Bytes>) -> ClientErrorKind {
    let body = reply.body().trim_ascii();
    ClientErrorKind::NotArroyo {
        status: reply.status(),
        content_type: content_type(reply),
        start: if looks_like_json(body) || may_hold_query(body) {
            String::new()
        } else {
            start(reply, body)
        },
    }
}

pub(crate) fn rejected(reply: &Response<Bytes>) -> ClientErrorKind {
    let status = reply.status();
    let body = reply.body().trim_ascii();
    let (message, from_api) = if status.is_redirection() {
        (redirection(reply), false)
    } else if body.is_empty() {
        (meaning(status).to_owned(), false)
    } else {
        match serde_json::from_slice::<serde_json::Value>(body) {
            Ok(value) => (words(&value), is_arroyos(&value)),
            Err(_) => (String::new(), false),
        }
    };
    let message = if message.is_empty() && !body.is_empty() {
        beginning(reply, body)
    } else if may_hold_query(message.as_bytes()) {
        NOT_SHOWN.to_owned()
    } else {
        Secrets::of_reply(reply).hide(&message)
    };
    ClientErrorKind::Rejected {
        status,
        message: printable::lines(&message, WORDS),
        from_api,
    }
}

/// The message in a JSON error of an Arroyo, or in the usual forms of gateways.
fn words(value: &serde_json::Value) -> String {
    ["/error", "/error/message", "/message", "/detail"]
        .into_iter()
        .find_map(|place| value.pointer(place)?.as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Whether the error has Arroyo's form, a single field.
fn is_arroyos(value: &serde_json::Value) -> bool {
    value
        .as_object()
        .is_some_and(|fields| fields.len() == 1 && value["error"].is_string())
}

/// The meaning of a refusal without a body, as an Arroyo sends for 401 and 405 (recordings `900_auth_ping_no_token`,
/// `161_wrong_method_post_item`).
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "no reason is given; check the token",
        StatusCode::METHOD_NOT_ALLOWED => {
            "no reason is given; this server may be too old to have this operation"
        }
        _ => "",
    }
}

fn redirection(reply: &Response<Bytes>) -> String {
    let location = reply
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|location| location.parse::<Uri>().ok());
    // Only the scheme and the host are shown, because a location may contain anything.
    let to = location.and_then(|uri| {
        let host = uri.authority()?.as_str().rsplit('@').next()?.to_owned();
        Some(format!(" to {}://{host}", uri.scheme_str()?))
    });
    format!(
        "it redirects{}, which is not followed; give the address that it redirects to",
        to.unwrap_or_default()
    )
}

/// The beginning of a refusal that is not an Arroyo's, with its content type.
fn beginning(reply: &Response<Bytes>, body: &[u8]) -> String {
    // JSON that is not an error may be a pipeline, and any text may repeat the request.
    let start = if may_hold_query(body) {
        NOT_SHOWN.to_owned()
    } else {
        start(reply, body)
    };
    match content_type(reply).as_str() {
        "" => start,
        content_type => format!("({content_type}) {start}"),
    }
}

/// Looks for the names of the fields that are never shown, also in JSON that is quoted in JSON or HTML.
fn may_hold_query(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body)
        .replace('\\', "")
        .replace("&quot;", "\"");
    [
        r#""query""#,
        r#""definition""#,
        r#""env_vars""#,
        r#""scheduler_config""#,
    ]
    .iter()
    .any(|field| text.contains(field))
}

pub(crate) fn content_type(reply: &Response<Bytes>) -> String {
    let value = reply
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    printable::line(
        &Secrets::of_reply(reply).hide(value.unwrap_or_default()),
        100,
    )
}

fn start(reply: &Response<Bytes>, body: &[u8]) -> String {
    // Secrets are removed before the text is cut, because half a secret would not be found.
    let text = Secrets::of_reply(reply).hide(&String::from_utf8_lossy(body));
    printable::line(&text, START)
}

#[cfg(test)]
mod tests;

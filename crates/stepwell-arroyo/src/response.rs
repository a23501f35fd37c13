//! Replies, without reading them from anywhere.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{Operation, error::ClientErrorKind};

/// How much of the server's words an error keeps.
const WORDS: usize = 8 * 1024;

/// How many characters of a reply that is not JSON an error shows.
const START: usize = 200;

/// The value in a reply.
pub(crate) fn decode<T: DeserializeOwned>(
    operation: Operation,
    url: &str,
    reply: &Response<Bytes>,
) -> Result<T, ClientErrorKind> {
    let body = successful(operation, url, reply)?;
    if body.is_empty() {
        return Err(ClientErrorKind::EmptyReply {
            operation,
            url: url.to_owned(),
            status: reply.status(),
        });
    }
    if !looks_like_json(reply) {
        return Err(not_arroyo(operation, url, reply));
    }
    serde_json::from_slice(body).map_err(|source| ClientErrorKind::Decode {
        operation,
        url: url.to_owned(),
        status: reply.status(),
        source,
    })
}

/// The value in a reply that may be empty.
pub(crate) fn decode_or_empty<T: DeserializeOwned>(
    operation: Operation,
    url: &str,
    reply: &Response<Bytes>,
) -> Result<Option<T>, ClientErrorKind> {
    if successful(operation, url, reply)?.is_empty() {
        return Ok(None);
    }
    decode(operation, url, reply).map(Some)
}

/// The reply to a ping: the JSON string `"Pong"` and nothing else, for many a thing answers 200.
pub(crate) fn decode_ping(url: &str, reply: &Response<Bytes>) -> Result<(), ClientErrorKind> {
    let body = successful(Operation::Ping, url, reply)?;
    match serde_json::from_slice::<&str>(body) {
        Ok("Pong") => Ok(()),
        _ => Err(not_arroyo(Operation::Ping, url, reply)),
    }
}

/// The body of a reply with a 2xx.
pub(crate) fn successful<'a>(
    operation: Operation,
    url: &str,
    reply: &'a Response<Bytes>,
) -> Result<&'a Bytes, ClientErrorKind> {
    let status = reply.status();
    if status.is_success() {
        return Ok(reply.body());
    }
    Err(ClientErrorKind::Rejected {
        operation,
        url: url.to_owned(),
        status,
        message: words(reply),
    })
}

/// The server's words in a reply that is not a success: the text of `{"error": …}`, or the start of whatever else it is.
fn words(reply: &Response<Bytes>) -> String {
    #[derive(Deserialize)]
    struct Rejection {
        error: String,
    }
    if let Ok(rejection) = serde_json::from_slice::<Rejection>(reply.body()) {
        return printable(&rejection.error, WORDS);
    }
    if reply.body().is_empty() {
        return match reply.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "no reason is given; check the token".to_owned()
            }
            status if status.is_redirection() => redirection(reply),
            _ => String::new(),
        };
    }
    let start = start(reply);
    match content_type(reply).as_str() {
        "" => start,
        content_type => format!("({content_type}) {start}"),
    }
}

fn redirection(reply: &Response<Bytes>) -> String {
    let location = reply
        .headers()
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok());
    match location.and_then(|location| location.parse::<http::Uri>().ok()) {
        // A location may carry anything; its host is what helps.
        Some(uri) => {
            let host = uri
                .host()
                .map(|host| format!(" to {host}"))
                .unwrap_or_default();
            format!(
                "it redirects{host}, which is not followed; give the address that it redirects to"
            )
        }
        None => "it redirects, which is not followed".to_owned(),
    }
}

fn not_arroyo(operation: Operation, url: &str, reply: &Response<Bytes>) -> ClientErrorKind {
    ClientErrorKind::NotArroyo {
        operation,
        url: url.to_owned(),
        status: reply.status(),
        content_type: content_type(reply),
        // JSON may hold a query, and a query may hold a password.
        start: if looks_like_json(reply) {
            String::new()
        } else {
            start(reply)
        },
    }
}

fn looks_like_json(reply: &Response<Bytes>) -> bool {
    let content_type = content_type(reply);
    if content_type.contains("json") {
        return true;
    }
    // A proxy may drop the content type.
    content_type.is_empty()
        && matches!(
            reply.body().trim_ascii_start().first(),
            Some(b'{' | b'[' | b'"')
        )
}

fn content_type(reply: &Response<Bytes>) -> String {
    let value = reply
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    printable(value.unwrap_or_default(), 100)
}

fn start(reply: &Response<Bytes>) -> String {
    // No more than can be shown, however long the body is.
    let bytes = &reply.body()[..reply.body().len().min(START * 4)];
    printable(&String::from_utf8_lossy(bytes), START)
}

/// The first characters, without what could confuse a terminal or a log.
fn printable(text: &str, limit: usize) -> String {
    let mut printable = String::new();
    for character in text.chars() {
        if printable.len() >= limit {
            printable.push('…');
            break;
        }
        match character {
            '\n' | '\t' => printable.push(character),
            character if character.is_control() => {}
            character => printable.push(character),
        }
    }
    printable.trim().to_owned()
}

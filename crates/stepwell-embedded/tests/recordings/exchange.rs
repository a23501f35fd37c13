//! A recorded request, sent again over a socket.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

use crate::names::Names;
use crate::recording::read;

/// How long an answer may take, and how long an answer without an end is read.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// The recorder's client fills these in; this one fills in its own.
const OWN_HEADERS: [&str; 2] = ["content-length", "host"];

#[derive(Clone, Debug)]
pub struct Exchange {
    pub name: String,
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// `None`: the server closed the connection without one.
    pub answer: Option<Answer>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// All values of a header, in order.
    pub fn header(&self, name: &str) -> Vec<&str> {
        let found = self
            .headers
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str()).collect()
    }
}

pub fn exchanges() -> Vec<Exchange> {
    read("exchanges.jsonl").iter().map(exchange).collect()
}

fn exchange(recorded: &Value) -> Exchange {
    let (request, response) = (&recorded["request"], &recorded["response"]);
    let headers = headers(&request["headers"]);
    Exchange {
        name: text(&recorded["name"]),
        method: text(&request["method"]),
        path: text(&request["path"]),
        body: sent_body(&text(&request["body"]), &headers),
        headers,
        answer: response.is_object().then(|| Answer {
            status: response["status"].as_u64().unwrap().try_into().unwrap(),
            headers: self::headers(&response["headers"]),
            body: text(&response["body"]),
        }),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn headers(pairs: &Value) -> Vec<(String, String)> {
    let pairs = pairs.as_array().unwrap().iter();
    pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// The bytes that were sent. A byte that is not UTF-8 is recorded as U+FFFD, which is longer.
fn sent_body(recorded: &str, headers: &[(String, String)]) -> Vec<u8> {
    let mut length = headers
        .iter()
        .filter(|(name, _)| name == "content-length")
        .map(|(_, value)| value.parse::<usize>().unwrap());
    let body = recorded.as_bytes();
    if length.next().is_none_or(|length| length == body.len()) {
        return body.to_vec();
    }
    let pieces: Vec<_> = recorded.split('\u{fffd}').map(str::as_bytes).collect();
    pieces.join(&0xff)
}

/// Sends a recorded request to the engine at `authority`, with the engine's names for what the recording names.
pub async fn send(exchange: &Exchange, names: &Names, authority: &str) -> Option<Answer> {
    let body = match str::from_utf8(&exchange.body) {
        Ok(body) => names.ours(body).into_bytes(),
        Err(_) => exchange.body.clone(),
    };
    let mut lines = vec![
        format!(
            "{} {} HTTP/1.1",
            exchange.method,
            names.ours(&exchange.path)
        ),
        format!("host: {authority}"),
        "connection: close".to_owned(),
    ];
    let sent = exchange.headers.iter();
    let sent = sent.filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
    lines.extend(sent.map(|(name, value)| format!("{name}: {value}")));
    if !body.is_empty() {
        lines.push(format!("content-length: {}", body.len()));
    }
    let head = lines.join("\r\n") + "\r\n\r\n";
    answer(authority, &[head.as_bytes(), &body].concat()).await
}

async fn answer(authority: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut bytes = Vec::new();
    // An answer without an end is what has arrived by then.
    let _ = time::timeout(ANSWER_TIMEOUT, stream.read_to_end(&mut bytes)).await;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines.map(|line| line.split_once(':').unwrap());
    Some(Answer {
        status: status.parse().unwrap(),
        headers: headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body: body.to_owned(),
    })
}

//! The recordings of a real Arroyo, as they lie in `tests/contract/recordings`.

use serde::Deserialize;
use serde_json::Value;

const EXCHANGES: &str = include_str!("../../recordings/exchanges.jsonl");
const TIMELINES: &str = include_str!("../../recordings/timelines.jsonl");
pub const GENERATIONS: &str = include_str!("../../recordings/generations.json");
pub const OPENAPI: &str = include_str!("../../recordings/openapi.json");

/// One request to a real Arroyo, and its answer.
#[derive(Debug, Deserialize)]
pub struct Exchange {
    pub name: String,
    pub request: RecordedRequest,
    /// `None`: the server closed without answering.
    pub response: Option<RecordedResponse>,
}

#[derive(Debug, Deserialize)]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RecordedResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What was seen of one pipeline after something was asked of it.
#[derive(Debug, Deserialize)]
pub struct RecordedTimeline {
    pub name: String,
    /// A line for each answer that differs, with what matters of the job and of the pipeline.
    pub timeline: Vec<Line>,
    /// The answers of `GET …/jobs` at the same times.
    pub jobs: Vec<Body>,
}

#[derive(Debug, Deserialize)]
pub struct Line {
    pub line: String,
}

#[derive(Debug, Deserialize)]
pub struct Body {
    /// Seconds since it was asked for.
    pub t: f64,
    pub body: String,
}

impl RecordedRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl RecordedResponse {
    pub fn new(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub fn of_json(body: &Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn content_type(&self) -> &str {
        header(&self.headers, "content-type").unwrap_or_default()
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value.as_str()))
}

pub fn exchanges() -> Vec<Exchange> {
    lines(EXCHANGES)
}

pub fn timelines() -> Vec<RecordedTimeline> {
    lines(TIMELINES)
}

fn lines<'a, T: Deserialize<'a>>(text: &'a str) -> Vec<T> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

//! The recordings of real Arroyos in `tests/contract/recordings`.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

pub const GENERATIONS: &str = include_str!("../../recordings/generations.json");
pub const OPENAPI: &str = include_str!("../../recordings/openapi.json");

/// A recorded release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// The latest published release. It has no `PUT`, and checkpoints have no kind.
    V015,
    /// The version under development at the time of the recording.
    V016,
}

impl Release {
    pub const ALL: [Self; 2] = [Self::V015, Self::V016];

    pub fn exchanges(self) -> Vec<Exchange> {
        lines(match self {
            Self::V015 => include_str!("../../recordings/0.15.0/exchanges.jsonl"),
            Self::V016 => include_str!("../../recordings/exchanges.jsonl"),
        })
    }

    pub fn timelines(self) -> Vec<RecordedTimeline> {
        lines(match self {
            Self::V015 => include_str!("../../recordings/0.15.0/timelines.jsonl"),
            Self::V016 => include_str!("../../recordings/timelines.jsonl"),
        })
    }

    /// The answer to the exchange with this name.
    #[track_caller]
    pub fn response(self, name: &str) -> RecordedResponse {
        let exchange = self
            .exchanges()
            .into_iter()
            .find(|exchange| exchange.name == name);
        let exchange = exchange.unwrap_or_else(|| panic!("{self} has no {name}"));
        exchange.response.unwrap()
    }

    pub fn has_put(self) -> bool {
        self == Self::V016
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V015 => "0.15.0",
            Self::V016 => "0.16.0-dev",
        })
    }
}

/// A request to a real Arroyo, and its answer.
#[derive(Debug, Deserialize)]
pub struct Exchange {
    pub name: String,
    pub request: RecordedRequest,
    /// `None` if the server closed the connection without answering.
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

/// What was seen of a pipeline after a request.
#[derive(Debug, Deserialize)]
pub struct RecordedTimeline {
    pub name: String,
    /// A line for each answer that differs from the previous one, with the relevant fields of the job and the pipeline.
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
    /// Seconds since the request.
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

fn lines<'a, T: Deserialize<'a>>(text: &'a str) -> Vec<T> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

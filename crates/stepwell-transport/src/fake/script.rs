use std::{fmt::Write, panic::Location, time::Duration};

use bytes::Bytes;
use http::{Method, Response};

use super::recorded_request::RecordedRequest;
use crate::{Phase, TransportErrorKind};

#[derive(Clone, Copy)]
pub(super) enum Order {
    Strict,
    Any,
}

#[derive(Clone, Copy)]
pub(super) enum Times {
    Exactly(usize),
    Any,
}

/// A step of a streamed body.
#[derive(Clone)]
pub(super) enum Step {
    Piece(Bytes),
    Pause(Duration),
    Fail(TransportErrorKind),
    Hang,
}

#[derive(Clone)]
pub(super) struct Answer {
    pub(super) outcome: Result<Response<Bytes>, (TransportErrorKind, Phase)>,
    /// The pieces that follow the reply's own body if the reply is streamed.
    pub(super) stream: Vec<Step>,
    pub(super) delay: Duration,
    pub(super) hangs: bool,
}

pub(super) struct Expected {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) json: Option<serde_json::Value>,
    pub(super) times: Times,
    pub(super) answer: Answer,
    pub(super) stated_at: &'static Location<'static>,
}

pub(super) struct Script {
    order: Order,
    expected: Vec<Expected>,
    pub(super) requests: Vec<RecordedRequest>,
}

impl Script {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            expected: Vec::new(),
            requests: Vec::new(),
        }
    }

    pub(super) fn expect(&mut self, expected: Expected) -> usize {
        self.expected.push(expected);
        self.expected.len() - 1
    }

    pub(super) fn change(&mut self, index: usize, change: impl FnOnce(&mut Expected)) {
        if let Some(expected) = self.expected.get_mut(index) {
            change(expected);
        }
    }

    /// Returns the answer to a request, or the message of the mismatch.
    pub(super) fn answer(&mut self, request: RecordedRequest) -> Result<Answer, String> {
        let found = match self.order {
            Order::Any => self
                .expected
                .iter()
                .position(|expected| expected.is_open() && expected.matches(&request)),
            // A request that may come any number of times may also be skipped.
            Order::Strict => {
                let mut found = None;
                for (index, expected) in self
                    .expected
                    .iter()
                    .enumerate()
                    .filter(|(_, expected)| expected.is_open())
                {
                    if expected.matches(&request) {
                        found = Some(index);
                        break;
                    }
                    if matches!(expected.times, Times::Exactly(_)) {
                        break;
                    }
                }
                found
            }
        };
        let Some(expected) = found.and_then(|index| self.expected.get_mut(index)) else {
            let message = self.mismatch(&request);
            self.requests.push(request);
            return Err(message);
        };
        if let Times::Exactly(times) = &mut expected.times {
            *times -= 1;
        }
        let answer = expected.answer.clone();
        self.requests.push(request);
        Ok(answer)
    }

    fn mismatch(&self, request: &RecordedRequest) -> String {
        let mut message = format!(
            "unexpected request\n     got: {} {}",
            request.method, request.path
        );
        if !request.body.is_empty() {
            let _ = write!(
                message,
                "\n          {}",
                String::from_utf8_lossy(&request.body)
            );
        }
        let open: Vec<_> = self
            .expected
            .iter()
            .filter(|expected| expected.is_open())
            .collect();
        let shown = match self.order {
            Order::Strict => &open[..open.len().min(1)],
            Order::Any => &open[..],
        };
        if shown.is_empty() {
            message.push_str("\nexpected: nothing more");
        }
        for expected in shown {
            let _ = write!(message, "\nexpected: {}", expected.describe());
        }
        let _ = write!(
            message,
            "\n   after: {} requests as expected",
            self.requests.len()
        );
        message
    }

    pub(super) fn left_over(&self) -> String {
        let mut left = String::new();
        for expected in &self.expected {
            if let Times::Exactly(times @ 1..) = expected.times {
                let _ = writeln!(left, "  {} ({times} more)", expected.describe());
            }
        }
        left
    }
}

impl Expected {
    fn is_open(&self) -> bool {
        !matches!(self.times, Times::Exactly(0))
    }

    fn matches(&self, request: &RecordedRequest) -> bool {
        let path = match self.path.strip_suffix('?') {
            Some(path) => request.path.split('?').next() == Some(path),
            None => request.path == self.path,
        };
        path && request.method == self.method
            && self
                .json
                .as_ref()
                .is_none_or(|json| *json == request.json())
    }

    fn describe(&self) -> String {
        let mut text = format!("{} {}", self.method, self.path);
        if let Some(json) = &self.json {
            let _ = write!(text, " with {json}");
        }
        let _ = write!(text, ", stated at {}", self.stated_at);
        text
    }
}

//! What the tests over recordings share.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "it is part of tests")]

pub mod call;
pub mod case;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use serde::Deserialize;
use serde_json::Value;
use stepwell_arroyo::Client;
use stepwell_transport::{Phase, SharedTransport, Transport, TransportError, TransportErrorKind};

pub const EXCHANGES: &str = include_str!("../recordings/exchanges.jsonl");
pub const GENERATIONS: &str = include_str!("../recordings/generations.json");
pub const TIMELINES: &str = include_str!("../recordings/timelines.jsonl");

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
    pub body: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RecordedResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl RecordedResponse {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn content_type(&self) -> &str {
        self.headers
            .iter()
            .find_map(|(name, value)| (name == "content-type").then_some(value.as_str()))
            .unwrap_or_default()
    }
}

pub fn exchanges() -> Vec<Exchange> {
    EXCHANGES
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A transport that answers whatever it is asked with one recorded reply.
#[derive(Clone, Debug)]
pub struct Replay(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    response: Option<RecordedResponse>,
    asked: Mutex<Vec<Request<Bytes>>>,
}

impl Replay {
    pub fn new(response: Option<RecordedResponse>) -> Self {
        Self(Arc::new(Shared {
            response,
            asked: Mutex::default(),
        }))
    }

    pub fn json(body: &Value) -> Self {
        Self::new(Some(RecordedResponse {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.to_string(),
        }))
    }

    pub fn client(&self) -> Client {
        Client::new(SharedTransport::new(self.clone()))
    }

    /// Method, path and body of the one request that was made.
    pub fn asked(&self) -> (String, String, Value) {
        let asked = self.0.asked.lock().unwrap();
        let [request] = asked.as_slice() else {
            panic!("{} requests", asked.len());
        };
        (
            request.method().to_string(),
            request.uri().path().to_owned(),
            serde_json::from_slice(request.body()).unwrap_or_default(),
        )
    }
}

impl Transport for Replay {
    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.0.asked.lock().unwrap().push(request);
        let Some(recorded) = &self.0.response else {
            return Err(TransportError::new(
                TransportErrorKind::Closed,
                Phase::MaybeSent,
                "the server closed without answering",
            ));
        };
        let mut response = Response::new(Bytes::from(recorded.body.clone()));
        *response.status_mut() = recorded.status.try_into().unwrap();
        for (name, value) in &recorded.headers {
            response.headers_mut().append(
                HeaderName::try_from(name).unwrap(),
                HeaderValue::try_from(value).unwrap(),
            );
        }
        Ok(response)
    }
}

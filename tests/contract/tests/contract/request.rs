//! [`AnyRequest`]: the parts of a recorded or sent API request.

use bytes::Bytes;
use http::{Request, header};
use serde_json::Value;

use crate::recording::RecordedRequest;

#[derive(Clone, Debug, PartialEq)]
pub struct AnyRequest {
    pub method: String,
    /// The path without the query.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub content_type: Option<String>,
    /// `None` if there is no body, or if it is not JSON.
    pub body: Option<Value>,
}

impl AnyRequest {
    pub fn recorded(request: &RecordedRequest) -> Self {
        Self::new(
            &request.method,
            &request.path,
            request.header("content-type"),
            request.body.as_bytes(),
        )
    }

    pub fn sent(request: &Request<Bytes>) -> Self {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        Self::new(
            request.method().as_str(),
            &request.uri().to_string(),
            content_type.map(|value| value.to_str().unwrap()),
            request.body(),
        )
    }

    fn new(method: &str, path: &str, content_type: Option<&str>, body: &[u8]) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap();
                    (name.to_owned(), value.to_owned())
                })
                .collect(),
            content_type: content_type.map(ToOwned::to_owned),
            body: serde_json::from_slice(body).ok(),
        }
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// The decoded segments of the path within the API; `None` outside of the API.
    pub fn segments(&self) -> Option<Vec<String>> {
        let path = self.path.strip_prefix("/api/v1/")?;
        Some(path.split('/').map(percent_decoded).collect())
    }

    /// The same request with a body and parameters that are certainly valid.
    pub fn with_any_body(&self) -> Self {
        let body = r#"{"name": "n", "query": "q", "parallelism": 1}"#;
        Self {
            query: Vec::new(),
            body: serde_json::from_str(body).ok(),
            ..self.clone()
        }
    }
}

fn percent_decoded(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (first, after) {
            let digits = [*high, *low];
            let digits = std::str::from_utf8(&digits).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

//! [`Class`]: whether stepwell would send a recorded request, and if not, why.

use std::fmt;

use crate::{
    document::{DOCUMENT, Found},
    openapi,
    recording::{Exchange, Release},
    request::AnyRequest,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The client sends it, either unchanged or after applying the rules.
    Sent,
    /// The client sends it, and a newer server accepts it. The refusal tells the client that this server is older.
    TooNew,
    /// An operation that stepwell lacks.
    Lacked,
    /// A server accepts it, but the client's types rule it out: no parallelism, no limit.
    RuledOut,
    /// A body or a parameter that is malformed or of the wrong type.
    Malformed,
    WrongMethod,
    WrongContentType,
    UnknownRoute,
    OptionsOrHead,
    Connections,
    GlobalUdfs,
}

impl fmt::Display for Class {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sent => "sent by the client",
            Self::TooNew => "sent by the client but unknown to the server",
            Self::Lacked => "operations that stepwell lacks",
            Self::RuledOut => "ruled out by the types",
            Self::Malformed => "malformed or of the wrong type",
            Self::WrongMethod => "wrong method",
            Self::WrongContentType => "wrong content type",
            Self::UnknownRoute => "unknown route",
            Self::OptionsOrHead => "OPTIONS or HEAD",
            Self::Connections => "connection tables and profiles",
            Self::GlobalUdfs => "global UDFs",
        })
    }
}

/// Malformed in a way that is not visible in a parsed body.
const MALFORMED: [&str; 2] = ["138_create_invalid_utf8", "645_duplicate_json_key"];

/// Routes that are not in the document and that stepwell does not use.
pub const UNDOCUMENTED: [(&str, &str); 2] = [
    (
        "/api/v1/api-docs/openapi.json",
        "the document itself, which is part of the tests",
    ),
    (
        "/api/v1/admin/organizations/org1/pipelines",
        "for servers of several organizations",
    ),
];

impl Class {
    /// Whether the client sends it, whatever the server answers.
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Sent | Self::TooNew)
    }

    pub fn of(release: Release, exchange: &Exchange) -> Self {
        let request = AnyRequest::recorded(&exchange.request);
        if matches!(request.method.as_str(), "OPTIONS" | "HEAD") {
            return Self::OptionsOrHead;
        }
        let Some(segments) = request.segments() else {
            return Self::UnknownRoute;
        };
        match segments[0].as_str() {
            "connection_tables" | "connection_profiles" => return Self::Connections,
            "udfs" => return Self::GlobalUdfs,
            _ => {}
        }
        if UNDOCUMENTED.iter().any(|(path, _)| *path == request.path) {
            return Self::Lacked;
        }
        let document = release.document();
        let operation = match document.find(&request) {
            Found::Operation(operation) => operation,
            Found::OtherMethods => {
                return match DOCUMENT.find(&request) {
                    Found::Operation(_) => Self::TooNew,
                    _ => Self::WrongMethod,
                };
            }
            Found::Nothing => return Self::UnknownRoute,
        };
        if openapi::is_lacked(operation.id()) {
            return Self::Lacked;
        }
        let name = exchange.name.as_str();
        let limit = request.parameter("limit");
        if limit.is_some_and(|limit| limit.parse::<u32>().is_err()) || MALFORMED.contains(&name) {
            return Self::Malformed;
        }
        if let Some(schema) = operation.request() {
            let content_type = request.content_type.as_deref().unwrap_or_default();
            if content_type.split(';').next() != Some("application/json") {
                return Self::WrongContentType;
            }
            let is_valid = |body| document.complaints(schema, body).is_empty();
            if !request.body.as_ref().is_some_and(is_valid) {
                return Self::Malformed;
            }
        }
        let no_parallelism = |body: &serde_json::Value| body["parallelism"] == 0;
        if limit == Some("0") || request.body.as_ref().is_some_and(no_parallelism) {
            return Self::RuledOut;
        }
        Self::Sent
    }

    /// Checks that the server's answer agrees.
    #[track_caller]
    pub fn check(self, exchange: &Exchange) {
        let name = exchange.name.as_str();
        let Some(response) = &exchange.response else {
            // Its handler panicked.
            return;
        };
        let status = response.status;
        let agrees = match self {
            Self::Sent => !matches!(status, 405 | 415 | 422),
            Self::WrongMethod | Self::TooNew => status == 405,
            Self::WrongContentType => status == 415,
            // One body has something after its end, which the server ignores.
            Self::Malformed => matches!(status, 400 | 422) || name == "649_trailing_garbage_json",
            Self::UnknownRoute => match status {
                200 => response.content_type().starts_with("text/html"),
                // The key is checked first.
                401 => name == "906_auth_ui_no_token",
                _ => status == 404,
            },
            _ => true,
        };
        assert!(agrees, "{name}: {self} was answered with {response:?}");
    }
}

use serde::{Deserialize, Deserializer, Serialize};

use super::PipelineGraph;

/// What a server says of a query (`POST /api/v1/pipelines/validate_query`, recordings `010_validate_good` and
/// `019_validate_multiple_errors_two_selects`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Validation {
    /// The plan, when the query is valid.
    #[serde(default)]
    pub graph: Option<PipelineGraph>,
    /// The errors, when it is not.
    #[serde(default, deserialize_with = "diagnostics")]
    pub errors: Vec<SqlDiagnostic>,
}

/// An error in a query. Servers up to 0.15 give the message alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SqlDiagnostic {
    /// What is wrong.
    pub message: String,
    /// Where, if the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<SqlSpan>,
}

/// A part of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SqlSpan {
    /// Its first character.
    pub start: SqlLocation,
    /// The character after its last one.
    pub end: SqlLocation,
}

/// A place in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SqlLocation {
    /// The line, from 1.
    pub line: u64,
    /// The column in characters, from 1.
    pub column: u64,
}

impl Validation {
    /// The query is valid.
    pub fn valid(graph: PipelineGraph) -> Self {
        Self {
            graph: Some(graph),
            errors: Vec::new(),
        }
    }

    /// The query is not valid.
    pub fn invalid(errors: Vec<SqlDiagnostic>) -> Self {
        Self {
            graph: None,
            errors,
        }
    }
}

impl SqlDiagnostic {
    /// An error without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: None,
        }
    }

    /// Says where it is.
    pub fn at(mut self, span: SqlSpan) -> Self {
        self.span = Some(span);
        self
    }
}

impl SqlSpan {
    /// The part from `start` up to, but without, `end`.
    pub fn new(start: SqlLocation, end: SqlLocation) -> Self {
        Self { start, end }
    }
}

impl SqlLocation {
    /// A place; line and column count from 1.
    pub fn new(line: u64, column: u64) -> Self {
        Self { line, column }
    }
}

fn diagnostics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SqlDiagnostic>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Diagnostic(SqlDiagnostic),
        Text(String),
    }
    let either = Option::<Vec<Either>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(either
        .into_iter()
        .map(|either| match either {
            Either::Diagnostic(diagnostic) => diagnostic,
            Either::Text(message) => SqlDiagnostic::new(message),
        })
        .collect())
}

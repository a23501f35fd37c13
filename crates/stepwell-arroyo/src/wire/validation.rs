use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PipelineGraph;
use crate::words::of_query;

/// The result of a validation (`POST /api/v1/pipelines/validate_query`, recordings `010_validate_good` and
/// `019_validate_multiple_errors_two_selects`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Validation {
    /// The plan, if the query is valid.
    #[serde(default)]
    pub graph: Option<PipelineGraph>,
    /// The errors, if it is not.
    #[serde(default, deserialize_with = "diagnostics")]
    pub errors: Vec<SqlDiagnostic>,
}

/// An error in a query.
///
/// Servers up to 0.15 only send a text, which may contain the place, and later ones often do the same. When it is deserialised, the message
/// is made [`readable`](crate::readable), without the debug output of planners, and the place in the text becomes the span if there is no
/// other. The original is kept in [`server_words`](Self::server_words), and is what is serialised.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Received")]
#[non_exhaustive]
pub struct SqlDiagnostic {
    /// What is wrong.
    pub message: String,
    /// The place, if the server knows it.
    pub span: Option<SqlSpan>,
    /// The original, if it differs.
    received: Option<Box<Received>>,
}

/// An error as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Received {
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<SqlSpan>,
}

/// A part of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SqlSpan {
    /// Its first character.
    pub start: SqlLocation,
    /// The character after its last character.
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
    /// The result for a valid query.
    pub fn valid(graph: PipelineGraph) -> Self {
        Self {
            graph: Some(graph),
            errors: Vec::new(),
        }
    }

    /// The result for an invalid query.
    pub fn invalid(errors: Vec<SqlDiagnostic>) -> Self {
        Self {
            graph: None,
            errors,
        }
    }
}

impl SqlDiagnostic {
    /// Creates an error without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span: None,
            received: None,
        }
    }

    /// Creates an error from a server's message, which is made [`readable`](crate::readable). A place in it becomes the span.
    ///
    /// ```
    /// use stepwell_arroyo::SqlDiagnostic;
    ///
    /// let words = r#"SQL error: ParserError("Expected: end of statement, found: FORM at Line: 3, Column: 10")"#;
    /// let diagnostic = SqlDiagnostic::from_server(words);
    /// assert_eq!(diagnostic.message, "Expected: end of statement, found: FORM");
    /// let span = diagnostic.span.unwrap();
    /// assert_eq!((span.start.line, span.start.column, span.end.column), (3, 10, 14));
    /// assert_eq!(diagnostic.server_words(), words);
    /// ```
    pub fn from_server(words: impl Into<String>) -> Self {
        let message = words.into();
        Received {
            message,
            span: None,
        }
        .into()
    }

    /// Sets the place.
    pub fn at(mut self, span: SqlSpan) -> Self {
        self.span = Some(span);
        self
    }

    /// The message as the server wrote it.
    pub fn server_words(&self) -> &str {
        self.received
            .as_ref()
            .map_or(&self.message, |received| &received.message)
    }

    /// Removes secrets from the original first, and then from the message derived from it, because a readable text is no longer spelled as it
    /// was sent. The span is kept, because the text that was found there may have been longer; a place that a secret had hidden is added.
    pub(crate) fn hide(&mut self, hide: impl Fn(&str) -> String) {
        if let Some(received) = &mut self.received {
            received.message = hide(&received.message);
            let anew = Self::from(received.as_ref().clone());
            self.message = anew.message;
            self.span = self.span.or(anew.span);
        }
        self.message = hide(&self.message);
    }

    /// Sets the place of an error at the end of the query. Servers do not send it.
    pub(crate) fn place_in(&mut self, query: &str) {
        if self.span.is_none() && self.message.ends_with(END) {
            let end = end_of(query);
            self.span = Some(SqlSpan::new(end, end));
        }
    }
}

/// The end of the message for a query that ends too early.
const END: &str = ", found: the end of the query";

/// The place after the last character that is not white space.
fn end_of(query: &str) -> SqlLocation {
    let text = query.trim_end();
    let line = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let last = text.rsplit('\n').next().unwrap_or_default();
    SqlLocation::new(line as u64, last.chars().count() as u64 + 1)
}

impl From<Received> for SqlDiagnostic {
    fn from(received: Received) -> Self {
        let words = of_query(&received.message);
        let (message, place) = match take_place(&words) {
            Some((message, place)) => (message, Some(place)),
            None => (words.as_str(), None),
        };
        let message = match message.strip_suffix(", found: EOF") {
            Some(expected) => format!("{expected}{END}"),
            None => message.to_owned(),
        };
        let span = received.span.or(place);
        let is_same = message == received.message && span == received.span;
        Self {
            message,
            span,
            received: (!is_same).then(|| Box::new(received)),
        }
    }
}

impl Serialize for SqlDiagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.received {
            Some(received) => received.serialize(serializer),
            None => Received {
                message: self.message.clone(),
                span: self.span,
            }
            .serialize(serializer),
        }
    }
}

/// Splits a message that ends with ` at Line: 2, Column: 21` into the rest and the span of the text that was found at that place.
fn take_place(words: &str) -> Option<(&str, SqlSpan)> {
    let (message, place) = words.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    let start = SqlLocation::new(line.parse().ok()?, column.parse().ok()?);
    if start.line == 0 || start.column == 0 {
        return None;
    }
    let found = message.rsplit_once(", found: ").map(|(_, found)| found);
    let length = found
        .filter(|found| !found.contains('\n'))
        .map_or(0, |found| found.chars().count() as u64);
    let end = SqlLocation::new(start.line, start.column.saturating_add(length));
    Some((message, SqlSpan::new(start, end)))
}

impl SqlSpan {
    /// The part from `start` up to `end`, which is excluded.
    pub fn new(start: SqlLocation, end: SqlLocation) -> Self {
        Self { start, end }
    }
}

impl SqlLocation {
    /// Creates a place. Line and column count from 1.
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
            Either::Text(message) => SqlDiagnostic::from_server(message),
        })
        .collect())
}

#[cfg(test)]
mod tests;

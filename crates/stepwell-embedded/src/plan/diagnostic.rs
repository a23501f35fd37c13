//! Diagnostics: messages with their positions in the query.

use datafusion_common::Span;
use datafusion_sql::sqlparser::tokenizer::Span as TokenSpan;
use stepwell_arroyo::{SqlDiagnostic, SqlLocation, SqlSpan};

pub(crate) fn span(span: Span) -> Option<SqlSpan> {
    place(
        span.start.line,
        span.start.column,
        span.end.line,
        span.end.column,
    )
}

/// A message at a position.
pub(crate) fn planning_at(message: &str, at: TokenSpan) -> SqlDiagnostic {
    with_place(message.to_owned(), token_span(at))
}

/// A message whose position is looked up in the statement later.
pub(crate) fn planning(message: &str) -> SqlDiagnostic {
    SqlDiagnostic::new(message)
}

pub(crate) fn token_span(at: TokenSpan) -> Option<SqlSpan> {
    place(at.start.line, at.start.column, at.end.line, at.end.column)
}

pub(super) fn with_place(message: String, place: Option<SqlSpan>) -> SqlDiagnostic {
    let mut shown = SqlDiagnostic::new(message);
    shown.span = place;
    shown
}

/// `None`: the parser does not know the position. It counts from 1 and leaves 0.
fn place(line: u64, column: u64, end_line: u64, end_column: u64) -> Option<SqlSpan> {
    let known = line > 0 && column > 0 && (end_line, end_column) >= (line, column);
    known.then(|| {
        SqlSpan::new(
            SqlLocation::new(line, column),
            SqlLocation::new(end_line, end_column),
        )
    })
}

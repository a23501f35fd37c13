//! The diagnostics of a refused query: messages in the engine's words, with their places.

use datafusion_common::{DataFusionError, Span};
use datafusion_sql::sqlparser::{parser::ParserError, tokenizer::Span as TokenSpan};
use stepwell_arroyo::{SqlDiagnostic, SqlLocation, SqlSpan, hide_secrets};

use super::{parse::DEPTH, words};

/// All errors in one, each with its place if it is known.
pub(super) fn diagnostics(error: &DataFusionError) -> Vec<SqlDiagnostic> {
    error.iter().map(diagnostic).collect()
}

fn diagnostic(error: &DataFusionError) -> SqlDiagnostic {
    let Some(diagnostic) = error.diagnostic() else {
        return planning(&words::of(&error.strip_backtrace()));
    };
    let notes = diagnostic.notes.iter().map(|note| note.span);
    let place = std::iter::once(diagnostic.span)
        .chain(notes)
        .flatten()
        .find_map(span);
    let mut message = words::of(&diagnostic.message);
    let cause = words::of(&error.strip_backtrace());
    if place.is_none() && cause != message {
        // The cause names the operator, by which the place is found.
        message = format!("{message}: {cause}");
    }
    with_place(message, place)
}

/// What the parser says. It writes the place into its words.
pub(super) fn syntax(error: ParserError, query: &str) -> SqlDiagnostic {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return planning(&format!("the query is nested deeper than {DEPTH} levels"));
        }
    };
    // As it was written, a secret can be told; its place is that of the whole of it.
    let message = SqlDiagnostic::from_server(hide_secrets(query, &text)).message;
    with_place(message, SqlDiagnostic::from_server(text).span)
}

pub(super) fn span(span: Span) -> Option<SqlSpan> {
    place(
        span.start.line,
        span.start.column,
        span.end.line,
        span.end.column,
    )
}

/// What a real Arroyo can do and this engine cannot.
pub(super) fn beyond(what: &str, at: TokenSpan) -> SqlDiagnostic {
    planning_at(&words::beyond(what), at)
}

/// What cannot be planned, there.
pub(super) fn planning_at(message: &str, at: TokenSpan) -> SqlDiagnostic {
    with_place(message.to_owned(), token_span(at))
}

/// What cannot be planned. Its place is looked up in the statement later.
pub(super) fn planning(message: &str) -> SqlDiagnostic {
    SqlDiagnostic::new(message)
}

pub(super) fn token_span(at: TokenSpan) -> Option<SqlSpan> {
    place(at.start.line, at.start.column, at.end.line, at.end.column)
}

fn with_place(message: String, place: Option<SqlSpan>) -> SqlDiagnostic {
    let mut shown = SqlDiagnostic::new(message);
    shown.span = place;
    shown
}

/// `None` where the parser does not know: it counts from 1, and leaves 0.
fn place(line: u64, column: u64, end_line: u64, end_column: u64) -> Option<SqlSpan> {
    let known = line > 0 && column > 0 && (end_line, end_column) >= (line, column);
    known.then(|| {
        SqlSpan::new(
            SqlLocation::new(line, column),
            SqlLocation::new(end_line, end_column),
        )
    })
}

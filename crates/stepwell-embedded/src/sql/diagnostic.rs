//! From what DataFusion says to what a server says.

use datafusion_common::{DataFusionError, Span};
use datafusion_sql::sqlparser::tokenizer::Span as TokenSpan;
use stepwell_arroyo::{SqlDiagnostic, SqlLocation, SqlSpan};

/// All errors in one, each with its place if it is known.
pub(super) fn diagnostics(error: &DataFusionError) -> Vec<SqlDiagnostic> {
    error.iter().map(diagnostic).collect()
}

fn diagnostic(error: &DataFusionError) -> SqlDiagnostic {
    match error.diagnostic() {
        Some(diagnostic) => {
            let shown = SqlDiagnostic::new(diagnostic.message.clone());
            match diagnostic.span.and_then(span) {
                Some(span) => shown.at(span),
                None => shown,
            }
        }
        None => SqlDiagnostic::new(error.strip_backtrace()),
    }
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
    let shown = SqlDiagnostic::new(format!(
        "the embedded engine cannot run {what}; an Arroyo cluster can"
    ));
    match place(at.start.line, at.start.column, at.end.line, at.end.column) {
        Some(span) => shown.at(span),
        None => shown,
    }
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

pub(super) fn planning(message: &str) -> SqlDiagnostic {
    SqlDiagnostic::new(format!("Error during planning: {message}"))
}

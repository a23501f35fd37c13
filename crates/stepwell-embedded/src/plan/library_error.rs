//! Errors of the planner's libraries as diagnostics.

use datafusion_common::DataFusionError;
use datafusion_sql::sqlparser::parser::ParserError;
use stepwell_arroyo::{SqlDiagnostic, hide_secrets};

use super::diagnostic::{planning, span, with_place};
use super::{supported, words};

/// How deep a query may be nested. The planner recurses to the same depth.
pub(super) const MAX_NESTING: usize = 200;

/// All errors in one, each with its position if that is known.
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
        // The cause names the operator, by which the position is found.
        message = format!("{message}: {cause}");
    }
    with_place(message, place)
}

/// An error of the parser, which has the position in its text.
pub(super) fn syntax(error: ParserError, query: &str) -> SqlDiagnostic {
    let text = match error {
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
        ParserError::RecursionLimitExceeded => {
            return supported::refuse_nesting(MAX_NESTING);
        }
    };
    // A secret is recognised in the original text; the position is that of the whole text.
    let message = SqlDiagnostic::from_server(hide_secrets(query, &text)).message;
    with_place(message, SqlDiagnostic::from_server(text).span)
}

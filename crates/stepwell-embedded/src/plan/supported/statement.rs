//! Which statements are supported.

use datafusion_sql::sqlparser::{
    ast::{Spanned as _, Statement},
    tokenizer::{Span, TokenWithSpan},
};
use stepwell_arroyo::SqlDiagnostic;

use super::query::check_query;
use super::refusal::{Construct, Feature, Refusal};
use crate::plan::tokens::{depth_after, is_create_table, is_word, next};

/// What only Arroyo supports in a `CREATE TABLE`, and what the parser would call a syntax error.
pub(in crate::plan) fn check_tokens(tokens: &[TokenWithSpan]) -> Result<(), SqlDiagnostic> {
    if !is_create_table(tokens) {
        return Ok(());
    }
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        depth = depth_after(depth, token);
        let next = |word| next(tokens, index).is_some_and(|next| is_word(next, word));
        if depth == 1 && is_word(token, "METADATA") && next("FROM") {
            return Err(Refusal::from(Feature::MetadataFrom).at(token.span));
        }
        if depth == 0 && is_word(token, "PARTITIONED") && next("BY") {
            return Err(Refusal::from(Feature::PartitionedBy).at(token.span));
        }
    }
    Ok(())
}

/// The first thing in a statement that the engine cannot run. `start` is where the statement begins.
///
/// The query of an `INSERT` is checked with its table.
pub(in crate::plan) fn check_statement(
    statement: &Statement,
    start: Span,
) -> Result<(), SqlDiagnostic> {
    match statement {
        Statement::CreateTable(table) if table.query.is_some() => {
            Err(Refusal::from(Feature::CreateTableAs).at(table.span()))
        }
        Statement::CreateView(view) if view.materialized || !view.columns.is_empty() => {
            Err(Refusal::from(Feature::ViewVariant).at(view.span()))
        }
        Statement::CreateView(view) => check_query(&view.query),
        Statement::Query(query) => check_query(query),
        Statement::CreateTable(_) | Statement::Insert(_) => Ok(()),
        Statement::Set(_) => Err(Refusal::from(Feature::Set).at(start)),
        _ => Err(Refusal::from(Construct::Statement).at(start)),
    }
}

/// The refusal of a table that has no options, and so no connector.
pub(in crate::plan) fn refuse_table_without_connector(at: Span) -> SqlDiagnostic {
    Refusal::from(Feature::TableWithoutConnector).at(at)
}

/// The refusal of a query that is nested deeper than the parser recurses.
pub(in crate::plan) fn refuse_nesting(levels: usize) -> SqlDiagnostic {
    Refusal::TooNested { levels }.unplaced()
}

//! Parses the text of a query, including Arroyo's `WATERMARK FOR`, which the parser does not know.

use datafusion_sql::sqlparser::{
    ast::{Expr, Ident, Statement},
    dialect::GenericDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, TokenizerError},
};
use stepwell_arroyo::{SqlDiagnostic, SqlSpan};

use super::columns;
use super::diagnostic::{planning_at, token_span};
use super::library_error::{MAX_NESTING, syntax};
use super::locator::Locator;
use super::supported::check_tokens;

/// A statement, with the watermark that a `CREATE TABLE` declares.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) statement: Statement,
    pub(super) watermark: Option<Watermark>,
    pub(super) locator: Locator,
}

/// `WATERMARK FOR column [AS expression]`.
#[derive(Clone, Debug)]
pub(super) struct Watermark {
    pub(super) column: Ident,
    pub(super) expression: Option<Expr>,
}

/// All statements of a query, or the first syntax error.
pub(super) fn parse(query: &str) -> Result<Vec<Parsed>, Vec<SqlDiagnostic>> {
    let tokens = tokens(query).map_err(|error| {
        let mut refusal = syntax(error.into(), query);
        if refusal.message.contains("multi-line comment") {
            "the comment has no end".clone_into(&mut refusal.message);
            refusal.span = start_of_comment(query).or(refusal.span);
        }
        vec![refusal]
    })?;
    let mut parsed = Vec::new();
    // The semicolon is kept, so that errors can name it.
    for tokens in tokens.split_inclusive(|token| token.token == Token::SemiColon) {
        let locator = Locator::new(tokens);
        let statements = statements(tokens.to_vec(), query).map_err(|mut refusal| {
            reword(&mut refusal, &locator);
            locator.fill(vec![refusal])
        })?;
        for (statement, watermark) in statements {
            parsed.push(Parsed {
                statement,
                watermark,
                locator: locator.clone(),
            });
        }
    }
    Ok(parsed)
}

fn tokens(query: &str) -> Result<Vec<TokenWithSpan>, TokenizerError> {
    Tokenizer::new(&GenericDialect {}, query).tokenize_with_location()
}

/// Where an unterminated comment begins: it is the last token of the query once it is terminated, as often as comments are nested.
fn start_of_comment(query: &str) -> Option<SqlSpan> {
    let mut ended = (1..5).map(|depth| format!("{query}{}", "*/".repeat(depth)));
    let comment = ended.find_map(|query| tokens(&query).ok()?.pop())?;
    let start = comment.span.start;
    token_span(Span::new(
        start,
        Location::new(start.line, start.column + 2),
    ))
}

fn statements(
    mut tokens: Vec<TokenWithSpan>,
    query: &str,
) -> Result<Vec<(Statement, Option<Watermark>)>, SqlDiagnostic> {
    check_tokens(&tokens)?;
    columns::quote_names(&mut tokens);
    let watermark = take_watermark(&mut tokens).map_err(|error| syntax(error, query))?;
    let statements = parser(tokens)
        .parse_statements()
        .map_err(|error| syntax(error, query))?;
    Ok(statements
        .into_iter()
        .map(|statement| (statement, watermark.clone()))
        .collect())
}

/// Rewords an error that the parser states in its own terms, and adds the position of the end.
fn reword(refusal: &mut SqlDiagnostic, locator: &Locator) {
    if refusal.message.starts_with("No infix parser for token ")
        && let Some(span) = refusal.span
        && let Some(token) = locator.at(span.start.line, span.start.column)
    {
        *refusal = planning_at(&format!("unexpected {token}"), locator.start());
        refusal.span = Some(span);
    }
    if refusal.span.is_none() && refusal.message.ends_with("found: the end of the query") {
        refusal.span = token_span(locator.end());
    }
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&GenericDialect {})
        .with_recursion_limit(MAX_NESTING)
        .with_tokens_with_locations(tokens)
}

/// Takes the watermark out of the columns of a `CREATE TABLE`.
fn take_watermark(tokens: &mut Vec<TokenWithSpan>) -> Result<Option<Watermark>, ParserError> {
    let Some((begin, end)) = columns::watermark(tokens) else {
        return Ok(None);
    };
    let after = tokens.get(end).cloned();
    // The next token is kept, so that errors can name it.
    let taken = tokens.drain(begin..end).chain(after.clone()).collect();
    let mut parser = parser(taken);
    columns::remove_comma(tokens, begin);
    // The word `WATERMARK`, which is an identifier to the parser.
    parser.parse_identifier()?;
    parser.expect_keyword(Keyword::FOR)?;
    let column = parser.parse_identifier()?;
    let expression = if parser.parse_keyword(Keyword::AS) {
        Some(parser.parse_expr()?)
    } else {
        None
    };
    let next = parser.next_token();
    if after.is_none_or(|after| after.span != next.span) {
        return Err(ParserError::ParserError(format!(
            "Expected: the end of WATERMARK FOR, found: {next}{}",
            next.span.start
        )));
    }
    Ok(Some(Watermark { column, expression }))
}

//! From text to statements, `WATERMARK FOR` included: that is Arroyo's own, and the parser does not know it.

use datafusion_common::DataFusionError;
use datafusion_sql::sqlparser::{
    ast::{Expr, Ident, Statement},
    dialect::GenericDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::{Token, TokenWithSpan, Tokenizer},
};
use stepwell_arroyo::SqlDiagnostic;

use super::diagnostic::diagnostics;

/// How deep a query may be nested. The planner recurses as deep.
const DEPTH: usize = 200;

/// A statement, and the watermark that it declares if it declares a table.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) statement: Statement,
    pub(super) watermark: Option<Watermark>,
}

/// `WATERMARK FOR column [AS expression]`.
#[derive(Clone, Debug)]
pub(super) struct Watermark {
    pub(super) column: Ident,
    pub(super) expression: Option<Expr>,
}

/// All statements of a query, or the first thing that is none.
pub(super) fn parse(query: &str) -> Result<Vec<Parsed>, Vec<SqlDiagnostic>> {
    statements(query).map_err(|error| {
        if matches!(error, ParserError::RecursionLimitExceeded) {
            return vec![SqlDiagnostic::new(format!(
                "SQL error: the query is nested deeper than {DEPTH} levels"
            ))];
        }
        diagnostics(&DataFusionError::SQL(Box::new(error), None))
    })
}

fn statements(query: &str) -> Result<Vec<Parsed>, ParserError> {
    let tokens = Tokenizer::new(&GenericDialect {}, query).tokenize_with_location()?;
    let mut parsed = Vec::new();
    // With its semicolon, so that errors name what follows.
    for tokens in tokens.split_inclusive(|token| token.token == Token::SemiColon) {
        let mut tokens = tokens.to_vec();
        let watermark = take_watermark(&mut tokens)?;
        for statement in parser(tokens).parse_statements()? {
            parsed.push(Parsed {
                statement,
                watermark: watermark.clone(),
            });
        }
    }
    Ok(parsed)
}

fn parser(tokens: Vec<TokenWithSpan>) -> Parser<'static> {
    Parser::new(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .with_tokens_with_locations(tokens)
}

/// Takes the watermark out of the columns of a `CREATE TABLE`.
fn take_watermark(tokens: &mut Vec<TokenWithSpan>) -> Result<Option<Watermark>, ParserError> {
    let Some((begin, end)) = place(tokens) else {
        return Ok(None);
    };
    let mut parser = parser(tokens.drain(begin..end).collect());
    remove_comma(tokens, begin);
    // The word itself, which the parser takes for a name.
    parser.parse_identifier()?;
    parser.expect_keyword(Keyword::FOR)?;
    let column = parser.parse_identifier()?;
    let expression = if parser.parse_keyword(Keyword::AS) {
        Some(parser.parse_expr()?)
    } else {
        None
    };
    let next = parser.next_token();
    if next.token != Token::EOF {
        return Err(ParserError::ParserError(format!(
            "Expected: the end of WATERMARK FOR, found: {next}{}",
            next.span.start
        )));
    }
    Ok(Some(Watermark { column, expression }))
}

/// From where to where the item `WATERMARK FOR …` of a list of columns goes.
fn place(tokens: &[TokenWithSpan]) -> Option<(usize, usize)> {
    let mut words = tokens.iter().filter(|token| !is_space(token));
    if !words.next().is_some_and(|token| is_word(token, "CREATE")) {
        return None;
    }
    let (mut depth, mut begin, mut may_begin) = (0_usize, None, false);
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return begin.map(|begin| (begin, index));
                }
            }
            Token::Comma if depth == 1 && begin.is_some() => {
                return begin.map(|begin| (begin, index));
            }
            _ => {}
        }
        if may_begin && begin.is_none() && is_word(token, "WATERMARK") {
            let rest = tokens.get(index + 1..).unwrap_or_default();
            let next = rest.iter().find(|token| !is_space(token));
            begin = next.filter(|next| is_word(next, "FOR")).map(|_| index);
        }
        if !is_space(token) {
            let is_first = depth == 1 && matches!(token.token, Token::LParen | Token::Comma);
            may_begin = is_first;
        }
    }
    None
}

/// Removes the comma before the place, or the one after it.
fn remove_comma(tokens: &mut Vec<TokenWithSpan>, place: usize) {
    let before = tokens
        .iter()
        .take(place)
        .rposition(|token| !is_space(token));
    let after = tokens.iter().skip(place).position(|token| !is_space(token));
    let mut places = before.into_iter().chain(after.map(|after| place + after));
    let comma = places.find(|index| {
        tokens
            .get(*index)
            .is_some_and(|token| token.token == Token::Comma)
    });
    if let Some(comma) = comma {
        tokens.remove(comma);
    }
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

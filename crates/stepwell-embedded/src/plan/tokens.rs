//! Helpers for the tokens of a statement.

use datafusion_sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The depth of parentheses after a token.
pub(super) fn depth_after(depth: usize, token: &TokenWithSpan) -> usize {
    match token.token {
        Token::LParen => depth + 1,
        Token::RParen => depth.saturating_sub(1),
        _ => depth,
    }
}

/// Whether a statement begins with `CREATE`, and `TABLE` is among the next words.
pub(super) fn is_create_table(tokens: &[TokenWithSpan]) -> bool {
    let mut words = tokens.iter().filter(|token| !is_space(token)).take(4);
    words.next().is_some_and(|token| is_word(token, "CREATE"))
        && words.any(|token| is_word(token, "TABLE"))
}

pub(super) fn next(tokens: &[TokenWithSpan], index: usize) -> Option<&TokenWithSpan> {
    let rest = tokens.get(index + 1..).unwrap_or_default();
    rest.iter().find(|token| !is_space(token))
}

pub(super) fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

pub(super) fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

//! What Arroyo allows in a `CREATE TABLE` and the parser does not know.

use datafusion_sql::sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use super::tokens::{depth_after, is_create_table, is_space, is_word, next};

/// Column names that the parser takes for the beginning of an index.
const NAMES: [&str; 2] = ["key", "index"];

/// Quotes columns called `key` and `index`: a stream has no index.
pub(super) fn quote_names(tokens: &mut [TokenWithSpan]) {
    if !is_create_table(tokens) {
        return;
    }
    for index in items(tokens) {
        let is_column =
            next(tokens, index).is_some_and(|next| matches!(next.token, Token::Word(_)));
        let Some(TokenWithSpan {
            token: Token::Word(word),
            ..
        }) = tokens.get_mut(index)
        else {
            continue;
        };
        let name = word.value.to_ascii_lowercase();
        if is_column && word.quote_style.is_none() && NAMES.contains(&name.as_str()) {
            word.value = name;
            word.quote_style = Some('"');
            word.keyword = Keyword::NoKeyword;
        }
    }
}

/// The range of the item `WATERMARK FOR …` in a list of columns.
pub(super) fn watermark(tokens: &[TokenWithSpan]) -> Option<(usize, usize)> {
    if !is_create_table(tokens) {
        return None;
    }
    let begin = items(tokens).into_iter().find(|index| {
        let is_watermark = tokens
            .get(*index)
            .is_some_and(|token| is_word(token, "WATERMARK"));
        is_watermark && next(tokens, *index).is_some_and(|next| is_word(next, "FOR"))
    })?;
    let mut depth = 1_usize;
    for (index, token) in tokens.iter().enumerate().skip(begin) {
        depth = depth_after(depth, token);
        if depth == 0 || depth == 1 && token.token == Token::Comma {
            return Some((begin, index));
        }
    }
    None
}

/// Removes the comma before an item that was removed, or the one after it.
pub(super) fn remove_comma(tokens: &mut Vec<TokenWithSpan>, place: usize) {
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

/// Where each item of the first list in parentheses begins.
fn items(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let (mut items, mut depth, mut may_begin) = (Vec::new(), 0_usize, false);
    for (index, token) in tokens.iter().enumerate() {
        if is_space(token) {
            continue;
        }
        if may_begin {
            items.push(index);
        }
        depth = depth_after(depth, token);
        if depth == 0 && token.token == Token::RParen {
            break;
        }
        may_begin = depth == 1 && matches!(token.token, Token::LParen | Token::Comma);
    }
    items
}

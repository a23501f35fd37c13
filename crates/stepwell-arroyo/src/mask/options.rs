//! The options of `WITH (…)`.

use std::ops::Range;

use super::{
    blob,
    name::is_secret,
    token::{Kind, Token},
};

/// The places of values that are secrets: by the name of the option, or because it is unclear what they are.
pub(super) fn secrets(query: &str, tokens: &[Token]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while let Some(with) = rest.iter().position(|token| token.is(query, "with")) {
        rest = &rest[with + 1..];
        let Some(open) = rest.iter().position(|token| !token.is_space()) else {
            break;
        };
        if !rest[open].is(query, "(") {
            continue;
        }
        rest = &rest[open + 1..];
        let (clause, after) = rest.split_at(end_of_clause(query, rest));
        rest = after;
        for option in options(query, clause) {
            in_option(query, &option, &mut found);
        }
    }
    found
}

/// The number of tokens before the bracket that closes the clause.
fn end_of_clause(query: &str, tokens: &[Token]) -> usize {
    let mut depth = 1_usize;
    let end = tokens.iter().position(|token| {
        depth = depth_after(query, token, depth);
        depth == 0
    });
    end.unwrap_or(tokens.len())
}

fn depth_after(query: &str, token: &Token, depth: usize) -> usize {
    if token.is(query, "(") {
        depth + 1
    } else if token.is(query, ")") {
        depth - 1
    } else {
        depth
    }
}

/// The options of a clause without white space. An option ends at a comma or before the next `name =`, because a missing comma is the most
/// common mistake.
fn options<'a>(query: &str, clause: &'a [Token]) -> Vec<Vec<&'a Token>> {
    let mut options: Vec<Vec<&Token>> = vec![Vec::new()];
    let mut depth = 1_usize;
    for token in clause.iter().filter(|token| !token.is_space()) {
        depth = depth_after(query, token, depth);
        let Some(option) = options.last_mut() else {
            break;
        };
        if token.is(query, ",") && depth == 1 {
            options.push(Vec::new());
            continue;
        }
        if token.is(query, "=") && depth == 1 {
            let name = start_of_name(query, option);
            if name > 0 && name < option.len() {
                let next = option.split_off(name);
                options.push(next);
            }
        }
        if let Some(option) = options.last_mut() {
            option.push(token);
        }
    }
    options
}

/// The index at which the name at the end of these tokens begins: `a`, `'a'` or `a.b`. The first token after `=` is a value.
fn start_of_name(query: &str, option: &[&Token]) -> usize {
    let equals = option.iter().position(|token| token.is(query, "="));
    let mut start = option.len().saturating_sub(1);
    while start >= 2 && option[start - 1].is(query, ".") {
        start -= 2;
    }
    start.max(equals.map_or(0, |equals| equals + 2))
}

fn in_option(query: &str, option: &[&Token], found: &mut Vec<Range<usize>>) {
    let equals = option.iter().position(|token| token.is(query, "="));
    let (name, value) = match equals {
        Some(equals) => (&option[..equals], &option[equals + 1..]),
        // The `=` is missing: the first token is the name, and the rest is meant as its value.
        None => option.split_at(1.min(option.len())),
    };
    let name: String = name
        .iter()
        .map(|token| &query[token.inside.clone()])
        .collect();
    match value {
        _ if is_secret(&name) => found.extend(value.iter().map(|token| token.inside.clone())),
        [token] if equals.is_some() && token.is_closed => {}
        _ => unclear(query, value, found),
    }
}

/// Hides a value that is not a single literal: each literal, and words that touch one, because a missing quote has left them outside.
fn unclear(query: &str, value: &[&Token], found: &mut Vec<Range<usize>>) {
    let mut is_open = false;
    for (index, token) in value.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| value.get(before));
        let touches = |other: Option<&&Token>| {
            other.is_some_and(|other| {
                other.kind == Kind::Literal
                    && (other.place.end == token.place.start
                        || token.place.end == other.place.start)
            })
        };
        if token.kind == Kind::Literal {
            found.push(token.inside.clone());
            is_open = blob::is_open(&query[token.inside.clone()]);
        } else if is_open || touches(before) || touches(value.get(index + 1)) {
            found.push(token.inside.clone());
        }
    }
}

//! The options of `WITH (…)`.

use std::ops::Range;

use super::{
    blob,
    lexeme::{Lexeme, LexemeKind},
    name::is_secret,
};

/// The places of values that are secrets: by the name of the option, or because it is unclear what they are.
pub(super) fn secrets(query: &str, lexemes: &[Lexeme]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = lexemes;
    while let Some(with) = rest.iter().position(|lexeme| lexeme.is(query, "with")) {
        rest = &rest[with + 1..];
        let Some(open) = rest.iter().position(|lexeme| !lexeme.is_space()) else {
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

/// The number of lexemes before the bracket that closes the clause.
fn end_of_clause(query: &str, lexemes: &[Lexeme]) -> usize {
    let mut depth = 1_usize;
    let end = lexemes.iter().position(|lexeme| {
        depth = depth_after(query, lexeme, depth);
        depth == 0
    });
    end.unwrap_or(lexemes.len())
}

fn depth_after(query: &str, lexeme: &Lexeme, depth: usize) -> usize {
    if lexeme.is(query, "(") {
        depth + 1
    } else if lexeme.is(query, ")") {
        depth - 1
    } else {
        depth
    }
}

/// The options of a clause without white space. An option ends at a comma or before the next `name =`, because a missing comma is the most
/// common mistake.
fn options<'a>(query: &str, clause: &'a [Lexeme]) -> Vec<Vec<&'a Lexeme>> {
    let mut options: Vec<Vec<&Lexeme>> = vec![Vec::new()];
    let mut depth = 1_usize;
    for lexeme in clause.iter().filter(|lexeme| !lexeme.is_space()) {
        depth = depth_after(query, lexeme, depth);
        let Some(option) = options.last_mut() else {
            break;
        };
        if lexeme.is(query, ",") && depth == 1 {
            options.push(Vec::new());
            continue;
        }
        if lexeme.is(query, "=") && depth == 1 {
            let name = start_of_name(query, option);
            if name > 0 && name < option.len() {
                let next = option.split_off(name);
                options.push(next);
            }
        }
        if let Some(option) = options.last_mut() {
            option.push(lexeme);
        }
    }
    options
}

/// The index at which the name at the end of these lexemes begins: `a`, `'a'` or `a.b`. The first lexeme after `=` is a value.
fn start_of_name(query: &str, option: &[&Lexeme]) -> usize {
    let equals = option.iter().position(|lexeme| lexeme.is(query, "="));
    let mut start = option.len().saturating_sub(1);
    while start >= 2 && option[start - 1].is(query, ".") {
        start -= 2;
    }
    start.max(equals.map_or(0, |equals| equals + 2))
}

fn in_option(query: &str, option: &[&Lexeme], found: &mut Vec<Range<usize>>) {
    let equals = option.iter().position(|lexeme| lexeme.is(query, "="));
    let (name, value) = match equals {
        Some(equals) => (&option[..equals], &option[equals + 1..]),
        // The `=` is missing: the first lexeme is the name, and the rest is meant as its value.
        None => option.split_at(1.min(option.len())),
    };
    let name: String = name
        .iter()
        .map(|lexeme| &query[lexeme.inside.clone()])
        .collect();
    match value {
        _ if is_secret(&name) => found.extend(value.iter().map(|lexeme| lexeme.inside.clone())),
        [lexeme] if equals.is_some() && lexeme.is_closed => {}
        _ => unclear(query, value, found),
    }
}

/// Hides a value that is not a single literal: each literal, and words that touch one, because a missing quote has left them outside.
fn unclear(query: &str, value: &[&Lexeme], found: &mut Vec<Range<usize>>) {
    let mut is_open = false;
    for (index, lexeme) in value.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|before| value.get(before));
        let touches = |other: Option<&&Lexeme>| {
            other.is_some_and(|other| {
                other.kind == LexemeKind::Literal
                    && (other.place.end == lexeme.place.start
                        || lexeme.place.end == other.place.start)
            })
        };
        if lexeme.kind == LexemeKind::Literal {
            found.push(lexeme.inside.clone());
            is_open = blob::is_open(&query[lexeme.inside.clone()]);
        } else if is_open || touches(before) || touches(value.get(index + 1)) {
            found.push(lexeme.inside.clone());
        }
    }
}

//! Masking the secrets of a query: the options of connectors contain passwords.

mod blob;
mod lexeme;
mod name;
mod options;
#[cfg(test)]
mod tests;

use std::ops::Range;

use self::lexeme::{Lexeme, LexemeKind, lexemes};

/// Replaces each character of the query's secrets with an asterisk, so that positions stay the same.
///
/// A secret is the value of an option in `WITH (…)` whose name says so (`password`, `api_key`, `auth.token`, …), credentials in a URL, the
/// text after `password=` and the like within another value, and every value of an option that is not written as `name = 'value'`. Other
/// values are kept, because they say what an error is about.
///
/// ```
/// let query = "CREATE TABLE t WITH (connector = 'kafka', password = 'hunter2')";
/// assert_eq!(
///     stepwell_arroyo::mask_options(query),
///     "CREATE TABLE t WITH (connector = 'kafka', password = '*******')"
/// );
/// ```
pub fn mask_options(query: &str) -> String {
    let mut masked = String::with_capacity(query.len());
    let mut done = 0;
    for secret in secrets(query) {
        masked.push_str(&query[done..secret.start]);
        let hidden = query[secret.clone()].chars();
        masked.extend(hidden.map(|character| match character {
            '\n' | '\r' => character,
            _ => '*',
        }));
        done = secret.end;
    }
    masked.push_str(&query[done..]);
    masked
}

/// The places of the secrets in a query, in order and without overlaps. The query may be invalid: that is when errors quote it.
pub(crate) fn secrets(query: &str) -> Vec<Range<usize>> {
    let lexemes = lexemes(query);
    let mut found = options::secrets(query, &lexemes);
    for lexeme in &lexemes {
        if matches!(lexeme.kind, LexemeKind::Literal | LexemeKind::Comment) {
            found.extend(blob::secrets(query, lexeme.inside.clone()));
        }
    }
    found.retain(|place| !place.is_empty());
    found.sort_by_key(|place| (place.start, place.end));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for place in found {
        match apart.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

/// The names in a query that are not part of a secret: of tables, columns, functions and options.
pub(crate) fn names<'a>(query: &'a str, secrets: &[Range<usize>]) -> Vec<&'a str> {
    let lexemes = lexemes(query);
    let is_secret = |lexeme: &Lexeme| {
        let overlaps = |place: &Range<usize>| {
            place.start < lexeme.inside.end && lexeme.inside.start < place.end
        };
        secrets.iter().any(overlaps)
    };
    let mut names = Vec::new();
    for (index, lexeme) in lexemes.iter().enumerate() {
        let is_name = match lexeme.kind {
            LexemeKind::Word => true,
            // A text in double quotes is a name, and so is one in single quotes before `=`.
            LexemeKind::Literal => {
                let next = lexemes[index + 1..].iter().find(|next| !next.is_space());
                query[lexeme.place.clone()].starts_with('"')
                    || next.is_some_and(|next| next.is(query, "="))
            }
            LexemeKind::Comment | LexemeKind::Other | LexemeKind::Space => false,
        };
        if is_name && !is_secret(lexeme) {
            names.push(&query[lexeme.inside.clone()]);
        }
    }
    names
}

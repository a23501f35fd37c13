//! Masking the secrets of a query: the options of connectors carry passwords.

mod blob;
mod name;
mod options;
#[cfg(test)]
mod tests;
mod token;

use std::ops::Range;

use self::token::{Kind, Token, tokens};

/// The query with its secrets replaced by as many asterisks, character by character, so that places stay.
///
/// A secret is the value of an option of `WITH (…)` whose name says so (`password`, `api_key`, `auth.token`, …), credentials in a URL, what
/// follows `password=` and the like inside of another value, and every value of an option that is not written as `name = 'value'`. Other
/// values are shown: they are what an error is about.
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

/// Where the secrets of a query are, in order and apart. It reads what a parser would refuse too: that is when it is needed.
pub(crate) fn secrets(query: &str) -> Vec<Range<usize>> {
    let tokens = tokens(query);
    let mut found = options::secrets(query, &tokens);
    for token in &tokens {
        if matches!(token.kind, Kind::Literal | Kind::Comment) {
            found.extend(blob::secrets(query, token.inside.clone()));
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

/// The names in a query that are no part of a secret: of tables, columns, functions and options.
pub(crate) fn names<'a>(query: &'a str, secrets: &[Range<usize>]) -> Vec<&'a str> {
    let tokens = tokens(query);
    let is_secret = |token: &Token| {
        let overlaps =
            |place: &Range<usize>| place.start < token.inside.end && token.inside.start < place.end;
        secrets.iter().any(overlaps)
    };
    let mut names = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let is_name = match token.kind {
            Kind::Word => true,
            // In double quotes it is a name, and before `=` in single ones too.
            Kind::Literal => {
                let next = tokens[index + 1..].iter().find(|next| !next.is_space());
                query[token.place.clone()].starts_with('"')
                    || next.is_some_and(|next| next.is(query, "="))
            }
            Kind::Comment | Kind::Other | Kind::Space => false,
        };
        if is_name && !is_secret(token) {
            names.push(&query[token.inside.clone()]);
        }
    }
    names
}

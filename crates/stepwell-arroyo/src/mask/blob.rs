//! Secrets within values and comments: credentials in URLs, and pairs such as `password=hunter2`.

use std::ops::Range;

use super::name::is_secret;

/// The places of the secrets in this part of a text.
pub(super) fn secrets(text: &str, part: Range<usize>) -> Vec<Range<usize>> {
    let inside = &text[part.clone()];
    let mut found = user_info(inside);
    found.extend(pairs(inside).map(|(_, value)| value));
    for place in &mut found {
        *place = place.start + part.start..place.end + part.start;
    }
    found
}

/// Whether the text ends where the value of a secret is expected: `…, password = `.
pub(super) fn is_open(text: &str) -> bool {
    let ends = |(is_last, value): (bool, Range<usize>)| is_last && value.is_empty();
    pairs(text).any(ends)
}

/// The credentials before `@`: `user:password` in `https://user:password@host` and in `user:password@tcp(host)`. The last `@` counts,
/// because a password may contain one.
fn user_info(text: &str) -> Vec<Range<usize>> {
    let is_end =
        |character: char| character.is_whitespace() || matches!(character, '\'' | '"' | '<' | '>');
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let end = rest.find(is_end).unwrap_or(rest.len());
        let word = &rest[..end];
        if let Some(at) = word.rfind('@') {
            let begin = word[..at].find("://").map(|scheme| scheme + 3);
            let has_password = word[..at].contains(':');
            if begin.is_some() || has_password {
                found.push(start + begin.unwrap_or(0)..start + at);
            }
        }
        start += end + rest[end..].chars().next().map_or(1, char::len_utf8);
    }
    found
}

/// The values of names that mean secrets, and whether each one ends the text.
fn pairs(text: &str) -> impl Iterator<Item = (bool, Range<usize>)> + '_ {
    text.match_indices(['=', ':'])
        .filter_map(|(place, separator)| {
            let before = text[..place]
                .trim_end()
                .trim_end_matches(['"', '\'', '\\', ']']);
            let is_of_name = |character: char| {
                character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
            };
            let name = before
                .rfind(|character: char| !is_of_name(character))
                .map_or(before, |end| {
                    let next = before[end..].chars().next().map_or(1, char::len_utf8);
                    &before[end + next..]
                });
            if !is_secret(name) {
                return None;
            }
            // `=>`, `:=`, `==`.
            let after = &text[place + 1..];
            let blank = after.len() - after.trim_start_matches(['>', '=', ' ', '\t', '\\']).len();
            let start = place + 1 + blank;
            let end = start + length(&text[start..], separator);
            Some((end == text.len(), start..end))
        })
}

/// The length of a value, up to its closing quote or the next separator.
fn length(value: &str, separator: &str) -> usize {
    let quote = value
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quote {
        let mut is_escaped = false;
        let end = value[1..].find(|character: char| {
            let ends = character == quote && !is_escaped;
            is_escaped = character == '\\' && !is_escaped;
            ends
        });
        return end.map_or(value.len(), |end| end + 2);
    }
    // The value of a header may contain blanks: `Authorization: Bearer …`.
    let is_end = |character: char| match character {
        '&' | ';' | '\n' | '\r' => true,
        _ => separator == "=" && character.is_whitespace(),
    };
    value.find(is_end).unwrap_or(value.len())
}

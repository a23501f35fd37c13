//! Comparing texts regardless of how libraries quote them: white space, escapes, invisible characters.

use std::{iter::Peekable, ops::Range, str::CharIndices};

use crate::printable;

/// The minimum length of a secret, in characters. Shorter texts occur in many words by chance.
pub(super) const SHORTEST: usize = 4;

/// The minimum length of the beginning of a secret that counts as the secret, in characters.
const CUT: usize = 12;

/// The marks of a text that was cut.
const ELLIPSES: [&str; 2] = ["…", "..."];

/// A text in a normal form that can be searched.
pub(super) struct Spelling {
    text: String,
    /// The range of each byte in the original text.
    places: Vec<(usize, usize)>,
}

impl Spelling {
    /// Replaces each run of white space with one blank, and removes invisible characters.
    pub(super) fn plain(text: &str) -> Self {
        Self::new(text, |character, _| character)
    }

    /// As [`plain`](Self::plain), with the escapes of Rust and JSON decoded; `None` if there are none.
    pub(super) fn unescaped(text: &str) -> Option<Self> {
        text.contains('\\').then(|| Self::new(text, unescaped))
    }

    fn new(text: &str, read: fn(char, &mut Peekable<CharIndices<'_>>) -> char) -> Self {
        let mut spelling = Self {
            text: String::with_capacity(text.len()),
            places: Vec::with_capacity(text.len()),
        };
        let mut characters = text.char_indices().peekable();
        while let Some((start, character)) = characters.next() {
            let character = read(character, &mut characters);
            let end = characters.peek().map_or(text.len(), |(next, _)| *next);
            if character.is_whitespace() {
                if spelling.text.ends_with(' ') {
                    continue;
                }
                spelling.text.push(' ');
            } else if printable::is_plain(character) {
                spelling.text.push(character);
            }
            spelling.places.resize(spelling.text.len(), (start, end));
        }
        spelling
    }

    /// Adds the places of the secret in the original text, including those where it was cut. Quoted text that equals a name is that name.
    pub(super) fn find(&self, secret: &str, names: &[String], places: &mut Vec<Range<usize>>) {
        let plain = Self::plain(secret).text;
        let unescaped = Self::unescaped(secret).map(|secret| secret.text);
        for secret in [Some(plain), unescaped].iter().flatten() {
            self.find_spelled(secret.trim(), names, places);
        }
    }

    fn find_spelled(&self, secret: &str, names: &[String], places: &mut Vec<Range<usize>>) {
        let mut ends = secret.char_indices().map(|(end, _)| end);
        if ends.clone().count() < SHORTEST {
            return;
        }
        let beginning = ends.nth(CUT).map_or(secret, |end| &secret[..end]);
        for (start, _) in self.text.match_indices(beginning) {
            let rest = &self.text[start..];
            let length = common(rest, secret);
            let (found, after) = rest.split_at(length);
            let is_quoted = after.is_empty() || after.starts_with(['\'', '"', '`']);
            let is_cut = ELLIPSES
                .iter()
                .any(|end| after.trim_start().starts_with(end))
                || is_quoted && !names.iter().any(|name| name == found);
            if length == secret.len() || is_cut {
                places.push(self.place(start..start + length));
            }
        }
    }

    /// The range of a non-empty part in the original text.
    fn place(&self, part: Range<usize>) -> Range<usize> {
        self.places[part.start].0..self.places[part.end - 1].1
    }
}

/// The length of the common beginning.
fn common(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    let same = pairs.take_while(|(one, other)| one == other);
    same.map(|(character, _)| character.len_utf8()).sum()
}

fn unescaped(character: char, rest: &mut Peekable<CharIndices<'_>>) -> char {
    if character != '\\' {
        return character;
    }
    match rest.next().map(|(_, escaped)| escaped) {
        Some('n' | 'r' | 't') => ' ',
        Some('u') => code(rest),
        Some(escaped) => escaped,
        None => character,
    }
}

/// The character that `{1f350}` or `00e4` stands for.
fn code(rest: &mut Peekable<CharIndices<'_>>) -> char {
    let has_braces = rest.next_if(|(_, next)| *next == '{').is_some();
    let mut code = 0;
    for _ in 0..if has_braces { 6 } else { 4 } {
        let digit = rest.next_if(|(_, next)| next.is_ascii_hexdigit());
        let Some(digit) = digit.and_then(|(_, digit)| digit.to_digit(16)) else {
            break;
        };
        code = code * 16 + digit;
    }
    if has_braces {
        rest.next_if(|(_, next)| *next == '}');
    }
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

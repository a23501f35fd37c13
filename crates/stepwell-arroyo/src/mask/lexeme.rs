//! The lexemes of a query, as far as masking needs them.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LexemeKind {
    /// Letters, digits and underscores.
    Word,
    /// A text in single or double quotes.
    Literal,
    Comment,
    Space,
    /// Any other character.
    Other,
}

#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) kind: LexemeKind,
    pub(super) place: Range<usize>,
    /// The place without its quotes.
    pub(super) inside: Range<usize>,
    /// Whether a literal has its closing quote.
    pub(super) is_closed: bool,
}

impl Lexeme {
    pub(super) fn is(&self, query: &str, text: &str) -> bool {
        query[self.place.clone()].eq_ignore_ascii_case(text)
    }

    /// Whether it only separates other lexemes.
    pub(super) fn is_space(&self) -> bool {
        matches!(self.kind, LexemeKind::Space | LexemeKind::Comment)
    }
}

/// The lexemes of a query, without gaps.
pub(super) fn lexemes(query: &str) -> Vec<Lexeme> {
    let mut lexemes = Vec::new();
    let mut start = 0;
    while let Some(character) = query[start..].chars().next() {
        let rest = &query[start..];
        let until = |is_part: fn(char) -> bool| {
            let end = rest.find(|character| !is_part(character));
            end.unwrap_or(rest.len())
        };
        let (kind, length) = match character {
            '-' if rest.starts_with("--") => {
                (LexemeKind::Comment, rest.find('\n').unwrap_or(rest.len()))
            }
            '/' if rest.starts_with("/*") => {
                let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
                (LexemeKind::Comment, end)
            }
            '\'' | '"' => {
                let inside = inside(&rest[1..], character);
                let closed = usize::from(1 + inside < rest.len());
                let place = start..start + 1 + inside + closed;
                lexemes.push(Lexeme {
                    kind: LexemeKind::Literal,
                    inside: start + 1..start + 1 + inside,
                    is_closed: closed == 1,
                    place: place.clone(),
                });
                start = place.end;
                continue;
            }
            _ if is_of_word(character) => (LexemeKind::Word, until(is_of_word)),
            _ if character.is_whitespace() => (LexemeKind::Space, until(char::is_whitespace)),
            _ => (LexemeKind::Other, character.len_utf8()),
        };
        lexemes.push(Lexeme {
            kind,
            place: start..start + length,
            inside: start..start + length,
            is_closed: true,
        });
        start += length;
    }
    lexemes
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The length of a literal up to its closing quote. A doubled quote is part of the literal.
fn inside(text: &str, quote: char) -> usize {
    let mut from = 0;
    while let Some(end) = text[from..].find(quote).map(|end| from + end) {
        if !text[end + 1..].starts_with(quote) {
            return end;
        }
        from = end + 2;
    }
    text.len()
}

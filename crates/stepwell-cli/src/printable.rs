//! Escaping untrusted text for a terminal: names, states and errors come from servers and files, and must not control it.

use std::borrow::Cow;

/// The text on one line, with everything that a terminal would act on escaped.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_plain)
}

/// As [`line()`], but keeps line feeds and tabs.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| {
        matches!(character, '\n' | '\t') || is_plain(character)
    })
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&is_kept) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_kept(character) {
            escaped.push(character);
        } else {
            escaped.extend(character.escape_default());
        }
    }
    Cow::Owned(escaped)
}

/// Whether the character is neither a control character (C0 or C1, such as ESC and BEL) nor one that changes the line or the direction of
/// the text after it.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, shown) in [
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            (
                "a\u{202e}b\u{2066}c\u{200f}",
                "a\\u{202e}b\\u{2066}c\\u{200f}",
            ),
            ("a\u{2028}b\u{61c}", "a\\u{2028}b\\u{61c}"),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(lines(text), shown);
        }
    }

    #[test]
    fn only_lines_keep_line_feeds_and_tabs() {
        assert_eq!(line("a\tb\nc"), "a\\tb\\nc");
        assert_eq!(lines("a\tb\nc\r"), "a\tb\nc\\r");
    }

    #[test]
    fn what_is_plain_is_kept_as_it_is() {
        let text = "päron 日本 🍐 \\u{1b} 'x'";
        assert!(matches!(line(text), Cow::Borrowed(kept) if kept == text));
        assert!(matches!(lines(text), Cow::Borrowed(_)));
    }
}

//! Making untrusted text safe for terminals and logs.

use std::borrow::Cow;

/// The text without invisible characters; borrowed if it has none.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(
            text.chars()
                .filter(|character| is_plain(*character))
                .collect(),
        )
    }
}

/// The text with its line breaks, cut at `bytes`, without control characters except line feeds and tabs, and without characters that change
/// the direction of the text.
pub(crate) fn lines(text: &str, bytes: usize) -> String {
    let mut printable = String::new();
    for character in text.trim().chars().filter(|character| is_plain(*character)) {
        if printable.len() + character.len_utf8() > bytes {
            shorten(&mut printable, bytes);
            break;
        }
        printable.push(character);
    }
    printable
}

/// The text on one line, cut at this many characters. Each run of white space becomes one space.
pub(crate) fn line(text: &str, characters: usize) -> String {
    let mut printable = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        let separator = if count == 0 { None } else { Some(' ') };
        let word = word.chars().filter(|character| is_plain(*character));
        for character in separator.into_iter().chain(word) {
            if count == characters {
                printable.push('…');
                return printable;
            }
            printable.push(character);
            count += 1;
        }
    }
    printable
}

pub(crate) fn is_plain(character: char) -> bool {
    match character {
        '\n' | '\t' => true,
        // Direction marks and overrides, line and paragraph separators.
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        character => !character.is_control(),
    }
}

/// Cuts the text and appends an ellipsis.
fn shorten(text: &mut String, bytes: usize) {
    const ELLIPSIS: char = '…';
    while text.len() + ELLIPSIS.len_utf8() > bytes && text.pop().is_some() {}
    text.push(ELLIPSIS);
}

#[cfg(test)]
mod tests;

//! Texts of others, made fit for a terminal and a log.

use std::borrow::Cow;

/// The text without characters that are not shown; borrowed when it has none.
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

/// The text on its own lines, at most `bytes` long: without control characters but line feeds and tabs, and without what turns the
/// direction of writing.
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

/// The text on one line, at most so many characters of it: each run of white space is one space.
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
        // Marks and overrides of direction, line and paragraph separators.
        '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => false,
        character => !character.is_control(),
    }
}

/// Makes place for an ellipsis.
fn shorten(text: &mut String, bytes: usize) {
    const ELLIPSIS: char = '…';
    while text.len() + ELLIPSIS.len_utf8() > bytes && text.pop().is_some() {}
    text.push(ELLIPSIS);
}

#[cfg(test)]
mod tests;

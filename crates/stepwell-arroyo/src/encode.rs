use std::fmt::{self, Write};

/// One segment of a path, percent-encoded: a server takes any text as an id (`a/b`, `a b`, NUL), and a path must not be changed by it.
pub(crate) struct Segment<'a>(pub(crate) &'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut encoded = String::with_capacity(self.0.len());
        push_segment(&mut encoded, self.0);
        formatter.write_str(&encoded)
    }
}

/// Appends a segment.
pub(crate) fn push_segment(path: &mut String, text: &str) {
    // A segment of dots alone would be taken as a step up.
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots)
    };
    // As nearly all ids are.
    if text.bytes().all(plain) {
        path.push_str(text);
        return;
    }
    for byte in text.bytes() {
        if plain(byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests;

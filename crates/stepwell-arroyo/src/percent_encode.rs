//! Percent-encoding of ids in the path of a request.

use std::fmt::{self, Write};

/// A path segment, percent-encoded. A server accepts any text as an id (`a/b`, `a b`, NUL), and it must not change the path.
pub(crate) struct Segment<'a>(pub(crate) &'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_segment(formatter, self.0)
    }
}

/// Writes a path segment.
pub(crate) fn write_segment(path: &mut impl Write, text: &str) -> fmt::Result {
    // A segment of dots alone would be resolved as `.` or `..`.
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots)
    };
    // The usual case.
    if text.bytes().all(plain) {
        return path.write_str(text);
    }
    for byte in text.bytes() {
        if plain(byte) {
            path.write_char(char::from(byte))?;
        } else {
            write!(path, "%{byte:02X}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

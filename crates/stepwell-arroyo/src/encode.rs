use std::fmt::{self, Write};

/// One segment of a path, percent-encoded: a server takes any text as an id (`a/b`, `a b`, NUL), and a path must not be changed by it.
pub(crate) struct Segment<'a>(pub(crate) &'a str);

impl fmt::Display for Segment<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_segment(formatter, self.0)
    }
}

/// Writes a segment.
pub(crate) fn write_segment(path: &mut impl Write, text: &str) -> fmt::Result {
    // A segment of dots alone would be taken as a step up.
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots)
    };
    // As nearly all ids are.
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

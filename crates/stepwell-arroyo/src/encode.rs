use std::fmt::Write;

/// One segment of a path, percent-encoded: a server takes any text as an id (`a/b`, `a b`, NUL), and a path must not be changed by it.
pub(crate) fn encode_segment(text: &str) -> String {
    // A segment of dots alone would be taken as a step up.
    let dots = !text.is_empty() && text.bytes().all(|byte| byte == b'.');
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && !dots);
        if plain {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests;

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
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_id_can_leave_its_segment() {
        assert_eq!(encode_segment("pl_aPfTVLdeeM"), "pl_aPfTVLdeeM");
        assert_eq!(encode_segment("a/b c?d#e%"), "a%2Fb%20c%3Fd%23e%25");
        assert_eq!(encode_segment(".."), "%2E%2E");
        assert_eq!(encode_segment("ä\0"), "%C3%A4%00");
    }
}

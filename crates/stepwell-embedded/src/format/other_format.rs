//! Files that are not JSON lines, by how they begin.

/// The formats with a signature: the name, and the first bytes.
const SIGNATURES: [(&str, &[u8]); 6] = [
    (
        "the file is compressed with gzip; decompress it",
        b"\x1f\x8b",
    ),
    (
        "the file is compressed with zstd; decompress it",
        b"\x28\xb5\x2f\xfd",
    ),
    ("the file is a zip archive; extract it", b"PK\x03\x04"),
    ("the file is Parquet; write it as JSON lines", b"PAR1"),
    ("the file is UTF-16; write it as UTF-8", b"\xff\xfe"),
    ("the file is UTF-16; write it as UTF-8", b"\xfe\xff"),
];

/// What a file is that begins with this line, and what is to be done about it.
pub(super) fn recognize(line: &[u8]) -> Option<&'static str> {
    let mut signatures = SIGNATURES.iter();
    if let Some((words, _)) = signatures.find(|(_, begin)| line.starts_with(begin)) {
        return Some(words);
    }
    let text = std::str::from_utf8(line).ok()?.trim();
    let is_array = text == "[" || text.starts_with("[{") || text.starts_with("[ {");
    if is_array {
        return Some("the file is a JSON array; write each of its objects on a line of its own");
    }
    if text == "{" {
        return Some("the file is JSON that is spread over lines; write each object on one line");
    }
    is_csv(text).then_some("the file looks like CSV; write each row as a JSON object on one line")
}

/// Whether a line has at least two names or values between separators, and nothing of JSON.
fn is_csv(text: &str) -> bool {
    let is_field = |field: &str| {
        let field = field.trim().trim_matches('"');
        !field.contains(['{', '}', '[', ']', '"'])
    };
    [',', ';', '\t']
        .iter()
        .any(|separator| text.contains(*separator) && text.split(*separator).all(is_field))
}

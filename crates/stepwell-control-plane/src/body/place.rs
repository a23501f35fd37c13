//! The path to an error in a body, in the notation of a real server: `udfs[0].definition`.

/// A JSON value that is still open at some position.
enum Open {
    /// An object, with the key whose value is being read, if any.
    Object(Option<String>),
    /// An array, with the index of the current element.
    Array(usize),
}

/// The path to the position of an error; empty at the top level and between two fields.
pub(super) fn path_to(body: &[u8], error: &serde_json::Error) -> String {
    let before_line = error.line().saturating_sub(1);
    let line: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(before_line)
        .map(<[u8]>::len)
        .sum();
    let read = &body[..body.len().min(line + error.column())];
    written(&open_at_end(read))
}

/// Returns the values that are still open at the end of a valid prefix.
fn open_at_end(read: &[u8]) -> Vec<Open> {
    let mut open = Vec::new();
    let mut last_string = String::new();
    let mut at = 0;
    while let Some(byte) = read.get(at) {
        match byte {
            b'"' => {
                let length = string_length(&read[at..]);
                // Only a complete string can be a key.
                last_string = serde_json::from_slice(&read[at..at + length]).unwrap_or_default();
                at += length;
                continue;
            }
            b'{' => open.push(Open::Object(None)),
            b'[' => open.push(Open::Array(0)),
            b'}' | b']' => drop(open.pop()),
            b':' => {
                if let Some(Open::Object(key)) = open.last_mut() {
                    *key = Some(std::mem::take(&mut last_string));
                }
            }
            b',' => match open.last_mut() {
                Some(Open::Object(key)) => *key = None,
                Some(Open::Array(index)) => *index += 1,
                None => {}
            },
            _ => {}
        }
        at += 1;
    }
    open
}

/// The length in bytes of the string at the start of the text, including its quotes.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    for (index, byte) in text.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

fn written(open: &[Open]) -> String {
    let mut path = String::new();
    for part in open {
        match part {
            Open::Object(None) => {}
            Open::Object(Some(key)) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
            }
            Open::Array(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;
    use crate::body::{PipelinePatch, PipelinePost};

    fn path_in_create(body: &str) -> String {
        let error = serde_json::from_str::<PipelinePost>(body).err().unwrap();
        path_to(body.as_bytes(), &error)
    }

    #[test]
    fn fields_and_elements_are_named() {
        for (path, body) in [
            ("name", r#"{"name": null}"#),
            ("name", r#"{"query": "a, \"b\": {", "name": "#),
            (
                "parallelism",
                "{\n  \"name\": \"n\",\n  \"parallelism\": -1\n}",
            ),
            ("tags.a", r#"{"tags": {"a": 1}}"#),
            (
                "udfs[1].definition",
                r#"{"udfs": [{"definition": "a"}, {"definition": 1}]}"#,
            ),
        ] {
            assert_eq!(path_in_create(body), path, "{body}");
        }
        let body = r#"{"stop": "pause"}"#;
        let error = serde_json::from_str::<PipelinePatch>(body).err().unwrap();
        assert_eq!(path_to(body.as_bytes(), &error), "stop");
    }

    #[test]
    fn what_is_in_no_field_has_no_path() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"name": "n", "#,
            r#"{"name": "n", "name": "m"}"#,
        ] {
            assert_eq!(path_in_create(body), "", "{body}");
        }
    }
}

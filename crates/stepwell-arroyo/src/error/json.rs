use std::fmt;

/// What is wrong with JSON, without any text from it: a reply may contain a query, and a query may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonError {
    message: String,
    breaks_off: bool,
}

impl JsonError {
    pub(crate) fn new(error: &serde_json::Error) -> Self {
        Self {
            message: without_text(&error.to_string()),
            breaks_off: error.is_eof(),
        }
    }

    pub(super) fn breaks_off(&self) -> bool {
        self.breaks_off
    }
}

/// Removes the text that serde quotes if it found a string where something else was expected.
fn without_text(message: &str) -> String {
    const FOUND: &str = "string \"";
    const EXPECTED: &str = "\", expected ";
    let Some(found) = message.find(FOUND) else {
        return message.to_owned();
    };
    // The last occurrence, because quotes in the text are escaped.
    let rest = match message.rfind(EXPECTED) {
        Some(expected) if expected + 1 >= found + FOUND.len() => &message[expected + 1..],
        _ => "",
    };
    format!("{}a string{rest}", &message[..found])
}

impl fmt::Display for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for JsonError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("JsonError")
            .field(&self.message)
            .finish()
    }
}

impl std::error::Error for JsonError {}

const _: () = assert!(size_of::<JsonError>() <= 4 * size_of::<usize>());

//! How values are written that the JSON writer of the library would replace by the text of an error, or write as no valid JSON.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use arrow::{
    array::Array,
    datatypes::{DataType, FieldRef},
    error::ArrowError,
    json::{Encoder, EncoderFactory, EncoderOptions, writer::NullableEncoder},
    util::display::{ArrayFormatter, FormatOptions},
};

/// What the library writes for a duration that it cannot write.
const INVALID_DURATION: &str = "<invalid>";

/// Makes the encoders of times and decimals. An encoder cannot fail, so the first value that cannot be written is kept here.
#[derive(Clone, Debug, Default)]
pub(super) struct StrictEncoders {
    failure: Arc<OnceLock<String>>,
}

impl StrictEncoders {
    /// What could not be written.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }
}

impl EncoderFactory for StrictEncoders {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let is_number = match array.data_type() {
            DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => true,
            kind if kind.is_temporal() => false,
            _ => return Ok(None),
        };
        let encoder = FormattedValues {
            formatter: ArrayFormatter::try_new(array, &FormatOptions::new())?,
            is_number,
            column: field.name(),
            failure: Arc::clone(&self.failure),
            text: String::new(),
        };
        let nulls = array.nulls().cloned();
        Ok(Some(NullableEncoder::new(Box::new(encoder), nulls)))
    }
}

/// Values whose text comes from the library's formatter.
struct FormattedValues<'a> {
    formatter: ArrayFormatter<'a>,
    is_number: bool,
    column: &'a str,
    failure: Arc<OnceLock<String>>,
    text: String,
}

impl Encoder for FormattedValues<'_> {
    fn encode(&mut self, index: usize, out: &mut Vec<u8>) {
        self.text.clear();
        let written = self.formatter.value(index).write(&mut self.text);
        if written.is_err() || self.text == INVALID_DURATION {
            let cause = written.err();
            let _ = self.failure.set(complaint(self.column, cause.as_ref()));
            return;
        }
        if self.is_number {
            out.extend_from_slice(number(&self.text).as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(self.text.as_bytes());
            out.push(b'"');
        }
    }
}

/// A number without leading zeros: the formatter writes 0 of a negative scale as `000`.
fn number(text: &str) -> &str {
    let is_zero = text.len() > 1 && text.bytes().all(|byte| byte == b'0');
    if is_zero { "0" } else { text }
}

fn complaint(column: &str, cause: Option<&ArrowError>) -> String {
    let mut text = format!("a value of column '{column}' cannot be written: it is out of range");
    if let Some(value) = cause.and_then(value_of) {
        let _ = write!(text, " ({value})");
    }
    text
}

/// The value as the library's message has it: `Failed to convert 1704067200 to datetime for Date32`.
fn value_of(error: &ArrowError) -> Option<String> {
    let message = error.to_string();
    let rest = message.split_once("Failed to convert ")?.1;
    let value = rest.split(' ').next()?;
    value.parse::<i64>().ok().map(|value| value.to_string())
}

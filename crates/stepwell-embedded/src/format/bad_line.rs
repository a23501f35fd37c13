//! Explains why a line is not a row, for its author.

use std::{collections::HashMap, sync::Arc};

use arrow::{
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
};
use serde_json::{error::Category, value::RawValue};

use super::json::JsonReader;
use super::other_format;

/// What is done about a line that is no row of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BadData {
    #[default]
    Fail,
    Drop,
}

/// The most characters of a value that are shown.
const LONGEST_VALUE: usize = 40;

/// Explains what is wrong with a line. `error`, that of the JSON reader, is the fallback. `is_first`: it is the first of its file, which
/// tells what else the file may be.
pub(crate) fn explain(
    schema: &SchemaRef,
    line: &[u8],
    is_first: bool,
    error: &ArrowError,
) -> String {
    if is_first && let Some(other) = other_format::recognize(line) {
        return other.to_owned();
    }
    let line = match std::str::from_utf8(line) {
        Ok(line) => line.trim_end(),
        Err(error) => return format!("byte {} is not UTF-8", error.valid_up_to() + 1),
    };
    let values: HashMap<String, &RawValue> = match serde_json::from_str(line) {
        Ok(values) => values,
        Err(_) if !line.trim_start().starts_with('{') => {
            return format!("{} is not a JSON object", shown(line.trim_start()));
        }
        Err(error) if error.classify() == Category::Eof => {
            return "the line ends before its JSON object does; an object has to be on one line"
                .to_owned();
        }
        Err(error) => return no_json(line, &error),
    };
    let mut fields = schema.fields().iter();
    let found = fields.find_map(|field| match values.get(field.name()) {
        Some(value) => misfit(field, value.get()),
        None if field.is_nullable() => None,
        None => Some(format!(
            "column {:?} is missing, and it is NOT NULL",
            field.name()
        )),
    });
    found.unwrap_or_else(|| match error {
        ArrowError::JsonError(error) => error.clone(),
        error => error.to_string(),
    })
}

fn no_json(line: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    // The column is in bytes and starts at 1.
    let before = line.get(..error.column().saturating_sub(1));
    let place = before.map_or(error.column(), |before| before.chars().count() + 1);
    format!("it is not JSON: {what} at character {place}")
}

/// What is wrong with a value, if it does not fit the column.
fn misfit(field: &Arc<Field>, value: &str) -> Option<String> {
    let schema = Arc::new(Schema::new(vec![Arc::clone(field)]));
    let name = serde_json::Value::from(field.name().as_str());
    let row = format!("{{{name}:{value}}}");
    JsonReader::new(&schema).decode(row.as_bytes()).err()?;
    let kind = sql_type(field.data_type());
    let article = if kind.starts_with('I') { "an" } else { "a" };
    let column = field.name();
    Some(if value == "null" {
        format!("null in column {column:?}, which is NOT NULL")
    } else {
        format!(
            "{} is not {article} {kind} (column {column:?})",
            shown(value)
        )
    })
}

/// A value on one line, shortened, with control characters escaped.
fn shown(value: &str) -> String {
    let mut text = String::new();
    for (count, character) in value.chars().enumerate() {
        if count == LONGEST_VALUE {
            text.push('…');
            break;
        }
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

fn sql_type(kind: &DataType) -> String {
    let name = match kind {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "TINYINT UNSIGNED",
        DataType::UInt16 => "SMALLINT UNSIGNED",
        DataType::UInt32 => "INT UNSIGNED",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BYTEA",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMPTZ",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Time32(_) | DataType::Time64(_) => "TIME",
        DataType::Struct(_) => "STRUCT",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return format!("DECIMAL({precision}, {scale})");
        }
        DataType::List(item) | DataType::LargeList(item) => {
            return format!("{}[]", sql_type(item.data_type()));
        }
        other => return other.to_string(),
    };
    name.to_owned()
}

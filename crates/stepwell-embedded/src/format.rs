//! Formats: how rows are written as text, and read from it.

pub(crate) mod bad_line;
pub(crate) mod json;
mod json_rows;
pub(crate) mod lines;

pub(crate) use self::bad_line::BadData;
pub(crate) use self::json_rows::JsonRows;

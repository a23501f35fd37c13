//! Formats: how rows are written as text, and read from it.

pub(crate) mod bad_line;
mod check;
mod encoder;
pub(crate) mod json;
mod json_rows;
pub(crate) mod lines;
mod number;
mod other_format;

pub(crate) use self::bad_line::BadData;
pub(crate) use self::check::StrangeTime;
pub(crate) use self::json_rows::JsonRows;

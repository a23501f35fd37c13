//! `single_file`: a source that reads a file of JSON lines, and a sink that writes one.

mod sink;
mod source;

use std::path::PathBuf;

use stepwell_arroyo::SqlDiagnostic;

use self::sink::WrittenFile;
use self::source::ReadFile;
use super::declaration::{Connector, Declaration};
use crate::format::BadData;
use crate::format::json::{JsonReader, check_columns};
use crate::plan::diagnostic::planning;
use crate::plan::words;

pub(super) fn declare(declaration: &mut Declaration<'_>) -> Result<Connector, SqlDiagnostic> {
    let options = &mut *declaration.options;
    let path = PathBuf::from(options.require("path")?.text);
    let kind = options.one_of("type", &["source", "sink"])?;
    declaration.expect_json()?;
    if kind == Some("sink") {
        return Ok(Connector::sink(WrittenFile { path }));
    }
    let options = &mut *declaration.options;
    let bad_data = match options.one_of("bad_data", &["fail", "drop"])? {
        Some("drop") => BadData::Drop,
        _ => BadData::Fail,
    };
    let wait_for_control = options.one_of("wait_for_control", &["true", "false"])?;
    check_columns(declaration.columns).map_err(|cause| planning(&words::of(&cause)))?;
    Ok(Connector::source(ReadFile {
        path,
        format: JsonReader::new(declaration.columns),
        bad_data,
        wait_for_control: wait_for_control != Some("false"),
    }))
}

//! Rows as lines of JSON objects.

use arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    json::{ReaderBuilder, WriterBuilder, writer::LineDelimited},
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;

use super::lines::{Line, LineBatch};

/// One JSON object per line, nulls included.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, DataFusionError> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(text)
}

/// Decodes all lines at once, if each is a row.
pub(crate) fn decode_all(schema: &SchemaRef, lines: &LineBatch) -> Option<RecordBatch> {
    // The count alone does not tell: one line may have two rows, and one row two lines. Whether such lines are in one batch depends on
    // where the run began.
    let is_object = |line: &Line| {
        let line = lines.bytes_of(line).trim_ascii();
        line.starts_with(b"{") && line.ends_with(b"}")
    };
    if !lines.filled.iter().all(is_object) {
        return None;
    }
    decode(schema, &lines.text, lines.filled.len()).ok()
}

/// Decodes exactly `rows` rows.
pub(crate) fn decode(
    schema: &SchemaRef,
    text: &[u8],
    rows: usize,
) -> Result<RecordBatch, ArrowError> {
    let mut decoder = ReaderBuilder::new(SchemaRef::clone(schema))
        .with_batch_size(rows.saturating_add(1))
        .build_decoder()?;
    let read = decoder.decode(text)?;
    let batch = decoder
        .flush()?
        .unwrap_or_else(|| RecordBatch::new_empty(SchemaRef::clone(schema)));
    if read < text.len() || batch.num_rows() != rows {
        let error = format!("{} values in {rows} lines", batch.num_rows());
        return Err(ArrowError::JsonError(error));
    }
    Ok(batch)
}

/// What is wrong with the columns, if no line can be a row of them.
pub(crate) fn check_columns(schema: &SchemaRef) -> Result<(), String> {
    decode(schema, b"", 0)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

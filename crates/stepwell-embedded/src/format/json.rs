//! Rows as lines of JSON objects.

use std::sync::Arc;

use arrow::{
    datatypes::SchemaRef,
    error::ArrowError,
    json::{ReaderBuilder, WriterBuilder, writer::LineDelimited},
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;

use super::check::{Checks, StrangeTime};
use super::encoder::StrictEncoders;
use super::lines::{Line, LineBatch};

/// One JSON object per line, nulls included. NaN and infinities are null. Fails if a value has no text.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, DataFusionError> {
    let mut text = Vec::new();
    let encoders = StrictEncoders::default();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_encoder_factory(Arc::new(encoders.clone()))
        .build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    match encoders.failure() {
        None => Ok(text),
        Some(failure) => Err(DataFusionError::Execution(failure.to_owned())),
    }
}

/// Reads lines as rows of a schema. A line is a row, whatever is before and after it.
#[derive(Clone, Debug)]
pub(crate) struct JsonReader {
    schema: SchemaRef,
    checks: Checks,
}

impl JsonReader {
    pub(crate) fn new(schema: &SchemaRef) -> Self {
        Self {
            schema: SchemaRef::clone(schema),
            checks: Checks::of(schema),
        }
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes all lines at once, if each is a row. Also returns the first strange time, with its line.
    pub(crate) fn decode_all<'a>(
        &self,
        lines: &'a LineBatch,
    ) -> Option<(RecordBatch, Option<(&'a Line, StrangeTime)>)> {
        let mut strange = None;
        for line in &lines.filled {
            let found = self.checks.check(lines.bytes_of(line)).ok()?;
            strange = strange.or_else(|| found.map(|found| (line, found)));
        }
        let batch = decode(&self.schema, &lines.text, lines.filled.len()).ok()?;
        Some((batch, strange))
    }

    /// Decodes one line.
    pub(crate) fn decode(
        &self,
        line: &[u8],
    ) -> Result<(RecordBatch, Option<StrangeTime>), ArrowError> {
        let checked = self.checks.check(line);
        let strange = checked.map_err(|error| ArrowError::JsonError(error.to_string()))?;
        Ok((decode(&self.schema, line, 1)?, strange))
    }
}

/// Decodes exactly `rows` rows.
fn decode(schema: &SchemaRef, text: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
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

//! Sinks: where rows go to.

mod file;

use arrow::{
    json::{WriterBuilder, writer::LineDelimited},
    record_batch::RecordBatch,
};
use bytes::Bytes;
use datafusion_common::DataFusionError;

use super::execution::ExecutionError;

pub(super) use file::{FileSink, SinkFile};

/// A sink under way.
#[derive(Debug)]
pub(super) enum Sink {
    /// The engine's writer of rows.
    Print,
    Forget,
    File(FileSink),
}

impl Sink {
    /// Takes rows; what is to be printed of them goes to `lines`.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        lines: &mut Vec<Bytes>,
    ) -> Result<(), ExecutionError> {
        match self {
            Self::Forget => Ok(()),
            Self::Print => {
                let text = Bytes::from(json(batch).map_err(|error| ExecutionError::sql(&error))?);
                // JSON has no line end inside.
                let rows = text.split(|byte| *byte == b'\n');
                lines.extend(
                    rows.filter(|row| !row.is_empty())
                        .map(|row| text.slice_ref(row)),
                );
                Ok(())
            }
            Self::File(file) => {
                file.write(&json(batch).map_err(|error| ExecutionError::sql(&error))?)
            }
        }
    }
}

/// One JSON object a line, with nulls.
fn json(batch: &RecordBatch) -> Result<Vec<u8>, DataFusionError> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(text)
}

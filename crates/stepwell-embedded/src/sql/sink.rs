//! Sinks: where rows go to.

mod file;

use arrow::{
    json::{WriterBuilder, writer::LineDelimited},
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;

use super::execution::{ExecutionError, Output, Printed};
use crate::rows::Lines;

pub(super) use file::FileSink;

/// A sink under way.
#[derive(Debug)]
pub(super) enum Sink {
    /// The engine's writer of rows.
    Print {
        is_preview: bool,
    },
    Forget,
    File(FileSink),
}

impl Sink {
    /// Takes rows; what is to be printed of them goes to the output.
    pub(super) fn write(
        &mut self,
        batch: &RecordBatch,
        output: &mut Output,
    ) -> Result<(), ExecutionError> {
        match self {
            Self::Forget => Ok(()),
            Self::Print { is_preview } => {
                let text = json(batch).map_err(|error| ExecutionError::sql(&error))?;
                output.printed.push(Printed {
                    lines: Lines::new(text, batch.num_rows()),
                    is_preview: *is_preview,
                });
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

//! Sinks: where rows go to.

use arrow::record_batch::RecordBatch;

use crate::connector::single_file::sink::FileSink;
use crate::format::{JsonRows, json};
use crate::run::{ExecutionError, Output, Printed};

/// A sink under way.
#[derive(Debug)]
pub(crate) enum Sink {
    /// The engine's writer of rows.
    Print {
        is_preview: bool,
    },
    Forget,
    File(FileSink),
}

impl Sink {
    /// Takes rows; what is to be printed of them goes to the output.
    pub(crate) fn write(
        &mut self,
        batch: &RecordBatch,
        output: &mut Output,
    ) -> Result<(), ExecutionError> {
        match self {
            Self::Forget => Ok(()),
            Self::Print { is_preview } => {
                let text = json::encode(batch).map_err(|error| ExecutionError::sql(&error))?;
                output.printed.push(Printed {
                    rows: JsonRows::new(text, batch.num_rows()),
                    is_preview: *is_preview,
                });
                Ok(())
            }
            Self::File(file) => {
                file.write(&json::encode(batch).map_err(|error| ExecutionError::sql(&error))?)
            }
        }
    }
}

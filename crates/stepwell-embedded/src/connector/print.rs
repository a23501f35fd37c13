//! The sink of rows that are printed.

use arrow::record_batch::RecordBatch;

use super::sink::Sink;
use crate::format::{JsonRows, json};
use crate::run::{ExecutionError, Output, Printed};

/// Adds rows to the output, which the owner of the run prints.
#[derive(Debug)]
pub(super) struct PrintSink {
    pub(super) is_preview: bool,
}

impl Sink for PrintSink {
    fn write(&mut self, rows: &RecordBatch, output: &mut Output) -> Result<(), ExecutionError> {
        let text = json::encode(rows).map_err(|error| ExecutionError::sql(&error))?;
        output.printed.push(Printed {
            rows: JsonRows::new(text, rows.num_rows()),
            is_preview: self.is_preview,
        });
        Ok(())
    }
}

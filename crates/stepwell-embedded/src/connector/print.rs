//! The sink of rows that are printed.

use super::sink::Sink;
use crate::format::JsonRows;
use crate::run::{ExecutionError, Output, Printed};

/// Adds rows to the output, which the owner of the run prints.
#[derive(Debug)]
pub(super) struct PrintSink {
    pub(super) is_preview: bool,
}

impl Sink for PrintSink {
    fn write(&mut self, rows: JsonRows, output: &mut Output) -> Result<(), ExecutionError> {
        output.printed.push(Printed {
            rows,
            is_preview: self.is_preview,
        });
        Ok(())
    }
}

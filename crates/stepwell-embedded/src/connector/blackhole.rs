//! `blackhole`: a sink that discards rows.

use arrow::record_batch::RecordBatch;
use stepwell_arroyo::SqlDiagnostic;

use super::declaration::{Connector, Declaration};
use super::sink::{Sink, SinkConnector};
use crate::format::JsonRows;
use crate::run::{ExecutionError, Output};

pub(super) fn declare(declaration: &mut Declaration<'_>) -> Result<Connector, SqlDiagnostic> {
    declaration.expect_sink()?;
    Ok(Connector::sink(Blackhole))
}

#[derive(Debug)]
struct Blackhole;

impl SinkConnector for Blackhole {
    fn node(&self) -> (&'static str, &'static str) {
        ("blackhole", "Blackhole")
    }

    fn sink(&self) -> Box<dyn Sink> {
        Box::new(Self)
    }
}

impl Sink for Blackhole {
    /// Costs nothing: the text is not needed.
    fn encode(&self, rows: &RecordBatch) -> Result<JsonRows, ExecutionError> {
        Ok(JsonRows::new("", rows.num_rows()))
    }

    fn write(&mut self, _rows: JsonRows, _output: &mut Output) -> Result<(), ExecutionError> {
        Ok(())
    }
}

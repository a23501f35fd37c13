//! The contract of sinks.

use std::{
    fmt,
    future::{self, Future},
    path::{Path, PathBuf},
    pin::Pin,
};

use arrow::record_batch::RecordBatch;

use crate::format::{JsonRows, json};
use crate::run::{ExecutionError, Output};

/// A sink as a table declares it.
pub(crate) trait SinkConnector: fmt::Debug + Send + Sync {
    /// The operator and the description of its node in the graph, as Arroyo has them.
    fn node(&self) -> (&'static str, &'static str);

    /// The file that it writes. Tables with the same operator and file share one sink.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// The sink, which is not open yet.
    fn sink(&self) -> Box<dyn Sink>;
}

/// Resolves once what was written would survive a power cut.
pub(crate) type Synced = Pin<Box<dyn Future<Output = Result<(), ExecutionError>> + Send>>;

/// A running sink. One without a position needs to implement only [`write`](Self::write).
pub(crate) trait Sink: fmt::Debug + Send + Sync {
    /// The text of rows. This fails before anything is written if a value has none.
    fn encode(&self, rows: &RecordBatch) -> Result<JsonRows, ExecutionError> {
        let text = json::encode(rows).map_err(|error| ExecutionError::sql(&error))?;
        Ok(JsonRows::new(text, rows.num_rows()))
    }

    /// Writes rows. Rows that are to be printed are added to the output.
    fn write(&mut self, rows: JsonRows, output: &mut Output) -> Result<(), ExecutionError>;

    /// How much was written, for a sink that resumes from there.
    fn position(&self) -> Option<u64> {
        None
    }

    /// Sets the position of a checkpoint, before the sink is opened.
    fn resume(&mut self, _position: u64) {}

    /// Opens it, and changes nothing yet. `read`: the files that the query reads.
    fn open(&mut self, _read: &[PathBuf]) -> Result<(), ExecutionError> {
        Ok(())
    }

    /// Removes what is after the position. This is done once all sinks are open: a query that cannot run changes nothing.
    fn cut(&mut self) -> Result<(), ExecutionError> {
        Ok(())
    }

    fn sync(&self) -> Synced {
        Box::pin(future::ready(Ok(())))
    }
}

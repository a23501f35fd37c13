//! The sinks of a run.

use std::path::PathBuf;

use arrow::record_batch::RecordBatch;

use super::error::ExecutionError;
use super::output::Output;
use super::program::Parts;
use crate::connector::Sink;
use crate::format::JsonRows;

/// Rows that have arrived at sinks, with the numbers of these.
pub(super) type Arrived = Vec<(usize, RecordBatch)>;

/// The same rows as text.
pub(super) type Encoded = Vec<(usize, JsonRows)>;

#[derive(Debug)]
pub(super) struct Sinks(Vec<Box<dyn Sink>>);

impl Sinks {
    /// The sinks, which are not open yet. `positions`: of those that have one, in their order.
    pub(super) fn new(parts: &Parts, positions: &[u64]) -> Self {
        let mut positions = positions.iter();
        let sinks = parts.sinks.iter().map(|connector| {
            let mut sink = connector.sink();
            if sink.position().is_some() {
                sink.resume(positions.next().copied().unwrap_or_default());
            }
            sink
        });
        Self(sinks.collect())
    }

    pub(super) fn open(&mut self, parts: &Parts) -> Result<(), ExecutionError> {
        let read = parts.sources.iter().map(|source| source.connector.path());
        let read: Vec<_> = read.flatten().map(PathBuf::from).collect();
        for sink in &mut self.0 {
            sink.open(&read)?;
        }
        self.0.iter_mut().try_for_each(|sink| sink.cut())
    }

    /// The text of rows. This fails, before anything is written, if a value has none.
    pub(super) fn encode(&self, arrived: Arrived) -> Result<Encoded, ExecutionError> {
        let mut encoded = Vec::with_capacity(arrived.len());
        for (number, batch) in arrived {
            if let Some(sink) = self.0.get(number) {
                encoded.push((number, sink.encode(&batch)?));
            }
        }
        Ok(encoded)
    }

    /// Writes rows. `rows_in`: how many rows were read for them.
    pub(super) fn write(
        &mut self,
        encoded: Encoded,
        rows_in: usize,
    ) -> Result<Output, ExecutionError> {
        let mut output = Output {
            rows_in: rows_in as u64,
            ..Output::default()
        };
        for (number, rows) in encoded {
            if let Some(sink) = self.0.get_mut(number) {
                output.rows_out += rows.count() as u64;
                sink.write(rows, &mut output)?;
            }
        }
        Ok(output)
    }

    pub(super) async fn sync(&self) -> Result<(), ExecutionError> {
        for sink in &self.0 {
            sink.sync().await?;
        }
        Ok(())
    }

    /// The positions of the sinks that have one.
    pub(super) fn positions(&self) -> Vec<u64> {
        self.0.iter().filter_map(|sink| sink.position()).collect()
    }
}

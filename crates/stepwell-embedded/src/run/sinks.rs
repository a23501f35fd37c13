//! The sinks of a run.

use std::path::PathBuf;

use arrow::record_batch::RecordBatch;

use super::error::ExecutionError;
use super::output::Output;
use super::program::Parts;
use crate::connector::Sink;

/// Rows that have arrived at sinks, with the numbers of these.
pub(super) type Arrived = Vec<(usize, RecordBatch)>;

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

    /// Writes rows. `rows_in`: how many rows were read for them.
    pub(super) fn write(
        &mut self,
        arrived: Arrived,
        rows_in: usize,
    ) -> Result<Output, ExecutionError> {
        let mut output = Output {
            rows_in: rows_in as u64,
            ..Output::default()
        };
        for (number, batch) in arrived {
            if let Some(sink) = self.0.get_mut(number) {
                sink.write(&batch, &mut output)?;
                output.rows_out += batch.num_rows() as u64;
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

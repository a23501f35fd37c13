//! A run of a program: one loop that its owner drives.
//!
//! [`Execution::next`] reads from the source that is due and pushes the rows through. Between two calls, [`Execution::checkpoint`] is
//! exactly the effect of all rows given so far. That is why one loop drives all subtasks of all operators: there is no barrier to align,
//! and nothing is in flight between two calls.

use std::{future, sync::Arc};

use arrow::{array::Int64Array, record_batch::RecordBatch};
use tokio::task::consume_budget;
use tokio::time::sleep_until;

use super::error::ExecutionError;
use super::event_time::END;
use super::operators::Operators;
use super::output::{Dropped, Output, Printed};
use super::program::{Parts, Program};
use super::sinks::{Arrived, Encoded, Sinks};
use super::state::{self, Kept};
use super::subtasks::{NextRead, Subtasks};

/// A running program.
#[derive(Debug)]
pub(crate) struct Execution {
    parts: Arc<Parts>,
    subtasks: Subtasks,
    operators: Operators,
    sinks: Sinks,
    /// Printed rows that the owner could not write; part of a checkpoint.
    pub(crate) unwritten: Vec<Printed>,
    is_open: bool,
}

impl Program {
    /// Starts a run, from the beginning or from a checkpoint's state.
    pub(crate) fn execute(&self, state: Option<&[Vec<u8>]>) -> Result<Execution, ExecutionError> {
        Execution::new(&self.0, state).map_err(|error| error.shown(&self.0.query))
    }
}

impl Execution {
    fn new(parts: &Arc<Parts>, state: Option<&[Vec<u8>]>) -> Result<Self, ExecutionError> {
        let has_state = state.is_some();
        let kept = state.map(Kept::decode).transpose()?.unwrap_or_default();
        Ok(Self {
            subtasks: Subtasks::new(parts, &kept)?,
            operators: Operators::new(parts, has_state.then_some(&kept.windows))?,
            sinks: Sinks::new(parts, &kept.files),
            unwritten: kept.unwritten,
            parts: Arc::clone(parts),
            is_open: false,
        })
    }

    /// What the next rows lead to, once they are due; `None` at the end. A program without subtasks has no end.
    ///
    /// Cancel safe: a call that is dropped has done nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Output>, ExecutionError> {
        let next = self.advance().await;
        next.map_err(|error| error.shown(&self.parts.query))
    }

    /// A checkpoint: the effect of all rows given so far. What was written to files would survive a power cut.
    ///
    /// Cancel safe: a call that is dropped has only synced files.
    pub(crate) async fn checkpoint(&mut self) -> Result<Vec<Vec<u8>>, ExecutionError> {
        self.sync().await?;
        let sources = self.subtasks.kept(self.parts.sources.len());
        let header = state::header(sources, self.sinks.positions(), &self.unwritten)?;
        let mut state = vec![header];
        state.extend(self.operators.states()?);
        self.subtasks.checkpointed();
        Ok(state)
    }

    /// Waits until what was written to files would survive a power cut.
    pub(crate) async fn sync(&mut self) -> Result<(), ExecutionError> {
        self.open()?;
        self.sinks.sync().await
    }

    /// The rows that sources have skipped and that no output has told of.
    pub(crate) fn dropped(&mut self) -> Vec<Dropped> {
        self.subtasks.all_dropped(&self.parts)
    }

    async fn advance(&mut self) -> Result<Option<Output>, ExecutionError> {
        self.open()?;
        if self.operators.has_due_windows() {
            consume_budget().await;
            return self.close_windows().map(Some);
        }
        match self.subtasks.next_read() {
            NextRead::From(number, due) => {
                // A source that always has rows must not starve other tasks of the runtime.
                consume_budget().await;
                sleep_until(due).await;
                self.subtasks.had_turn(number);
                let mut output = self.read(number)?;
                output.dropped = self.subtasks.dropped(number, &self.parts);
                output.notices = self.subtasks.notice(number).into_iter().collect();
                output.notices.extend(self.operators.notice());
                output.subtask = self.subtasks.get(number).map_or(0, |subtask| subtask.index);
                Ok(Some(output))
            }
            NextRead::OnCheckpoint => future::pending().await,
            NextRead::End => Ok(None),
        }
    }

    fn open(&mut self) -> Result<(), ExecutionError> {
        if !self.is_open {
            self.sinks.open(&self.parts)?;
            self.subtasks.release_empty();
            self.is_open = true;
        }
        Ok(())
    }

    /// Reads from a subtask and pushes the rows through.
    fn read(&mut self, number: usize) -> Result<Output, ExecutionError> {
        let Some(subtask) = self.subtasks.get_mut(number) else {
            return Ok(Output::default());
        };
        let read = match &mut subtask.source {
            Some(source) => source.take()?,
            None => None,
        };
        let Some(read) = read else {
            subtask.has_ended = true;
            subtask.watermark = END;
            return self.close_windows();
        };
        let rows = read.batch.num_rows();
        match self.put(number, read.batch.clone(), read.times.clone()) {
            Ok(encoded) => self.sinks.write(encoded, rows),
            // A row of the batch fails. The rows before it are given first, as if rows were pushed one by one.
            Err(_) if rows > 1 && self.parts.is_stateless() => {
                self.read_one_by_one(number, &read.batch, read.times.as_ref())
            }
            Err(error) => Err(error),
        }
    }

    fn read_one_by_one(
        &mut self,
        number: usize,
        batch: &RecordBatch,
        times: Option<&Int64Array>,
    ) -> Result<Output, ExecutionError> {
        let mut encoded = Encoded::new();
        for row in 0..batch.num_rows() {
            let times = times.map(|times| times.slice(row, 1));
            match self.put(number, batch.slice(row, 1), times) {
                Ok(rows) => encoded.extend(rows),
                Err(error) if row == 0 => return Err(error),
                Err(_) => {
                    // The failing row comes first in the next call.
                    let subtask = self.subtasks.get_mut(number);
                    if let Some(source) = subtask.and_then(|subtask| subtask.source.as_mut()) {
                        source.keep(row);
                    }
                    return self.sinks.write(encoded, row);
                }
            }
        }
        self.sinks.write(encoded, batch.num_rows())
    }

    /// Pushes rows through; nothing is written yet.
    fn put(
        &mut self,
        number: usize,
        batch: RecordBatch,
        times: Option<Int64Array>,
    ) -> Result<Encoded, ExecutionError> {
        let mut arrived = Arrived::new();
        self.operators
            .put(&mut self.subtasks, number, batch, times, &mut arrived)?;
        self.sinks.encode(arrived)
    }

    fn close_windows(&mut self) -> Result<Output, ExecutionError> {
        let mut arrived = Arrived::new();
        self.operators.close_windows(&self.subtasks, &mut arrived)?;
        let encoded = self.sinks.encode(arrived)?;
        self.sinks.write(encoded, 0)
    }
}

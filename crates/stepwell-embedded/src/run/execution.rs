//! A run of a program: one loop that its owner drives.
//!
//! [`Execution::next`] takes rows from the source that is due and puts them through; between two calls
//! [`Execution::checkpoint`] is exactly the effect of all rows given so far, and of none beyond. That is why all subtasks of all
//! operators are driven by one loop: there is no barrier to align, and nothing under way between two calls.

mod state;

use std::{collections::BTreeSet, future, path::PathBuf, sync::Arc};

use arrow::{array::Int64Array, record_batch::RecordBatch};
use tokio::time::{Instant, sleep_until};

use crate::connector::Connector;
use crate::connector::single_file::sink::FileSink;
use crate::connector::sink::Sink;
use crate::connector::source::{Due, Source};
use crate::run::error::ExecutionError;
use crate::run::event_time::{BEGINNING, END, TimedBatch};
use crate::run::output::{Dropped, Output, Printed};
use crate::run::program::{Next, Operator, OperatorKind, Parts, Program, SinkPlan};
use crate::run::window::Windows;

/// So many windows at most are closed before a stop or a checkpoint has its turn.
const WINDOWS_AT_ONCE: usize = 1000;

/// A program under way.
#[derive(Debug)]
pub(crate) struct Execution {
    parts: Arc<Parts>,
    subtasks: Vec<Subtask>,
    /// Of each operator that has windows.
    windows: Vec<Option<Windows>>,
    sinks: Vec<Sink>,
    /// Printed rows that the owner could not write; part of a checkpoint.
    pub(crate) unwritten: Vec<Printed>,
    /// Where the search for a source that is due begins, so that each has its turn.
    turn: usize,
    is_open: bool,
    /// Whether there may be windows left that the watermarks allow to be closed.
    has_due_windows: bool,
}

/// One subtask of a source.
#[derive(Debug)]
struct Subtask {
    /// The number of the source.
    of: usize,
    index: u32,
    /// None: it has nothing to read.
    source: Option<Source>,
    has_ended: bool,
    watermark: i64,
}

impl Subtask {
    fn due(&self) -> Option<Due> {
        self.source
            .as_ref()
            .filter(|_| !self.has_ended)
            .map(Source::due)
    }
}

/// Rows that have come to a sink.
type Arrived = Vec<(usize, RecordBatch)>;

impl Program {
    /// A run, from the beginning or from a state.
    pub(crate) fn execute(&self, state: Option<&[Vec<u8>]>) -> Result<Execution, ExecutionError> {
        Execution::new(&self.0, state).map_err(|error| error.shown(&self.0.query))
    }
}

impl Execution {
    fn new(parts: &Arc<Parts>, state: Option<&[Vec<u8>]>) -> Result<Self, ExecutionError> {
        let has_state = state.is_some();
        let state = state
            .map(state::Kept::decode)
            .transpose()?
            .unwrap_or_default();
        let mut subtasks = Vec::new();
        for (of, plan) in parts.sources.iter().enumerate() {
            for index in 0..parts.parallelism {
                let kept = state.subtask(of, index);
                subtasks.push(Subtask {
                    of,
                    index,
                    has_ended: false,
                    source: Source::new(&plan.connector, index, kept.map(|kept| kept.source)),
                    watermark: kept.map_or(BEGINNING, |kept| kept.watermark),
                });
            }
        }
        let is_window = |operator: &&Operator| matches!(operator.kind, OperatorKind::Window { .. });
        if has_state && state.windows.len() != parts.operators.iter().filter(is_window).count() {
            return Err(ExecutionError::unreadable(&"it is of another query"));
        }
        let mut windows = Vec::with_capacity(parts.operators.len());
        let mut kept = state.windows.iter();
        for operator in &parts.operators {
            windows.push(match &operator.kind {
                OperatorKind::Step(_) => None,
                OperatorKind::Window {
                    tumbling, input, ..
                } => {
                    let mut windows = Windows::new(tumbling, input)
                        .map_err(|error| ExecutionError::sql(&error))?;
                    if let Some(kept) = kept.next() {
                        windows
                            .restore(kept)
                            .map_err(|error| ExecutionError::unreadable(&error))?;
                    }
                    Some(windows)
                }
            });
        }
        let mut lengths = state.files.iter();
        let sinks = parts.sinks.iter().map(|plan| match plan {
            SinkPlan::Preview => Sink::Print { is_preview: true },
            SinkPlan::Stdout => Sink::Print { is_preview: false },
            SinkPlan::Forget => Sink::Forget,
            SinkPlan::File(file) => Sink::File(FileSink::new(
                file,
                lengths.next().copied().unwrap_or_default(),
            )),
        });
        Ok(Self {
            sinks: sinks.collect(),
            unwritten: state.unwritten,
            parts: Arc::clone(parts),
            subtasks,
            windows,
            turn: 0,
            is_open: false,
            has_due_windows: !state.windows.is_empty(),
        })
    }

    /// What comes of the next rows, when they are due; `None` at the end. A program without subtasks has no end.
    ///
    /// Cancel safe: a call that is dropped has done nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Output>, ExecutionError> {
        let next = self.advance().await;
        next.map_err(|error| error.shown(&self.parts.query))
    }

    async fn advance(&mut self) -> Result<Option<Output>, ExecutionError> {
        self.open()?;
        if self.has_due_windows {
            tokio::task::consume_budget().await;
            let mut arrived = Arrived::new();
            self.close_windows(&mut arrived)?;
            return self.deliver(arrived, 0).map(Some);
        }
        let (mut first, mut waiting) = (None::<(Instant, usize)>, self.subtasks.is_empty());
        for offset in 0..self.subtasks.len() {
            let number = (self.turn + offset) % self.subtasks.len();
            match self.subtasks.get(number).and_then(Subtask::due) {
                Some(Due::OnCheckpoint) => waiting = true,
                Some(Due::At(due)) if first.is_none_or(|(earliest, _)| due < earliest) => {
                    first = Some((due, number));
                }
                Some(Due::At(_)) | None => {}
            }
        }
        match first {
            Some((due, number)) => {
                // A source that always has rows leaves others of the runtime their turn.
                tokio::task::consume_budget().await;
                sleep_until(due).await;
                self.turn = number + 1;
                let mut output = self.take(number)?;
                output.dropped = self.dropped(number);
                output.subtask = self.subtasks.get(number).map_or(0, |subtask| subtask.index);
                Ok(Some(output))
            }
            None if waiting => future::pending().await,
            None => Ok(None),
        }
    }

    fn open(&mut self) -> Result<(), ExecutionError> {
        if self.is_open {
            return Ok(());
        }
        let read = self
            .parts
            .sources
            .iter()
            .filter_map(|source| match &source.connector {
                Connector::SingleFile(file) => Some(file.path.clone()),
                _ => None,
            });
        let read: Vec<PathBuf> = read.collect();
        for sink in &mut self.sinks {
            if let Sink::File(file) = sink {
                file.open(&read)?;
            }
        }
        for sink in &mut self.sinks {
            if let Sink::File(file) = sink {
                file.cut()?;
            }
        }
        self.is_open = true;
        // Subtasks that have nothing to read hold no window open.
        for subtask in &mut self.subtasks {
            if subtask.source.is_none() {
                subtask.watermark = END;
            }
        }
        Ok(())
    }

    fn take(&mut self, number: usize) -> Result<Output, ExecutionError> {
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
            let mut arrived = Arrived::new();
            self.close_windows(&mut arrived)?;
            return self.deliver(arrived, 0);
        };
        let rows = read.batch.num_rows();
        let mut arrived = Arrived::new();
        match self.put(number, read.batch.clone(), read.times.clone(), &mut arrived) {
            Ok(()) => self.deliver(arrived, rows),
            // A row in the batch fails. Those before it are given first, as if rows went through one by one.
            Err(_) if rows > 1 && self.parts.is_stateless() => {
                self.one_by_one(number, &read.batch, read.times.as_ref())
            }
            Err(error) => Err(error),
        }
    }

    fn dropped(&mut self, number: usize) -> Option<Dropped> {
        let subtask = self.subtasks.get_mut(number)?;
        let (rows, error) = subtask.source.as_mut()?.dropped(subtask.has_ended)?;
        let name = &self.parts.sources.get(subtask.of)?.name;
        Some(Dropped {
            operator: format!("source_{name}_{}", subtask.of),
            rows,
            error,
        })
    }

    fn one_by_one(
        &mut self,
        number: usize,
        batch: &RecordBatch,
        times: Option<&Int64Array>,
    ) -> Result<Output, ExecutionError> {
        let mut arrived = Arrived::new();
        for row in 0..batch.num_rows() {
            let times = times.map(|times| times.slice(row, 1));
            match self.put(number, batch.slice(row, 1), times, &mut arrived) {
                Ok(()) => {}
                Err(error) if row == 0 => return Err(error),
                Err(_) => {
                    // The failing row comes first in the next call.
                    if let Some(source) = self
                        .subtasks
                        .get_mut(number)
                        .and_then(|subtask| subtask.source.as_mut())
                    {
                        source.keep(row);
                    }
                    return self.deliver(arrived, row);
                }
            }
        }
        self.deliver(arrived, batch.num_rows())
    }

    /// Puts rows of a subtask through, and closes the windows that they close.
    fn put(
        &mut self,
        number: usize,
        batch: RecordBatch,
        times: Option<Int64Array>,
        arrived: &mut Arrived,
    ) -> Result<(), ExecutionError> {
        let parts = Arc::clone(&self.parts);
        let Some(subtask) = self.subtasks.get(number) else {
            return Ok(());
        };
        let Some(plan) = parts.sources.get(subtask.of) else {
            return Ok(());
        };
        let batch = match &plan.generated {
            None => batch,
            Some(columns) => columns
                .run(&batch)
                .map_err(|error| ExecutionError::sql(&error))?,
        };
        let (rows, watermark) = plan
            .event_time
            .assign(batch, times, subtask.watermark, !parts.is_stateless())
            .map_err(|error| ExecutionError::sql(&error))?;
        for consumer in &plan.consumers {
            self.push(*consumer, rows.clone(), Some(number), arrived)?;
        }
        if let Some(subtask) = self.subtasks.get_mut(number) {
            subtask.watermark = watermark;
        }
        self.close_windows(arrived)
    }

    /// Puts rows through the operators from `next` on. `from`: the subtask that they are from; none: they are those of a window.
    fn push(
        &mut self,
        mut next: Next,
        mut rows: TimedBatch,
        from: Option<usize>,
        arrived: &mut Arrived,
    ) -> Result<(), ExecutionError> {
        let parts = Arc::clone(&self.parts);
        loop {
            if rows.batch.num_rows() == 0 {
                return Ok(());
            }
            let operator = match next {
                Next::Sink(number) => {
                    arrived.push((number, rows.batch));
                    return Ok(());
                }
                Next::Operator(number) => (number, parts.operators.get(number)),
            };
            let (number, Some(operator)) = operator else {
                return Ok(());
            };
            match &operator.kind {
                OperatorKind::Step(step) => {
                    rows = step
                        .run(&rows)
                        .map_err(|error| ExecutionError::sql(&error))?;
                }
                OperatorKind::Window { sources, .. } => {
                    // Rows of a window are never late.
                    let others = from.map_or(BEGINNING, |from| self.watermark(sources, Some(from)));
                    let Some(Some(windows)) = self.windows.get_mut(number) else {
                        return Ok(());
                    };
                    return windows
                        .update(&rows, others)
                        .map_err(|error| ExecutionError::sql(&error));
                }
            }
            next = operator.next;
        }
    }

    /// Closes what the watermarks allow, from the sources on; the rest in further calls, if it is much.
    fn close_windows(&mut self, arrived: &mut Arrived) -> Result<(), ExecutionError> {
        let parts = Arc::clone(&self.parts);
        let mut most = WINDOWS_AT_ONCE;
        for (number, operator) in parts.operators.iter().enumerate().rev() {
            let OperatorKind::Window { sources, .. } = &operator.kind else {
                continue;
            };
            let watermark = self.watermark(sources, None);
            let Some(Some(windows)) = self.windows.get_mut(number) else {
                continue;
            };
            let closed = windows
                .close(watermark, most)
                .map_err(|error| ExecutionError::sql(&error))?;
            most -= closed.windows;
            for rows in closed.batches {
                self.push(operator.next, rows, None, arrived)?;
            }
            // What is further from the sources waits for the rows of all of these.
            if most == 0 {
                self.has_due_windows = true;
                return Ok(());
            }
        }
        self.has_due_windows = false;
        Ok(())
    }

    /// The least watermark of the subtasks of these sources, but for one.
    fn watermark(&self, sources: &BTreeSet<usize>, without: Option<usize>) -> i64 {
        let subtasks = self.subtasks.iter().enumerate();
        let counted = subtasks
            .filter(|(number, subtask)| sources.contains(&subtask.of) && Some(*number) != without);
        counted
            .map(|(_, subtask)| subtask.watermark)
            .min()
            .unwrap_or(END)
    }

    fn deliver(&mut self, arrived: Arrived, rows_in: usize) -> Result<Output, ExecutionError> {
        let mut output = Output {
            rows_in: rows_in as u64,
            ..Output::default()
        };
        for (number, batch) in arrived {
            if let Some(sink) = self.sinks.get_mut(number) {
                sink.write(&batch, &mut output)?;
                output.rows_out += batch.num_rows() as u64;
            }
        }
        Ok(output)
    }
}

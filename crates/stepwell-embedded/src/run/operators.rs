//! The operators of a run: rows are pushed through them from the sources to the sinks.

use std::sync::Arc;

use arrow::{array::Int64Array, record_batch::RecordBatch};

use super::error::ExecutionError;
use super::event_time::{BEGINNING, TimedBatch, clock_notice, now};
use super::program::{Next, OperatorKind, Parts};
use super::sinks::Arrived;
use super::subtasks::Subtasks;
use super::window::Windows;

/// The most windows that are closed before a stop or a checkpoint has its turn.
const WINDOWS_AT_ONCE: usize = 1000;

#[derive(Debug)]
pub(super) struct Operators {
    parts: Arc<Parts>,
    /// By operator; `None`: it is a step, which has no state.
    windows: Vec<Option<Windows>>,
    /// Whether there may be more windows that the watermarks allow to be closed.
    has_due_windows: bool,
    /// What is to be said about a clock that was set back, and whether it was.
    notice: Option<String>,
    is_clock_behind: bool,
}

impl Operators {
    /// The operators from the beginning, or with the windows of a checkpoint.
    pub(super) fn new(
        parts: &Arc<Parts>,
        kept: Option<&[Vec<u8>]>,
    ) -> Result<Self, ExecutionError> {
        let mut windows = Vec::with_capacity(parts.operators.len());
        let mut states = kept.unwrap_or_default().iter();
        let mut is_other_query = false;
        for operator in &parts.operators {
            windows.push(match &operator.kind {
                OperatorKind::Step(_) => None,
                OperatorKind::Window {
                    tumbling, input, ..
                } => {
                    let mut windows = Windows::new(tumbling, input)
                        .map_err(|error| ExecutionError::sql(&error))?;
                    match states.next() {
                        Some(state) => windows
                            .restore(state)
                            .map_err(|error| ExecutionError::unreadable(&error))?,
                        None => is_other_query |= kept.is_some(),
                    }
                    Some(windows)
                }
            });
        }
        if is_other_query || states.next().is_some() {
            return Err(ExecutionError::unreadable(&"it is of another query"));
        }
        Ok(Self {
            parts: Arc::clone(parts),
            windows,
            has_due_windows: kept.is_some_and(|kept| !kept.is_empty()),
            notice: None,
            is_clock_behind: false,
        })
    }

    /// What there is to warn of.
    pub(super) fn notice(&mut self) -> Option<String> {
        self.notice.take()
    }

    pub(super) fn has_due_windows(&self) -> bool {
        self.has_due_windows
    }

    /// Pushes rows of a subtask through, and closes the windows that its new watermark allows.
    pub(super) fn put(
        &mut self,
        subtasks: &mut Subtasks,
        number: usize,
        batch: RecordBatch,
        times: Option<Int64Array>,
        arrived: &mut Arrived,
    ) -> Result<(), ExecutionError> {
        let parts = Arc::clone(&self.parts);
        let Some(subtask) = subtasks.get(number) else {
            return Ok(());
        };
        let Some(plan) = parts.sources.get(subtask.of) else {
            return Ok(());
        };
        let batch = match &plan.table.generated {
            None => batch,
            Some(columns) => columns
                .run(&batch)
                .map_err(|error| ExecutionError::sql(&error))?,
        };
        let is_of_clock = plan.table.event_time.time.is_none() && times.is_none();
        if is_of_clock && !parts.is_stateless() && !self.is_clock_behind {
            self.notice = clock_notice(now(), subtask.watermark);
            self.is_clock_behind = self.notice.is_some();
        }
        let (rows, watermark) = plan
            .table
            .event_time
            .assign(batch, times, subtask.watermark, !parts.is_stateless())
            .map_err(|error| ExecutionError::sql(&error))?;
        for consumer in &plan.consumers {
            self.push(subtasks, *consumer, rows.clone(), Some(number), arrived)?;
        }
        if let Some(subtask) = subtasks.get_mut(number) {
            subtask.watermark = watermark;
        }
        self.close_windows(subtasks, arrived)
    }

    /// Pushes rows through the operators from `next` on. `from`: the subtask that they are from; `None`: they are from a window.
    fn push(
        &mut self,
        subtasks: &Subtasks,
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
                    let others =
                        from.map_or(BEGINNING, |from| subtasks.watermark(sources, Some(from)));
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

    /// Closes the windows that the watermarks allow, from the sources on. If there are many, further calls close the rest.
    pub(super) fn close_windows(
        &mut self,
        subtasks: &Subtasks,
        arrived: &mut Arrived,
    ) -> Result<(), ExecutionError> {
        let parts = Arc::clone(&self.parts);
        let mut most = WINDOWS_AT_ONCE;
        for (number, operator) in parts.operators.iter().enumerate().rev() {
            let OperatorKind::Window { sources, .. } = &operator.kind else {
                continue;
            };
            let watermark = subtasks.watermark(sources, None);
            let Some(Some(windows)) = self.windows.get_mut(number) else {
                continue;
            };
            let closed = windows
                .close(watermark, most)
                .map_err(|error| ExecutionError::sql(&error))?;
            most -= closed.windows;
            for rows in closed.batches {
                self.push(subtasks, operator.next, rows, None, arrived)?;
            }
            // Windows further from the sources wait for the rows of all of these.
            if most == 0 {
                self.has_due_windows = true;
                return Ok(());
            }
        }
        self.has_due_windows = false;
        Ok(())
    }

    /// The open windows of each operator that has some, as a checkpoint keeps them.
    pub(super) fn states(&mut self) -> Result<Vec<Vec<u8>>, ExecutionError> {
        let windows = self.windows.iter_mut().flatten();
        windows
            .map(|windows| windows.state().map_err(|error| ExecutionError::sql(&error)))
            .collect()
    }
}

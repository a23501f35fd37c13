//! Batches of rows, and what their numbers reveal about missed ones.

use std::{collections::HashMap, fmt};

use stepwell_arroyo::RowBatch;

/// The number of subtasks that are tracked for missed rows.
const SUBTASKS: usize = 10_000;

/// Rows of a running pipeline. `Debug` shows only their number.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rows {
    /// Each row as JSON on one line, with all digits of its numbers as the server wrote them.
    pub rows: Vec<String>,
    /// How many rows before these are known to have been missed.
    pub missed: u64,
    /// Whether some of these rows may be repeats: a job that recovers goes back to its last checkpoint.
    pub may_repeat: bool,
}

/// The row numbers of each subtask.
pub(super) struct Numbers {
    /// Whether the stream covers the job from its start, so that rows missing at the beginning count as missed.
    from_the_start: bool,
    /// The next expected row number of each subtask.
    next_ids: HashMap<(String, u32), u64>,
}

impl Numbers {
    pub(super) fn new(from_the_start: bool) -> Self {
        Self {
            from_the_start,
            next_ids: HashMap::new(),
        }
    }

    pub(super) fn take(&mut self, batch: RowBatch) -> Rows {
        let RowBatch {
            operator_id,
            subtask,
            start_id,
            rows,
            ..
        } = batch;
        let subtask = (operator_id, subtask);
        let next_id = start_id.saturating_add(rows.len() as u64);
        let expected = self.next_ids.get(&subtask).copied();
        if expected.is_some() || self.next_ids.len() < SUBTASKS {
            self.next_ids.insert(subtask, next_id);
        }
        let expected = expected.or(self.from_the_start.then_some(0));
        Rows {
            rows,
            missed: expected.map_or(0, |expected| start_id.saturating_sub(expected)),
            may_repeat: expected.is_some_and(|expected| start_id < expected),
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Rows")
            .field("rows", &self.rows.len())
            .field("missed", &self.missed)
            .field("may_repeat", &self.may_repeat)
            .finish()
    }
}

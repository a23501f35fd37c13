//! The impulse source: a counter that goes up at a steady rate.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use arrow::{
    array::{Int64Array, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    record_batch::RecordBatch,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::connector::source::Read;
use crate::run::event_time;

/// Rows that are due within this time are given at once.
const QUANTUM: Duration = Duration::from_millis(10);

/// So many rows at most are given at once.
const LARGEST_BATCH: u64 = 8192;

/// A source that has fallen behind for longer than this does not make up for it.
const LARGEST_LAG: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Impulse {
    /// Of all subtasks together.
    pub(crate) events_per_second: f64,
    pub(crate) subtasks: u32,
    /// Of each subtask, as in Arroyo.
    pub(crate) message_count: Option<NonZeroU64>,
    /// A message count of zero.
    pub(crate) empty: bool,
    /// Nanoseconds from the event time of a row to that of the next; none: the time at which it comes.
    pub(crate) event_time_interval: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImpulseState {
    counter: u64,
    /// The event time of row 0, if rows have an interval.
    started: i64,
}

/// The source of one subtask, under way.
#[derive(Debug)]
pub(crate) struct ImpulseSource {
    subtask: u64,
    state: ImpulseState,
    event_time_interval: Option<u64>,
    end: Option<u64>,
    period: Duration,
    schema: SchemaRef,
    /// When row `first` was due, and how many have been given since.
    origin: Instant,
    given: u64,
    last: Option<Instant>,
    /// How many rows were given last.
    last_rows: u64,
}

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("counter", DataType::UInt64, false),
        Field::new("subtask_index", DataType::UInt64, false),
    ]))
}

impl Impulse {
    pub(crate) fn is_bounded(&self) -> bool {
        self.message_count.is_some() || self.empty
    }

    pub(crate) fn source(&self, subtask: u32, state: Option<ImpulseState>) -> ImpulseSource {
        let per_subtask = self.events_per_second / f64::from(self.subtasks);
        // A rate so low or so high that its period is no duration is as good as one of these.
        let period = Duration::try_from_secs_f64(1.0 / per_subtask).unwrap_or(Duration::MAX / 4);
        ImpulseSource {
            subtask: u64::from(subtask),
            state: state.unwrap_or_else(|| ImpulseState {
                counter: 0,
                started: event_time::now(),
            }),
            event_time_interval: self.event_time_interval,
            end: if self.empty {
                Some(0)
            } else {
                self.message_count.map(NonZeroU64::get)
            },
            period: period.max(Duration::from_nanos(1)),
            schema: schema(),
            origin: Instant::now(),
            given: 0,
            last: None,
            last_rows: 0,
        }
    }
}

impl ImpulseSource {
    pub(crate) fn state(&self) -> ImpulseState {
        self.state
    }

    /// Takes all but the first rows of the last batch back; they are due at once.
    pub(crate) fn keep(&mut self, rows: u64) {
        let back = self.last_rows.saturating_sub(rows);
        self.state.counter = self.state.counter.saturating_sub(back);
        self.given = self.given.saturating_sub(back);
        self.last_rows -= back;
    }

    fn left(&self) -> u64 {
        self.end
            .map_or(u64::MAX, |end| end.saturating_sub(self.state.counter))
    }

    /// When the next rows are to be taken; at the end that is now.
    pub(crate) fn wake(&self) -> Instant {
        if self.left() == 0 {
            return self.origin;
        }
        let due = self.due(self.given);
        match self.last {
            // After a full batch more may be due already.
            Some(last) if self.period < QUANTUM && self.last_rows < LARGEST_BATCH => {
                due.max(last + QUANTUM)
            }
            _ => due,
        }
    }

    /// The rows that are due, at least one; `None` at the end.
    pub(crate) fn take(&mut self) -> Result<Option<Read>, ArrowError> {
        let left = self.left();
        if left == 0 {
            return Ok(None);
        }
        let now = Instant::now();
        if now.saturating_duration_since(self.wake()) > LARGEST_LAG {
            self.origin = now;
            self.given = 0;
        }
        self.last = Some(now);
        let due = self
            .due_by(now)
            .saturating_sub(self.given)
            .clamp(1, LARGEST_BATCH.min(left));
        let from = self.state.counter;
        let counters = UInt64Array::from_iter_values(from..from + due);
        let subtasks = UInt64Array::from_value(self.subtask, counters.len());
        let times = self.event_time_interval.map(|interval| {
            let time = |counter| event_time::after(self.state.started, interval, counter);
            Int64Array::from_iter_values((from..from + due).map(time))
        });
        let batch = RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(counters), Arc::new(subtasks)],
        )?;
        self.given += due;
        self.state.counter += due;
        self.last_rows = due;
        Ok(Some(Read { batch, times }))
    }

    /// When a row is due.
    fn due(&self, row: u64) -> Instant {
        let nanos = self.period.as_nanos().saturating_mul(u128::from(row));
        let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4));
        self.origin.checked_add(since).unwrap_or(self.origin)
    }

    /// How many rows are due by then.
    fn due_by(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(since / self.period.as_nanos().max(1)).unwrap_or(u64::MAX - 1) + 1
    }
}

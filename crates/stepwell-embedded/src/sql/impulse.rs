//! The impulse source: a counter that goes up at a steady rate.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use arrow::{
    array::UInt64Array,
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    record_batch::RecordBatch,
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

/// Rows that are due within this time are given at once.
const QUANTUM: Duration = Duration::from_millis(10);

/// So many rows at most are given at once.
const LARGEST_BATCH: u64 = 8192;

/// A source that has fallen behind for longer than this does not make up for it.
const LARGEST_LAG: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Impulse {
    /// Of all subtasks together.
    pub(super) events_per_second: f64,
    pub(super) subtasks: u32,
    /// Of each subtask, as in Arroyo.
    pub(super) message_count: Option<NonZeroU64>,
    /// A message count of zero.
    pub(super) empty: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImpulseState {
    pub(super) counter: u64,
}

/// The source of one subtask, under way.
#[derive(Debug)]
pub(super) struct ImpulseSource {
    subtask: u64,
    state: ImpulseState,
    end: Option<u64>,
    period: Duration,
    schema: SchemaRef,
    /// When row `first` was due, and how many have been given since.
    origin: Instant,
    given: u64,
    last: Option<Instant>,
}

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("counter", DataType::UInt64, false),
        Field::new("subtask_index", DataType::UInt64, false),
    ]))
}

impl Impulse {
    pub(super) fn is_bounded(&self) -> bool {
        self.message_count.is_some() || self.empty
    }

    pub(super) fn source(&self, subtask: u32, state: ImpulseState) -> ImpulseSource {
        let per_subtask = self.events_per_second / f64::from(self.subtasks);
        // A rate so low or so high that its period is no duration is as good as one of these.
        let period = Duration::try_from_secs_f64(1.0 / per_subtask).unwrap_or(Duration::MAX / 4);
        ImpulseSource {
            subtask: u64::from(subtask),
            state,
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
        }
    }
}

impl ImpulseSource {
    pub(super) fn state(&self) -> ImpulseState {
        self.state
    }

    /// Goes back to a row that has been given and did not go through; it is due at once.
    pub(super) fn rewind(&mut self, counter: u64) {
        let back = self.state.counter.saturating_sub(counter);
        self.state.counter = counter;
        self.given = self.given.saturating_sub(back);
    }

    /// The next rows when they are due; `None` at the end. Cancel safe: nothing changes before the last await.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let left = self
            .end
            .map_or(u64::MAX, |end| end.saturating_sub(self.state.counter));
        if left == 0 {
            return Ok(None);
        }
        let mut wake = self.due(self.given);
        if self.period < QUANTUM
            && let Some(last) = self.last
        {
            wake = wake.max(last + QUANTUM);
        }
        sleep_until(wake).await;

        let now = Instant::now();
        if now.saturating_duration_since(wake) > LARGEST_LAG {
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
        let batch = RecordBatch::try_new(
            Arc::clone(&self.schema),
            vec![Arc::new(counters), Arc::new(subtasks)],
        )?;
        self.given += due;
        self.state.counter += due;
        Ok(Some(batch))
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

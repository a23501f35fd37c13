//! `impulse`: a source that counts up at a steady rate.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use arrow::{
    array::{Int64Array, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};
use serde::Deserialize;
use serde_json::json;
use stepwell_arroyo::SqlDiagnostic;
use tokio::time::Instant;

use super::declaration::{Connector, Declaration};
use super::source::{Due, Position, Read, Source, SourceConnector};
use crate::plan::diagnostic::planning_at;
use crate::run::{ExecutionError, event_time};

const NAME: &str = "impulse";

/// Rows that are due within this time are given together.
const QUANTUM: Duration = Duration::from_millis(10);

/// The most rows in one batch.
const LARGEST_BATCH: u64 = 8192;

/// A source that has fallen further behind than this does not catch up.
const LARGEST_LAG: Duration = Duration::from_secs(1);

pub(super) fn declare(declaration: &mut Declaration<'_>) -> Result<Connector, SqlDiagnostic> {
    let Declaration {
        options,
        parallelism,
        ..
    } = declaration;
    options.expect("type", "source")?;
    let given = options.require("event_rate")?;
    let rate: f64 = given.parse("event_rate", "a number")?;
    if !rate.is_finite() || rate <= 0.0 {
        let message = format!("option 'event_rate' must be greater than 0, and is {rate}");
        return Err(planning_at(&message, given.value));
    }
    let message_count: Option<u64> = options
        .take("message_count")
        .map(|given| given.parse("message_count", "a whole number"))
        .transpose()?;
    let event_time_interval = options
        .take("event_time_interval")
        .map(|given| given.parse("event_time_interval", "a whole number of nanoseconds"))
        .transpose()?;
    Ok(Connector::source(Impulse {
        events_per_second: rate,
        subtasks: (*parallelism).max(1),
        message_count: message_count.and_then(NonZeroU64::new),
        empty: message_count == Some(0),
        event_time_interval,
    }))
}

#[derive(Debug)]
struct Impulse {
    /// The rate of all subtasks together.
    events_per_second: f64,
    subtasks: u32,
    /// How many rows each subtask gives, as in Arroyo.
    message_count: Option<NonZeroU64>,
    /// Whether the message count is zero.
    empty: bool,
    /// Nanoseconds between the event times of two rows; `None`: the event time is the time at which the row is given.
    event_time_interval: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct ImpulseState {
    counter: u64,
    /// The event time of row 0, if rows have an interval.
    started: i64,
}

/// The source of one subtask.
#[derive(Debug)]
struct ImpulseSource {
    subtask: u64,
    state: ImpulseState,
    event_time_interval: Option<u64>,
    end: Option<u64>,
    period: Duration,
    schema: SchemaRef,
    /// When the first row was due, and how many rows were given since.
    origin: Instant,
    given: u64,
    last: Option<Instant>,
    /// How many rows the last batch had.
    last_rows: u64,
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("counter", DataType::UInt64, false),
        Field::new("subtask_index", DataType::UInt64, false),
    ]))
}

impl SourceConnector for Impulse {
    fn node(&self) -> (&'static str, String) {
        let is_bounded = self.message_count.is_some() || self.empty;
        let bounded = if is_bounded { "Bounded" } else { "" };
        let description = format!("{bounded}Impulse<{} eps>", self.events_per_second);
        (NAME, description)
    }

    fn columns(&self, declared: Option<&SchemaRef>) -> Result<SchemaRef, &'static str> {
        match declared {
            None => Ok(schema()),
            Some(_) => Err("an impulse table has its own columns; declare none"),
        }
    }

    fn source(
        &self,
        subtask: u32,
        position: Option<&Position>,
    ) -> Result<Option<Box<dyn Source>>, ExecutionError> {
        let state = position.map(|position| position.read(NAME)).transpose()?;
        Ok(Some(Box::new(self.subtask(subtask, state))))
    }
}

impl Impulse {
    fn subtask(&self, subtask: u32, state: Option<ImpulseState>) -> ImpulseSource {
        let per_subtask = self.events_per_second / f64::from(self.subtasks);
        // The period of an extreme rate is no valid duration; these bounds do as well.
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

impl Source for ImpulseSource {
    fn due(&self) -> Due {
        Due::At(self.wake())
    }

    fn take(&mut self) -> Result<Option<Read>, ExecutionError> {
        // At the end there is none; otherwise at least one row is given.
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
        )
        .map_err(|error| ExecutionError::sql(&error.into()))?;
        self.given += due;
        self.state.counter += due;
        self.last_rows = due;
        Ok(Some(Read { batch, times }))
    }

    fn keep(&mut self, rows: usize) {
        let back = self.last_rows.saturating_sub(rows as u64);
        self.state.counter = self.state.counter.saturating_sub(back);
        self.given = self.given.saturating_sub(back);
        self.last_rows -= back;
    }

    fn position(&self) -> Position {
        let ImpulseState { counter, started } = self.state;
        Position::new(NAME, json!({ "counter": counter, "started": started }))
    }
}

impl ImpulseSource {
    fn left(&self) -> u64 {
        self.end
            .map_or(u64::MAX, |end| end.saturating_sub(self.state.counter))
    }

    /// When the next rows are to be taken; at the end at once.
    fn wake(&self) -> Instant {
        if self.left() == 0 {
            return self.origin;
        }
        let due = self.due(self.given);
        match self.last {
            // After a full batch more rows may already be due.
            Some(last) if self.period < QUANTUM && self.last_rows < LARGEST_BATCH => {
                due.max(last + QUANTUM)
            }
            _ => due,
        }
    }

    /// When a row is due.
    fn due(&self, row: u64) -> Instant {
        let nanos = self.period.as_nanos().saturating_mul(u128::from(row));
        let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 4));
        self.origin.checked_add(since).unwrap_or(self.origin)
    }

    /// How many rows are due by `now`.
    fn due_by(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(since / self.period.as_nanos().max(1)).unwrap_or(u64::MAX - 1) + 1
    }
}

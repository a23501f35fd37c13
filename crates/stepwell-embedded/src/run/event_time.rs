//! Event times and watermarks, in nanoseconds since 1970.
//!
//! A row is late if it is before the preceding watermark. Watermarks advance per row, because batches differ between runs.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use arrow::{
    array::BooleanArray,
    array::{Array as _, AsArray as _, Int64Array},
    compute::{FilterBuilder, cast, max},
    datatypes::{DataType, Int64Type, TimeUnit, TimestampNanosecondType},
    error::ArrowError,
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;
use datafusion_physical_expr::PhysicalExpr;

/// Before all times: there is no promise.
pub(crate) const BEGINNING: i64 = i64::MIN;
/// After all times: no more rows follow.
pub(crate) const END: i64 = i64::MAX;
/// How much older than the newest event time a row may be without a declared watermark, as in Arroyo.
const LATENESS: i64 = 1_000_000_000;

pub(crate) const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// How the event times and watermarks of a table are computed.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventTime {
    /// `None`: the time at which the row is read.
    pub(crate) time: Option<Arc<dyn PhysicalExpr>>,
    /// `None`: a second before the event time.
    pub(crate) watermark: Option<Arc<dyn PhysicalExpr>>,
}

/// Rows with their times.
#[derive(Clone, Debug)]
pub(crate) struct TimedBatch {
    pub(crate) batch: RecordBatch,
    /// `None`: no window needs it.
    pub(crate) timing: Option<Timing>,
}

/// The times of some rows.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// The event time of each row.
    pub(crate) times: Int64Array,
    /// The watermark of the row's source before each row.
    pub(crate) watermarks: Int64Array,
}

impl EventTime {
    /// Gives rows their times and watermarks, if `is_timed`. Also returns the watermark after them.
    pub(crate) fn assign(
        &self,
        batch: RecordBatch,
        times: Option<Int64Array>,
        watermark: i64,
        is_timed: bool,
    ) -> Result<(TimedBatch, i64), DataFusionError> {
        let times = match (&self.time, times) {
            (Some(expression), _) => nanoseconds(expression, &batch)?,
            (None, Some(times)) => times,
            (None, None) => Int64Array::from_value(now(), batch.num_rows()),
        };
        if times.null_count() > 0 {
            return Err(DataFusionError::Execution(
                "the event time of a row is null".to_owned(),
            ));
        }
        let promised = match &self.watermark {
            Some(expression) => Some(nanoseconds(expression, &batch)?),
            None => None,
        };
        let of_time = |time: i64| time.saturating_sub(LATENESS);
        if !is_timed {
            let newest = match &promised {
                Some(promised) => max(promised),
                None => max(&times).map(of_time),
            };
            let after = watermark.max(newest.unwrap_or(BEGINNING));
            let timing = None;
            return Ok((TimedBatch { batch, timing }, after));
        }
        let mut after = watermark;
        let mut before = |promised: i64| {
            let newest = after.max(promised);
            std::mem::replace(&mut after, newest)
        };
        let watermarks = match &promised {
            Some(promised) => promised
                .iter()
                // A row whose watermark is null promises nothing.
                .map(|promised| before(promised.unwrap_or(BEGINNING)))
                .collect::<Vec<_>>(),
            None => times
                .values()
                .iter()
                .map(|time| before(of_time(*time)))
                .collect(),
        };
        let timing = Some(Timing {
            times,
            watermarks: watermarks.into(),
        });
        Ok((TimedBatch { batch, timing }, after))
    }
}

impl TimedBatch {
    /// The rows for which `keep` is true.
    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Self, ArrowError> {
        // The filter is prepared once for all columns.
        let filter = FilterBuilder::new(keep).optimize().build();
        let times = |times: &Int64Array| {
            let times = filter.filter(times)?;
            Ok::<_, ArrowError>(times.as_primitive::<Int64Type>().clone())
        };
        let timing = match &self.timing {
            None => None,
            Some(timing) => Some(Timing {
                times: times(&timing.times)?,
                watermarks: times(&timing.watermarks)?,
            }),
        };
        Ok(Self {
            batch: filter.filter_record_batch(&self.batch)?,
            timing,
        })
    }

    /// The same rows with other columns.
    pub(crate) fn with_columns(&self, batch: RecordBatch) -> Self {
        Self {
            batch,
            timing: self.timing.clone(),
        }
    }
}

fn nanoseconds(
    expression: &Arc<dyn PhysicalExpr>,
    batch: &RecordBatch,
) -> Result<Int64Array, DataFusionError> {
    let values = expression.evaluate(batch)?.into_array(batch.num_rows())?;
    let values = cast(&values, &TIMESTAMP)?;
    let times = values.as_primitive::<TimestampNanosecondType>();
    Ok(times.reinterpret_cast::<Int64Type>())
}

/// Warns of a clock that is behind the watermark that it has set before.
pub(crate) fn clock_notice(now: i64, watermark: i64) -> Option<String> {
    let behind = watermark
        .checked_sub(now)
        .filter(|behind| *behind > 0 && watermark < END)?;
    let seconds = behind / 1_000_000_000 + 1;
    Some(format!(
        "the clock is at least {seconds} s behind the rows that were read before: rows are late, and no window closes, until it has \
         caught up"
    ))
}

/// The current time.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(END)
}

/// The time after `count` intervals.
pub(crate) fn after(start: i64, interval: u64, count: u64) -> i64 {
    let since = i64::try_from(interval.saturating_mul(count)).unwrap_or(END);
    start.saturating_add(since)
}

//! Tumbling windows: rows with the same keys are aggregated by the period of event time that they fall into.
//!
//! A window closes, and its rows are given, once the watermark has reached its end. A row that comes later is dropped, as in Arroyo.

mod floats;
mod groups;
mod state;
mod tumbling;

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt, iter,
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, Int64Array, StructArray},
    datatypes::{SchemaRef, TimestampNanosecondType},
    record_batch::RecordBatch,
    row::{RowConverter, SortField},
};
use datafusion_common::DataFusionError;

use self::groups::{Columns, Groups};
pub(crate) use self::tumbling::{Aggregate, GroupColumn, Tumbling, window_fields};
use crate::run::event_time::{BEGINNING, TimedBatch, Timing};

/// Windows that are closed together give batches of about this many rows.
const CLOSED_ROWS: usize = 8192;

/// The windows that are open.
pub(crate) struct Windows {
    tumbling: Arc<Tumbling>,
    keys: RowConverter,
    /// By the beginning of the window.
    open: BTreeMap<i64, Groups>,
}

/// Windows that were closed.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    pub(crate) windows: usize,
    /// Their rows, window by window.
    pub(crate) batches: Vec<TimedBatch>,
}

impl Windows {
    pub(crate) fn new(
        tumbling: &Arc<Tumbling>,
        input: &SchemaRef,
    ) -> Result<Self, DataFusionError> {
        let keys = tumbling
            .keys()
            .map(|key| Ok(SortField::new(key.data_type(input)?)))
            .collect::<Result<_, DataFusionError>>()?;
        Ok(Self {
            tumbling: Arc::clone(tumbling),
            keys: RowConverter::new(keys)?,
            open: BTreeMap::new(),
        })
    }

    /// Adds rows. `others`: the lowest watermark of the subtasks that these rows are not from.
    pub(crate) fn update(&mut self, rows: &TimedBatch, others: i64) -> Result<(), DataFusionError> {
        let Some(timing) = &rows.timing else {
            return Err(DataFusionError::Internal(
                "rows have no event time".to_owned(),
            ));
        };
        let values = self.tumbling.values(&rows.batch)?;
        for (begin, ranges) in self.tumbling.assign(timing, others) {
            let values = values.of(&ranges, rows.batch.num_rows())?;
            let groups = match self.open.entry(begin) {
                Entry::Occupied(groups) => groups.into_mut(),
                Entry::Vacant(entry) => entry.insert(Groups::new(&self.tumbling.aggregates)?),
            };
            let count = ranges.iter().map(ExactSizeIterator::len).sum();
            groups.update(&self.keys, &values, count)?;
        }
        Ok(())
    }

    /// Closes windows whose end the watermark has reached, at most `most`.
    pub(crate) fn close(&mut self, watermark: i64, most: usize) -> Result<Closed, DataFusionError> {
        let (mut closed, mut together, mut rows) = (Closed::default(), Vec::new(), 0);
        while let Some(window) = self.open.first_entry() {
            if self.tumbling.end(*window.key()) > watermark || closed.windows == most {
                break;
            }
            closed.windows += 1;
            rows += window.get().len();
            together.push(window.remove_entry());
            if rows >= CLOSED_ROWS {
                let batch = self.result(&mut together, rows)?;
                closed.batches.push(batch);
                (together, rows) = (Vec::new(), 0);
            }
        }
        if !together.is_empty() {
            let batch = self.result(&mut together, rows)?;
            closed.batches.push(batch);
        }
        Ok(closed)
    }

    /// The `rows` rows of closed windows. Their event time is the last nanosecond of the window, so they are never late for a window of
    /// the same width further on.
    fn result(
        &self,
        windows: &mut [(i64, Groups)],
        rows: usize,
    ) -> Result<TimedBatch, DataFusionError> {
        let begins = Int64Array::from_iter_values(beginnings(windows));
        let ends = begins.unary(|begin| self.tumbling.end(begin));
        let times = |times: &Int64Array| {
            Arc::new(times.reinterpret_cast::<TimestampNanosecondType>()) as ArrayRef
        };
        let Columns { keys, aggregates } = groups::evaluate(windows, &self.keys)?;
        let mut keys = keys.into_iter();
        let mut columns = Vec::with_capacity(self.tumbling.schema.fields().len());
        for column in &self.tumbling.columns {
            match column {
                GroupColumn::Window => {
                    let window = vec![times(&begins), times(&ends)];
                    columns.push(
                        Arc::new(StructArray::try_new(window_fields(), window, None)?) as ArrayRef,
                    );
                }
                GroupColumn::Key(_) => columns.extend(keys.next()),
            }
        }
        columns.extend(aggregates.into_iter().flatten());
        Ok(TimedBatch {
            batch: RecordBatch::try_new(Arc::clone(&self.tumbling.schema), columns)?,
            timing: Some(Timing {
                times: ends.unary(|end| end.saturating_sub(1)),
                watermarks: Int64Array::from_value(BEGINNING, rows),
            }),
        })
    }
}

/// The beginning of the window of each row.
fn beginnings(windows: &[(i64, Groups)]) -> impl Iterator<Item = i64> {
    let each = |(begin, groups): &(i64, Groups)| iter::repeat_n(*begin, groups.len());
    windows.iter().flat_map(each)
}

impl fmt::Debug for Windows {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Windows")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

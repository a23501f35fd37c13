//! Tumbling windows: rows with the same keys are aggregated by the stretch of event time that they fall into.
//!
//! A window closes, and its rows are given, once the watermark has reached its end; a row that comes after that is late, and is
//! dropped, as in Arroyo.

mod groups;
mod state;

use std::{collections::BTreeMap, iter, ops::Range, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, Int64Array, StructArray, UInt64Array},
    compute::take,
    datatypes::{DataType, Field, Fields, SchemaRef, TimestampNanosecondType},
    record_batch::RecordBatch,
    row::{RowConverter, SortField},
};
use datafusion_common::DataFusionError;
use datafusion_physical_expr::{PhysicalExpr, aggregate::AggregateFunctionExpr};

use self::groups::{Columns, Groups};
use crate::run::event_time::{BEGINNING, TIMESTAMP, TimedBatch, Timing};

/// Windows that are closed together give batches of about so many rows.
const CLOSED_ROWS: usize = 8192;

/// An aggregation over tumbling windows, as planned.
#[derive(Debug)]
pub(crate) struct Tumbling {
    /// In nanoseconds.
    pub(crate) width: i64,
    /// The columns of the result that are no aggregates, in their order.
    pub(crate) columns: Vec<GroupColumn>,
    pub(crate) aggregates: Vec<Aggregate>,
    /// Of the result: group columns, then aggregates.
    pub(crate) schema: SchemaRef,
}

#[derive(Debug)]
pub(crate) enum GroupColumn {
    Window,
    Key(Arc<dyn PhysicalExpr>),
}

#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    pub(crate) function: Arc<AggregateFunctionExpr>,
    /// Which rows count.
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// The first nanosecond of a window, and the first after it.
pub(crate) fn window_fields() -> Fields {
    Fields::from(vec![
        Field::new("start", TIMESTAMP, false),
        Field::new("end", TIMESTAMP, false),
    ])
}

/// The windows that are open.
pub(crate) struct Windows {
    tumbling: Arc<Tumbling>,
    keys: RowConverter,
    /// By their beginnings.
    open: BTreeMap<i64, Groups>,
}

/// Windows that were closed.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    pub(crate) windows: usize,
    /// Their rows, window by window.
    pub(crate) batches: Vec<TimedBatch>,
}

/// What a batch brings: keys, and the arguments of each aggregate.
struct Values {
    keys: Vec<ArrayRef>,
    arguments: Vec<Vec<ArrayRef>>,
    /// Of truth values.
    filters: Vec<Option<ArrayRef>>,
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

    /// Takes rows in. `others`: the least watermark of the sources that these rows are not from.
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
                std::collections::btree_map::Entry::Occupied(groups) => groups.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(Groups::new(&self.tumbling.aggregates)?)
                }
            };
            let count = ranges.iter().map(ExactSizeIterator::len).sum();
            groups.update(&self.keys, &values, count)?;
        }
        Ok(())
    }

    /// Closes windows whose end the watermark has reached, so many at most.
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
                let batch = self.tumbling.result(&self.keys, &mut together, rows)?;
                closed.batches.push(batch);
                (together, rows) = (Vec::new(), 0);
            }
        }
        if !together.is_empty() {
            let batch = self.tumbling.result(&self.keys, &mut together, rows)?;
            closed.batches.push(batch);
        }
        Ok(closed)
    }
}

impl Tumbling {
    fn keys(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.columns.iter().filter_map(|column| match column {
            GroupColumn::Key(key) => Some(key),
            GroupColumn::Window => None,
        })
    }

    fn begin(&self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(self.width))
    }

    fn end(&self, begin: i64) -> i64 {
        begin.saturating_add(self.width)
    }

    /// Which rows belong to which window, without those that are late.
    fn assign(&self, timing: &Timing, others: i64) -> BTreeMap<i64, Vec<Range<usize>>> {
        let mut windows = BTreeMap::<i64, Vec<Range<usize>>>::new();
        let mut add = |begin, rows: Range<usize>| {
            if !rows.is_empty() {
                windows.entry(begin).or_default().push(rows);
            }
        };
        // Neighbours are mostly of one window.
        let (mut begin, mut end, mut rows) = (BEGINNING, BEGINNING, 0..0);
        let times = timing.times.values().iter();
        for (row, (time, watermark)) in times.zip(timing.watermarks.values()).enumerate() {
            // The first of all windows has no beginning of its own.
            let is_same = begin > BEGINNING && (begin..end).contains(time);
            if !is_same {
                add(begin, rows);
                rows = row..row;
                begin = self.begin(*time);
                end = self.end(begin);
            }
            // Watermarks only grow: after a row that is late, all of its window are.
            if end > others.min(*watermark) {
                rows.end = row + 1;
            }
        }
        add(begin, rows);
        windows
    }

    fn values(&self, batch: &RecordBatch) -> Result<Values, DataFusionError> {
        let evaluate = |expression: &Arc<dyn PhysicalExpr>| {
            expression.evaluate(batch)?.into_array(batch.num_rows())
        };
        let filter = |aggregate: &Aggregate| match &aggregate.filter {
            None => Ok(None),
            Some(filter) => {
                let values = evaluate(filter)?;
                if *values.data_type() != DataType::Boolean {
                    return Err(DataFusionError::Execution(
                        "the condition of FILTER is neither true nor false".to_owned(),
                    ));
                }
                Ok(Some(values))
            }
        };
        Ok(Values {
            keys: self.keys().map(evaluate).collect::<Result<_, _>>()?,
            arguments: self
                .aggregates
                .iter()
                .map(|aggregate| {
                    aggregate
                        .function
                        .expressions()
                        .iter()
                        .map(evaluate)
                        .collect()
                })
                .collect::<Result<_, _>>()?,
            filters: self
                .aggregates
                .iter()
                .map(filter)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The rows, so many, of windows that are closed. Their event time is the last nanosecond of the window, so they are never late for
    /// a window of the same width further on.
    fn result(
        &self,
        keys: &RowConverter,
        windows: &mut [(i64, Groups)],
        rows: usize,
    ) -> Result<TimedBatch, DataFusionError> {
        let begins = Int64Array::from_iter_values(beginnings(windows));
        let ends = begins.unary(|begin| self.end(begin));
        let times = |times: &Int64Array| {
            Arc::new(times.reinterpret_cast::<TimestampNanosecondType>()) as ArrayRef
        };
        let Columns { keys, aggregates } = groups::evaluate(windows, keys)?;
        let mut keys = keys.into_iter();
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in &self.columns {
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
            batch: RecordBatch::try_new(Arc::clone(&self.schema), columns)?,
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

impl Values {
    /// Those of some rows of so many.
    fn of(&self, ranges: &[Range<usize>], rows: usize) -> Result<Self, DataFusionError> {
        match ranges {
            [all] if all.len() == rows => self.each(|values| Ok(Arc::clone(values))),
            [some] => self.each(|values| Ok(values.slice(some.start, some.len()))),
            several => {
                let indices = several.iter().cloned().flatten();
                let indices = UInt64Array::from_iter_values(indices.map(|index| index as u64));
                self.each(|values| Ok(take(values, &indices, None)?))
            }
        }
    }

    fn each(
        &self,
        some: impl Fn(&ArrayRef) -> Result<ArrayRef, DataFusionError>,
    ) -> Result<Self, DataFusionError> {
        let all = |values: &Vec<ArrayRef>| values.iter().map(&some).collect::<Result<_, _>>();
        Ok(Self {
            keys: all(&self.keys)?,
            arguments: self.arguments.iter().map(all).collect::<Result<_, _>>()?,
            filters: self
                .filters
                .iter()
                .map(|filter| filter.as_ref().map(&some).transpose())
                .collect::<Result<_, _>>()?,
        })
    }
}

impl std::fmt::Debug for Windows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Windows")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

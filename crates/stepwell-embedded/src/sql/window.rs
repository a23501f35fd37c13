//! Tumbling windows: rows with the same keys are aggregated by the stretch of event time that they fall into.
//!
//! A window closes, and its rows are given, once the watermark has reached its end; a row that comes after that is late, and is
//! dropped, as in Arroyo.

mod groups;
mod state;

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanArray, Int64Array, StructArray, TimestampNanosecondArray, UInt32Array,
    },
    compute::take,
    datatypes::SchemaRef,
    record_batch::RecordBatch,
    row::{RowConverter, SortField},
};
use datafusion_common::DataFusionError;
use datafusion_physical_expr::{PhysicalExpr, aggregate::AggregateFunctionExpr};

use self::groups::Groups;
use super::{
    event_time::{BEGINNING, TimedBatch},
    tumble::window_fields,
};

/// An aggregation over tumbling windows, as planned.
#[derive(Debug)]
pub(super) struct Tumbling {
    /// In nanoseconds.
    pub(super) width: i64,
    /// The columns of the result that are no aggregates, in their order.
    pub(super) columns: Vec<GroupColumn>,
    pub(super) aggregates: Vec<Aggregate>,
    /// Of the result: group columns, then aggregates.
    pub(super) schema: SchemaRef,
}

#[derive(Debug)]
pub(super) enum GroupColumn {
    Window,
    Key(Arc<dyn PhysicalExpr>),
}

#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) function: Arc<AggregateFunctionExpr>,
    /// Which rows count.
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// The windows that are open.
pub(super) struct Windows {
    tumbling: Arc<Tumbling>,
    keys: RowConverter,
    /// By their beginnings.
    open: BTreeMap<i64, Groups>,
}

/// What a batch brings: keys, and the arguments of each aggregate.
struct Values {
    keys: Vec<ArrayRef>,
    arguments: Vec<Vec<ArrayRef>>,
    filters: Vec<Option<BooleanArray>>,
}

impl Windows {
    pub(super) fn new(
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
    pub(super) fn update(&mut self, rows: &TimedBatch, others: i64) -> Result<(), DataFusionError> {
        let values = self.tumbling.values(&rows.batch)?;
        for (begin, indices) in self.tumbling.assign(rows, others) {
            let values = values.of(&indices, rows.batch.num_rows())?;
            let groups = match self.open.entry(begin) {
                std::collections::btree_map::Entry::Occupied(groups) => groups.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(Groups::new(&self.tumbling.aggregates)?)
                }
            };
            groups.update(&self.keys, &values, indices.len())?;
        }
        Ok(())
    }

    /// Closes windows whose end the watermark has reached, so many at most; the rows of each.
    pub(super) fn close(
        &mut self,
        watermark: i64,
        most: usize,
    ) -> Result<Vec<TimedBatch>, DataFusionError> {
        let mut closed = Vec::new();
        while let Some(window) = self.open.first_entry() {
            let begin = *window.key();
            if self.tumbling.end(begin) > watermark || closed.len() == most {
                break;
            }
            closed.push(self.tumbling.result(&self.keys, begin, window.remove())?);
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
    fn assign(&self, rows: &TimedBatch, others: i64) -> BTreeMap<i64, Vec<u32>> {
        let mut windows = BTreeMap::<i64, Vec<u32>>::new();
        let times = rows.times.values().iter();
        for (row, (time, watermark)) in (0..).zip(times.zip(rows.watermarks.values())) {
            let begin = self.begin(*time);
            if self.end(begin) > others.min(*watermark) {
                windows.entry(begin).or_default().push(row);
            }
        }
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
                let values = values.as_any().downcast_ref::<BooleanArray>();
                values.cloned().map(Some).ok_or_else(|| {
                    DataFusionError::Execution(
                        "the condition of FILTER is neither true nor false".to_owned(),
                    )
                })
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

    /// The rows of a window that is closed. Their event time is its last nanosecond, so they are never late for a window of the same
    /// width further on.
    fn result(
        &self,
        keys: &RowConverter,
        begin: i64,
        groups: Groups,
    ) -> Result<TimedBatch, DataFusionError> {
        let rows = groups.len();
        let (keys, aggregates) = groups.evaluate(keys)?;
        let mut keys = keys.into_iter();
        let end = self.end(begin);
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for column in &self.columns {
            match column {
                GroupColumn::Window => {
                    let times = |time| {
                        Arc::new(TimestampNanosecondArray::from_value(time, rows)) as ArrayRef
                    };
                    let window = vec![times(begin), times(end)];
                    columns.push(
                        Arc::new(StructArray::try_new(window_fields(), window, None)?) as ArrayRef,
                    );
                }
                GroupColumn::Key(_) => columns.extend(keys.next()),
            }
        }
        columns.extend(aggregates);
        Ok(TimedBatch {
            batch: RecordBatch::try_new(Arc::clone(&self.schema), columns)?,
            times: Int64Array::from_value(end.saturating_sub(1), rows),
            watermarks: Int64Array::from_value(BEGINNING, rows),
        })
    }
}

impl Values {
    /// Those of some rows of so many.
    fn of(&self, indices: &[u32], rows: usize) -> Result<Self, DataFusionError> {
        if indices.len() == rows {
            return Ok(Self {
                keys: self.keys.clone(),
                arguments: self.arguments.clone(),
                filters: self.filters.clone(),
            });
        }
        let indices = UInt32Array::from_iter_values(indices.iter().copied());
        let some = |values: &ArrayRef| take(values, &indices, None);
        let filter = |filter: &Option<BooleanArray>| {
            let Some(filter) = filter else {
                return Ok(None);
            };
            let values = take(filter, &indices, None)?;
            Ok(values.as_any().downcast_ref::<BooleanArray>().cloned())
        };
        Ok(Self {
            keys: self.keys.iter().map(some).collect::<Result<_, _>>()?,
            arguments: self
                .arguments
                .iter()
                .map(|arguments| arguments.iter().map(some).collect())
                .collect::<Result<_, _>>()?,
            filters: self
                .filters
                .iter()
                .map(filter)
                .collect::<Result<_, arrow::error::ArrowError>>()?,
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

//! A planned tumbling aggregation: which window a row belongs to, and its keys and arguments.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, BooleanArray, UInt64Array},
    compute::{prep_null_mask_filter, take},
    datatypes::{Field, Fields, SchemaRef},
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;
use datafusion_physical_expr::{PhysicalExpr, aggregate::AggregateFunctionExpr};

use super::floats::canonical;
use crate::run::event_time::{BEGINNING, TIMESTAMP, Timing};

/// A planned aggregation over tumbling windows.
#[derive(Debug)]
pub(crate) struct Tumbling {
    /// The width of a window in nanoseconds.
    pub(crate) width: i64,
    /// The columns of the result that are not aggregates, in order.
    pub(crate) columns: Vec<GroupColumn>,
    pub(crate) aggregates: Vec<Aggregate>,
    /// The result: group columns, then aggregates.
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
    /// Whether it tells equal values from different ones.
    pub(crate) is_of_distinct_values: bool,
    pub(crate) arguments: Vec<Arc<dyn PhysicalExpr>>,
    /// Selects the rows that count.
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// The fields of a window: its first nanosecond, and the first one after it.
pub(crate) fn window_fields() -> Fields {
    Fields::from(vec![
        Field::new("start", TIMESTAMP, false),
        Field::new("end", TIMESTAMP, false),
    ])
}

/// The keys of a batch, and the arguments of each aggregate.
pub(super) struct Values {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) arguments: Vec<Vec<ArrayRef>>,
    /// Boolean columns.
    pub(super) filters: Vec<Option<ArrayRef>>,
}

impl Tumbling {
    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<dyn PhysicalExpr>> {
        self.columns.iter().filter_map(|column| match column {
            GroupColumn::Key(key) => Some(key),
            GroupColumn::Window => None,
        })
    }

    fn begin(&self, time: i64) -> i64 {
        time.saturating_sub(time.rem_euclid(self.width))
    }

    pub(super) fn end(&self, begin: i64) -> i64 {
        begin.saturating_add(self.width)
    }

    /// The rows of each window, without late ones.
    pub(super) fn assign(&self, timing: &Timing, others: i64) -> BTreeMap<i64, Vec<Range<usize>>> {
        let mut windows = BTreeMap::<i64, Vec<Range<usize>>>::new();
        let mut add = |begin, rows: Range<usize>| {
            if !rows.is_empty() {
                windows.entry(begin).or_default().push(rows);
            }
        };
        // Neighbouring rows mostly belong to one window.
        let (mut begin, mut end, mut rows) = (BEGINNING, BEGINNING, 0..0);
        let times = timing.times.values().iter();
        for (row, (time, watermark)) in times.zip(timing.watermarks.values()).enumerate() {
            // The earliest window of all has no beginning of its own.
            let is_same = begin > BEGINNING && (begin..end).contains(time);
            if !is_same {
                add(begin, rows);
                rows = row..row;
                begin = self.begin(*time);
                end = self.end(begin);
            }
            // Watermarks only grow: after a late row, all further rows of its window are late.
            if end > others.min(*watermark) {
                rows.end = row + 1;
            }
        }
        add(begin, rows);
        windows
    }

    pub(super) fn values(&self, batch: &RecordBatch) -> Result<Values, DataFusionError> {
        let evaluate = |expression: &Arc<dyn PhysicalExpr>| {
            expression.evaluate(batch)?.into_array(batch.num_rows())
        };
        let filters: Vec<_> = (self.aggregates.iter())
            .map(|aggregate| aggregate.selected(batch))
            .collect::<Result<_, _>>()?;
        let arguments = self.aggregates.iter().zip(&filters);
        Ok(Values {
            keys: self.keys().map(evaluate).collect::<Result<_, _>>()?,
            arguments: arguments
                .map(|(aggregate, filter)| aggregate.arguments(batch, filter.as_ref()))
                .collect::<Result<_, _>>()?,
            filters: (filters.into_iter())
                .map(|filter| filter.map(|filter| Arc::new(filter) as ArrayRef))
                .collect(),
        })
    }
}

impl Aggregate {
    /// The rows that count; `None`: all.
    fn selected(&self, batch: &RecordBatch) -> Result<Option<BooleanArray>, DataFusionError> {
        let Some(filter) = &self.filter else {
            return Ok(None);
        };
        let values = filter.evaluate(batch)?.into_array(batch.num_rows())?;
        let values = values.as_boolean_opt().ok_or_else(|| {
            DataFusionError::Execution(
                "the condition of FILTER is neither true nor false".to_owned(),
            )
        })?;
        Ok(Some(match values.null_count() {
            0 => values.clone(),
            _ => prep_null_mask_filter(values),
        }))
    }

    /// Arguments are evaluated only for rows that count: the condition may be what keeps them from failing.
    fn arguments(
        &self,
        batch: &RecordBatch,
        selected: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        let evaluate = |expression: &Arc<dyn PhysicalExpr>| {
            let values = match selected {
                None => expression.evaluate(batch)?,
                Some(selected) => expression.evaluate_selection(batch, selected)?,
            };
            let values = values.into_array(batch.num_rows())?;
            if self.is_of_distinct_values {
                return Ok(canonical(&values)?);
            }
            Ok(values)
        };
        self.arguments.iter().map(evaluate).collect()
    }
}

impl Values {
    /// The values of some of the `rows` rows.
    pub(super) fn of(&self, ranges: &[Range<usize>], rows: usize) -> Result<Self, DataFusionError> {
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

//! The groups of one window: their keys, and the state of their aggregates.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray as _},
    compute::concat,
    row::RowConverter,
};
// Its hash is fast; that of the standard library costs more than everything else that is done with a row.
use datafusion_common::{DataFusionError, HashMap};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;

use super::floats::canonical;
use super::tumbling::{Aggregate, Values};

pub(super) struct Groups {
    /// The number of each group, by its key as the converter writes it.
    numbers: HashMap<Box<[u8]>, usize>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// The number of groups; without keys there is one.
    count: usize,
}

/// One row per group: its keys, and one or more columns for each aggregate.
pub(super) struct Columns {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) aggregates: Vec<Vec<ArrayRef>>,
}

impl Groups {
    pub(super) fn new(aggregates: &[Aggregate]) -> Result<Self, DataFusionError> {
        Ok(Self {
            numbers: HashMap::new(),
            accumulators: accumulators(aggregates)?,
            count: 0,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn update(
        &mut self,
        converter: &RowConverter,
        values: &Values,
        rows: usize,
    ) -> Result<(), DataFusionError> {
        let numbers = self.number(converter, &values.keys, rows)?;
        let arguments = values.arguments.iter().zip(&values.filters);
        for (accumulator, (arguments, filter)) in self.accumulators.iter_mut().zip(arguments) {
            let filter = filter.as_ref().and_then(|filter| filter.as_boolean_opt());
            accumulator.update_batch(arguments, &numbers, filter, self.count)?;
        }
        Ok(())
    }

    /// Merges the aggregate states of other groups.
    pub(super) fn merge(
        &mut self,
        converter: &RowConverter,
        keys: &[ArrayRef],
        states: &[Vec<ArrayRef>],
        rows: usize,
    ) -> Result<(), DataFusionError> {
        let numbers = self.number(converter, keys, rows)?;
        for (accumulator, state) in self.accumulators.iter_mut().zip(states) {
            accumulator.merge_batch(state, &numbers, self.count)?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<Vec<Vec<ArrayRef>>, DataFusionError> {
        self.accumulators
            .iter_mut()
            .map(|accumulator| Ok(vec![accumulator.evaluate(EmitTo::All)?]))
            .collect()
    }

    /// The state of each aggregate, in a form that can be merged. Accumulators give it only once, so they are set up again from it.
    fn state(&mut self, aggregates: &[Aggregate]) -> Result<Vec<Vec<ArrayRef>>, DataFusionError> {
        let states = self
            .accumulators
            .iter_mut()
            .map(|accumulator| accumulator.state(EmitTo::All))
            .collect::<Result<Vec<_>, _>>()?;
        self.accumulators = accumulators(aggregates)?;
        let numbers: Vec<usize> = (0..self.count).collect();
        for (accumulator, state) in self.accumulators.iter_mut().zip(&states) {
            accumulator.merge_batch(state, &numbers, self.count)?;
        }
        Ok(states)
    }

    /// The number of the group of each row. New keys get new groups.
    fn number(
        &mut self,
        converter: &RowConverter,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<Vec<usize>, DataFusionError> {
        if keys.is_empty() {
            self.count = 1;
            return Ok(vec![0; rows]);
        }
        let keys = keys.iter().map(canonical).collect::<Result<Vec<_>, _>>()?;
        let keys = converter.convert_columns(&keys)?;
        let mut numbers = Vec::with_capacity(rows);
        for key in &keys {
            let number = match self.numbers.get(key.data()) {
                Some(number) => *number,
                None => {
                    self.numbers.insert(key.data().into(), self.count);
                    self.count += 1;
                    self.count - 1
                }
            };
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// The keys in the order of the groups.
    fn keys(&self) -> Vec<&[u8]> {
        let mut keys: Vec<&[u8]> = vec![&[]; self.numbers.len()];
        for (key, number) in &self.numbers {
            if let Some(place) = keys.get_mut(*number) {
                *place = key;
            }
        }
        keys
    }
}

/// The keys and results of windows, window by window.
pub(super) fn evaluate(
    windows: &mut [(i64, Groups)],
    converter: &RowConverter,
) -> Result<Columns, DataFusionError> {
    let keys = keys(windows.iter().map(|(_, groups)| groups), converter)?;
    let results = windows.iter_mut().map(|(_, groups)| groups.evaluate());
    Ok(Columns {
        keys,
        aggregates: joined(results.collect::<Result<_, _>>()?)?,
    })
}

/// The keys and aggregate states of windows, window by window.
pub(super) fn state<'a>(
    windows: impl Iterator<Item = &'a mut Groups>,
    converter: &RowConverter,
    aggregates: &[Aggregate],
) -> Result<Columns, DataFusionError> {
    let (mut states, mut seen) = (Vec::new(), Vec::new());
    for groups in windows {
        states.push(groups.state(aggregates)?);
        seen.push(&*groups);
    }
    Ok(Columns {
        keys: keys(seen.into_iter(), converter)?,
        aggregates: joined(states)?,
    })
}

/// The keys of windows, converted together: the cost per column is higher than the cost per row.
fn keys<'a>(
    windows: impl Iterator<Item = &'a Groups>,
    converter: &RowConverter,
) -> Result<Vec<ArrayRef>, DataFusionError> {
    let mut keys = windows.flat_map(Groups::keys).peekable();
    if keys.peek().is_none() {
        return Ok(Vec::new());
    }
    let parser = converter.parser();
    Ok(converter.convert_rows(keys.map(|key| parser.parse(key)))?)
}

/// Concatenates the columns of all windows, by aggregate.
fn joined(mut windows: Vec<Vec<Vec<ArrayRef>>>) -> Result<Vec<Vec<ArrayRef>>, DataFusionError> {
    if windows.len() == 1 {
        return Ok(windows.pop().unwrap_or_default());
    }
    let Some(first) = windows.first() else {
        return Ok(Vec::new());
    };
    let column = |aggregate: usize, number: usize| {
        let of_window =
            |window: &'_ Vec<Vec<ArrayRef>>| window.get(aggregate)?.get(number).cloned();
        let columns: Vec<_> = windows.iter().filter_map(of_window).collect();
        let columns: Vec<_> = columns.iter().map(AsRef::as_ref).collect();
        Ok(concat(&columns)?)
    };
    let all = first.iter().enumerate().map(|(aggregate, columns)| {
        (0..columns.len())
            .map(|number| column(aggregate, number))
            .collect()
    });
    all.collect()
}

fn accumulators(
    aggregates: &[Aggregate],
) -> Result<Vec<Box<dyn GroupsAccumulator>>, DataFusionError> {
    let accumulator = |aggregate: &Aggregate| -> Result<Box<dyn GroupsAccumulator>, _> {
        // Not every function that supports groups respects DISTINCT then: `bit_xor` counts all values.
        if aggregate.function.groups_accumulator_supported() && !aggregate.function.is_distinct() {
            return aggregate.function.create_groups_accumulator();
        }
        let function = Arc::clone(&aggregate.function);
        let each = move || function.create_accumulator();
        Ok(Box::new(GroupsAccumulatorAdapter::new(each)))
    };
    aggregates.iter().map(accumulator).collect()
}

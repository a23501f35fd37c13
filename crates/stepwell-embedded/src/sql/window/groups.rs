//! The groups of one window: which keys there are, and what their aggregates have come to.

use std::collections::HashMap;

use arrow::{array::ArrayRef, row::RowConverter};
use datafusion_common::DataFusionError;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::GroupsAccumulatorAdapter;
use std::sync::Arc;

use super::{Aggregate, Values};

pub(super) struct Groups {
    /// The number of each key's group, by the key as the converter writes it.
    numbers: HashMap<Box<[u8]>, usize>,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// Keys, or `None` where there are none: then there is one group.
    count: usize,
}

/// Keys, and something of each aggregate, a row a group.
pub(super) type Columns = (Vec<ArrayRef>, Vec<ArrayRef>);

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
            accumulator.update_batch(arguments, &numbers, filter.as_ref(), self.count)?;
        }
        Ok(())
    }

    /// Takes in what the aggregates of other groups have come to.
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

    /// Keys and results.
    pub(super) fn evaluate(mut self, converter: &RowConverter) -> Result<Columns, DataFusionError> {
        let keys = self.keys(converter)?;
        let results = self
            .accumulators
            .iter_mut()
            .map(|accumulator| accumulator.evaluate(EmitTo::All))
            .collect::<Result<_, _>>()?;
        Ok((keys, results))
    }

    /// Keys, and what each aggregate has come to in a form that can be merged. Accumulators give that only once, so they are set up
    /// again with it.
    pub(super) fn state(
        &mut self,
        converter: &RowConverter,
        aggregates: &[Aggregate],
    ) -> Result<(Vec<ArrayRef>, Vec<Vec<ArrayRef>>), DataFusionError> {
        let keys = self.keys(converter)?;
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
        Ok((keys, states))
    }

    /// The number of the group of each row; new keys get new ones.
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
        let keys = converter.convert_columns(keys)?;
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

    /// In the order of their numbers.
    fn keys(&self, converter: &RowConverter) -> Result<Vec<ArrayRef>, DataFusionError> {
        if self.numbers.is_empty() {
            return Ok(Vec::new());
        }
        let mut keys: Vec<_> = self.numbers.iter().collect();
        keys.sort_unstable_by_key(|(_, number)| **number);
        let parser = converter.parser();
        Ok(converter.convert_rows(keys.iter().map(|(key, _)| parser.parse(key)))?)
    }
}

fn accumulators(
    aggregates: &[Aggregate],
) -> Result<Vec<Box<dyn GroupsAccumulator>>, DataFusionError> {
    let accumulator = |aggregate: &Aggregate| -> Result<Box<dyn GroupsAccumulator>, _> {
        // Not every function that takes groups at once heeds DISTINCT then: `bit_xor` counts all values.
        if aggregate.function.groups_accumulator_supported() && !aggregate.function.is_distinct() {
            return aggregate.function.create_groups_accumulator();
        }
        let function = Arc::clone(&aggregate.function);
        let each = move || function.create_accumulator();
        Ok(Box::new(GroupsAccumulatorAdapter::new(each)))
    };
    aggregates.iter().map(accumulator).collect()
}

//! Open windows as a part of a checkpoint: an Arrow IPC stream with one row per group, which other versions can read.

use std::{io::Cursor, iter, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, Int64Array},
    datatypes::{Field, Int64Type, Schema},
    ipc::{reader::StreamReader, writer::StreamWriter},
    record_batch::RecordBatch,
};
use datafusion_common::DataFusionError;

use super::{
    Windows,
    groups::{self, Columns, Groups},
};

impl Windows {
    /// The content of the open windows. Empty: none is open.
    pub(crate) fn state(&mut self) -> Result<Vec<u8>, DataFusionError> {
        if self.open.is_empty() {
            return Ok(Vec::new());
        }
        let begins = self.open.iter();
        let begins = begins.flat_map(|(begin, groups)| iter::repeat_n(*begin, groups.len()));
        let begins = Int64Array::from_iter_values(begins);
        let Columns { keys, aggregates } = groups::state(
            self.open.values_mut(),
            &self.keys,
            &self.tumbling.aggregates,
        )?;
        let columns = iter::once(Arc::new(begins) as ArrayRef)
            .chain(keys)
            .chain(aggregates.into_iter().flatten());
        let all = numbered(columns.collect())?;
        let mut writer = StreamWriter::try_new(Vec::new(), &all.schema())?;
        writer.write(&all)?;
        Ok(writer.into_inner()?)
    }

    /// Opens the windows of a state.
    pub(crate) fn restore(&mut self, state: &[u8]) -> Result<(), DataFusionError> {
        if state.is_empty() {
            return Ok(());
        }
        for batch in StreamReader::try_new(Cursor::new(state), None)? {
            self.merge(&batch?)?;
        }
        Ok(())
    }

    fn merge(&mut self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let begins = batch
            .columns()
            .first()
            .and_then(|begins| begins.as_primitive_opt::<Int64Type>())
            .ok_or_else(|| strange("the windows have no beginnings"))?;
        let mut from = 0;
        while from < batch.num_rows() {
            let begin = begins.value(from);
            let same = (from..batch.num_rows())
                .take_while(|row| begins.value(*row) == begin)
                .count();
            self.merge_window(begin, &batch.slice(from, same))?;
            from += same;
        }
        Ok(())
    }

    fn merge_window(&mut self, begin: i64, rows: &RecordBatch) -> Result<(), DataFusionError> {
        let mut columns = rows.columns().iter().skip(1).cloned();
        let keys: Vec<_> = columns
            .by_ref()
            .take(self.tumbling.keys().count())
            .collect();
        let mut states = Vec::with_capacity(self.tumbling.aggregates.len());
        for aggregate in &self.tumbling.aggregates {
            let fields = aggregate.function.state_fields()?;
            let state: Vec<_> = columns.by_ref().take(fields.len()).collect();
            let fits = state.len() == fields.len()
                && state
                    .iter()
                    .zip(&fields)
                    .all(|(column, field)| column.data_type() == field.data_type());
            if !fits {
                return Err(strange("the aggregates are others"));
            }
            states.push(state);
        }
        let mut groups = Groups::new(&self.tumbling.aggregates)?;
        groups.merge(&self.keys, &keys, &states, rows.num_rows())?;
        self.open.insert(begin, groups);
        Ok(())
    }
}

/// A batch of columns whose names do not matter.
fn numbered(columns: Vec<ArrayRef>) -> Result<RecordBatch, DataFusionError> {
    let fields: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| Field::new(number.to_string(), column.data_type().clone(), true))
        .collect();
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

fn strange(cause: &str) -> DataFusionError {
    DataFusionError::Execution(format!("the checkpoint is of another query: {cause}"))
}

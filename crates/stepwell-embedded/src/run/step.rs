//! Steps: operators without state.

use std::sync::Arc;

use arrow::{
    array::BooleanArray,
    datatypes::SchemaRef,
    record_batch::{RecordBatch, RecordBatchOptions},
};
use datafusion_common::DataFusionError;
use datafusion_physical_expr::PhysicalExpr;

use crate::run::event_time::TimedBatch;

#[derive(Debug)]
pub(crate) enum Step {
    /// Keeps the rows for which this is true.
    Filter(Arc<dyn PhysicalExpr>),
    /// Computes other columns.
    Project(Projection),
    /// Gives the columns other names.
    Rename(SchemaRef),
}

/// Columns that are computed from others.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    pub(crate) expressions: Vec<Arc<dyn PhysicalExpr>>,
    pub(crate) schema: SchemaRef,
}

impl Step {
    pub(crate) fn run(&self, rows: &TimedBatch) -> Result<TimedBatch, DataFusionError> {
        match self {
            Self::Filter(predicate) => {
                let keep = predicate
                    .evaluate(&rows.batch)?
                    .into_array(rows.batch.num_rows())?;
                let keep = keep
                    .as_any()
                    .downcast_ref::<BooleanArray>()
                    .ok_or_else(|| {
                        DataFusionError::Execution(
                            "the condition of WHERE is neither true nor false".to_owned(),
                        )
                    })?;
                Ok(rows.filter(keep)?)
            }
            Self::Project(projection) => Ok(rows.with_columns(projection.run(&rows.batch)?)),
            Self::Rename(schema) => {
                let columns = rows.batch.columns().to_vec();
                Ok(rows.with_columns(batch(schema, columns, rows.batch.num_rows())?))
            }
        }
    }
}

impl Projection {
    pub(crate) fn run(&self, rows: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
        let count = rows.num_rows();
        let columns: Result<Vec<_>, DataFusionError> = self
            .expressions
            .iter()
            .map(|expression| expression.evaluate(rows)?.into_array(count))
            .collect();
        batch(&self.schema, columns?, count)
    }
}

fn batch(
    schema: &SchemaRef,
    columns: Vec<arrow::array::ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, DataFusionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        SchemaRef::clone(schema),
        columns,
        &options,
    )?)
}

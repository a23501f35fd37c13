//! A planned query as the steps that a batch of rows goes through.

use std::{fmt, sync::Arc};

use arrow::{
    array::{Array, BooleanArray},
    compute::filter_record_batch,
    datatypes::{Schema, SchemaRef},
    json::{WriterBuilder, writer::LineDelimited},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use bytes::Bytes;
use datafusion_common::{DataFusionError, tree_node::TreeNode as _};
use datafusion_expr::{
    Expr, LogicalPlan, execution_props::ExecutionProps,
    physical_planning_context::PhysicalPlanningContext,
};
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use serde::{Deserialize, Serialize};
use stepwell_arroyo::{ErrorDomain, SqlDiagnostic};

use super::{
    catalog::{Catalog, Table},
    connector::Connector,
    diagnostic::{diagnostics, planning},
    impulse::{Impulse, ImpulseSource, ImpulseState},
};

/// The operators of a program: source, chain, sink.
const OPERATORS: u64 = 3;

/// A program, to be run as subtasks.
#[derive(Clone)]
pub(crate) struct Program {
    source: Impulse,
    steps: Arc<[Step]>,
    sink: Sink,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    Print,
    Forget,
}

enum Step {
    Filter(Arc<dyn PhysicalExpr>),
    Project {
        expressions: Vec<Arc<dyn PhysicalExpr>>,
        schema: SchemaRef,
    },
}

/// A failure at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExecutionError {
    pub(crate) error: String,
    pub(crate) domain: ErrorDomain,
    pub(crate) retryable: bool,
}

/// The state of a subtask as it is kept.
#[derive(Serialize, Deserialize)]
struct SubtaskState {
    version: u32,
    impulse: ImpulseState,
}

const STATE_VERSION: u32 = 1;

impl Program {
    /// The steps of a plan, and the table that it reads.
    pub(super) fn new(
        plan: &LogicalPlan,
        catalog: &Catalog,
        sink: Option<&Connector>,
    ) -> Result<(Self, Table), Vec<SqlDiagnostic>> {
        let mut steps = Vec::new();
        let table = compile(plan, catalog, &mut steps)?;
        let Connector::Impulse(source) = &table.connector else {
            return Err(vec![planning(&format!(
                "table {} is a sink, and cannot be read",
                table.name
            ))]);
        };
        let sink = if matches!(sink, Some(Connector::Blackhole)) {
            Sink::Forget
        } else {
            Sink::Print
        };
        Ok((
            Self {
                source: source.clone(),
                steps: steps.into(),
                sink,
            },
            table.clone(),
        ))
    }

    /// How many tasks a subtask counts as.
    pub(crate) fn tasks_per_subtask() -> u64 {
        OPERATORS
    }

    /// A subtask, from the beginning or from a state.
    pub(crate) fn subtask(
        &self,
        index: u32,
        state: Option<&[u8]>,
    ) -> Result<Subtask, ExecutionError> {
        let state = match state {
            None => ImpulseState::default(),
            Some(bytes) => {
                let state: SubtaskState = serde_json::from_slice(bytes).map_err(|error| {
                    ExecutionError::internal(format!(
                        "the checkpoint's state cannot be read: {error}"
                    ))
                })?;
                if state.version != STATE_VERSION {
                    let error = format!(
                        "the checkpoint's state is of version {}, not {STATE_VERSION}",
                        state.version
                    );
                    return Err(ExecutionError::internal(error));
                }
                state.impulse
            }
        };
        Ok(Subtask {
            source: self.source.source(index, state),
            steps: Arc::clone(&self.steps),
            sink: self.sink,
        })
    }
}

/// The steps of a plan from the source up.
fn compile<'a>(
    plan: &LogicalPlan,
    catalog: &'a Catalog,
    steps: &mut Vec<Step>,
) -> Result<&'a Table, Vec<SqlDiagnostic>> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let name = scan.table_name.table();
            catalog
                .table(name)
                .ok_or_else(|| vec![planning(&format!("table {name} not found"))])
        }
        LogicalPlan::SubqueryAlias(alias) => compile(&alias.input, catalog, steps),
        LogicalPlan::Filter(filter) => {
            let table = compile(&filter.input, catalog, steps)?;
            steps.push(Step::Filter(physical(&filter.predicate, &filter.input)?));
            Ok(table)
        }
        LogicalPlan::Projection(projection) => {
            let table = compile(&projection.input, catalog, steps)?;
            let expressions: Result<_, _> = projection
                .expr
                .iter()
                .map(|expression| physical(expression, &projection.input))
                .collect();
            let schema = Arc::new(Schema::new(projection.schema.fields().clone()));
            steps.push(Step::Project {
                expressions: expressions?,
                schema,
            });
            Ok(table)
        }
        LogicalPlan::Aggregate(_) => Err(beyond("aggregates")),
        LogicalPlan::Window(_) => Err(beyond("windows")),
        LogicalPlan::Join(_) => Err(beyond("joins")),
        LogicalPlan::Unnest(_) => Err(beyond("UNNEST")),
        other => Err(beyond(&format!(
            "this part of the plan: {}",
            other.display()
        ))),
    }
}

fn beyond(what: &str) -> Vec<SqlDiagnostic> {
    vec![SqlDiagnostic::new(format!(
        "the embedded engine cannot run {what}; an Arroyo cluster can"
    ))]
}

fn physical(
    expression: &Expr,
    input: &LogicalPlan,
) -> Result<Arc<dyn PhysicalExpr>, Vec<SqlDiagnostic>> {
    let has_subquery = expression.exists(|expression| {
        Ok(matches!(
            expression,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    });
    if has_subquery.unwrap_or(true) {
        return Err(beyond("subqueries outside of FROM"));
    }
    create_physical_expr(
        expression,
        input.schema(),
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .map_err(|error| diagnostics(&error))
}

/// One of the parallel parts of a run.
pub(crate) struct Subtask {
    source: ImpulseSource,
    steps: Arc<[Step]>,
    sink: Sink,
}

impl Subtask {
    /// The next rows to be printed, one JSON object each, when they are due; none of them when all were filtered out or the sink forgets
    /// them. `None` at the end.
    ///
    /// Cancel safe: a call that is dropped has done nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Bytes>>, ExecutionError> {
        let before = self.source.state();
        let Some(batch) = self
            .source
            .next()
            .await
            .map_err(|error| ExecutionError::sql(&error.into()))?
        else {
            return Ok(None);
        };
        let rows = match self.run(&batch) {
            Ok(rows) => rows,
            // A row in the batch fails. Those before it are given first, as if rows went through one by one.
            Err(_) if batch.num_rows() > 1 => {
                return self.before_the_failure(&batch, before).map(Some);
            }
            Err(error) => return Err(ExecutionError::sql(&error)),
        };
        Ok(Some(rows))
    }

    /// The effect of all rows given so far.
    pub(crate) fn state(&self) -> Vec<u8> {
        let state = SubtaskState {
            version: STATE_VERSION,
            impulse: self.source.state(),
        };
        // Two numbers have a JSON form.
        serde_json::to_vec(&state).unwrap_or_default()
    }

    fn before_the_failure(
        &mut self,
        batch: &RecordBatch,
        before: ImpulseState,
    ) -> Result<Vec<Bytes>, ExecutionError> {
        let mut rows = Vec::new();
        for index in 0..batch.num_rows() {
            match self.run(&batch.slice(index, 1)) {
                Ok(row) => rows.extend(row),
                Err(error) if rows.is_empty() && index == 0 => {
                    return Err(ExecutionError::sql(&error));
                }
                Err(_) => {
                    // The failing row comes first in the next call.
                    self.source.rewind(before.counter + index as u64);
                    return Ok(rows);
                }
            }
        }
        Ok(rows)
    }

    fn run(&self, batch: &RecordBatch) -> Result<Vec<Bytes>, DataFusionError> {
        let mut batch = batch.clone();
        for step in self.steps.iter() {
            batch = step.run(&batch)?;
        }
        match self.sink {
            Sink::Forget => Ok(Vec::new()),
            Sink::Print => lines(&batch),
        }
    }
}

impl Step {
    fn run(&self, batch: &RecordBatch) -> Result<RecordBatch, DataFusionError> {
        match self {
            Self::Filter(predicate) => {
                let keep = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
                let keep = keep
                    .as_any()
                    .downcast_ref::<BooleanArray>()
                    .ok_or_else(|| {
                        DataFusionError::Execution(
                            "the condition of WHERE is neither true nor false".to_owned(),
                        )
                    })?;
                Ok(filter_record_batch(batch, keep)?)
            }
            Self::Project {
                expressions,
                schema,
            } => {
                let rows = batch.num_rows();
                let columns: Result<Vec<_>, DataFusionError> = expressions
                    .iter()
                    .map(|expression| expression.evaluate(batch)?.into_array(rows))
                    .collect();
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                Ok(RecordBatch::try_new_with_options(
                    Arc::clone(schema),
                    columns?,
                    &options,
                )?)
            }
        }
    }
}

/// One JSON object a row, with nulls.
fn lines(batch: &RecordBatch) -> Result<Vec<Bytes>, DataFusionError> {
    let mut text = Vec::new();
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    let text = Bytes::from(text);
    // JSON has no line end inside.
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ok(lines.map(|line| text.slice_ref(line)).collect())
}

impl ExecutionError {
    fn internal(error: String) -> Self {
        Self {
            error,
            domain: ErrorDomain::Internal,
            retryable: false,
        }
    }

    /// In Arroyo's words (recording `360_create_div_by_zero`): `SQL error: Divide by zero error`.
    fn sql(error: &DataFusionError) -> Self {
        let error = match error.find_root() {
            DataFusionError::ArrowError(error, _) => error.to_string(),
            error => error.strip_backtrace(),
        };
        Self {
            error: format!("SQL error: {error}"),
            domain: ErrorDomain::User,
            retryable: false,
        }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The expressions hold the query's literals.
        formatter
            .debug_struct("Program")
            .field("source", &self.source)
            .field("steps", &self.steps.len())
            .field("sink", &self.sink)
            .finish()
    }
}

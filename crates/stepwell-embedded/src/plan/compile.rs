//! Compiles a plan to operators, from the sink to the sources.

use std::{any::Any, collections::BTreeSet, sync::Arc};

use arrow::datatypes::Schema;
use datafusion_common::DFSchema;
use datafusion_expr::{
    Aggregate as AggregatePlan, Expr, LogicalPlan, execution_props::ExecutionProps,
    physical_planning_context::PhysicalPlanningContext,
};
use datafusion_physical_expr::aggregate::LoweredAggregateBuilder;
use stepwell_arroyo::SqlDiagnostic;

use super::analysis::{check, physical, schema};
use super::catalog::Scanned;
use super::diagnostic::planning;
use super::library_error::diagnostics;
use super::supported::{
    check_group_column, check_order_of_aggregate, refuse_aggregate_without_window, refuse_node,
};
use super::tumble;
use crate::connector::Connector;
use crate::run::program::{Next, OperatorKind, Parts};
use crate::run::short_circuit::guarded;
use crate::run::step::{Projection, Step};
use crate::run::window::{Aggregate, GroupColumn, Tumbling};

type Diagnostics = Vec<SqlDiagnostic>;

/// Adds the operators of a plan whose rows go to `next`. Returns the numbers of the sources that they come from.
pub(super) fn compile(
    plan: &LogicalPlan,
    parts: &mut Parts,
    next: Next,
) -> Result<BTreeSet<usize>, Diagnostics> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let source: &dyn Any = scan.source.as_ref();
            let Some(Scanned(table)) = source.downcast_ref() else {
                return Err(vec![planning(&format!(
                    "table '{}' not found",
                    scan.table_name
                ))]);
            };
            let Connector::Source(connector) = &table.connector else {
                return Err(vec![planning(&format!(
                    "table '{}' is a sink, and cannot be read",
                    table.name
                ))]);
            };
            let number = parts.source(table, connector);
            if let Some(source) = parts.sources.get_mut(number) {
                source.consumers.push(next);
            }
            Ok(BTreeSet::from([number]))
        }
        LogicalPlan::SubqueryAlias(alias) => compile(&alias.input, parts, next),
        LogicalPlan::Filter(filter) => {
            let step = Step::Filter(physical(&filter.predicate, filter.input.schema())?);
            let next = parts.operator(OperatorKind::Step(step), next);
            compile(&filter.input, parts, next)
        }
        LogicalPlan::Projection(projection) => {
            let expressions: Result<_, _> = projection
                .expr
                .iter()
                .map(|expression| physical(expression, projection.input.schema()))
                .collect();
            let step = Step::Project(Projection {
                expressions: expressions?,
                schema: schema(&projection.schema),
            });
            let next = parts.operator(OperatorKind::Step(step), next);
            compile(&projection.input, parts, next)
        }
        LogicalPlan::Union(union) => {
            let mut sources = BTreeSet::new();
            let step = Step::Rename(schema(&union.schema));
            let next = parts.operator(OperatorKind::Step(step), next);
            for input in &union.inputs {
                sources.extend(compile(input, parts, next)?);
            }
            Ok(sources)
        }
        LogicalPlan::Aggregate(aggregate) => window(aggregate, parts, next),
        plan => Err(vec![refuse_node(plan)]),
    }
}

fn window(
    plan: &AggregatePlan,
    parts: &mut Parts,
    next: Next,
) -> Result<BTreeSet<usize>, Diagnostics> {
    let input = plan.input.schema();
    let mut width = None;
    let mut columns = Vec::with_capacity(plan.group_expr.len());
    for (number, expression) in plan.group_expr.iter().enumerate() {
        // A column that is named twice exists once.
        if plan
            .group_expr
            .iter()
            .take(number)
            .any(|other| other == expression)
        {
            continue;
        }
        columns.push(match tumble::width(expression) {
            None => {
                check_group_column(expression).map_err(|refusal| vec![refusal])?;
                GroupColumn::Key(physical(expression, input)?)
            }
            Some(Err(cause)) => {
                return Err(vec![planning(&format!("{}(): {cause}", tumble::NAME))]);
            }
            Some(Ok(found)) if width.replace(found).is_some_and(|other| other != found) => {
                return Err(vec![planning(
                    "there is more than one window in GROUP BY: tumble() stands there twice",
                )]);
            }
            Some(Ok(_)) => GroupColumn::Window,
        });
    }
    let Some(width) = width else {
        return Err(vec![refuse_aggregate_without_window(plan)]);
    };
    let input_schema = schema(input);
    let aggregates: Result<_, _> = plan
        .aggr_expr
        .iter()
        .map(|expression| aggregate(expression, input, &input_schema))
        .collect();
    let tumbling = Arc::new(Tumbling {
        width,
        columns,
        aggregates: aggregates?,
        schema: schema(&plan.schema),
    });
    // Its sources are known once its input is compiled.
    let kind = OperatorKind::Window {
        tumbling,
        input: input_schema,
        sources: BTreeSet::new(),
    };
    let next = parts.operator(kind, next);
    let found = compile(&plan.input, parts, next)?;
    // As in Arroyo.
    if parts.windows_into(next).any(|other| other != width) {
        return Err(vec![planning(
            "the window of tumble() is not that of the windows that are grouped",
        )]);
    }
    if let Next::Operator(number) = next
        && let Some(operator) = parts.operators.get_mut(number)
        && let OperatorKind::Window { sources, .. } = &mut operator.kind
    {
        sources.clone_from(&found);
    }
    Ok(found)
}

fn aggregate(
    expression: &Expr,
    logical: &DFSchema,
    input: &Schema,
) -> Result<Aggregate, Diagnostics> {
    check(expression)?;
    let lowered = LoweredAggregateBuilder::new(
        expression,
        logical,
        input,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .build()
    .map_err(|error| diagnostics(&error))?;
    check_order_of_aggregate(!lowered.order_bys.is_empty()).map_err(|refusal| vec![refusal])?;
    let guard = |expression| guarded(expression).map_err(|error| diagnostics(&error));
    let arguments = lowered.aggregate.expressions().into_iter().map(guard);
    Ok(Aggregate {
        is_of_distinct_values: lowered.aggregate.is_distinct(),
        arguments: arguments.collect::<Result<_, _>>()?,
        filter: lowered.filter.map(guard).transpose()?,
        function: lowered.aggregate,
    })
}

//! Type-checks plans, and turns expressions into their executable form.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::{DFSchema, config::ConfigOptions};
use datafusion_expr::{
    Expr, LogicalPlan, execution_props::ExecutionProps,
    physical_planning_context::PhysicalPlanningContext,
};
use datafusion_optimizer::{
    Analyzer, Optimizer, OptimizerContext, simplify_expressions::SimplifyExpressions,
};
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{ParserOptions, SqlToRel};
use stepwell_arroyo::SqlDiagnostic;

use super::catalog::Catalog;
use super::diagnostic::planning;
use super::library_error::diagnostics;
use super::supported::check_planned_expression;
use super::tumble;
use crate::run::short_circuit::guarded;

type Diagnostics = Vec<SqlDiagnostic>;

pub(super) fn planner(catalog: &Catalog) -> SqlToRel<'_, Catalog> {
    let options = ParserOptions {
        collect_spans: true,
        map_string_types_to_utf8view: false,
        ..ParserOptions::default()
    };
    SqlToRel::new_with_options(catalog, options)
}

/// Type-checks a plan, and replaces functions that exist only in plans, such as `coalesce`.
pub(super) fn analyze(plan: LogicalPlan) -> Result<LogicalPlan, Diagnostics> {
    let plan = Analyzer::new()
        .execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
        .map_err(|error| diagnostics(&error))?;
    Optimizer::with_rules(vec![Arc::new(SimplifyExpressions::new())])
        .optimize(plan, &OptimizerContext::new(), |_, _| {})
        .map_err(|error| diagnostics(&error))
}

pub(super) fn physical(
    expression: &Expr,
    input: &DFSchema,
) -> Result<Arc<dyn PhysicalExpr>, Diagnostics> {
    check(expression)?;
    create_physical_expr(
        expression,
        input,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
    .and_then(guarded)
    .map_err(|error| diagnostics(&error))
}

pub(super) fn check(expression: &Expr) -> Result<(), Diagnostics> {
    check_planned_expression(expression).map_err(|refusal| vec![refusal])?;
    if tumble::is_in(expression) {
        return Err(vec![planning(
            "tumble() is a window, which belongs in GROUP BY",
        )]);
    }
    Ok(())
}

pub(super) fn schema(schema: &DFSchema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().clone()))
}

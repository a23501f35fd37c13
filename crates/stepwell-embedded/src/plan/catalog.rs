//! The tables that a query declares, and the functions that it can use.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion_common::{
    DFSchema, DataFusionError, Result, TableReference, config::ConfigOptions, not_impl_err,
};
use datafusion_expr::{
    AggregateUDF, GetFieldAccess, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF,
    planner::{ContextProvider, ExprPlanner, PlannerResult, RawFieldAccessExpr},
};

use datafusion_sql::sqlparser::ast::{Ident, ObjectName};

use super::supported::{IMPURE_FUNCTIONS, Size};
use super::tumble;
use crate::run::program::Table;

/// A declared table in a plan. The plan keeps this declaration, whatever is declared under its name later.
#[derive(Debug)]
pub(super) struct Scanned(pub(super) Arc<Table>);

impl TableSource for Scanned {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.0.schema)
    }
}

/// A declared view, which is replaced by its plan.
#[derive(Debug)]
struct View {
    schema: SchemaRef,
    plan: LogicalPlan,
}

impl TableSource for View {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// The tables, views and functions that the planner can look up.
pub(super) struct Catalog {
    tables: BTreeMap<String, Arc<Table>>,
    views: BTreeMap<String, Arc<View>>,
    /// The sizes of the views.
    sizes: BTreeMap<String, Size>,
    functions: BTreeMap<String, Arc<ScalarUDF>>,
    aggregates: BTreeMap<String, Arc<AggregateUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
    options: ConfigOptions,
}

impl Catalog {
    pub(super) fn new() -> Self {
        let mut functions = BTreeMap::new();
        for function in datafusion_functions::all_default_functions() {
            for alias in function.aliases() {
                functions.insert(alias.clone(), Arc::clone(&function));
            }
            functions.insert(function.name().to_owned(), function);
        }
        // They are left out, so that they also cannot be called in a way that no check sees.
        functions.retain(|name, _| !IMPURE_FUNCTIONS.contains(&name.as_str()));
        functions.insert(tumble::NAME.to_owned(), tumble::function());
        let mut aggregates = BTreeMap::new();
        for aggregate in datafusion_functions_aggregate::all_default_aggregate_functions() {
            for alias in aggregate.aliases() {
                aggregates.insert(alias.clone(), Arc::clone(&aggregate));
            }
            aggregates.insert(aggregate.name().to_owned(), aggregate);
        }
        Self {
            tables: BTreeMap::new(),
            views: BTreeMap::new(),
            sizes: BTreeMap::new(),
            functions,
            aggregates,
            planners: vec![
                Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
                Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
                Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
                Arc::new(FieldPlanner),
                Arc::new(datafusion_functions_aggregate::planner::AggregateFunctionPlanner),
            ],
            options: ConfigOptions::default(),
        }
    }

    /// Declares a table. The last declaration of a name counts, as in Arroyo (recording `045_validate_duplicate_table`).
    pub(super) fn declare(&mut self, table: Table) {
        self.views.remove(&table.name);
        self.sizes.remove(&table.name);
        self.tables.insert(table.name.clone(), Arc::new(table));
    }

    /// Declares a view.
    pub(super) fn declare_view(&mut self, name: String, plan: LogicalPlan, size: Size) {
        self.sizes.insert(name.clone(), size);
        let schema = Arc::new(Schema::new(plan.schema().fields().clone()));
        self.tables.remove(&name);
        self.views.insert(name, Arc::new(View { schema, plan }));
    }

    pub(super) fn sizes(&self) -> &BTreeMap<String, Size> {
        &self.sizes
    }

    pub(super) fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }
}

/// The name of a table as the planner looks it up: in lower case unless it is quoted.
pub(super) fn name_of(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part.as_ident() {
        Some(ident) => normal(ident),
        None => part.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// A name as the planner has it: in lower case unless it is quoted.
pub(super) fn normal(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_ascii_lowercase(),
    }
}

/// `window['start']`: a field of a struct by its name.
#[derive(Debug)]
struct FieldPlanner;

impl ExprPlanner for FieldPlanner {
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        _schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let RawFieldAccessExpr { expr, field_access } = access;
        Ok(match field_access {
            GetFieldAccess::NamedStructField { name } => {
                PlannerResult::Planned(datafusion_functions::core::expr_fn::get_field(expr, name))
            }
            field_access => PlannerResult::Original(RawFieldAccessExpr { expr, field_access }),
        })
    }
}

impl ContextProvider for Catalog {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let name = name.to_vec().join(".");
        if let Some(view) = self.views.get(&name) {
            return Ok(Arc::clone(view) as Arc<dyn TableSource>);
        }
        let table = self.tables.get(&name);
        let table =
            table.ok_or_else(|| DataFusionError::Plan(format!("table {name} not found")))?;
        Ok(Arc::new(Scanned(Arc::clone(table))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.functions.get(name).cloned()
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.aggregates.get(name).cloned()
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn get_table_function_source(
        &self,
        name: &str,
        _args: Vec<datafusion_expr::Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        not_impl_err!("table function {name}")
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        self.functions.keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.aggregates.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

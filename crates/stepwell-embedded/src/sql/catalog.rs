//! The tables that a query declares, and the functions that it can use.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::{
    DataFusionError, Result, TableReference, config::ConfigOptions, not_impl_err,
};
use datafusion_expr::{
    AggregateUDF, HigherOrderUDF, ScalarUDF, TableSource, WindowUDF,
    logical_plan::builder::LogicalTableSource,
    planner::{ContextProvider, ExprPlanner},
};

use super::connector::Connector;

/// A declared table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) connector: Connector,
    pub(super) schema: SchemaRef,
}

/// What the planner can look up.
pub(super) struct Catalog {
    tables: BTreeMap<String, Table>,
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
        let mut aggregates = BTreeMap::new();
        for aggregate in datafusion_functions_aggregate::all_default_aggregate_functions() {
            for alias in aggregate.aliases() {
                aggregates.insert(alias.clone(), Arc::clone(&aggregate));
            }
            aggregates.insert(aggregate.name().to_owned(), aggregate);
        }
        Self {
            tables: BTreeMap::new(),
            functions,
            aggregates,
            planners: vec![
                Arc::new(datafusion_functions::core::planner::CoreFunctionPlanner::default()),
                Arc::new(datafusion_functions::datetime::planner::DatetimeFunctionPlanner),
                Arc::new(datafusion_functions::unicode::planner::UnicodeFunctionPlanner),
            ],
            options: ConfigOptions::default(),
        }
    }

    /// Declares a table; the last of a name counts, as in Arroyo (recording `045_validate_duplicate_table`).
    pub(super) fn declare(&mut self, table: Table) {
        self.tables.insert(table.name.clone(), table);
    }

    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }
}

impl ContextProvider for Catalog {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let table = self.tables.get(name.table());
        let table = table
            .ok_or_else(|| DataFusionError::Plan(format!("table {} not found", name.table())))?;
        Ok(Arc::new(LogicalTableSource::new(Arc::clone(&table.schema))))
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

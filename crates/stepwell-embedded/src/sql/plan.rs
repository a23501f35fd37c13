//! From the text of a query to a program.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::Schema;
use datafusion_common::{DataFusionError, config::ConfigOptions};
use datafusion_expr::{LogicalPlan, WriteOp};
use datafusion_optimizer::{
    Analyzer, Optimizer, OptimizerContext, simplify_expressions::SimplifyExpressions,
};
use datafusion_sql::{
    planner::{ParserOptions, SqlToRel},
    sqlparser::{
        ast::{
            CreateTable, CreateTableOptions, Expr, Insert, Spanned, SqlOption, Statement,
            TableObject, Value,
        },
        dialect::GenericDialect,
        parser::{Parser, ParserError},
    },
};
use stepwell_arroyo::SqlDiagnostic;

use super::{
    Planned,
    catalog::{Catalog, Table},
    connector::{Connector, Options},
    diagnostic::{beyond, diagnostics, planning},
    graph::graph,
    impulse,
    program::Program,
    supported::check_query,
};

/// How deep a query may be nested. The planner recurses as deep.
const DEPTH: usize = 200;

type Diagnostics = Vec<SqlDiagnostic>;

/// Plans a query for so many subtasks, or says all that is wrong with it.
pub(crate) fn plan(query: &str, parallelism: u32) -> Result<Planned, Diagnostics> {
    if query.trim().is_empty() {
        return Err(vec![SqlDiagnostic::new("Query is empty!")]);
    }
    let mut catalog = Catalog::new();
    let mut planned = None;
    for statement in parse(query)? {
        match statement {
            Statement::CreateTable(table) => {
                let table = declare(&catalog, table, parallelism)?;
                catalog.declare(table);
            }
            Statement::CreateView(view) => return Err(vec![beyond("views", view.span())]),
            Statement::Query(_) | Statement::Insert(_) if planned.is_some() => {
                return Err(vec![beyond(
                    "more than one query at once",
                    statement.span(),
                )]);
            }
            Statement::Query(_) | Statement::Insert(_) => {
                planned = Some(plan_statement(&catalog, statement, parallelism)?);
            }
            other => {
                let mut refusal = planning("only CREATE TABLE, INSERT and SELECT can be run");
                refusal.span = beyond("", other.span()).span;
                return Err(vec![refusal]);
            }
        }
    }
    planned.ok_or_else(|| vec![planning("The provided SQL does not contain a query")])
}

fn parse(query: &str) -> Result<Vec<Statement>, Diagnostics> {
    let statements = Parser::new(&GenericDialect {})
        .with_recursion_limit(DEPTH)
        .try_with_sql(query)
        .and_then(|mut parser| parser.parse_statements());
    statements.map_err(|error| {
        if matches!(error, ParserError::RecursionLimitExceeded) {
            return vec![SqlDiagnostic::new(format!(
                "SQL error: the query is nested deeper than {DEPTH} levels"
            ))];
        }
        diagnostics(&DataFusionError::SQL(Box::new(error), None))
    })
}

fn declare(catalog: &Catalog, table: CreateTable, parallelism: u32) -> Result<Table, Diagnostics> {
    let name = table.name.to_string();
    let failed = |cause: &str| {
        vec![SqlDiagnostic::new(format!(
            "Failed to create table {name}\ncaused by\nError during planning: {cause}"
        ))]
    };
    if table.query.is_some() {
        return Err(vec![beyond("CREATE TABLE … AS", table.span())]);
    }
    let options = options(&table).map_err(|cause| failed(&cause))?;
    let connector = Connector::new(options, parallelism).map_err(|cause| failed(&cause))?;
    let schema = match (&connector, table.columns.is_empty()) {
        (Connector::Impulse(_), true) => impulse::schema(),
        (Connector::Impulse(_), false) => {
            return Err(failed("an impulse table has its own columns; declare none"));
        }
        (_, true) => return Err(failed("a sink needs columns; declare them")),
        (_, false) => {
            let fields = planner(catalog)
                .build_schema(table.columns)
                .map_err(|error| diagnostics(&error))?;
            Arc::new(Schema::new(fields.fields))
        }
    };
    Ok(Table {
        name,
        connector,
        schema,
    })
}

fn options(table: &CreateTable) -> Result<Options, String> {
    let given = match &table.table_options {
        CreateTableOptions::With(options) => options.as_slice(),
        _ => &[],
    };
    let mut options = BTreeMap::new();
    for option in given {
        let SqlOption::KeyValue { key, value } = option else {
            return Err(format!("option {option} has no value"));
        };
        let Expr::Value(value) = value else {
            return Err(format!(
                "the value of option '{}' is not a literal",
                key.value
            ));
        };
        let value = match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            Value::Number(number, _) => number.clone(),
            Value::Boolean(flag) => flag.to_string(),
            _ => return Err(format!("the value of option '{}' is not a text", key.value)),
        };
        if options.insert(key.value.clone(), value).is_some() {
            return Err(format!("option '{}' is given twice", key.value));
        }
    }
    Ok(Options(options))
}

fn plan_statement(
    catalog: &Catalog,
    statement: Statement,
    parallelism: u32,
) -> Result<Planned, Diagnostics> {
    let sink = match &statement {
        Statement::Query(query) => {
            check_query(query).map_err(|refusal| vec![refusal])?;
            None
        }
        Statement::Insert(insert) => Some(sink_of(catalog, insert)?),
        _ => None,
    };
    let plan = planner(catalog)
        .sql_statement_to_plan(statement)
        .map_err(|error| diagnostics(&error))?;
    let plan = Analyzer::new()
        .execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
        .map_err(|error| diagnostics(&error))?;
    // Some functions, `coalesce` among them, exist only until they are simplified.
    let plan = Optimizer::with_rules(vec![Arc::new(SimplifyExpressions::new())])
        .optimize(plan, &OptimizerContext::new(), |_, _| {})
        .map_err(|error| diagnostics(&error))?;
    let plan = match plan {
        LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Insert(_)) => dml.input,
        plan => Arc::new(plan),
    };
    let (program, source) =
        Program::new(&plan, catalog, sink.as_ref().map(|table| &table.connector))?;
    let graph = graph(
        &source.name,
        &source.connector,
        sink.as_ref().map(|table| &table.connector),
        parallelism,
    );
    Ok(Planned { graph, program })
}

fn sink_of(catalog: &Catalog, insert: &Insert) -> Result<Table, Diagnostics> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(vec![planning("INSERT needs the name of a table")]);
    };
    let name = name.to_string();
    match &insert.source {
        Some(query) => check_query(query).map_err(|refusal| vec![refusal])?,
        None => return Err(vec![planning("INSERT needs a SELECT")]),
    }
    let table = catalog
        .table(&name)
        .ok_or_else(|| vec![planning(&format!("table {name} not found"))])?;
    if table.connector.is_source() {
        return Err(vec![planning(&format!(
            "table {name} is a source, and cannot be inserted into"
        ))]);
    }
    Ok(table.clone())
}

fn planner(catalog: &Catalog) -> SqlToRel<'_, Catalog> {
    let options = ParserOptions {
        collect_spans: true,
        map_string_types_to_utf8view: false,
        ..ParserOptions::default()
    };
    SqlToRel::new_with_options(catalog, options)
}

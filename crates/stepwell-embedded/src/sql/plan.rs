//! From the text of a query to a program.

use std::sync::Arc;

use datafusion_common::config::ConfigOptions;
use datafusion_expr::{LogicalPlan, WriteOp};
use datafusion_optimizer::{
    Analyzer, Optimizer, OptimizerContext, simplify_expressions::SimplifyExpressions,
};
use datafusion_sql::{
    planner::{ParserOptions, SqlToRel},
    sqlparser::ast::{CreateView, Insert, Spanned as _, Statement, TableObject},
};
use stepwell_arroyo::SqlDiagnostic;

use super::{
    Planned,
    catalog::{Catalog, Table, name_of},
    compile::compile,
    connector::Connector,
    diagnostic::{beyond, diagnostics, planning, planning_at},
    graph::graph,
    parse::{Parsed, parse},
    program::{Next, Parts, Program, SinkPlan},
    supported::check_query,
    table::declare,
    words,
};

type Diagnostics = Vec<SqlDiagnostic>;

/// Plans a query for so many subtasks, or says all that is wrong with it.
pub(crate) fn plan(query: &str, parallelism: u32) -> Result<Planned, Diagnostics> {
    planned(query, parallelism).map_err(|mut errors| {
        // Their places were found by the whole of their words.
        for error in &mut errors {
            error.message = words::shown(query, &error.message);
        }
        errors
    })
}

fn planned(query: &str, parallelism: u32) -> Result<Planned, Diagnostics> {
    if query.trim().is_empty() {
        return Err(vec![SqlDiagnostic::new("Query is empty!")]);
    }
    let mut catalog = Catalog::new();
    let mut parts = Parts {
        query: query.to_owned(),
        parallelism,
        ..Parts::default()
    };
    let mut last = None;
    for parsed in parse(query)? {
        let places = parsed.places.clone();
        take(&mut catalog, parsed, &mut parts).map_err(|errors| places.fill(errors))?;
        last = Some(places);
    }
    if parts.sinks.is_empty() {
        let refusal = vec![planning("The provided SQL does not contain a query")];
        return Err(match last {
            Some(places) => places.fill(refusal),
            None => refusal,
        });
    }
    let graph = graph(&parts);
    parts.tasks = graph.nodes().len() as u64;
    Ok(Planned {
        graph,
        program: Program(Arc::new(parts)),
    })
}

/// Takes a statement in.
fn take(catalog: &mut Catalog, parsed: Parsed, parts: &mut Parts) -> Result<(), Diagnostics> {
    let Parsed {
        statement,
        watermark,
        places,
    } = parsed;
    match statement {
        Statement::CreateTable(table) => {
            let table = declare(catalog, table, watermark.as_ref(), parts.parallelism)?;
            catalog.declare(table);
        }
        Statement::CreateView(view) => {
            let (name, plan) = plan_view(catalog, view)?;
            catalog.declare_view(name, plan);
        }
        Statement::Query(_) | Statement::Insert(_) => {
            plan_statement(catalog, statement, parts)?;
        }
        Statement::Set(_) => return Err(vec![beyond("SET", places.start())]),
        _ => {
            return Err(vec![planning_at(
                "only CREATE TABLE, CREATE VIEW, INSERT and SELECT can be run",
                places.start(),
            )]);
        }
    }
    Ok(())
}

fn plan_view(catalog: &Catalog, view: CreateView) -> Result<(String, LogicalPlan), Diagnostics> {
    if view.materialized || !view.columns.is_empty() {
        return Err(vec![beyond(
            "views that are materialized or name their columns",
            view.span(),
        )]);
    }
    check_query(&view.query).map_err(|refusal| vec![refusal])?;
    let plan = planner(catalog)
        .sql_statement_to_plan(Statement::Query(view.query))
        .map_err(|error| diagnostics(&error))?;
    Ok((name_of(&view.name), plan))
}

fn plan_statement(
    catalog: &Catalog,
    statement: Statement,
    parts: &mut Parts,
) -> Result<(), Diagnostics> {
    let sink = match &statement {
        Statement::Query(query) => {
            check_query(query).map_err(|refusal| vec![refusal])?;
            SinkPlan::Preview
        }
        Statement::Insert(insert) => match &sink_of(catalog, insert)?.connector {
            Connector::Blackhole => SinkPlan::Forget,
            Connector::SingleFileSink(file) => SinkPlan::File(file.clone()),
            _ => SinkPlan::Stdout,
        },
        _ => return Ok(()),
    };
    let plan = planner(catalog)
        .sql_statement_to_plan(statement)
        .map_err(|error| diagnostics(&error))?;
    let plan = match analyze(plan)? {
        LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Insert(_)) => dml.input,
        plan => Arc::new(plan),
    };
    let sink = parts.sink(sink);
    compile(&plan, parts, Next::Sink(sink))?;
    Ok(())
}

/// Checks the types of a plan, and replaces what exists only in plans: functions such as `coalesce`.
pub(super) fn analyze(plan: LogicalPlan) -> Result<LogicalPlan, Diagnostics> {
    let plan = Analyzer::new()
        .execute_and_check(plan, &ConfigOptions::default(), |_, _| {})
        .map_err(|error| diagnostics(&error))?;
    Optimizer::with_rules(vec![Arc::new(SimplifyExpressions::new())])
        .optimize(plan, &OptimizerContext::new(), |_, _| {})
        .map_err(|error| diagnostics(&error))
}

fn sink_of(catalog: &Catalog, insert: &Insert) -> Result<Arc<Table>, Diagnostics> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(vec![planning("INSERT needs the name of a table")]);
    };
    let at = name.span();
    let name = name_of(name);
    match &insert.source {
        Some(query) => check_query(query).map_err(|refusal| vec![refusal])?,
        None => return Err(vec![planning("INSERT needs a SELECT")]),
    }
    // Recording `040_validate_insert_unknown_sink` has the words.
    let table = catalog
        .table(&name)
        .ok_or_else(|| vec![planning_at(&format!("table {name} not found"), at)])?;
    if table.connector.is_source() {
        let message = format!("table '{name}' is a source, and cannot be inserted into");
        return Err(vec![planning_at(&message, at)]);
    }
    Ok(Arc::clone(table))
}

pub(super) fn planner(catalog: &Catalog) -> SqlToRel<'_, Catalog> {
    let options = ParserOptions {
        collect_spans: true,
        map_string_types_to_utf8view: false,
        ..ParserOptions::default()
    };
    SqlToRel::new_with_options(catalog, options)
}

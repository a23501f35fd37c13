//! Plans a query, statement by statement.

use std::sync::Arc;

use datafusion_expr::{LogicalPlan, WriteOp};
use datafusion_sql::sqlparser::ast::{CreateView, Insert, Spanned as _, Statement, TableObject};
use stepwell_arroyo::{PipelineGraph, SqlDiagnostic};

use super::analysis::{analyze, planner};
use super::catalog::{Catalog, name_of};
use super::compile::compile;
use super::diagnostic::{planning, planning_at};
use super::graph::graph;
use super::library_error::diagnostics;
use super::parse::{Parsed, parse};
use super::supported::{Size, check_query, check_size, check_statement, check_width};
use super::table::declare;
use super::words;
use crate::connector::{Connector, SinkConnector, preview};
use crate::run::program::{Next, Parts, Program};

type Diagnostics = Vec<SqlDiagnostic>;

/// A planned query.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) graph: PipelineGraph,
    pub(crate) program: Program,
}

/// Plans a query with `parallelism` subtasks for each operator, or returns all of its errors.
pub(crate) fn plan(query: &str, parallelism: u32) -> Result<Planned, Diagnostics> {
    planned(query, parallelism).map_err(|mut errors| {
        // Only now: positions are found by the whole messages.
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
        let locator = parsed.locator.clone();
        take(&mut catalog, parsed, &mut parts).map_err(|errors| locator.fill(errors))?;
        last = Some(locator);
    }
    if parts.sinks.is_empty() {
        let refusal = vec![planning("The provided SQL does not contain a query")];
        return Err(match last {
            Some(locator) => locator.fill(refusal),
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

/// Plans one statement.
fn take(catalog: &mut Catalog, parsed: Parsed, parts: &mut Parts) -> Result<(), Diagnostics> {
    let Parsed {
        statement,
        watermark,
        locator,
    } = parsed;
    check_statement(&statement, locator.start()).map_err(|refusal| vec![refusal])?;
    match statement {
        Statement::CreateTable(table) => {
            let table = declare(catalog, table, watermark.as_ref(), parts.parallelism)?;
            catalog.declare(table);
        }
        Statement::CreateView(view) => {
            let (name, plan, size) = plan_view(catalog, view)?;
            catalog.declare_view(name, plan, size);
        }
        Statement::Query(_) | Statement::Insert(_) => {
            plan_statement(catalog, statement, parts)?;
        }
        // `check_statement` has refused every other statement.
        _ => {}
    }
    Ok(())
}

fn plan_view(
    catalog: &Catalog,
    view: CreateView,
) -> Result<(String, LogicalPlan, Size), Diagnostics> {
    let size = check_size(&view.query, catalog.sizes(), 0).map_err(|refusal| vec![refusal])?;
    let plan = planner(catalog)
        .sql_statement_to_plan(Statement::Query(view.query))
        .map_err(|error| diagnostics(&error))?;
    check_width(plan.schema()).map_err(|refusal| vec![refusal])?;
    Ok((name_of(&view.name), plan, size))
}

fn plan_statement(
    catalog: &Catalog,
    statement: Statement,
    parts: &mut Parts,
) -> Result<(), Diagnostics> {
    let sink = match &statement {
        Statement::Query(_) => preview(),
        Statement::Insert(insert) => sink_of(catalog, insert)?,
        _ => return Ok(()),
    };
    let query = match &statement {
        Statement::Query(query) => Some(query),
        Statement::Insert(insert) => insert.source.as_ref(),
        _ => None,
    };
    if let Some(query) = query {
        let size = check_size(query, catalog.sizes(), parts.queries);
        parts.queries += size.map_err(|refusal| vec![refusal])?.queries;
    }
    let plan = planner(catalog)
        .sql_statement_to_plan(statement)
        .map_err(|error| diagnostics(&error))?;
    check_width(plan.schema()).map_err(|refusal| vec![refusal])?;
    let plan = match analyze(plan)? {
        LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Insert(_)) => dml.input,
        plan => Arc::new(plan),
    };
    let sink = parts.sink(sink);
    compile(&plan, parts, Next::Sink(sink))?;
    Ok(())
}

fn sink_of(catalog: &Catalog, insert: &Insert) -> Result<Arc<dyn SinkConnector>, Diagnostics> {
    let TableObject::TableName(name) = &insert.table else {
        return Err(vec![planning("INSERT needs the name of a table")]);
    };
    let at = name.span();
    let name = name_of(name);
    match &insert.source {
        Some(query) => check_query(query).map_err(|refusal| vec![refusal])?,
        None => return Err(vec![planning("INSERT needs a SELECT")]),
    }
    // The message of recording `040_validate_insert_unknown_sink`.
    let table = catalog
        .table(&name)
        .ok_or_else(|| vec![planning_at(&format!("table {name} not found"), at)])?;
    match &table.connector {
        Connector::Sink(sink) => Ok(Arc::clone(sink)),
        Connector::Source(_) => {
            let message = format!("table '{name}' is a source, and cannot be inserted into");
            Err(vec![planning_at(&message, at)])
        }
    }
}

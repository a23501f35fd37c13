//! Plans `CREATE TABLE`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::DFSchema;
use datafusion_expr::{
    Expr as LogicalExpr, LogicalPlan, LogicalPlanBuilder, cast,
    logical_plan::builder::LogicalTableSource,
};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_sql::{
    planner::PlannerContext,
    sqlparser::ast::{
        ColumnDef, ColumnOption, CreateTable, CreateTableOptions, Expr, Ident, Spanned as _,
        SqlOption, Value,
    },
};
use stepwell_arroyo::SqlDiagnostic;

use super::analysis::{analyze, physical, planner};
use super::catalog::{Catalog, name_of, normal};
use super::diagnostic::{planning, planning_at};
use super::library_error::diagnostics;
use super::parse::Watermark;
use super::supported::{check_expression, refuse_table_without_connector};
use super::words;
use crate::connector::{self, Connector, Given, Options};
use crate::run::event_time::{EventTime, TIMESTAMP};
use crate::run::program::Table;
use crate::run::step::Projection;

type Diagnostics = Vec<SqlDiagnostic>;

/// The table that a statement declares.
pub(super) fn declare(
    catalog: &Catalog,
    table: CreateTable,
    watermark: Option<&Watermark>,
    parallelism: u32,
) -> Result<Table, Diagnostics> {
    let name = name_of(&table.name);
    let at = table.name.span();
    // The message of recording `034_validate_unknown_connector`.
    let failed = |mut cause: SqlDiagnostic| {
        cause.message = format!("Failed to create table {name}: {}", cause.message);
        vec![cause]
    };
    let mut options = options(&table).map_err(failed)?;
    if options.is_empty() {
        return Err(failed(refuse_table_without_connector(at)));
    }
    let has_columns = !table.columns.is_empty();
    let columns = Columns::new(catalog, table.columns)?;
    let connector = connector::declare(&mut options, &columns.read, parallelism).map_err(failed)?;
    let event_time_field = options.take("event_time_field");
    options.finish().map_err(failed)?;
    let failed = |cause: &str| failed(planning_at(cause, at));
    let declared = has_columns.then_some(&columns.all);
    let schema = match &connector {
        Connector::Source(source) => source.columns(declared),
        Connector::Sink(_) => declared
            .cloned()
            .ok_or("a sink needs columns; declare them"),
    };
    let schema = schema.map_err(failed)?;
    if !connector.is_source() && (watermark.is_some() || event_time_field.is_some()) {
        return Err(failed("a sink has no event time"));
    }
    if !connector.is_source() && !columns.generated.is_empty() {
        return Err(failed("a sink has no generated columns"));
    }
    let generated = columns.projection(catalog, &name)?;
    let event_time = event_time(catalog, &name, &schema, event_time_field, watermark)?;
    Ok(Table {
        name,
        connector,
        schema,
        generated,
        event_time,
    })
}

/// The columns of a table: all, those that are read, and the expressions of the others.
struct Columns {
    all: SchemaRef,
    read: SchemaRef,
    generated: BTreeMap<String, Expr>,
}

impl Columns {
    fn new(catalog: &Catalog, definitions: Vec<ColumnDef>) -> Result<Self, Diagnostics> {
        let mut generated = BTreeMap::new();
        let mut names = BTreeSet::new();
        for column in &definitions {
            let name = normal(&column.name);
            if !names.insert(name.clone()) {
                let message = format!("column '{name}' is declared twice");
                return Err(vec![planning_at(&message, column.name.span)]);
            }
            for option in &column.options {
                if let ColumnOption::Generated {
                    generation_expr: Some(expression),
                    ..
                } = &option.option
                {
                    check_expression(expression).map_err(|refusal| vec![refusal])?;
                    generated.insert(name.clone(), expression.clone());
                }
            }
        }
        let all = planner(catalog)
            .build_schema(definitions)
            .map_err(|error| diagnostics(&error))?;
        let read = all
            .fields
            .iter()
            .filter(|field| !generated.contains_key(field.name()));
        Ok(Self {
            read: Arc::new(Schema::new(read.cloned().collect::<Vec<_>>())),
            all: Arc::new(Schema::new(all.fields)),
            generated,
        })
    }

    fn projection(
        &self,
        catalog: &Catalog,
        table: &str,
    ) -> Result<Option<Projection>, Diagnostics> {
        if self.generated.is_empty() {
            return Ok(None);
        }
        let columns = self.all.fields().iter().map(|field| {
            let name = Ident::with_quote('"', field.name());
            let expression = self.generated.get(field.name()).cloned();
            (
                expression.unwrap_or(Expr::Identifier(name)),
                field.data_type().clone(),
            )
        });
        Ok(Some(Projection {
            expressions: expressions(catalog, table, &self.read, columns.collect())?,
            schema: Arc::clone(&self.all),
        }))
    }
}

fn event_time(
    catalog: &Catalog,
    table: &str,
    schema: &SchemaRef,
    field: Option<Given>,
    watermark: Option<&Watermark>,
) -> Result<EventTime, Diagnostics> {
    let (column, at) = match (field, watermark) {
        (None, None) => return Ok(EventTime::default()),
        (Some(field), Some(watermark)) if normal(&watermark.column) != field.text => {
            let message = format!(
                "table {table} has two event times: '{}' and '{}'",
                field.text, watermark.column.value
            );
            return Err(vec![planning_at(&message, watermark.column.span)]);
        }
        (_, Some(watermark)) => (watermark.column.clone(), watermark.column.span),
        (Some(field), None) => (Ident::with_quote('"', field.text), field.value),
    };
    let name = normal(&column);
    match schema.field_with_name(&name).map(Field::data_type) {
        Ok(DataType::Timestamp(..)) => {}
        Ok(other) => {
            let message = words::of(&format!(
                "the event time of table {table} has to be a TIMESTAMP, and column '{name}' is {other}"
            ));
            return Err(vec![planning_at(&message, at)]);
        }
        Err(_) => {
            let message = format!("table {table} has no column '{name}' for its event time");
            return Err(vec![planning_at(&message, at)]);
        }
    }
    let mut columns = vec![(Expr::Identifier(column), TIMESTAMP)];
    if let Some(expression) = watermark.and_then(|watermark| watermark.expression.as_ref()) {
        check_expression(expression).map_err(|refusal| vec![refusal])?;
        columns.push((expression.clone(), TIMESTAMP));
    }
    let mut planned = expressions(catalog, table, schema, columns)?.into_iter();
    Ok(EventTime {
        time: planned.next(),
        watermark: planned.next(),
    })
}

/// Plans expressions over the columns of a table, each cast to its type.
fn expressions(
    catalog: &Catalog,
    table: &str,
    schema: &SchemaRef,
    asked: Vec<(Expr, DataType)>,
) -> Result<Vec<Arc<dyn PhysicalExpr>>, Diagnostics> {
    let planner = planner(catalog);
    let plan = || {
        let columns = DFSchema::try_from_qualified_schema(table, schema)?;
        let mut expressions: Vec<LogicalExpr> = Vec::with_capacity(asked.len());
        for (number, (expression, kind)) in asked.into_iter().enumerate() {
            let expression =
                planner.sql_to_expr(expression, &columns, &mut PlannerContext::new())?;
            expressions.push(cast(expression, kind).alias(number.to_string()));
        }
        let source = Arc::new(LogicalTableSource::new(Arc::clone(schema)));
        LogicalPlanBuilder::scan(table, source, None)?
            .project(expressions)?
            .build()
    };
    match analyze(plan().map_err(|error| diagnostics(&error))?)? {
        LogicalPlan::Projection(projection) => projection
            .expr
            .iter()
            .map(|expression| physical(expression, projection.input.schema()))
            .collect(),
        _ => Err(vec![planning(
            "the columns of a table cannot be worked out",
        )]),
    }
}

fn options(table: &CreateTable) -> Result<Options, SqlDiagnostic> {
    let given = match &table.table_options {
        CreateTableOptions::With(options) => options.as_slice(),
        _ => &[],
    };
    let mut options = Options::new(table.name.span());
    for option in given {
        let SqlOption::KeyValue { key, value } = option else {
            let message = format!("option {option} has no value");
            return Err(planning_at(&message, option.span()));
        };
        let name = &key.value;
        let is_no = |what: &str| {
            let message = format!("the value of option '{name}' is not {what}");
            planning_at(&message, value.span())
        };
        let Expr::Value(literal) = value else {
            return Err(is_no("a literal"));
        };
        let text = match &literal.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            Value::Number(number, _) => number.clone(),
            Value::Boolean(flag) => flag.to_string(),
            _ => return Err(is_no("a text")),
        };
        let given = Given {
            text,
            name: key.span,
            value: literal.span,
        };
        if !options.add(name, given) {
            let message = format!("option '{name}' is given twice");
            return Err(planning_at(&message, key.span));
        }
    }
    Ok(options)
}

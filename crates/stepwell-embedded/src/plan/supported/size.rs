//! Limits for what a query has once its views and the tables of its `WITH` are in their places.
//!
//! One that is read twice is planned twice, so a query of a few lines can have millions of operators. They are counted before anything is
//! planned.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};
use datafusion_common::DFSchema;
use datafusion_sql::sqlparser::ast::{Query, Select, SetExpr, TableFactor};
use stepwell_arroyo::SqlDiagnostic;

use super::refusal::Refusal;
use crate::plan::catalog::{name_of, normal};

/// The most queries between a row's source and its sink, each of which reads the one before. The planner recurses into them.
const MOST_LEVELS: usize = 250;

/// The most queries that are planned for one text.
const MOST_QUERIES: usize = 2000;

/// The most columns of a row, with the fields of structs.
const MOST_FIELDS: usize = 10_000;

/// How many `SELECT`s something has: in all, and one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::plan) struct Size {
    pub(in crate::plan) queries: usize,
    levels: usize,
}

/// What names stand for.
struct Names<'a> {
    views: &'a BTreeMap<String, Size>,
    /// The tables of all `WITH` around a query; the last one of a name counts.
    tables: Vec<(String, Size)>,
}

/// The size of a query. It is refused if it is too large. `others`: how many queries the text has so far.
pub(in crate::plan) fn check_size(
    query: &Query,
    views: &BTreeMap<String, Size>,
    others: usize,
) -> Result<Size, SqlDiagnostic> {
    let tables = Vec::new();
    let size = Names { views, tables }.size_of(query);
    if size.levels > MOST_LEVELS {
        return Err(Refusal::TooManyLevels { most: MOST_LEVELS }.unplaced());
    }
    if size.queries.saturating_add(others) > MOST_QUERIES {
        return Err(Refusal::TooManyQueries { most: MOST_QUERIES }.unplaced());
    }
    Ok(size)
}

/// Refuses rows with too many columns and fields: a struct of two structs of two structs has many after a few lines.
pub(in crate::plan) fn check_width(schema: &DFSchema) -> Result<(), SqlDiagnostic> {
    let mut waiting: Vec<&Field> = schema.fields().iter().map(AsRef::as_ref).collect();
    let mut fields = 0;
    while let Some(field) = waiting.pop() {
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(Refusal::TooManyFields { most: MOST_FIELDS }.unplaced());
        }
        match field.data_type() {
            DataType::Struct(inner) => waiting.extend(inner.iter().map(AsRef::as_ref)),
            DataType::List(item) | DataType::LargeList(item) => waiting.push(item),
            _ => {}
        }
    }
    Ok(())
}

impl Names<'_> {
    fn size_of(&mut self, query: &Query) -> Size {
        let outside = self.tables.len();
        for table in query.with.iter().flat_map(|with| &with.cte_tables) {
            let size = self.size_of(&table.query);
            self.tables.push((normal(&table.alias.name), size));
        }
        let size = self.size_of_set(&query.body);
        self.tables.truncate(outside);
        size
    }

    fn size_of_set(&mut self, set: &SetExpr) -> Size {
        match set {
            SetExpr::Select(select) => self.size_of_select(select),
            SetExpr::Query(query) => self.size_of(query),
            SetExpr::SetOperation { left, right, .. } => {
                let (left, right) = (self.size_of_set(left), self.size_of_set(right));
                Size {
                    queries: left.queries.saturating_add(right.queries),
                    levels: left.levels.max(right.levels),
                }
            }
            _ => Size::default(),
        }
    }

    /// Joins are refused elsewhere, so there is one relation.
    fn size_of_select(&mut self, select: &Select) -> Size {
        let relation = select.from.first().map(|from| &from.relation);
        let read = match relation {
            Some(TableFactor::Table { name, .. }) => self.find(&name_of(name)),
            Some(TableFactor::Derived { subquery, .. }) => self.size_of(subquery),
            _ => Size::default(),
        };
        Size {
            queries: read.queries.saturating_add(1),
            levels: read.levels.saturating_add(1),
        }
    }

    /// A declared table has no size of its own.
    fn find(&self, name: &str) -> Size {
        let mut tables = self.tables.iter().rev();
        let table = tables.find(|(table, _)| table == name);
        let found = table.map(|(_, size)| size).or_else(|| self.views.get(name));
        found.copied().unwrap_or_default()
    }
}

//! Which queries are supported.

use datafusion_sql::sqlparser::ast::{
    Distinct, GroupByExpr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned,
    TableFactor, With,
};
use stepwell_arroyo::SqlDiagnostic;

use super::expression::check_expression;
use super::refusal::{Construct, Feature, Refusal};

/// The first thing in a query that the engine cannot run.
pub(in crate::plan) fn check_query(query: &Query) -> Result<(), SqlDiagnostic> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        pipe_operators,
        ..
    } = query;
    if let Some(order_by) = order_by {
        return Err(Refusal::from(Construct::OrderBy).at(order_by.span()));
    }
    if limit_clause.is_some() || fetch.is_some() {
        return Err(Refusal::from(Construct::Limit).unplaced());
    }
    if !locks.is_empty() || for_clause.is_some() {
        return Err(Refusal::from(Construct::Locks).unplaced());
    }
    if !pipe_operators.is_empty() {
        return Err(Refusal::from(Construct::PipeOperator).unplaced());
    }
    if let Some(With {
        recursive,
        cte_tables,
        with_token,
    }) = with
    {
        if *recursive {
            return Err(Refusal::from(Construct::RecursiveQuery).at(with_token.0.span));
        }
        for cte in cte_tables {
            check_query(&cte.query)?;
        }
    }
    check_set(body)
}

fn check_set(set: &SetExpr) -> Result<(), SqlDiagnostic> {
    match set {
        SetExpr::Select(select) => check_select(select),
        SetExpr::Query(query) => check_query(query),
        SetExpr::SetOperation {
            op: SetOperator::Union,
            set_quantifier: SetQuantifier::All,
            left,
            right,
        } => check_set(left).and_then(|()| check_set(right)),
        SetExpr::SetOperation { .. } => Err(Refusal::from(Feature::SetOperation).at(set.span())),
        SetExpr::Values(_) => Err(Refusal::from(Construct::Values).unplaced()),
        _ => Err(Refusal::from(Construct::NoSelect).at(set.span())),
    }
}

fn check_select(select: &Select) -> Result<(), SqlDiagnostic> {
    if let Some(Distinct::Distinct | Distinct::On(_)) = select.distinct {
        return Err(Refusal::from(Feature::Distinct).at(select.span()));
    }
    match &select.group_by {
        GroupByExpr::Expressions(_, modifiers) if modifiers.is_empty() => {}
        group_by => {
            return Err(Refusal::from(Feature::GroupByVariant).at(group_by.span()));
        }
    }
    if let Some(qualify) = &select.qualify {
        return Err(Refusal::from(Feature::Qualify).at(qualify.span()));
    }
    if select.top.is_some() || select.into.is_some() || !select.lateral_views.is_empty() {
        return Err(Refusal::from(Construct::Top).unplaced());
    }
    match select.from.as_slice() {
        [] => {
            return Err(Refusal::from(Construct::NoFrom).unplaced());
        }
        [from] => {
            if let Some(join) = from.joins.first() {
                return Err(Refusal::from(Feature::Join).at(join.span()));
            }
            check_relation(&from.relation)?;
        }
        [_, second, ..] => return Err(Refusal::from(Feature::Join).at(second.span())),
    }
    check_expressions(select)
}

fn check_relation(relation: &TableFactor) -> Result<(), SqlDiagnostic> {
    match relation {
        TableFactor::Table {
            args: None,
            sample: None,
            ..
        } => Ok(()),
        TableFactor::Table { args: None, .. } => {
            Err(Refusal::from(Construct::Sample).at(relation.span()))
        }
        TableFactor::Derived {
            lateral: false,
            subquery,
            ..
        } => check_query(subquery),
        TableFactor::NestedJoin { .. } => Err(Refusal::from(Feature::Join).at(relation.span())),
        TableFactor::UNNEST { .. } => Err(Refusal::from(Feature::Unnest).at(relation.span())),
        TableFactor::Derived { lateral: true, .. } => {
            Err(Refusal::from(Feature::Lateral).at(relation.span()))
        }
        TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => {
            Err(Refusal::from(Construct::Pivot).at(relation.span()))
        }
        _ => Err(Refusal::from(Feature::TableFunction).at(relation.span())),
    }
}

fn check_expressions(select: &Select) -> Result<(), SqlDiagnostic> {
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expression)
        | SelectItem::ExprWithAlias {
            expr: expression, ..
        } = item
        {
            check_expression(expression)?;
        }
    }
    for expression in select.selection.iter().chain(&select.having) {
        check_expression(expression)?;
    }
    if let GroupByExpr::Expressions(by, _) = &select.group_by {
        by.iter().try_for_each(check_expression)?;
    }
    Ok(())
}

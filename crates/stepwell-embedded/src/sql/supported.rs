//! What the embedded engine can run: everything else is refused with the place that it is at.

use datafusion_sql::sqlparser::ast::{
    Distinct, GroupByExpr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned,
    TableFactor, With,
};
use stepwell_arroyo::SqlDiagnostic;

use super::{
    diagnostic::{beyond, planning, planning_at},
    expressions::check_expression,
};

/// The first thing in a query that the engine cannot run.
pub(super) fn check_query(query: &Query) -> Result<(), SqlDiagnostic> {
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
        // Arroyo has none either, so nobody is sent to a cluster for it.
        return Err(planning_at(
            "a stream has no end to sort: ORDER BY cannot be used",
            order_by.span(),
        ));
    }
    if limit_clause.is_some() || fetch.is_some() {
        return Err(planning(
            "a stream has no end to limit: LIMIT, OFFSET and FETCH cannot be used",
        ));
    }
    if !locks.is_empty() || for_clause.is_some() {
        return Err(planning("FOR cannot be used: a stream has no locks"));
    }
    if !pipe_operators.is_empty() {
        return Err(planning("the operator '|>' cannot be used"));
    }
    if let Some(With {
        recursive,
        cte_tables,
        with_token,
    }) = with
    {
        if *recursive {
            // As with ORDER BY.
            return Err(planning_at(
                "recursive queries cannot be used",
                with_token.0.span,
            ));
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
        SetExpr::SetOperation { .. } => Err(beyond(
            "UNION without ALL and other set operations",
            set.span(),
        )),
        SetExpr::Values(_) => Err(planning("VALUES cannot be used: it is no stream")),
        _ => Err(planning_at("only SELECT can be run", set.span())),
    }
}

fn check_select(select: &Select) -> Result<(), SqlDiagnostic> {
    if let Some(Distinct::Distinct | Distinct::On(_)) = select.distinct {
        return Err(beyond("DISTINCT", select.span()));
    }
    match &select.group_by {
        GroupByExpr::Expressions(_, modifiers) if modifiers.is_empty() => {}
        group_by => {
            return Err(beyond(
                "GROUP BY ALL and GROUP BY with modifiers",
                group_by.span(),
            ));
        }
    }
    if let Some(qualify) = &select.qualify {
        return Err(beyond("QUALIFY", qualify.span()));
    }
    if select.top.is_some() || select.into.is_some() || !select.lateral_views.is_empty() {
        return Err(planning("TOP, INTO and LATERAL VIEW cannot be used"));
    }
    match select.from.as_slice() {
        [] => {
            return Err(planning(
                "there is no stream to read: the query has no FROM",
            ));
        }
        [from] => {
            if let Some(join) = from.joins.first() {
                return Err(beyond("joins", join.span()));
            }
            check_relation(&from.relation)?;
        }
        [_, second, ..] => return Err(beyond("joins", second.span())),
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
            Err(planning_at("TABLESAMPLE cannot be used", relation.span()))
        }
        TableFactor::Derived {
            lateral: false,
            subquery,
            ..
        } => check_query(subquery),
        TableFactor::NestedJoin { .. } => Err(beyond("joins", relation.span())),
        TableFactor::UNNEST { .. } => Err(beyond("UNNEST", relation.span())),
        TableFactor::Derived { lateral: true, .. } => Err(beyond("LATERAL", relation.span())),
        TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => Err(planning_at(
            "PIVOT and UNPIVOT cannot be used",
            relation.span(),
        )),
        _ => Err(beyond("table functions", relation.span())),
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

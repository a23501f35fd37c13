//! Which planned queries are supported.

use datafusion_common::{Spans, tree_node::TreeNode as _};
use datafusion_expr::{Aggregate, Expr, LogicalPlan};
use stepwell_arroyo::SqlDiagnostic;

use super::refusal::{Construct, Feature, Refusal};
use crate::plan::diagnostic::span;

/// The refusal of a plan's node that the compiler does not know.
pub(in crate::plan) fn refuse_node(plan: &LogicalPlan) -> SqlDiagnostic {
    let refusal: Refusal = match plan {
        LogicalPlan::Window(_) => Feature::Over.into(),
        LogicalPlan::Join(_) => Feature::Join.into(),
        LogicalPlan::Unnest(_) => Feature::Unnest.into(),
        _ => Construct::PlanNode.into(),
    };
    refusal.unplaced()
}

/// Refuses planned expressions with a subquery.
pub(in crate::plan) fn check_planned_expression(expression: &Expr) -> Result<(), SqlDiagnostic> {
    let has_subquery = expression.exists(|expression| {
        Ok(matches!(
            expression,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    });
    if has_subquery.unwrap_or(true) {
        return Err(Refusal::from(Feature::Subquery).unplaced());
    }
    Ok(())
}

/// Refuses `GROUPING SETS` and its kin in `GROUP BY`.
pub(in crate::plan) fn check_group_column(expression: &Expr) -> Result<(), SqlDiagnostic> {
    match expression {
        Expr::GroupingSet(_) => Err(Refusal::from(Feature::GroupingSets).unplaced()),
        _ => Ok(()),
    }
}

/// Refuses an aggregate that orders its rows.
pub(in crate::plan) fn check_order_of_aggregate(is_ordered: bool) -> Result<(), SqlDiagnostic> {
    if is_ordered {
        return Err(Refusal::from(Feature::OrderedAggregate).unplaced());
    }
    Ok(())
}

/// The refusal of an aggregation without a window, at its first column whose position is known.
pub(in crate::plan) fn refuse_aggregate_without_window(plan: &Aggregate) -> SqlDiagnostic {
    let mut refusal = Refusal::from(Feature::AggregateWithoutWindow).unplaced();
    let columns = plan.group_expr.iter().chain(&plan.aggr_expr);
    let place = columns.filter_map(Expr::spans).find_map(Spans::first);
    if let Some(place) = place {
        refusal.span = span(place);
    }
    refusal
}

//! What the embedded engine can evaluate: other expressions are refused with the place that they are at.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::{
    ast::{
        AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr,
        FunctionArguments, Spanned as _, Subscript, Value, visit_expressions,
    },
    tokenizer::Span,
};
use stepwell_arroyo::SqlDiagnostic;

use super::diagnostic::{beyond, planning_at};

/// Windows that Arroyo has beside those that tumble.
const WINDOWS: [&str; 2] = ["hop", "session"];

/// Functions whose value depends on when or where they are called: a row would not be the same after a resume.
pub(super) const IMPURE: [&str; 7] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "today",
    "random",
    "uuid",
];

/// The first thing in an expression that the engine cannot run.
pub(super) fn check_expression(expression: &Expr) -> Result<(), SqlDiagnostic> {
    let mut found = None;
    let _ = visit_expressions(expression, |expression: &Expr| match refused(expression) {
        Some(refusal) => {
            found = Some(refusal);
            ControlFlow::Break(())
        }
        None => ControlFlow::Continue(()),
    });
    found.map_or(Ok(()), Err)
}

fn refused(expression: &Expr) -> Option<SqlDiagnostic> {
    let span = expression.span();
    match expression {
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
            Some(beyond("subqueries outside of FROM", span))
        }
        Expr::Function(function) => refused_function(function, span),
        Expr::Array(_) => Some(beyond("arrays", span)),
        Expr::Map(_) => Some(beyond("MAP values", span)),
        Expr::CompoundFieldAccess { access_chain, .. } => {
            let mut accesses = access_chain.iter();
            accesses.find_map(|access| match access {
                AccessExpr::Subscript(Subscript::Index {
                    index: Expr::Value(value),
                }) if matches!(value.value, Value::SingleQuotedString(_)) => None,
                AccessExpr::Subscript(_) => Some(beyond("subscripts of arrays", span)),
                AccessExpr::Dot(_) => Some(unusable(expression)),
            })
        }
        Expr::BinaryOp { op, .. } => match op {
            BinaryOperator::Arrow
            | BinaryOperator::LongArrow
            | BinaryOperator::HashArrow
            | BinaryOperator::HashLongArrow
            | BinaryOperator::HashMinus
            | BinaryOperator::AtArrow
            | BinaryOperator::ArrowAt
            | BinaryOperator::AtQuestion
            | BinaryOperator::Question
            | BinaryOperator::QuestionAnd
            | BinaryOperator::QuestionPipe => Some(beyond(&format!("the operator {op}"), span)),
            _ => None,
        },
        Expr::Interval(interval)
            if interval.last_field.is_some() || interval.leading_precision.is_some() =>
        {
            Some(planning_at(
                "an interval is a number and a unit, as in interval '1 minute'",
                span,
            ))
        }
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.starts_with('@') => {
            Some(planning_at("variables cannot be used in a query", span))
        }
        Expr::Value(value) => match &value.value {
            Value::Number(..)
            | Value::SingleQuotedString(_)
            | Value::DoubleQuotedString(_)
            | Value::DollarQuotedString(_)
            | Value::EscapedStringLiteral(_)
            | Value::NationalStringLiteral(_)
            | Value::UnicodeStringLiteral(_)
            | Value::HexStringLiteral(_)
            | Value::Boolean(_)
            | Value::Null => None,
            Value::Placeholder(_) => {
                Some(planning_at("placeholders cannot be used in a query", span))
            }
            _ => Some(unusable(expression)),
        },
        Expr::Substring {
            substring_from: None,
            substring_for: None,
            ..
        } => Some(planning_at("substr() needs a position", span)),
        Expr::Collate { .. }
        | Expr::Convert { .. }
        | Expr::InUnnest { .. }
        | Expr::IsNormalized { .. }
        | Expr::JsonAccess { .. }
        | Expr::MatchAgainst { .. }
        | Expr::MemberOf(_)
        | Expr::OuterJoin(_)
        | Expr::Prefixed { .. }
        | Expr::Prior(_) => Some(unusable(expression)),
        _ => None,
    }
}

/// What neither this engine nor the planner of a real Arroyo knows.
fn unusable(expression: &Expr) -> SqlDiagnostic {
    planning_at(
        &format!("`{expression}` cannot be used in a query"),
        expression.span(),
    )
}

fn refused_function(function: &Function, span: Span) -> Option<SqlDiagnostic> {
    if function.over.is_some() {
        return Some(beyond("OVER", span));
    }
    let name = function.name.to_string().to_ascii_lowercase();
    if WINDOWS.contains(&name.as_str()) {
        return Some(beyond(&format!("{name}() windows"), span));
    }
    if IMPURE.contains(&name.as_str()) {
        let what = format!("{name}(), which is not the same after a resume");
        return Some(beyond(&what, span));
    }
    if name == "grouping" {
        return Some(beyond("grouping()", span));
    }
    if name != "count" && has_wildcard(function) {
        return Some(planning_at(
            &format!("{name}() cannot be given *; count() can"),
            span,
        ));
    }
    None
}

fn has_wildcard(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else {
        return false;
    };
    let mut arguments = list.args.iter();
    arguments.any(|argument| {
        matches!(
            argument,
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_))
        )
    })
}

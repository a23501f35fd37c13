//! Which expressions are supported.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::{
    ast::{
        AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr,
        FunctionArguments, Spanned as _, Subscript, Value, visit_expressions,
    },
    tokenizer::Span,
};
use stepwell_arroyo::SqlDiagnostic;

use super::names::{IMPURE_FUNCTIONS, OTHER_WINDOWS};
use super::refusal::{Construct, Feature, Refusal};

/// The first thing in an expression that the engine cannot run.
pub(in crate::plan) fn check_expression(expression: &Expr) -> Result<(), SqlDiagnostic> {
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
            Some(Refusal::from(Feature::Subquery).at(span))
        }
        Expr::Function(function) => refused_function(function, span),
        Expr::Array(_) => Some(Refusal::from(Feature::Array).at(span)),
        Expr::Map(_) => Some(Refusal::from(Feature::Map).at(span)),
        Expr::CompoundFieldAccess { access_chain, .. } => {
            let mut accesses = access_chain.iter();
            accesses.find_map(|access| match access {
                AccessExpr::Subscript(Subscript::Index {
                    index: Expr::Value(value),
                }) if matches!(value.value, Value::SingleQuotedString(_)) => None,
                AccessExpr::Subscript(_) => Some(Refusal::from(Feature::Subscript).at(span)),
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
            | BinaryOperator::QuestionPipe => {
                Some(Refusal::from(Feature::Operator(op.to_string())).at(span))
            }
            _ => None,
        },
        Expr::Interval(interval)
            if interval.last_field.is_some() || interval.leading_precision.is_some() =>
        {
            Some(Refusal::from(Construct::IntervalField).at(span))
        }
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.starts_with('@') => {
            Some(Refusal::from(Construct::Variable).at(span))
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
            Value::Placeholder(_) => Some(Refusal::from(Construct::Placeholder).at(span)),
            _ => Some(unusable(expression)),
        },
        Expr::Substring {
            substring_from: None,
            substring_for: None,
            ..
        } => Some(Refusal::from(Construct::SubstringWithoutPosition).at(span)),
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

/// What neither this engine nor the planner of Arroyo knows.
fn unusable(expression: &Expr) -> SqlDiagnostic {
    Refusal::from(Construct::Expression(expression.to_string())).at(expression.span())
}

fn refused_function(function: &Function, span: Span) -> Option<SqlDiagnostic> {
    if function.over.is_some() {
        return Some(Refusal::from(Feature::Over).at(span));
    }
    let name = function.name.to_string().to_ascii_lowercase();
    if OTHER_WINDOWS.contains(&name.as_str()) {
        return Some(Refusal::from(Feature::Window(name)).at(span));
    }
    if IMPURE_FUNCTIONS.contains(&name.as_str()) {
        return Some(Refusal::from(Feature::ImpureFunction(name)).at(span));
    }
    if name == "grouping" {
        return Some(Refusal::from(Feature::Grouping).at(span));
    }
    if name != "count" && has_wildcard(function) {
        return Some(Refusal::from(Construct::Wildcard { function: name }).at(span));
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

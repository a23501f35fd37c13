//! `tumble(interval)`: a placeholder in a plan for the window that the event time of a row determines.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::run::window::window_fields;

pub(super) const NAME: &str = "tumble";
/// A day in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Tumble {
    signature: Signature,
}

impl Tumble {
    pub(super) fn new() -> Self {
        let interval = DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano);
        Self {
            // Volatile: otherwise it would be folded to a constant.
            signature: Signature::exact(vec![interval], Volatility::Volatile),
        }
    }
}

impl ScalarUDFImpl for Tumble {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(window_fields()))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("tumble() is a window, which belongs in GROUP BY")
    }
}

/// The width in nanoseconds of a tumbling window, or what is wrong with it; `None`: this is not a window.
pub(super) fn width(expression: &Expr) -> Option<Result<i64, &'static str>> {
    let expression = match expression {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    let Expr::ScalarFunction(function) = expression else {
        return None;
    };
    if function.func.name() != NAME {
        return None;
    }
    let Some(Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _)) =
        function.args.first()
    else {
        return Some(Err(
            "the width of a window is a literal, such as interval '1 minute'",
        ));
    };
    if interval.months != 0 {
        return Some(Err("the width of a window cannot be in months"));
    }
    let width = i64::from(interval.days)
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(interval.nanoseconds))
        .filter(|width| *width > 0);
    Some(width.ok_or("the width of a window has to be greater than 0"))
}

/// Whether an expression contains a window.
pub(super) fn is_in(expression: &Expr) -> bool {
    use datafusion_common::tree_node::TreeNode as _;
    let found = expression.exists(|expression| {
        Ok(matches!(expression, Expr::ScalarFunction(function) if function.func.name() == NAME))
    });
    found.unwrap_or(true)
}

/// The function for the catalog.
pub(super) fn function() -> Arc<datafusion_expr::ScalarUDF> {
    Arc::new(datafusion_expr::ScalarUDF::new_from_impl(Tumble::new()))
}

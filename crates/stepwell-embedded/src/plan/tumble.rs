//! `tumble(interval)`: stands in a plan for the window of a row, which its event time tells.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::run::window::window_fields;

pub(super) const NAME: &str = "tumble";
/// In nanoseconds.
const DAY: i64 = 86_400_000_000_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Tumble {
    signature: Signature,
}

impl Tumble {
    pub(super) fn new() -> Self {
        let interval = DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano);
        Self {
            // Volatile, or it would be taken for a constant.
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

/// The width in nanoseconds, if this is a tumbling window; what is wrong with it, if something is.
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

/// Whether a window is anywhere in an expression.
pub(super) fn is_in(expression: &Expr) -> bool {
    use datafusion_common::tree_node::TreeNode as _;
    let found = expression.exists(|expression| {
        Ok(matches!(expression, Expr::ScalarFunction(function) if function.func.name() == NAME))
    });
    found.unwrap_or(true)
}

/// For the catalog.
pub(super) fn function() -> Arc<datafusion_expr::ScalarUDF> {
    Arc::new(datafusion_expr::ScalarUDF::new_from_impl(Tumble::new()))
}

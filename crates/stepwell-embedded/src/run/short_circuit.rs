//! `AND` and `OR` whose right side is evaluated only for the rows that the left side does not decide.
//!
//! The library evaluates both sides for all rows of a batch unless most of them are decided, so whether `j <> 0 AND 10 / j > 1` fails would
//! depend on the other rows.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray as _, BooleanArray},
    compute::{and_kleene, cast, or_kleene},
    datatypes::{DataType, Schema},
    record_batch::RecordBatch,
};
use datafusion_common::{
    DataFusionError, ScalarValue,
    tree_node::{Transformed, TreeNode as _},
};
use datafusion_expr::{ColumnarValue, Operator};
use datafusion_physical_expr::{
    PhysicalExpr,
    expressions::{BinaryExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, Literal, NotExpr},
};

type Expression = Arc<dyn PhysicalExpr>;

/// The same expression with guarded right sides.
pub(crate) fn guarded(expression: Expression) -> Result<Expression, DataFusionError> {
    let guarded = expression.transform_up(|expression| {
        let Some(binary) = expression.downcast_ref::<BinaryExpr>() else {
            return Ok(Transformed::no(expression));
        };
        let decides = match binary.op() {
            Operator::And => false,
            Operator::Or => true,
            _ => return Ok(Transformed::no(expression)),
        };
        if cannot_fail(binary.right()) {
            return Ok(Transformed::no(expression));
        }
        let guarded = ShortCircuit {
            left: Arc::clone(binary.left()),
            right: Arc::clone(binary.right()),
            decides,
        };
        Ok(Transformed::yes(Arc::new(guarded)))
    });
    guarded.map(|guarded| guarded.data)
}

/// Whether an expression has a value for every row. The usual conditions are known, and cost nothing.
fn cannot_fail(expression: &Expression) -> bool {
    let is_safe = match expression.downcast_ref::<BinaryExpr>() {
        Some(binary) => matches!(
            binary.op(),
            Operator::And
                | Operator::Or
                | Operator::Eq
                | Operator::NotEq
                | Operator::Lt
                | Operator::LtEq
                | Operator::Gt
                | Operator::GtEq
                | Operator::IsDistinctFrom
                | Operator::IsNotDistinctFrom
        ),
        None => {
            expression.is::<Column>()
                || expression.is::<Literal>()
                || expression.is::<NotExpr>()
                || expression.is::<IsNullExpr>()
                || expression.is::<IsNotNullExpr>()
                || expression.is::<InListExpr>()
        }
    };
    is_safe && expression.children().into_iter().all(cannot_fail)
}

#[derive(Debug, Eq)]
struct ShortCircuit {
    left: Expression,
    right: Expression,
    /// The value of the left side that makes the right side irrelevant.
    decides: bool,
}

impl ShortCircuit {
    fn name(&self) -> &'static str {
        if self.decides { "OR" } else { "AND" }
    }
}

impl PhysicalExpr for ShortCircuit {
    fn data_type(&self, _schema: &Schema) -> Result<DataType, DataFusionError> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool, DataFusionError> {
        Ok(self.left.nullable(schema)? || self.right.nullable(schema)?)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue, DataFusionError> {
        let left = self.left.evaluate(batch)?;
        if let ColumnarValue::Scalar(ScalarValue::Boolean(Some(value))) = &left {
            return if *value == self.decides {
                Ok(left)
            } else {
                self.right.evaluate(batch)
            };
        }
        let left = booleans(left, batch.num_rows())?;
        let is_open = |value: Option<bool>| Some(value != Some(self.decides));
        let open: BooleanArray = left.iter().map(is_open).collect();
        if !open.has_true() {
            return Ok(ColumnarValue::Array(Arc::new(left)));
        }
        let right = self.right.evaluate_selection(batch, &open)?;
        let right = booleans(right, batch.num_rows())?;
        let both = if self.decides {
            or_kleene(&left, &right)?
        } else {
            and_kleene(&left, &right)?
        };
        Ok(ColumnarValue::Array(Arc::new(both)))
    }

    fn children(&self) -> Vec<&Expression> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Expression>,
    ) -> Result<Expression, DataFusionError> {
        let [left, right] = <[Expression; 2]>::try_from(children)
            .map_err(|_| DataFusionError::Internal("AND and OR have two sides".to_owned()))?;
        let decides = self.decides;
        Ok(Arc::new(Self {
            left,
            right,
            decides,
        }))
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A null without a type is a boolean here.
fn booleans(values: ColumnarValue, rows: usize) -> Result<BooleanArray, DataFusionError> {
    let values: ArrayRef = cast(&values.into_array(rows)?, &DataType::Boolean)?;
    Ok(values.as_boolean().clone())
}

impl fmt::Display for ShortCircuit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "({} {} {})", self.left, self.name(), self.right)
    }
}

// Derived, it would move the fields: https://github.com/rust-lang/rust/issues/78808
impl PartialEq for ShortCircuit {
    fn eq(&self, other: &Self) -> bool {
        self.left.eq(&other.left) && self.right.eq(&other.right) && self.decides == other.decides
    }
}

impl Hash for ShortCircuit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.left.hash(state);
        self.right.hash(state);
        self.decides.hash(state);
    }
}

//! Equal numbers as equal bits: 0.0 and -0.0 are one value, and so are all NaN.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, GenericListArray, OffsetSizeTrait, StructArray},
    datatypes::{DataType, FieldRef, Float32Type, Float64Type},
    error::ArrowError,
};

/// The values with one zero and one NaN, in arrays and structs too. Groups and distinct values are told apart by their bits.
pub(super) fn canonical(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    Ok(match values.data_type() {
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>();
            Arc::new(values.unary::<_, Float32Type>(|value| match value {
                _ if value.is_nan() => f32::NAN,
                // Of both zeros: the sum of them is the positive one.
                value => value + 0.0,
            }))
        }
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>();
            Arc::new(values.unary::<_, Float64Type>(|value| match value {
                _ if value.is_nan() => f64::NAN,
                value => value + 0.0,
            }))
        }
        DataType::List(item) => list::<i32>(values, item)?,
        DataType::LargeList(item) => list::<i64>(values, item)?,
        DataType::Struct(fields) => {
            let values = values.as_struct();
            let columns = values.columns().iter().map(canonical);
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            let nulls = values.nulls().cloned();
            if fields.is_empty() {
                return Ok(Arc::new(values.clone()));
            }
            Arc::new(StructArray::try_new(fields.clone(), columns, nulls)?)
        }
        _ => Arc::clone(values),
    })
}

fn list<O: OffsetSizeTrait>(values: &ArrayRef, item: &FieldRef) -> Result<ArrayRef, ArrowError> {
    let lists = values.as_list::<O>();
    let items = canonical(lists.values())?;
    Ok(Arc::new(GenericListArray::<O>::try_new(
        Arc::clone(item),
        lists.offsets().clone(),
        items,
        lists.nulls().cloned(),
    )?))
}

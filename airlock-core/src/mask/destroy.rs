//! Masks that keep nothing of a value: null, redact, constant.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray, UInt32Array, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::DataType;

use super::ConstantValue;
use super::error::BadCell;

/// A literal, already of its column's type.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    /// One row.
    literal: ArrayRef,
    apply_to_null: bool,
}

impl Constant {
    /// # Errors
    /// When the literal is no value of the type.
    pub(super) fn new(value: &ConstantValue, apply_to_null: bool, to: &DataType) -> Result<Self, BadCell> {
        let literal: ArrayRef = match value {
            ConstantValue::Null => new_null_array(to, 1),
            ConstantValue::Bool(v) => Arc::new(BooleanArray::from(vec![*v])),
            ConstantValue::Int(v) => Arc::new(Int64Array::from(vec![*v])),
            ConstantValue::Float(v) => Arc::new(Float64Array::from(vec![*v])),
            ConstantValue::Text(v) => Arc::new(StringViewArray::from(vec![v.as_str()])),
        };
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let literal = cast_with_options(&literal, to, &options).map_err(|_| BadCell)?;
        Ok(Self { literal, apply_to_null })
    }

    /// The literal in every row. `raw` tells which rows were NULL; without it none was.
    pub(super) fn fill(&self, rows: usize, raw: Option<&dyn Array>) -> Result<ArrayRef, BadCell> {
        let rows: UInt32Array = match raw {
            Some(raw) if !self.apply_to_null => {
                (0..rows).map(|row| (!raw.is_null(row)).then_some(0)).collect()
            }
            _ => UInt32Array::from(vec![0; rows]),
        };
        take(&self.literal, &rows, None).map_err(|_| BadCell)
    }
}

/// The text in every row that is not NULL.
pub(super) fn redact(raw: &dyn Array, text: &str) -> ArrayRef {
    let cells = (0..raw.len()).map(|row| (!raw.is_null(row)).then_some(text));
    Arc::new(cells.collect::<StringViewArray>())
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Date32Type, Int32Type};

    use super::*;

    #[test]
    fn redact_keeps_nulls_only() {
        let raw = StringViewArray::from(vec![Some("a"), None, Some("")]);
        let masked = redact(&raw, "***");
        assert_eq!(masked.as_string_view().iter().collect::<Vec<_>>(), [Some("***"), None, Some("***")]);
    }

    #[test]
    fn a_constant_becomes_a_value_of_the_columns_type() {
        let constant =
            Constant::new(&ConstantValue::Text("1970-01-02".into()), false, &DataType::Date32).unwrap();
        let raw = StringViewArray::from(vec![Some("a"), None]);
        let masked = constant.fill(2, Some(&raw)).unwrap();
        assert_eq!(masked.as_primitive::<Date32Type>().iter().collect::<Vec<_>>(), [Some(1), None]);

        let everywhere = Constant::new(&ConstantValue::Int(7), true, &DataType::Int32).unwrap();
        let masked = everywhere.fill(2, Some(&raw)).unwrap();
        assert_eq!(masked.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(7), Some(7)]);
    }

    #[test]
    fn a_literal_of_another_type_is_refused() {
        assert!(Constant::new(&ConstantValue::Text("soon".into()), false, &DataType::Date32).is_err());
        assert!(Constant::new(&ConstantValue::Int(70_000), false, &DataType::Int16).is_err());
    }
}

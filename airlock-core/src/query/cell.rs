//! Writes one cell, as JSON or as plain text.

use std::fmt::Write as _;

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::array_value_to_string;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::QueryError;

/// Cuts strings that are too long, and remembers that it did.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) chars_max: usize,
    pub(super) happened: bool,
}

impl Cut {
    /// The text, or its beginning and how much is left out.
    fn apply<'t>(&mut self, text: &'t str) -> std::borrow::Cow<'t, str> {
        if text.len() <= self.chars_max {
            return text.into();
        }
        let Some((at, _)) = text.char_indices().nth(self.chars_max) else { return text.into() };
        self.happened = true;
        format!("{}...(+{} chars)", &text[..at], text[at..].chars().count()).into()
    }
}

/// A cell's value, between Arrow and text.
enum Cell<'a> {
    Null,
    /// JSON as it stands: numbers and booleans.
    Bare(String),
    /// Text.
    Text(&'a str),
    /// Text that was made for the cell.
    Made(String),
    /// A list, struct or map: JSON.
    Nested(String),
}

/// Appends the cell as JSON.
pub(super) fn write_json(
    out: &mut String,
    array: &dyn Array,
    row: usize,
    cut: &mut Cut,
) -> Result<(), QueryError> {
    match cell(array, row, cut)? {
        Cell::Null => out.push_str("null"),
        Cell::Bare(json) | Cell::Nested(json) => out.push_str(&json),
        Cell::Text(text) => quote(out, &cut.apply(text)),
        Cell::Made(text) => quote(out, &cut.apply(&text)),
    }
    Ok(())
}

/// The cell as plain text; `None` for NULL.
pub(super) fn to_text(array: &dyn Array, row: usize, cut: &mut Cut) -> Result<Option<String>, QueryError> {
    Ok(match cell(array, row, cut)? {
        Cell::Null => None,
        Cell::Bare(text) | Cell::Nested(text) => Some(text),
        Cell::Text(text) => Some(cut.apply(text).into_owned()),
        Cell::Made(text) => Some(cut.apply(&text).into_owned()),
    })
}

/// Appends a JSON string.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn cell<'a>(array: &'a dyn Array, row: usize, cut: &mut Cut) -> Result<Cell<'a>, QueryError> {
    if array.is_null(row) {
        return Ok(Cell::Null);
    }
    Ok(match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bare(array.as_boolean().value(row).to_string()),
        DataType::Int8 => Cell::Bare(array.as_primitive::<Int8Type>().value(row).to_string()),
        DataType::Int16 => Cell::Bare(array.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => Cell::Bare(array.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::UInt8 => Cell::Bare(array.as_primitive::<UInt8Type>().value(row).to_string()),
        DataType::UInt16 => Cell::Bare(array.as_primitive::<UInt16Type>().value(row).to_string()),
        DataType::UInt32 => Cell::Bare(array.as_primitive::<UInt32Type>().value(row).to_string()),
        DataType::Int64 => whole(i128::from(array.as_primitive::<Int64Type>().value(row))),
        DataType::UInt64 => whole(i128::from(array.as_primitive::<UInt64Type>().value(row))),
        DataType::Float16 => float(f64::from(array.as_primitive::<Float16Type>().value(row).to_f32()), None),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(f64::from(value), serde_json::Number::from_f64(f64::from(value)).map(|_| value.to_string()))
        }
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row), None),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(row)),
        DataType::Binary => binary(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => binary(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => binary(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => binary(array.as_fixed_size_binary().value(row)),
        DataType::List(_) => Cell::Nested(list(&array.as_list::<i32>().value(row), cut)?),
        DataType::LargeList(_) => Cell::Nested(list(&array.as_list::<i64>().value(row), cut)?),
        DataType::FixedSizeList(..) => Cell::Nested(list(&array.as_fixed_size_list().value(row), cut)?),
        DataType::ListView(_) => Cell::Nested(list(&array.as_list_view::<i32>().value(row), cut)?),
        DataType::LargeListView(_) => Cell::Nested(list(&array.as_list_view::<i64>().value(row), cut)?),
        DataType::Struct(_) => Cell::Nested(object(array.as_struct(), row, cut)?),
        DataType::Map(..) => Cell::Nested(map(&array.as_map().value(row), cut)?),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys().get(row).copied().ok_or_else(unreadable)?;
            return cell(dictionary.values().as_ref(), key, cut);
        }
        // Decimals keep every digit; dates, times and intervals are ISO 8601.
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..)
        | DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Union(..)
        | DataType::RunEndEncoded(..) => {
            Cell::Made(array_value_to_string(array, row).map_err(|_| unreadable())?)
        }
    })
}

/// Whole numbers that a JSON reader would round are text.
fn whole<'a>(value: i128) -> Cell<'a> {
    if value.unsigned_abs() > EXACT_IN_JSON {
        Cell::Made(value.to_string())
    } else {
        Cell::Bare(value.to_string())
    }
}

fn float<'a>(value: f64, shortest: Option<String>) -> Cell<'a> {
    if value.is_nan() {
        Cell::Made("NaN".to_owned())
    } else if value.is_infinite() {
        Cell::Made(if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned())
    } else {
        Cell::Bare(shortest.unwrap_or_else(|| serde_json::Value::from(value).to_string()))
    }
}

fn binary<'a>(bytes: &[u8]) -> Cell<'a> {
    Cell::Made(format!("b64:{}", STANDARD.encode(bytes)))
}

fn list(items: &dyn Array, cut: &mut Cut) -> Result<String, QueryError> {
    let mut out = String::from("[");
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        if out.len() > cut.chars_max.saturating_mul(NESTED_FACTOR) {
            cut.happened = true;
            let _ = write!(out, "\"...(+{} items)\"", items.len() - row);
            break;
        }
        write_json(&mut out, items, row, cut)?;
    }
    out.push(']');
    Ok(out)
}

fn object(fields: &StructArray, row: usize, cut: &mut Cut) -> Result<String, QueryError> {
    let mut out = String::from("{");
    for (i, (name, column)) in fields.column_names().iter().zip(fields.columns()).enumerate() {
        if i > 0 {
            out.push(',');
        }
        quote(&mut out, name);
        out.push(':');
        write_json(&mut out, column, row, cut)?;
    }
    out.push('}');
    Ok(out)
}

fn map(entries: &StructArray, cut: &mut Cut) -> Result<String, QueryError> {
    let [keys, values] = entries.columns() else { return Err(unreadable()) };
    let mut out = String::from("{");
    for row in 0..entries.len() {
        if row > 0 {
            out.push(',');
        }
        quote(&mut out, &to_text(keys, row, cut)?.unwrap_or_default());
        out.push(':');
        write_json(&mut out, values, row, cut)?;
    }
    out.push('}');
    Ok(out)
}

fn unreadable() -> QueryError {
    QueryError::Engine("cell".to_owned())
}

/// 2^53: the largest whole number up to which a double holds each.
const EXACT_IN_JSON: u128 = 1 << 53;
/// A list may be this many times as long as a string.
const NESTED_FACTOR: usize = 4;

//! Which masks apply to which types, and what type comes out.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::util::display::FormatOptions;

use super::columns::Draft;
use crate::mask::{ConstantValue, DateUnit, MaskKind, MaskSpec};
use crate::policy::finding::{Finding, LintCode};
use crate::snapshot::source::ColumnInfo;

/// Gives each exported column its type in the snapshot.
pub(super) fn settle(table: &mut Draft<'_>, out: &mut Vec<Finding>) {
    let mut outputs = Vec::new();
    for column in &table.columns {
        outputs.push(column.output.clone());
        if !column.exported {
            continue;
        }
        let steps = column.mask.as_ref().map_or(&[][..], |m| &m.steps);
        let name = &column.info.name;
        let hidden = column.hidden();
        let Some(raw) = column.info.data_type.clone().or_else(|| hidden.then_some(DataType::Utf8View)) else {
            let message =
                format!("`{name}` has the type {}, which cannot be exported", column.info.source_type);
            out.push(
                Finding::new(LintCode::E302, table.mask_path(name), message)
                    .advise("exclude it, or mask it with \"null\""),
            );
            continue;
        };
        let mut current = match raw {
            // Masked labels are no longer those of the enum.
            DataType::Dictionary(_, values) if !steps.is_empty() && is_text(&values) => DataType::Utf8View,
            raw => raw,
        };
        for step in steps {
            match masked_type(step, &current) {
                Ok(next) => current = next,
                Err(reason) => {
                    let message = format!(
                        "`{}` does not apply to `{name}` ({}): {reason}",
                        step.kind(),
                        column.info.source_type
                    );
                    out.push(
                        Finding::new(LintCode::E202, table.mask_path(name), message)
                            .advise(advice(step.kind())),
                    );
                    break;
                }
            }
        }
        if let Some(last) = outputs.last_mut() {
            *last = current;
        }
    }
    for (column, output) in table.columns.iter_mut().zip(outputs) {
        column.output = output;
    }
}

/// The type that a mask makes of a type, or why it does not apply.
fn masked_type(spec: &MaskSpec, from: &DataType) -> Result<DataType, &'static str> {
    match spec {
        MaskSpec::Null | MaskSpec::Clear { .. } => Ok(from.clone()),
        // A fixed text for texts; other types become NULL and stay what they are.
        MaskSpec::Redact { .. } if is_text(from) => Ok(DataType::Utf8View),
        MaskSpec::Redact { .. } => Ok(from.clone()),
        MaskSpec::Hash { as_text, .. } => match from {
            t if int_bits(t).is_some() && !as_text => Ok(t.clone()),
            t if hashable(t) => Ok(DataType::Utf8View),
            _ => Err("its values have no canonical text"),
        },
        MaskSpec::HashInt { .. } if int_bits(from).is_some() => Ok(from.clone()),
        MaskSpec::HashInt { .. } => Err("it makes integers of integers"),
        MaskSpec::Email { .. }
        | MaskSpec::Partial { .. }
        | MaskSpec::Truncate { .. }
        | MaskSpec::Scrub { .. } => {
            if is_text(from) {
                Ok(DataType::Utf8View)
            } else {
                Err("it works on text")
            }
        }
        MaskSpec::Constant { value, .. } => {
            if fits(value, from) {
                Ok(from.clone())
            } else {
                Err("the literal is none of this type")
            }
        }
        MaskSpec::DateTrunc { unit } => match (from, unit) {
            (DataType::Date32, DateUnit::Hour) => Err("a date has no hours"),
            (DataType::Date32 | DataType::Timestamp(_, _), _) => Ok(from.clone()),
            _ => Err("it works on dates and timestamps"),
        },
    }
}

fn advice(kind: MaskKind) -> &'static str {
    match kind {
        MaskKind::Hash | MaskKind::HashInt => "use redact, \"null\" or date_trunc, or exclude the column",
        MaskKind::Constant => "use \"null\", or a literal of the column's type",
        _ => "use redact, which makes NULL of other types, or hash",
    }
}

/// Labels of an enum are text like any other once they are masked.
fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Types with one canonical text per value, as the digest needs it.
fn hashable(data_type: &DataType) -> bool {
    is_text(data_type)
        || data_type.is_integer()
        || matches!(
            data_type,
            DataType::Decimal128(_, _)
                | DataType::Decimal256(_, _)
                | DataType::Date32
                | DataType::Timestamp(_, _)
                | DataType::Binary
                | DataType::BinaryView
        )
}

/// How many bits a keyed integer of this type may have; `None` for what is no integer column.
pub(super) fn int_bits(data_type: &DataType) -> Option<u32> {
    match data_type {
        DataType::Int16 => Some(15),
        DataType::Int32 | DataType::UInt32 => Some(31),
        // What JSON readers keep exactly.
        DataType::Int64 => Some(53),
        _ => None,
    }
}

/// A UUID travels as text; its digest keeps the layout.
pub(super) fn is_uuid(column: &ColumnInfo) -> bool {
    column.source_type.eq_ignore_ascii_case("uuid")
}

/// Whether a literal is a value of the type: decided by the cast that masking will make.
fn fits(value: &ConstantValue, to: &DataType) -> bool {
    let one: ArrayRef = match value {
        ConstantValue::Null => return true,
        ConstantValue::Bool(b) => {
            if *to != DataType::Boolean {
                return false;
            }
            Arc::new(BooleanArray::from(vec![*b]))
        }
        ConstantValue::Int(n) => {
            if !to.is_numeric() {
                return false;
            }
            Arc::new(Int64Array::from(vec![*n]))
        }
        ConstantValue::Float(n) => {
            if !(to.is_floating() || matches!(to, DataType::Decimal128(_, _) | DataType::Decimal256(_, _))) {
                return false;
            }
            Arc::new(Float64Array::from(vec![*n]))
        }
        ConstantValue::Text(text) => {
            if to.is_numeric() || *to == DataType::Boolean {
                return false;
            }
            Arc::new(StringArray::from(vec![text.as_str()]))
        }
    };
    let strict = CastOptions { safe: false, format_options: FormatOptions::default() };
    cast_with_options(&one, to, &strict).is_ok_and(|a| a.null_count() == 0)
}

/// Whether decoding can make NULL of a value that is none: infinite dates, NaN, cut binaries, odd shapes.
pub(super) fn may_decode_to_null(data_type: &DataType) -> bool {
    !(is_text(data_type)
        || data_type.is_integer()
        || data_type.is_floating()
        || matches!(data_type, DataType::Boolean)
        || matches!(data_type, DataType::Dictionary(_, _)))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    fn hash(as_text: bool) -> MaskSpec {
        MaskSpec::Hash {
            length: 16,
            prefix: String::new(),
            key: "k1".into(),
            lower: false,
            trim: false,
            as_text,
        }
    }

    #[track_caller]
    fn check(spec: &MaskSpec, from: &DataType, expected: Option<&DataType>) {
        assert_eq!(masked_type(spec, from).ok().as_ref(), expected, "{spec:?} of {from}");
    }

    #[test]
    fn the_matrix_of_masks_and_types_holds() {
        let text = &DataType::Utf8View;
        let stamp = &DataType::Timestamp(TimeUnit::Microsecond, None);
        let decimal = &DataType::Decimal128(10, 2);
        let label = &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let list = &DataType::new_list(DataType::Int32, true);
        let redact = &MaskSpec::Redact { text: "***".into() };
        for kept in [&DataType::Int32, stamp, decimal, list, &DataType::Boolean] {
            check(&MaskSpec::Null, kept, Some(kept));
            check(redact, kept, Some(kept));
        }
        check(redact, text, Some(text));
        check(redact, label, Some(text));
        check(&hash(false), &DataType::Int32, Some(&DataType::Int32));
        check(&hash(true), &DataType::Int32, Some(text));
        for hashed in [text, stamp, decimal, label, &DataType::Date32, &DataType::BinaryView] {
            check(&hash(false), hashed, Some(text));
        }
        for not in [&DataType::Boolean, &DataType::Float64, list] {
            check(&hash(false), not, None);
        }
        let int = &MaskSpec::HashInt { bits: 31, key: "k1".into() };
        check(int, &DataType::Int64, Some(&DataType::Int64));
        check(int, text, None);
        check(&MaskSpec::Truncate { length: 3 }, text, Some(text));
        check(&MaskSpec::Truncate { length: 3 }, &DataType::Int32, None);
        check(&MaskSpec::DateTrunc { unit: DateUnit::Year }, stamp, Some(stamp));
        check(&MaskSpec::DateTrunc { unit: DateUnit::Hour }, &DataType::Date32, None);
        check(&MaskSpec::DateTrunc { unit: DateUnit::Year }, text, None);
    }

    #[test]
    fn a_constant_must_be_of_the_type() {
        use ConstantValue as V;
        let text = |t: &str| V::Text(t.into());
        assert!(fits(&V::Int(7), &DataType::Int16));
        assert!(!fits(&V::Int(70_000), &DataType::Int16));
        assert!(fits(&V::Int(7), &DataType::Decimal128(10, 2)));
        assert!(!fits(&V::Int(7), &DataType::Utf8View));
        assert!(!fits(&V::Int(7), &DataType::Boolean));
        assert!(fits(&V::Float(0.5), &DataType::Float32));
        assert!(!fits(&V::Float(0.5), &DataType::Int32));
        assert!(fits(&V::Bool(true), &DataType::Boolean));
        assert!(fits(&text("2020-01-31"), &DataType::Date32));
        assert!(!fits(&text("soon"), &DataType::Date32));
        assert!(fits(&text("x"), &DataType::Utf8View));
        assert!(!fits(&text("7"), &DataType::Int32));
        assert!(fits(&V::Null, &DataType::Int32));
    }
}

//! The bytes of a value that a keyed mask digests: equal values give equal bytes, whatever their column's type.

use std::borrow::Cow;
use std::io::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt32Type,
};
use arrow::temporal_conversions::{as_date, as_datetime, as_time};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::error::BadCell;
use super::texts::Texts;

/// What is done to text before it is digested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextRules {
    pub(super) lower: bool,
    pub(super) trim: bool,
    /// `char(n)` is padded with blanks that do not count.
    pub(super) trim_end: bool,
}

impl TextRules {
    /// NFC, after trimming and lower-casing.
    pub(super) fn apply<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let text = if self.trim { text.trim() } else { text };
        let text = if self.trim_end { text.trim_end_matches(' ') } else { text };
        if self.lower {
            return Cow::Owned(text.to_lowercase().nfc().collect());
        }
        if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
    }
}

/// Writes the canonical bytes of a row that is not NULL.
pub(super) type Canonical<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), BadCell> + 'a>;

/// Whether values of this type have canonical bytes.
pub(super) fn is_canonical(data_type: &DataType) -> bool {
    use DataType as T;
    matches!(
        data_type,
        T::Boolean
            | T::Int16
            | T::Int32
            | T::Int64
            | T::UInt32
            | T::Float32
            | T::Float64
            | T::Decimal128(..)
            | T::Decimal256(..)
            | T::Utf8
            | T::Utf8View
            | T::Binary
            | T::BinaryView
            | T::Date32
            | T::Time64(TimeUnit::Microsecond)
            | T::Timestamp(TimeUnit::Microsecond, _)
    )
}

/// Text as UTF-8 NFC, numbers as decimal without superfluous zeros, dates and times as ISO 8601, bytes as they are:
/// 42::int4, 42::int8, '42' and 42.00::numeric are the same.
pub(super) fn canonical<'a>(array: &'a dyn Array, rules: TextRules) -> Option<Canonical<'a>> {
    macro_rules! shown {
        ($type:ty) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| show(out, values.value(row)))
        }};
    }
    macro_rules! decimal {
        ($type:ty) => {{
            let values = array.as_primitive::<$type>();
            Box::new(move |row, out| show(out, plain_decimal(&values.value_as_string(row))))
        }};
    }
    macro_rules! bytes {
        ($values:expr) => {{
            let values = $values;
            Box::new(move |row, out| {
                out.extend_from_slice(values.value(row));
                Ok(())
            })
        }};
    }
    Some(match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            Box::new(move |row, out| show(out, values.value(row)))
        }
        DataType::Int16 => shown!(Int16Type),
        DataType::Int32 => shown!(Int32Type),
        DataType::Int64 => shown!(Int64Type),
        DataType::UInt32 => shown!(UInt32Type),
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            Box::new(move |row, out| show(out, plain_float(f64::from(values.value(row)))))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            Box::new(move |row, out| show(out, plain_float(values.value(row))))
        }
        DataType::Decimal128(..) => decimal!(Decimal128Type),
        DataType::Decimal256(..) => decimal!(Decimal256Type),
        DataType::Binary => bytes!(array.as_binary::<i32>()),
        DataType::BinaryView => bytes!(array.as_binary_view()),
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            Box::new(move |row, out| {
                show(out, as_date::<Date32Type>(i64::from(values.value(row))).ok_or(BadCell)?)
            })
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let values = array.as_primitive::<Time64MicrosecondType>();
            Box::new(move |row, out| {
                show(out, as_time::<Time64MicrosecondType>(values.value(row)).ok_or(BadCell)?)
            })
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            Box::new(move |row, out| {
                let at = as_datetime::<TimestampMicrosecondType>(values.value(row)).ok_or(BadCell)?;
                show(out, at.format("%Y-%m-%dT%H:%M:%S%.f"))
            })
        }
        _ => {
            let texts = Texts::of(array)?;
            Box::new(move |row, out| {
                out.extend_from_slice(rules.apply(texts.cell(row).ok_or(BadCell)?).as_bytes());
                Ok(())
            })
        }
    })
}

fn show(out: &mut Vec<u8>, value: impl std::fmt::Display) -> Result<(), BadCell> {
    write!(out, "{value}").map_err(|_| BadCell)
}

fn plain_decimal(shown: &str) -> &str {
    let plain = if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.') } else { shown };
    if plain == "-0" { "0" } else { plain }
}

/// Rust prints floats without exponent and without superfluous digits; only the sign of zero is left to drop.
fn plain_float(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;

    use super::*;

    #[track_caller]
    fn check(array: impl Array + 'static, expected: &str) {
        let array: ArrayRef = Arc::new(array);
        let mut out = vec![];
        canonical(&array, TextRules::default()).unwrap()(0, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        assert!(is_canonical(array.data_type()));
    }

    #[test]
    fn the_same_number_has_the_same_bytes_in_every_type() {
        check(Int16Array::from(vec![42]), "42");
        check(Int32Array::from(vec![42]), "42");
        check(Int64Array::from(vec![42]), "42");
        check(UInt32Array::from(vec![42]), "42");
        check(Float32Array::from(vec![42.0]), "42");
        check(Float64Array::from(vec![42.0]), "42");
        check(StringArray::from(vec!["42"]), "42");
        check(StringViewArray::from(vec!["42"]), "42");
        check(Decimal128Array::from(vec![4200]).with_precision_and_scale(10, 2).unwrap(), "42");
        check(Decimal128Array::from(vec![42]).with_precision_and_scale(10, 0).unwrap(), "42");
        check(
            Decimal256Array::from(vec![arrow::datatypes::i256::from(42_000)])
                .with_precision_and_scale(50, 3)
                .unwrap(),
            "42",
        );
    }

    #[test]
    fn signs_zeros_and_fractions_are_plain() {
        check(Decimal128Array::from(vec![-1250]).with_precision_and_scale(10, 2).unwrap(), "-12.5");
        check(Decimal128Array::from(vec![0]).with_precision_and_scale(10, 2).unwrap(), "0");
        check(Decimal128Array::from(vec![100]).with_precision_and_scale(10, 0).unwrap(), "100");
        check(Float64Array::from(vec![-0.0]), "0");
        check(Float64Array::from(vec![-12.5]), "-12.5");
        check(Int64Array::from(vec![i64::MIN]), "-9223372036854775808");
        check(BooleanArray::from(vec![true]), "true");
    }

    #[test]
    fn dates_and_times_are_iso() {
        check(Date32Array::from(vec![19_737]), "2024-01-15");
        check(
            TimestampMicrosecondArray::from(vec![1_705_314_600_000_000]).with_timezone("UTC"),
            "2024-01-15T10:30:00",
        );
        check(Time64MicrosecondArray::from(vec![37_800_000_000]), "10:30:00");
    }

    #[test]
    fn text_is_nfc_and_follows_its_rules() {
        check(StringArray::from(vec!["cafe\u{301}"]), "caf\u{e9}");
        let rules = TextRules { lower: true, trim: true, trim_end: false };
        assert_eq!(rules.apply(" CAFE\u{301} "), "caf\u{e9}");
        assert_eq!(TextRules { trim_end: true, ..TextRules::default() }.apply(" ab  "), " ab");
    }

    #[test]
    fn what_has_no_canonical_form_is_refused() {
        let array =
            IntervalMonthDayNanoArray::from(vec![arrow::datatypes::IntervalMonthDayNano::new(1, 2, 3)]);
        assert!(canonical(&array, TextRules::default()).is_none());
        assert!(!is_canonical(array.data_type()));
    }
}

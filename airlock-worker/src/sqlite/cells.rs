//! Gathers cells into Arrow arrays. Each cell brings its own storage class; one that its column's kind cannot hold
//! becomes NULL and is counted.

use std::sync::Arc;

use airlock_core::snapshot::source::SourceError;
use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder,
    Int64Builder, StringViewBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Date32Type, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, Sqlite, TypeInfo, ValueRef};

use super::types::Kind;
use crate::source::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};

/// One batch in the making.
pub(super) struct BatchCells {
    schema: SchemaRef,
    columns: Vec<Cells>,
    rows: usize,
    bytes: usize,
    failed: u64,
}

impl BatchCells {
    pub(super) fn new(columns: &[(String, Kind)]) -> Self {
        let fields: Vec<Field> =
            columns.iter().map(|(name, kind)| Field::new(name, kind.arrow(), true)).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            columns: columns.iter().map(|(_, kind)| Cells::new(*kind)).collect(),
            rows: 0,
            bytes: 0,
            failed: 0,
        }
    }

    /// Adds a row. True when the batch is full.
    pub(super) fn push(&mut self, row: &SqliteRow) -> Result<bool, SourceError> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            let value = row.try_get_raw(at).map_err(|_| SourceError::Failed("an uneven row".to_owned()))?;
            let cell = Cell::read(value);
            self.bytes += cell.as_ref().map_or(1, Cell::bytes);
            self.failed += match cell {
                Some(cell) => column.push(cell),
                // Text that is not UTF-8.
                None => 1 + column.push(Cell::Null),
            };
        }
        self.rows += 1;
        Ok(self.rows >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Cells that did not fit since this was last asked.
    pub(super) fn take_failed(&mut self) -> u64 {
        std::mem::take(&mut self.failed)
    }

    /// The batch; the next one begins.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, SourceError> {
        (self.rows, self.bytes) = (0, 0);
        let arrays = self.columns.iter_mut().map(Cells::finish).collect();
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(|_| SourceError::Failed("an uneven batch".to_owned()))
    }
}

/// A cell by its storage class.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl<'a> Cell<'a> {
    fn read(value: SqliteValueRef<'a>) -> Option<Self> {
        if value.is_null() {
            return Some(Self::Null);
        }
        // The class is asked for first: decoding takes the value.
        let class = match value.type_info().name() {
            "INTEGER" => Class::Int,
            "REAL" => Class::Real,
            "TEXT" => Class::Text,
            _ => Class::Blob,
        };
        match class {
            Class::Int => <i64 as Decode<Sqlite>>::decode(value).ok().map(Self::Int),
            Class::Real => <f64 as Decode<Sqlite>>::decode(value).ok().map(Self::Real),
            Class::Text => <&str as Decode<Sqlite>>::decode(value).ok().map(Self::Text),
            Class::Blob => <&[u8] as Decode<Sqlite>>::decode(value).ok().map(Self::Blob),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Null => 1,
            Self::Int(_) | Self::Real(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

/// How SQLite stores a value that is not NULL.
enum Class {
    Int,
    Real,
    Text,
    Blob,
}

/// One column in the making.
enum Cells {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(StringViewBuilder),
    Bytes(BinaryViewBuilder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Cells {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int => Self::Int(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Decimal(precision, scale) => {
                Self::Decimal(Decimal128Builder::new().with_data_type(kind.arrow()), precision, scale)
            }
            Kind::Text => Self::Text(StringViewBuilder::new()),
            Kind::Bytes => Self::Bytes(BinaryViewBuilder::new()),
            Kind::Date => Self::Date(Date32Builder::new()),
            Kind::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    /// Adds a cell; gives 1 when there was one and it does not fit.
    fn push(&mut self, cell: Cell<'_>) -> u64 {
        macro_rules! append {
            ($builder:expr, $value:expr) => {{
                let value = $value;
                let failed = cell != Cell::Null && value.is_none();
                $builder.append_option(value);
                u64::from(failed)
            }};
        }
        match self {
            Self::Bool(b) => append!(b, as_bool(cell)),
            Self::Int(b) => append!(b, if let Cell::Int(n) = cell { Some(n) } else { None }),
            Self::Float(b) => append!(b, as_float(cell)),
            Self::Decimal(b, precision, scale) => append!(b, as_decimal(cell, *precision, *scale)),
            Self::Text(b) => match cell {
                // A declared UUID or JSON has numeric affinity: a text that looks like a number was stored as one.
                Cell::Int(n) => append!(b, Some(n.to_string())),
                Cell::Text(text) => append!(b, Some(text)),
                _ => append!(b, None::<&str>),
            },
            Self::Bytes(b) => match cell {
                Cell::Blob(bytes) => append!(b, Some(bytes)),
                Cell::Text(text) => append!(b, Some(text.as_bytes())),
                _ => append!(b, None::<&[u8]>),
            },
            Self::Date(b) => append!(b, if let Cell::Text(text) = cell { date(text) } else { None }),
            Self::Timestamp(b) => {
                append!(b, if let Cell::Text(text) = cell { timestamp(text) } else { None })
            }
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(b) => Arc::new(b.finish()),
            Self::Int(b) => Arc::new(b.finish()),
            Self::Float(b) => Arc::new(b.finish()),
            Self::Decimal(b, ..) => Arc::new(b.finish()),
            Self::Text(b) => Arc::new(b.finish()),
            Self::Bytes(b) => Arc::new(b.finish()),
            Self::Date(b) => Arc::new(b.finish()),
            Self::Timestamp(b) => Arc::new(b.finish()),
        }
    }
}

fn as_bool(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Int(0) => Some(false),
        Cell::Int(1) => Some(true),
        _ => None,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "what SQLite itself does with a whole number in a REAL column"
)]
fn as_float(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Int(n) => Some(n as f64),
        Cell::Real(x) => Some(x),
        _ => None,
    }
}

/// The number in units of `10^-scale`, if it has no more digits than that. SQLite keeps decimals as binary floats, so
/// of these the last bits are forgiven: 0.1 + 0.2 is 0.30.
fn as_decimal(cell: Cell<'_>, precision: u8, scale: i8) -> Option<i128> {
    let (units, rest) = match cell {
        Cell::Int(n) => decimal(&n.to_string(), scale)?,
        Cell::Text(text) => decimal(text, scale)?,
        Cell::Real(x) if x.is_finite() => {
            let (units, rest) = decimal(&x.to_string(), scale)?;
            let tolerance = (x.abs() * 1e-14).max(f64::MIN_POSITIVE) * 10_f64.powi(scale.into());
            match () {
                () if rest <= tolerance => (units, 0.0),
                () if 1.0 - rest <= tolerance => (units.checked_add(if x < 0.0 { -1 } else { 1 })?, 0.0),
                () => (units, rest),
            }
        }
        _ => return None,
    };
    (rest == 0.0 && units.unsigned_abs() < 10_u128.pow(precision.into())).then_some(units)
}

/// A decimal text in units of `10^-scale`, and the fraction of a unit that is left over.
fn decimal(text: &str, scale: i8) -> Option<(i128, f64)> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty()
        || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let (kept, left) = fraction.split_at(fraction.len().min(scale));
    let mut units = 0_i128;
    for digit in whole.bytes().chain(kept.bytes()).chain(std::iter::repeat_n(b'0', scale - kept.len())) {
        units = units.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let rest = if left.is_empty() { 0.0 } else { format!("0.{left}").parse().ok()? };
    Some((if negative { -units } else { units }, rest))
}

/// `2024-02-29` as days since 1970.
fn date(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (1..=9999).contains(&date.year()).then(|| Date32Type::from_naive_date(date))
}

/// `2024-02-29`, `2024-02-29 12:00`, with seconds and fraction, with `T`, with `Z` or an offset, as microseconds since
/// 1970 in UTC.
fn timestamp(text: &str) -> Option<i64> {
    let Some((day, time)) = text.split_once(['T', ' ']) else {
        return date(text).map(|days| i64::from(days) * 86_400_000_000);
    };
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok().filter(|d| (1..=9999).contains(&d.year()))?;
    let (time, offset_minutes) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, 0),
        None => match time.rfind(['+', '-']) {
            Some(at) => (&time[..at], offset(&time[at..])?),
            None => (time, 0),
        },
    };
    let time = NaiveTime::parse_from_str(time.trim_end(), "%H:%M:%S%.f")
        .or_else(|_| NaiveTime::parse_from_str(time.trim_end(), "%H:%M"))
        .ok()?;
    let micros = NaiveDateTime::new(day, time).and_utc().timestamp_micros();
    micros.checked_sub(offset_minutes * 60_000_000)
}

/// `+02:00` in minutes.
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "00"));
    if hours.len() != 2
        || minutes.len() != 2
        || !hours.bytes().chain(minutes.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    Some(if sign == "-" { -minutes } else { minutes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_fit_or_do_not() {
        let cases: [(Cell<'_>, Option<i128>); 12] = [
            (Cell::Int(5), Some(500)),
            (Cell::Real(19.99), Some(1_999)),
            (Cell::Real(0.1 + 0.2), Some(30)),
            (Cell::Real(-0.1 - 0.2), Some(-30)),
            (Cell::Real(2.0 - 1.01), Some(99)),
            (Cell::Real(12.345), None),
            (Cell::Real(f64::INFINITY), None),
            (Cell::Text("12.34"), Some(1_234)),
            (Cell::Text("12.340"), Some(1_234)),
            (Cell::Text("12.345"), None),
            (Cell::Text("twelve"), None),
            (Cell::Int(1_000_000), None),
        ];
        for (cell, expected) in cases {
            assert_eq!(as_decimal(cell, 6, 2), expected, "{cell:?}");
        }
        assert_eq!(as_decimal(Cell::Int(i64::MAX), 38, 18), Some(i128::from(i64::MAX) * 10_i128.pow(18)));
        assert_eq!(as_decimal(Cell::Real(12.5), 38, 18), Some(12_500_000_000_000_000_000));
    }

    #[test]
    fn times_are_iso_texts() {
        let day = 19_782_i64 * 86_400_000_000;
        for (text, expected) in [
            ("2024-02-29", Some(day)),
            ("2024-02-29 12:00", Some(day + 43_200_000_000)),
            ("2024-02-29T12:00:00.5", Some(day + 43_200_500_000)),
            ("2024-02-29 12:00:00Z", Some(day + 43_200_000_000)),
            ("2024-02-29T12:00:00+02:00", Some(day + 36_000_000_000)),
            ("2024-02-29T12:00:00 -0130", None),
            ("2023-02-29", None),
            ("now", None),
            ("", None),
            ("10000-01-01", None),
        ] {
            assert_eq!(timestamp(text), expected, "{text}");
        }
        assert_eq!(date("2024-02-29"), Some(19_782));
        assert_eq!(date("2024-02-29 00:00"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}", digits in "[-+0-9.:TZ ]{0,40}") {
            for text in [&text, &digits] {
                let _ = (date(text), timestamp(text), as_decimal(Cell::Text(text), 38, 18));
            }
        }

        #[test]
        fn any_float_is_read_without_panic(x in any::<f64>(), scale in 0_i8..38) {
            let _ = as_decimal(Cell::Real(x), 38, scale);
        }

        #[test]
        fn cents_come_back_from_floats(cents in -10_000_000_000_i64..10_000_000_000) {
            let float = format!("{}.{:02}", cents.abs() / 100, cents.abs() % 100).parse::<f64>().unwrap();
            let float = if cents < 0 { -float } else { float };
            prop_assert_eq!(as_decimal(Cell::Real(float), 38, 2), Some(i128::from(cents)));
        }
    }
}

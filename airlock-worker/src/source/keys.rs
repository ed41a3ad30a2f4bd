//! Which texts and keys are values of a column's type.
//!
//! Both sources compare with bound values only. A value that the column's type cannot hold matches no row, so it is
//! left out here; what remains is sure to cast, and no cast can fail inside the read's transaction.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, UInt32Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime};

/// What the values of a comparable column look like as text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Family {
    /// Whole numbers of this range.
    Int { min: i64, max: i64 },
    /// Any text without a NUL.
    Text,
    /// 32 hexadecimal digits, with or without hyphens.
    Uuid,
    /// `true` or `false`.
    Bool,
    /// A finite decimal number.
    Decimal,
    /// `2024-02-29`.
    Date,
    /// `2024-02-29T12:00:00.5`.
    Timestamp,
    /// `2024-02-29T12:00:00.5Z`.
    TimestampTz,
    /// Bytes; as text, hexadecimal digits.
    Bytes,
    /// One of these.
    Labels(Arc<[String]>),
    /// An address of IPv4 or IPv6.
    Inet,
}

impl Family {
    /// Whether `text` is a value of the family.
    pub(crate) fn admits(&self, text: &str) -> bool {
        match self {
            Self::Int { min, max } => text.parse::<i64>().is_ok_and(|n| (*min..=*max).contains(&n)),
            Self::Text => !text.contains('\0'),
            Self::Uuid => is_uuid(text),
            Self::Bool => matches!(text, "true" | "false"),
            Self::Decimal => is_decimal(text),
            Self::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok_and(|d| has_four_digit_year(&d)),
            Self::Timestamp => text.parse::<NaiveDateTime>().is_ok_and(|t| has_four_digit_year(&t)),
            Self::TimestampTz => DateTime::parse_from_rfc3339(text)
                .is_ok_and(|t| has_four_digit_year(&t) && is_near_offset(&t)),
            Self::Bytes => text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit()),
            Self::Labels(labels) => labels.iter().any(|l| l == text),
            Self::Inet => text.parse::<IpAddr>().is_ok(),
        }
    }
}

/// One column of a set of keys, to be bound as one array. Its `Debug` tells how many, not which.
#[derive(PartialEq)]
pub(crate) enum KeyColumn {
    Ints(Vec<i64>),
    Texts(Vec<String>),
}

impl std::fmt::Debug for KeyColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyColumn({} keys)", self.len())
    }
}

impl KeyColumn {
    /// How many keys.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Ints(keys) => keys.len(),
            Self::Texts(keys) => keys.len(),
        }
    }
}

/// The keys that every family admits, column by column; `None` when an array is of a type that is never a key or the
/// arrays do not fit together.
pub(crate) fn key_columns(families: &[&Family], keys: &[ArrayRef]) -> Option<Vec<KeyColumn>> {
    let rows = keys.first()?.len();
    if families.len() != keys.len() || keys.iter().any(|k| k.len() != rows) {
        return None;
    }
    let read = families.iter().zip(keys).map(|(f, k)| read_column(f, k)).collect::<Option<Vec<_>>>()?;
    let fits: Vec<bool> = (0..rows).map(|row| read.iter().all(|column| column.has(row))).collect();
    Some(read.into_iter().map(|column| column.keep(&fits)).collect())
}

/// A column with gaps where a key does not fit.
enum Read {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

impl Read {
    fn has(&self, row: usize) -> bool {
        match self {
            Self::Ints(keys) => keys[row].is_some(),
            Self::Texts(keys) => keys[row].is_some(),
        }
    }
    fn keep(self, fits: &[bool]) -> KeyColumn {
        fn keep<T>(keys: Vec<Option<T>>, fits: &[bool]) -> Vec<T> {
            keys.into_iter().zip(fits).filter_map(|(key, fits)| key.filter(|_| *fits)).collect()
        }
        match self {
            Self::Ints(keys) => KeyColumn::Ints(keep(keys, fits)),
            Self::Texts(keys) => KeyColumn::Texts(keep(keys, fits)),
        }
    }
}

fn read_column(family: &Family, keys: &ArrayRef) -> Option<Read> {
    if let Family::Int { min, max } = family {
        let range = *min..=*max;
        return Some(Read::Ints(
            read_ints(keys)?.into_iter().map(|n| n.filter(|n| range.contains(n))).collect(),
        ));
    }
    let texts = read_texts(keys)?;
    Some(Read::Texts(texts.into_iter().map(|t| t.filter(|t| family.admits(t))).collect()))
}

fn read_ints(keys: &ArrayRef) -> Option<Vec<Option<i64>>> {
    Some(match keys.data_type() {
        DataType::Int16 => keys.as_primitive::<Int16Type>().iter().map(|n| n.map(i64::from)).collect(),
        DataType::Int32 => keys.as_primitive::<Int32Type>().iter().map(|n| n.map(i64::from)).collect(),
        DataType::Int64 => keys.as_primitive::<Int64Type>().iter().collect(),
        DataType::UInt32 => keys.as_primitive::<UInt32Type>().iter().map(|n| n.map(i64::from)).collect(),
        _ => read_texts(keys)?.into_iter().map(|t| t.and_then(|t| whole(&t))).collect(),
    })
}

/// `42` and, from a decimal column, `42.000`.
fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, fraction)) if fraction.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    digits.parse().ok()
}

fn read_texts(keys: &ArrayRef) -> Option<Vec<Option<String>>> {
    use DataType::{
        Binary, BinaryView, Boolean, Date32, Decimal128, Decimal256, Int16, Int32, Int64, LargeBinary,
        LargeUtf8, Timestamp, UInt32, Utf8, Utf8View,
    };
    match keys.data_type() {
        Boolean | Int16 | Int32 | Int64 | UInt32 | Decimal128(..) | Decimal256(..) | Date32
        | Timestamp(..) | Utf8 | LargeUtf8 | Utf8View | Binary | LargeBinary | BinaryView => {}
        _ => return None,
    }
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(keys, &options).ok()?;
    Some(
        (0..keys.len())
            .map(|row| if keys.is_null(row) { None } else { format.value(row).try_to_string().ok() })
            .collect(),
    )
}

fn is_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.len() {
        32 => bytes.iter().all(u8::is_ascii_hexdigit),
        36 => bytes.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// Digits with at most one point among them, after at most one sign. No exponent: a short text could then name a
/// number of any size.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    digits.len() <= 256
        && !(whole.is_empty() && fraction.is_empty())
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
}

/// The years that every source writes and reads alike.
fn has_four_digit_year(date: &impl Datelike) -> bool {
    (1..=9999).contains(&date.year())
}

/// Postgres knows no zone further than this from Greenwich.
fn is_near_offset(time: &DateTime<FixedOffset>) -> bool {
    time.offset().local_minus_utc().abs() < 16 * 3600
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Decimal128Array, Int32Array, Int64Array, ListArray, StringViewArray};

    use super::*;

    #[track_caller]
    fn check(family: &Family, admitted: &[&str], refused: &[&str]) {
        for text in admitted {
            assert!(family.admits(text), "{family:?} refuses {text:?}");
        }
        for text in refused {
            assert!(!family.admits(text), "{family:?} admits {text:?}");
        }
    }

    #[test]
    fn families_admit_their_values_only() {
        check(
            &Family::Int { min: -5, max: 5 },
            &["0", "-5", "+5", "05"],
            &["6", "", "1.0", " 1", "abc", "1e0", "0x1"],
        );
        check(&Family::Text, &["", "x'; drop", "é"], &["a\0b"]);
        let uuid = "123e4567-e89b-12d3-a456-426614174000";
        check(
            &Family::Uuid,
            &[uuid, &uuid.to_uppercase(), &uuid.replace('-', "")],
            &["", &uuid[1..], "g23e4567-e89b-12d3-a456-426614174000", "é23e4567-e89b-12d3-a456-42661417400"],
        );
        check(
            &Family::Decimal,
            &["1", "-1.50", ".5", "5."],
            &["", ".", "-", "1e9", "NaN", "1..2", "Infinity"],
        );
        check(
            &Family::Date,
            &["2024-02-29"],
            &["2023-02-29", "yesterday", "infinity", "10000-01-01", "2024-2"],
        );
        check(
            &Family::Timestamp,
            &["2024-02-29T12:00:00", "2024-02-29T12:00:00.123456"],
            &["2024-02-29", "now"],
        );
        check(
            &Family::TimestampTz,
            &["2024-02-29T12:00:00Z", "2024-02-29T12:00:00+02:00"],
            &["2024-02-29T12:00:00", "2024-02-29T12:00:00+16:00", "now"],
        );
        check(&Family::Labels(["a".to_owned()].into()), &["a"], &["A", ""]);
        check(&Family::Bytes, &["", "00ff"], &["0", "zz", "\\x00"]);
        check(&Family::Inet, &["10.0.0.1", "::1"], &["10.0.0", "10.0.0.0/8"]);
        check(&Family::Bool, &["true", "false"], &["1", "yes"]);
    }

    #[test]
    fn a_row_of_keys_is_left_out_when_one_of_them_does_not_fit() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 70_000, 3, 4]));
        let names: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "b", "c\0", "d"]));
        let small = Family::Int { min: -32_768, max: 32_767 };
        let got = key_columns(&[&small, &Family::Text], &[numbers, names]).unwrap();
        assert!(got == [KeyColumn::Ints(vec![1, 4]), KeyColumn::Texts(vec!["a".into(), "d".into()])]);
    }

    #[test]
    fn keys_cross_types_when_their_texts_do() {
        let any = Family::Int { min: i64::MIN, max: i64::MAX };
        let cases: [(ArrayRef, &Family, KeyColumn); 4] = [
            (Arc::new(Int32Array::from(vec![7])), &Family::Text, KeyColumn::Texts(vec!["7".into()])),
            (Arc::new(StringViewArray::from(vec!["7", "x"])), &any, KeyColumn::Ints(vec![7])),
            (
                Arc::new(Decimal128Array::from(vec![4200, 4250]).with_precision_and_scale(10, 2).unwrap()),
                &any,
                KeyColumn::Ints(vec![42]),
            ),
            (
                Arc::new(Date32Array::from(vec![19_782])),
                &Family::Date,
                KeyColumn::Texts(vec!["2024-02-29".into()]),
            ),
        ];
        for (keys, family, expected) in cases {
            assert!(key_columns(&[family], &[keys]).unwrap() == [expected]);
        }
    }

    #[test]
    fn lists_and_uneven_columns_are_no_keys() {
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]));
        assert!(key_columns(&[&Family::Text], &[list]).is_none());
        let (one, two): (ArrayRef, ArrayRef) =
            (Arc::new(Int32Array::from(vec![1])), Arc::new(Int32Array::from(vec![1, 2])));
        assert!(key_columns(&[&Family::Text, &Family::Text], &[one, two]).is_none());
        assert!(key_columns(&[], &[]).is_none());
    }

    #[test]
    fn debug_tells_no_key() {
        assert_eq!(format!("{:?}", KeyColumn::Texts(vec!["secret".into()])), "KeyColumn(1 keys)");
    }
}

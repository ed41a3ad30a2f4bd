//! What a declared type means. SQLite only derives an affinity from it; what is not listed here is refused by name
//! (E302).

use arrow::datatypes::{DataType, TimeUnit};

use crate::source::keys::Family;

/// Digits after the point of a `NUMERIC` that declares none, as for a bare `numeric` of Postgres.
const BARE_SCALE: i8 = 18;

/// How the cells of a column are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Float,
    Decimal(u8, i8),
    Text,
    Bytes,
    Date,
    Timestamp,
}

impl Kind {
    /// The kind of a declared type.
    pub(super) fn of(declared: &str) -> Option<Self> {
        let upper = declared.to_ascii_uppercase();
        let (name, arguments) = upper.split_once('(').unwrap_or((&upper, ""));
        let words: Vec<&str> = name.split_whitespace().collect();
        let has = |any: &[&str]| words.iter().any(|w| any.contains(w));
        match words[..] {
            ["BOOLEAN" | "BOOL"] => return Some(Self::Bool),
            ["DATE"] => return Some(Self::Date),
            ["DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ"]
            | ["TIMESTAMP", "WITH" | "WITHOUT", "TIME", "ZONE"] => {
                return Some(Self::Timestamp);
            }
            ["NUMERIC" | "DECIMAL" | "DEC"] => return decimal(arguments),
            ["UUID" | "JSON"] => return Some(Self::Text),
            _ => {}
        }
        if has(&["INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT", "INT2", "INT4", "INT8"]) {
            Some(Self::Int)
        } else if has(&["TEXT", "CHAR", "VARCHAR", "NCHAR", "NVARCHAR", "CHARACTER", "CLOB"]) {
            Some(Self::Text)
        } else if has(&["REAL", "DOUBLE", "FLOAT"]) {
            Some(Self::Float)
        } else if words == ["BLOB"] {
            Some(Self::Bytes)
        } else {
            None
        }
    }

    /// Its Arrow type.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Text => DataType::Utf8View,
            Self::Bytes => DataType::BinaryView,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// What keys of such a column look like; `None` where equal values may be stored in unequal ways.
    pub(super) fn family(self) -> Option<Family> {
        match self {
            Self::Int => Some(Family::Int { min: i64::MIN, max: i64::MAX }),
            Self::Text => Some(Family::Text),
            Self::Decimal(..) => Some(Family::Decimal),
            Self::Date => Some(Family::Date),
            Self::Bool | Self::Float | Self::Bytes | Self::Timestamp => None,
        }
    }
}

/// `DECIMAL(12,2)`. SQLite enforces no digits, so more than Arrow's 38 are taken as 38.
fn decimal(arguments: &str) -> Option<Kind> {
    let arguments = arguments.trim_end().trim_end_matches(')').trim();
    if arguments.is_empty() {
        return Some(Kind::Decimal(38, BARE_SCALE));
    }
    let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
    let precision = precision.min(38);
    (precision >= 1 && (0..=38).contains(&scale) && scale.unsigned_abs() <= precision)
        .then_some(Kind::Decimal(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(declared: &[&str], expected: Option<Kind>) {
        for declared in declared {
            assert_eq!(Kind::of(declared), expected, "{declared}");
        }
    }

    #[test]
    fn declared_types_have_a_kind_or_are_refused() {
        check(&["INTEGER", "int", "BIGINT", "UNSIGNED BIG INT", "int8", "TINYINT(1)"], Some(Kind::Int));
        check(
            &["TEXT", "varchar(20)", "CHARACTER VARYING(20)", "NATIVE CHARACTER(70)", "UUID", "JSON"],
            Some(Kind::Text),
        );
        check(&["REAL", "DOUBLE PRECISION", "float"], Some(Kind::Float));
        check(&["BLOB"], Some(Kind::Bytes));
        check(&["NUMERIC", "decimal"], Some(Kind::Decimal(38, 18)));
        check(&["DECIMAL(12, 2)", "numeric(12,2)"], Some(Kind::Decimal(12, 2)));
        check(&["DECIMAL(10)"], Some(Kind::Decimal(10, 0)));
        check(&["DECIMAL(65,30)"], Some(Kind::Decimal(38, 30)));
        check(&["boolean"], Some(Kind::Bool));
        check(&["DATE"], Some(Kind::Date));
        check(&["DATETIME", "timestamp", "TIMESTAMP WITH TIME ZONE"], Some(Kind::Timestamp));
        check(
            &["", "POINT", "INTERVAL", "TIME", "MONEY", "STRING", "DECIMAL(2,5)", "DECIMAL(x)", "JSONB"],
            None,
        );
    }
}

//! Why the store gave no answer. The driver's own text may quote values, so only its kind is kept.

use airlock_core::{Code, Coded};

/// Why the store gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached or written just now; the same statement may succeed later.
    #[error("the store is unavailable: {0}")]
    Unavailable(&'static str),
    /// A row of this name exists already, or one it refers to does not.
    #[error("the store refuses a row that would conflict with another")]
    Conflict,
    /// A row holds what this program cannot have written.
    #[error("the store holds an unreadable value in {0}")]
    Damaged(&'static str),
    /// It was written by a newer program.
    #[error(
        "the store has schema version {found}, this program knows versions up to {known}; use a newer airlock-cp"
    )]
    Newer {
        /// Version of the store.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// Its address is none.
    #[error("the store's address is not valid: {0}")]
    Address(&'static str),
    /// The database refused a statement of ours: a bug. The code is the database's.
    #[error("the store refused a statement (code {0})")]
    Refused(String),
}

impl Coded for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Conflict => Code::Conflict,
            Self::Damaged(_) | Self::Refused(_) => Code::Internal,
            Self::Unavailable(_) | Self::Newer { .. } | Self::Address(_) => Code::StoreUnavailable,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(e) => {
                if e.is_unique_violation() || e.is_foreign_key_violation() {
                    return Self::Conflict;
                }
                let code = e.code().unwrap_or_default().into_owned();
                match kind(&code) {
                    Some(kind) => Self::Unavailable(kind),
                    None => Self::Refused(code),
                }
            }
            sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => {
                Self::Unavailable("disk full")
            }
            sqlx::Error::Io(_) => Self::Unavailable("connection lost"),
            sqlx::Error::Tls(_) => Self::Unavailable("TLS refused"),
            sqlx::Error::PoolTimedOut => Self::Unavailable("no connection is free"),
            sqlx::Error::PoolClosed => Self::Unavailable("closed"),
            sqlx::Error::WorkerCrashed => Self::Unavailable("driver ended"),
            sqlx::Error::Configuration(_) => Self::Address("not understood"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged("a column"),
            _ => Self::Refused("driver".to_owned()),
        }
    }
}

// SQLite's result codes are numbers (extended ones carry the primary in their low byte); Postgres's SQLSTATE has 5 characters.
fn kind(code: &str) -> Option<&'static str> {
    if code.len() < 5
        && let Ok(number) = code.parse::<u32>()
    {
        return match number & 0xff {
            5 | 6 => Some("busy"),
            8 => Some("read only"),
            10 => Some("disk error"),
            11 | 26 => Some("damaged file"),
            13 => Some("disk full"),
            14 => Some("cannot open"),
            _ => None,
        };
    }
    match code.get(..2)? {
        "08" => Some("connection lost"),
        "25" if code == "25006" => Some("read only"),
        "40" => Some("busy"),
        "53" if code == "53100" => Some("disk full"),
        "53" => Some("out of resources"),
        "55" => Some("busy"),
        "57" => Some("shutting down or cancelled"),
        "58" => Some("disk error"),
        "28" | "3D" => Some("refuses us"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: Option<&str>) {
        assert_eq!(kind(code), expected, "{code}");
    }

    #[test]
    fn codes_of_both_databases_become_kinds() {
        check("13", Some("disk full"));
        check("2570", Some("disk error"));
        check("517", Some("busy"));
        check("1", None);
        check("40001", Some("busy"));
        check("57P01", Some("shutting down or cancelled"));
        check("25006", Some("read only"));
        check("42601", None);
    }
}

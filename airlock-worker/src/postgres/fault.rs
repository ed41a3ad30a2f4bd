//! What a Postgres failure means, by its SQLSTATE. The server's own text may quote values and is never kept.

use std::error::Error as _;
use std::io;

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::SourceError;
use tokio_postgres::Error;

/// The failure of a statement about `table`.
pub(super) fn of_table(error: &Error, table: &TableRef) -> SourceError {
    match error.as_db_error() {
        Some(db) => by_state(db.code().code(), says_recovery(db), Some(table)),
        None => of_transport(error),
    }
}

/// The failure of a statement about no table: to connect, to begin, to read the catalog.
pub(super) fn of_server(error: &Error) -> SourceError {
    match error.as_db_error() {
        Some(db) => by_state(db.code().code(), says_recovery(db), None),
        None => of_transport(error),
    }
}

/// 57014 is a statement timeout or, on a standby, a conflict; only the text tells. In another language a conflict
/// reads as a timeout, which is not tried again.
fn says_recovery(error: &tokio_postgres::error::DbError) -> bool {
    error.message().contains("recovery")
}

fn by_state(state: &str, recovery: bool, table: Option<&TableRef>) -> SourceError {
    let drift = |what: &str| match table {
        Some(table) => SourceError::Drift { table: table.clone(), what: format!("{what} ({state})") },
        None => SourceError::Failed(state.to_owned()),
    };
    match state {
        "40001" | "40P01" => SourceError::Conflict,
        "57014" if recovery => SourceError::Conflict,
        "57014" | "55P03" | "25P03" | "25P04" => SourceError::Timeout,
        "42501" => match table {
            Some(table) => SourceError::Denied(table.clone()),
            None => SourceError::Unavailable(format!("the role lacks a privilege ({state})")),
        },
        "42P01" | "3F000" => drift("the table is gone"),
        "42703" => drift("a column is gone"),
        "42704" | "42804" | "42809" | "42846" | "42883" | "0A000" => drift("a column has another type"),
        "53300" => SourceError::Unavailable(format!("it has no free connection ({state})")),
        "3D000" => SourceError::Unavailable(format!("the database does not exist ({state})")),
        "57P03" => SourceError::Unavailable(format!("it is starting or stopping ({state})")),
        _ if state.starts_with("28") => {
            SourceError::Unavailable(format!("it refused the role or the password ({state})"))
        }
        _ if state.starts_with("08") || state.starts_with("57P") || state.starts_with("53") => {
            SourceError::Unavailable(format!("it ended the connection ({state})"))
        }
        _ => SourceError::Failed(state.to_owned()),
    }
}

/// No answer of a server: socket, TLS, protocol, or our own encoding.
fn of_transport(error: &Error) -> SourceError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return SourceError::Unavailable(of_tls(tls).to_owned());
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            // A TLS failure arrives inside an io::Error; its own `source` skips the value it carries.
            let carried = io.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
            return SourceError::Unavailable(
                carried.map_or_else(|| of_socket(io), |tls| of_tls(tls).to_owned()),
            );
        }
        cause = inner.source();
    }
    // What is left has fixed texts of the driver ("connection closed", "error performing TLS handshake"), and these
    // can name no value; but the driver's word is not ours to promise, so only the kind is kept.
    if error.is_closed() {
        return SourceError::Unavailable("the connection was lost".to_owned());
    }
    SourceError::Unavailable("the connection failed".to_owned())
}

/// A name that does not resolve has no kind of its own, and no number of the system.
fn of_socket(error: &io::Error) -> String {
    match (error.raw_os_error(), error.kind().to_string()) {
        (None, kind) if kind == "uncategorized error" => "its host's name does not resolve".to_owned(),
        (_, kind) => kind,
    }
}

fn of_tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(_) => "its TLS certificate was not accepted",
        _ => "TLS failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &str, expected: SourceError) {
        let table = TableRef { schema: "public".into(), name: "t".into() };
        assert_eq!(by_state(state, false, Some(&table)), expected, "{state}");
    }

    #[test]
    fn states_become_kinds() {
        let table = || TableRef { schema: "public".into(), name: "t".into() };
        let drift = |what: &str| SourceError::Drift { table: table(), what: what.into() };
        check("40001", SourceError::Conflict);
        check("40P01", SourceError::Conflict);
        check("57014", SourceError::Timeout);
        check("55P03", SourceError::Timeout);
        check("25P03", SourceError::Timeout);
        check("42501", SourceError::Denied(table()));
        check("42P01", drift("the table is gone (42P01)"));
        check("42703", drift("a column is gone (42703)"));
        check("42846", drift("a column has another type (42846)"));
        check("28P01", SourceError::Unavailable("it refused the role or the password (28P01)".into()));
        check("53300", SourceError::Unavailable("it has no free connection (53300)".into()));
        check("57P01", SourceError::Unavailable("it ended the connection (57P01)".into()));
        check("22012", SourceError::Failed("22012".into()));
    }

    #[test]
    fn a_cancel_by_recovery_is_a_conflict() {
        assert_eq!(by_state("57014", true, None), SourceError::Conflict);
    }
}

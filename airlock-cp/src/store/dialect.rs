//! The few differences of SQLite and Postgres: placeholders, the type for bytes, row locks, the store's own clock.

/// Which database a store stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The embedded default.
    Sqlite,
    /// Shared by several replicas.
    Postgres,
}

impl Dialect {
    /// Writes a statement of ours in this dialect: `?` is a value's place; `{bytes}`, `{for_update}` and `{now}` are
    /// the words that differ.
    pub(crate) fn render(self, text: &str) -> String {
        let (bytes, for_update, now) = match self {
            // SQLite has one writer, whose transaction begins with the lock.
            Self::Sqlite => ("BLOB", "", "CAST(unixepoch('subsec') * 1000 AS INTEGER)"),
            Self::Postgres => {
                ("BYTEA", "FOR UPDATE", "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)")
            }
        };
        let text = text.replace("{bytes}", bytes).replace("{for_update}", for_update).replace("{now}", now);
        match self {
            Self::Sqlite => text,
            Self::Postgres => number(&text),
        }
    }
}

// No statement of ours has a `?` inside a literal or comment.
fn number(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut pieces = text.split('?');
    out.push_str(pieces.next().unwrap_or_default());
    for (i, piece) in pieces.enumerate() {
        out.push('$');
        out.push_str(&(i + 1).to_string());
        out.push_str(piece);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_for_postgres_and_left_for_sqlite() {
        let text = "SELECT a FROM t WHERE b = ? AND c IN (?,?) {for_update}";
        assert_eq!(
            Dialect::Postgres.render(text),
            "SELECT a FROM t WHERE b = $1 AND c IN ($2,$3) FOR UPDATE"
        );
        assert_eq!(Dialect::Sqlite.render(text), "SELECT a FROM t WHERE b = ? AND c IN (?,?) ");
    }
}

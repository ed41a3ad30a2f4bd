//! Brings a store to this program's schema: an ordered list of steps, forward only, all in one transaction.

use super::{Dialect, Sql, Store, StoreError};

/// Each step once, in order; a step that was released is never edited.
const STEPS: &[(i64, &str)] = &[
    (1, include_str!("../../migrations/0001_tenants.sql")),
    (2, include_str!("../../migrations/0002_audit.sql")),
    (3, include_str!("../../migrations/0003_people.sql")),
    (4, include_str!("../../migrations/0004_oauth.sql")),
    (5, include_str!("../../migrations/0005_audit_retention.sql")),
    (6, include_str!("../../migrations/0006_approvals.sql")),
    (7, include_str!("../../migrations/0007_exchanges_of_request.sql")),
    (8, include_str!("../../migrations/0008_app_rates.sql")),
];

/// The newest schema this program knows.
pub const SCHEMA_VERSION: i64 = STEPS.len() as i64;

// Any number that no other program uses for the same database.
const LOCK: i64 = 0x6169_726c_6f63_6b31;

impl Store {
    /// Applies the steps that the store lacks. Returns the version it had and the one it has now.
    ///
    /// Two processes that begin at once do it one after the other; the second finds nothing to do. T-196.
    ///
    /// # Errors
    /// [`StoreError::Newer`] if a newer program wrote the store; nothing is changed then.
    pub async fn migrate(&self) -> Result<(i64, i64), StoreError> {
        let mut tx = self.begin().await?;
        if self.dialect() == Dialect::Postgres {
            tx.all(Sql::new("SELECT CAST(pg_advisory_xact_lock(?) AS TEXT) AS locked").bind(LOCK)).await?;
        }
        tx.script("CREATE TABLE IF NOT EXISTS kv (name TEXT PRIMARY KEY, value TEXT NOT NULL)").await?;
        let row = tx.optional(Sql::new("SELECT value FROM kv WHERE name = 'schema_version'")).await?;
        let found = match row {
            Some(row) => {
                row.get::<String>("value")?.parse().map_err(|_| StoreError::Damaged("schema_version"))?
            }
            None => 0,
        };
        if found > SCHEMA_VERSION {
            return Err(StoreError::Newer { found, known: SCHEMA_VERSION });
        }
        if found == SCHEMA_VERSION {
            return Ok((found, found));
        }
        for (_, text) in STEPS.iter().filter(|(version, _)| *version > found) {
            tx.script(text).await?;
        }
        tx.execute(Sql::new("DELETE FROM kv WHERE name = 'schema_version'")).await?;
        let version = Sql::new("INSERT INTO kv (name, value) VALUES ('schema_version', ?)");
        tx.execute(version.bind(SCHEMA_VERSION.to_string())).await?;
        let org = Sql::new(
            "INSERT INTO orgs (id, slug, name, created_at, updated_at, audit_seq, audit_head) \
             VALUES ('default', 'default', 'Default', {now}, {now}, 0, ?)",
        );
        if found == 0 {
            tx.execute(org.bind("0".repeat(64))).await?;
        }
        tx.commit().await?;
        Ok((found, SCHEMA_VERSION))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_gaps() {
        for (i, (version, _)) in STEPS.iter().enumerate() {
            assert_eq!(*version, i64::try_from(i).unwrap() + 1);
        }
    }
}

//! Opens a store: where it is, and with which promises.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Dialect, Pools, Sql, Store, StoreError};

const ACQUIRE_MAX: Duration = Duration::from_secs(5);
const BUSY_MAX: Duration = Duration::from_secs(5);
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

impl Store {
    /// Opens or makes a SQLite file. On Unix only its owner may read it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub async fn sqlite(path: &Path) -> Result<Self, StoreError> {
        owner_only(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_MAX);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_MAX)
            // On a full disk SQLite itself rolls back, the driver's own ROLLBACK then fails, and it goes on believing
            // that a transaction is open: such a connection never begins another. It is replaced.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_MAX)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { pools: Arc::new(Pools::Sqlite { read, write }) })
    }

    /// A SQLite store in memory, gone with the value: for tests and embedders.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub async fn memory() -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str("sqlite::memory:")?.foreign_keys(true);
        // Each connection to `:memory:` is a database of its own, so there is one, and it never ends.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        Ok(Self { pools: Arc::new(Pools::Sqlite { read: pool.clone(), write: pool }) })
    }

    /// Opens a Postgres database (`postgres://…`).
    ///
    /// # Errors
    /// When the URL is none or the server does not answer.
    pub async fn postgres(url: &str) -> Result<Self, StoreError> {
        let options =
            PgConnectOptions::from_str(url).map_err(|_| StoreError::Address("not a Postgres URL"))?;
        let options = options
            .application_name("airlock-cp")
            .options([("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "30s")]);
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_MAX)
            .connect_with(options)
            .await?;
        Ok(Self { pools: Arc::new(Pools::Postgres(pool)) })
    }

    /// Writes a copy of a SQLite store, whole and consistent, while it is in use.
    ///
    /// # Errors
    /// When the target exists or cannot be written, or the store is on Postgres, which has `pg_dump`.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Postgres {
            return Err(StoreError::Address("a Postgres store is backed up by pg_dump"));
        }
        let target = to.to_str().ok_or(StoreError::Address("the path is not UTF-8"))?;
        if to.exists() {
            return Err(StoreError::Address("the target exists"));
        }
        owner_only(to)?;
        self.execute(Sql::new("VACUUM INTO ?").bind(target)).await.map(|_| ())
    }
}

// The database holds the signing key and hashes: made by us, it is made for its owner only. SQLite gives the WAL the
// same mode.
fn owner_only(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(|_| ()).map_err(|_| StoreError::Unavailable("cannot open"))
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;
    use crate::audit::Caller;
    use crate::tenants::NewTenant;
    use crate::{App, Config, ServiceError};

    // T-165. SQLite's own page limit gives the same SQLITE_FULL as a full disk.
    async fn limit_pages(store: &Store, pages: i64) {
        let Pools::Sqlite { write, .. } = &*store.pools else { unreachable!("this store is SQLite") };
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
        sqlx::raw_sql(pragma).execute(write).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_refuses_every_act_and_heals_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::sqlite(&dir.path().join("cp.sqlite")).await.unwrap();
        let config = Config::from_vars([]).unwrap();
        let app = App::new(config, store.clone(), Arc::new(SystemHost::new())).await.unwrap();
        let create = async |n: u32| {
            let new = NewTenant { slug: format!("tenant-{n}"), id: None, name: None };
            app.tenants().create(&Caller::operator(), new).await
        };
        create(0).await.unwrap();
        limit_pages(&store, 1).await;
        let refusal = loop_until_refused(&create).await;
        assert!(
            matches!(&refusal, ServiceError::Audit(e) if e.0.contains("disk full"))
                || refusal == ServiceError::Store(StoreError::Unavailable("disk full")),
            "{refusal:?}"
        );
        // The limit went with the connection that met it.
        create(9_999).await.unwrap();
        let org = "default".parse().unwrap();
        app.audit_log().verify(&org).await.unwrap().unwrap();
    }

    async fn loop_until_refused<T>(create: &impl AsyncFn(u32) -> Result<T, ServiceError>) -> ServiceError {
        for n in 1..500 {
            if let Err(refusal) = create(n).await {
                return refusal;
            }
        }
        panic!("a full disk was never noticed");
    }
}

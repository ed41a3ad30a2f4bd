//! Where the control plane keeps what must outlive it: SQLite by default, Postgres by URL, one SQL text for both.
//!
//! SQLite: WAL, every commit on disk before it returns, one connection that writes. A store never holds database URLs,
//! SQL text of agents, or result rows: there is no column for them.

mod dialect;
mod error;
mod kv;
mod migrate;
mod open;
mod row;
mod sql;
mod tx;

use std::sync::Arc;

use sqlx::{PgPool, SqlitePool};

pub use dialect::Dialect;
pub use error::StoreError;
pub use migrate::SCHEMA_VERSION;
pub(crate) use row::Row;
pub(crate) use sql::{Sql, Value};
pub(crate) use tx::Tx;

/// A store, open. Cloning shares its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pools: Arc<Pools>,
}

#[derive(Debug)]
enum Pools {
    /// Readers see the last commit while the one writer works.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

impl Store {
    /// Which database it stands on.
    pub fn dialect(&self) -> Dialect {
        match &*self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Closes its connections; waits for those in use.
    pub async fn close(&self) {
        match &*self.pools {
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

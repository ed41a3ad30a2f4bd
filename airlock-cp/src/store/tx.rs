//! Statements, alone or in a transaction, over either database.

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments};
use sqlx::{AssertSqlSafe, Transaction, query, raw_sql};

use super::{Dialect, Pools, Row, Sql, Store, StoreError, Value};

/// A transaction. Dropped without [`Tx::commit`], it is as if it never began.
pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

macro_rules! bind_all {
    ($query:expr, $values:expr) => {
        $values.into_iter().fold($query, |query, value| match value {
            Value::Text(v) => query.bind(v),
            Value::Int(v) => query.bind(v),
            Value::Bytes(v) => query.bind(v),
            Value::Bool(v) => query.bind(v),
        })
    };
}

// The text is safe to run: `Sql` is put together from the program's own text only.
fn sqlite(sql: Sql) -> Query<'static, Sqlite, SqliteArguments> {
    bind_all!(query(AssertSqlSafe(Dialect::Sqlite.render(&sql.text))), sql.values)
}

fn postgres(sql: Sql) -> Query<'static, Postgres, PgArguments> {
    bind_all!(query(AssertSqlSafe(Dialect::Postgres.render(&sql.text))), sql.values)
}

impl Store {
    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &*self.pools {
            // Takes the write lock at once: a transaction that began reading could not get it later.
            Pools::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Pools::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }
    /// Runs one statement that writes; how many rows it changed.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        Ok(match &*self.pools {
            Pools::Sqlite { write, .. } => sqlite(sql).execute(write).await?.rows_affected(),
            Pools::Postgres(pool) => postgres(sql).execute(pool).await?.rows_affected(),
        })
    }
    /// Reads rows.
    pub(crate) async fn all(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        Ok(match &*self.pools {
            Pools::Sqlite { read, .. } => {
                sqlite(sql).fetch_all(read).await?.into_iter().map(Row::Sqlite).collect()
            }
            Pools::Postgres(pool) => {
                postgres(sql).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }
    /// Reads at most one row.
    pub(crate) async fn optional(&self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(match &*self.pools {
            Pools::Sqlite { read, .. } => sqlite(sql).fetch_optional(read).await?.map(Row::Sqlite),
            Pools::Postgres(pool) => postgres(sql).fetch_optional(pool).await?.map(Row::Postgres),
        })
    }
}

impl Tx {
    /// Runs one statement; how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: Sql) -> Result<u64, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite(sql).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => postgres(sql).execute(&mut **tx).await?.rows_affected(),
        })
    }
    /// Reads rows.
    pub(crate) async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => {
                sqlite(sql).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                postgres(sql).fetch_all(&mut **tx).await?.into_iter().map(Row::Postgres).collect()
            }
        })
    }
    /// Reads at most one row.
    pub(crate) async fn optional(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(match self {
            Self::Sqlite(tx) => sqlite(sql).fetch_optional(&mut **tx).await?.map(Row::Sqlite),
            Self::Postgres(tx) => postgres(sql).fetch_optional(&mut **tx).await?.map(Row::Postgres),
        })
    }
    /// Runs a script of the program: several statements, no values.
    pub(super) async fn script(&mut self, text: &'static str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => {
                raw_sql(AssertSqlSafe(Dialect::Sqlite.render(text))).execute(&mut **tx).await?;
            }
            Self::Postgres(tx) => {
                raw_sql(AssertSqlSafe(Dialect::Postgres.render(text))).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }
    /// Makes it durable and seen by all.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}

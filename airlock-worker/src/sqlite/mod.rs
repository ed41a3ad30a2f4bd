//! The SQLite source, for embedding and the demo: a core [`Source`] over one
//! file that is opened read-only.
//!
//! One export is one read transaction on its own connection. SQLite lets any cell hold any type: a cell that does not
//! fit its column's declared type becomes NULL and is counted.

mod catalog;
mod cells;
mod fetch;
mod types;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{Catalog, Reader, Source, SourceError};
use async_trait::async_trait;
use parking_lot::Mutex;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use self::catalog::Known;
use self::fetch::SqliteReader;

/// Which file to read, and for how long.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The database file.
    pub path: PathBuf,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest wait for a writer.
    pub lock_timeout: Duration,
}

impl SqliteConfig {
    /// Reads `sqlite:///absolute/path` or `sqlite://relative/path`.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] for another scheme, options, or no file.
    pub fn from_url(
        url: &str,
        statement_timeout: Duration,
        lock_timeout: Duration,
    ) -> Result<Self, SourceError> {
        let bad =
            || SourceError::Unavailable("DATABASE_URL is not sqlite:// and the path of a file".to_owned());
        let path = url.strip_prefix("sqlite://").ok_or_else(bad)?;
        if path.is_empty() || path.contains(['?', '#']) || path.contains(":memory:") {
            return Err(bad());
        }
        Ok(Self { path: Path::new(path).to_owned(), statement_timeout, lock_timeout })
    }
}

/// A SQLite file. Nothing is ever written to it.
#[derive(Debug)]
pub struct SqliteSource {
    config: SqliteConfig,
    known: Mutex<Option<Arc<Known>>>,
}

impl SqliteSource {
    /// Opens the file once, to see that it is a database.
    ///
    /// # Errors
    /// [`SourceError::Unavailable`] when it is not there or is none.
    pub async fn open(config: SqliteConfig) -> Result<Self, SourceError> {
        let source = Self { config, known: Mutex::new(None) };
        source.read_catalog().await?;
        Ok(source)
    }

    /// A connection inside a read transaction whose instant is fixed.
    async fn connect(&self) -> Result<SqliteConnection, SourceError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.config.path)
            .read_only(true)
            .create_if_missing(false)
            .busy_timeout(self.config.lock_timeout)
            .pragma("query_only", "ON")
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(|e| fault(&e, None))?;
        // BEGIN alone takes no snapshot: the first read does.
        for statement in ["BEGIN", "SELECT count(*) FROM sqlite_schema"] {
            sqlx::query(statement).execute(&mut connection).await.map_err(|e| fault(&e, None))?;
        }
        Ok(connection)
    }

    async fn read_catalog(&self) -> Result<Arc<Known>, SourceError> {
        let mut connection = self.connect().await?;
        let known = Arc::new(catalog::read(&mut connection).await?);
        let _ = connection.close().await;
        *self.known.lock() = Some(known.clone());
        Ok(known)
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        Ok(self.read_catalog().await?.catalog.clone())
    }

    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        let known = self.known.lock().clone();
        let known = match known {
            Some(known) => known,
            None => self.read_catalog().await?,
        };
        let mut connection = self.connect().await?;
        // The schema is part of what the transaction sees, so one look is enough for all its asks.
        let now = if catalog::version(&mut connection).await? == known.version {
            known.clone()
        } else {
            Arc::new(catalog::read(&mut connection).await?)
        };
        Ok(Box::new(SqliteReader::new(connection, known, now, self.config.statement_timeout).await?))
    }
}

/// What a failure means, by SQLite's code. Its text may quote names and values and is never kept.
fn fault(error: &sqlx::Error, table: Option<&TableRef>) -> SourceError {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|c| c.parse::<u32>().ok());
    // The low byte is the primary code; see https://www.sqlite.org/rescode.html.
    match (code.map(|c| c & 0xff), table) {
        (Some(5 | 6 | 9), _) => SourceError::Timeout,
        (Some(1 | 17), Some(table)) => {
            SourceError::Drift { table: table.clone(), what: "the table or a column is gone".to_owned() }
        }
        (Some(3 | 14 | 23), _) => SourceError::Unavailable("the file cannot be opened".to_owned()),
        (Some(10 | 11 | 26), _) => SourceError::Unavailable("the file is not a readable database".to_owned()),
        (Some(code), _) => SourceError::Failed(format!("SQLite code {code}")),
        (None, _) => SourceError::Unavailable("the file cannot be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_file() {
        let path = |url: &str| SqliteConfig::from_url(url, Duration::ZERO, Duration::ZERO).map(|c| c.path);
        assert_eq!(path("sqlite:///var/a.db"), Ok(PathBuf::from("/var/a.db")));
        assert_eq!(path("sqlite://a.db"), Ok(PathBuf::from("a.db")));
        for url in
            ["sqlite://", "sqlite::memory:", "sqlite://:memory:", "sqlite:///a.db?mode=rwc", "postgres://h/d"]
        {
            assert!(path(url).is_err(), "{url}");
        }
    }
}

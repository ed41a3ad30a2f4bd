//! The Postgres source: a core [`Source`] that can only read.
//!
//! One export is one `REPEATABLE READ READ ONLY` transaction on one connection. Statements are generated from the
//! catalog; values are always bound. `url` and `tls` reach the server, `role` refuses one that could write, `pool`
//! lends connections, `catalog` and `types` say what can be read, `statement` writes the text, `fetch` and `bulk`
//! run it, `decode`, `numeric` and `cells` make Arrow of the answer, `fault` names what went wrong.

mod bulk;
mod catalog;
mod cells;
mod decode;
mod fault;
mod fetch;
mod numeric;
mod pool;
mod role;
mod statement;
mod tls;
mod types;
mod url;

use std::sync::Arc;
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::id::WorkerId;
use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{Catalog, Reader, Source, SourceError};
use async_trait::async_trait;
use parking_lot::Mutex;

use self::catalog::Known;
use self::fetch::PgReader;
use self::pool::{Lease, Pool};
use self::types::quoted;

/// How to reach a Postgres server and what to demand of it.
#[derive(Clone, Debug)]
pub struct PgConfig {
    /// `postgres://…`, with libpq's `sslmode` and `sslrootcert`.
    pub url: Secret<String>,
    /// Shown to the server as `airlock-worker/<worker_id>`.
    pub worker_id: WorkerId,
    /// Schema on the search path of views and policies, after `pg_catalog`.
    pub schema: String,
    /// Most connections.
    pub pool_size: u32,
    /// Longest wait for a free connection, and to open one.
    pub connect_timeout: Duration,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
    /// Longest wait for a lock.
    pub lock_timeout: Duration,
    /// Refuse a role that could write.
    pub require_read_only: bool,
    /// Refuse a server that is not a standby.
    pub require_replica: bool,
    /// Allow a role with BYPASSRLS.
    pub allow_bypass_rls: bool,
}

/// A Postgres server, reached by a role that can only read.
#[derive(Debug)]
pub struct PgSource {
    pool: Pool,
    begin: String,
    require_read_only: bool,
    known: Mutex<Option<Arc<Known>>>,
}

impl PgSource {
    /// Connects, and checks the role and the server. Which tables the role may change is checked by
    /// [`check_tables`](Self::check_tables), once a policy has listed them.
    ///
    /// # Errors
    /// [`SourceError::Unsafe`] for a superuser, a role with BYPASSRLS, or a primary where a replica is demanded;
    /// [`SourceError::Unavailable`] when there is no connection.
    pub async fn connect(config: PgConfig) -> Result<Self, SourceError> {
        let mut parsed = url::parse(&config.url)?;
        parsed.config.application_name(format!("airlock-worker/{}", config.worker_id));
        let tls = tls::connector(&parsed.trust)?;
        let source = Self {
            pool: Pool::new(parsed.config, tls, config.pool_size, config.connect_timeout),
            begin: begin(&config),
            require_read_only: config.require_read_only,
            known: Mutex::new(None),
        };
        let mut lease = source.lend().await?;
        role::check_server(lease.client(), &config).await?;
        lease.set_at_work(false);
        drop(lease);
        Ok(source)
    }

    /// Refuses, unless `require_read_only` is off, when the role may insert into, update, delete from or truncate one
    /// of `tables`, be it one column only.
    ///
    /// # Errors
    /// [`SourceError::Unsafe`], naming the tables and the remedy.
    pub async fn check_tables(&self, tables: &[TableRef]) -> Result<(), SourceError> {
        if !self.require_read_only {
            return Ok(());
        }
        let mut lease = self.lend().await?;
        let checked = role::check_tables(lease.client(), tables).await;
        lease.set_at_work(false);
        checked
    }

    async fn lend(&self) -> Result<Lease, SourceError> {
        self.pool.lend(&self.begin).await
    }

    async fn read_catalog(&self) -> Result<Arc<Known>, SourceError> {
        let mut lease = self.lend().await?;
        let known = Arc::new(catalog::read(lease.client()).await?);
        lease.set_at_work(false);
        *self.known.lock() = Some(known.clone());
        Ok(known)
    }
}

#[async_trait]
impl Source for PgSource {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        Ok(self.read_catalog().await?.catalog.clone())
    }

    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        let known = self.known.lock().clone();
        let known = match known {
            Some(known) => known,
            None => self.read_catalog().await?,
        };
        Ok(Box::new(PgReader::new(self.lend().await?, known)))
    }
}

/// Starts every transaction. It holds settings only, no value; the `SELECT` fixes the instant that all reads show.
///
/// `enable_seqscan` is set later, by lookups that have an index. It makes plans look dear, and dear plans are compiled
/// by JIT, which would cost more than the lookup: hence `jit = off`.
fn begin(config: &PgConfig) -> String {
    let ms = |d: Duration| i32::try_from(d.as_millis()).unwrap_or(i32::MAX);
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY NOT DEFERRABLE; \
         SET LOCAL statement_timeout = {statement}; SET LOCAL lock_timeout = {lock}; \
         SET LOCAL idle_in_transaction_session_timeout = {idle}; SET LOCAL search_path = pg_catalog, {schema}; \
         SET LOCAL row_security = on; SET LOCAL timezone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
         SET LOCAL IntervalStyle = 'iso_8601'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 3; \
         SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off; SELECT",
        statement = ms(config.statement_timeout),
        lock = ms(config.lock_timeout),
        // Between two asks the exporter masks a batch; a reader that lies idle for longer is forgotten.
        idle = ms(config.statement_timeout.saturating_mul(2)),
        schema = quoted(&config.schema),
    )
}

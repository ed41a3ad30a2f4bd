//! Reads rows within one repeatable-read transaction: pipelined selects with bound keys, and COPY for bulk.
//!
//! Every ask is one statement. Asks whose streams are polled together share the connection without waiting for each
//! other's answers; the server runs them in the order of their first polls.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{BatchStream, Explained, Reader, RowsAsk, SourceError};
use async_trait::async_trait;
use futures::{FutureExt, TryStreamExt};
use parking_lot::Mutex;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Column, Row, SimpleQueryMessage};

use super::catalog::Known;
use super::cells::BatchCells;
use super::fault;
use super::pool::Lease;
use super::statement::{Bound, Lookup, Statement};
use super::{bulk, types::Wire};
use crate::source::stream::{Batches, produce};

/// One transaction on one connection.
pub(super) struct PgReader {
    lease: Lease,
    known: Arc<Known>,
    /// Statements sent whose answers have not all come.
    unfinished: Arc<AtomicUsize>,
    /// Whether the planner is told to avoid scans at the moment.
    avoids_scans: AtomicBool,
    /// Numbers the settings that carry keys of a bulk read.
    pub(super) settings: AtomicU64,
    failed: Mutex<HashMap<TableRef, u64>>,
}

impl PgReader {
    pub(super) fn new(lease: Lease, known: Arc<Known>) -> Self {
        Self {
            lease,
            known,
            unfinished: Arc::default(),
            avoids_scans: AtomicBool::new(false),
            settings: AtomicU64::new(0),
            failed: Mutex::default(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        self.lease.client()
    }

    /// A statement is about to be sent.
    pub(super) fn started(&self) -> Unfinished {
        self.unfinished.fetch_add(1, Ordering::SeqCst);
        Unfinished(self.unfinished.clone())
    }

    /// Keeps what a batch could not decode and hands it over.
    pub(super) async fn send(
        &self,
        table: &TableRef,
        cells: &mut BatchCells,
        out: &mut Batches,
    ) -> Result<(), SourceError> {
        let failed = cells.take_failed();
        if failed > 0 {
            *self.failed.lock().entry(table.clone()).or_default() += failed;
        }
        out.send(cells.finish()?).await;
        Ok(())
    }

    /// Lets the planner know, when it does not yet, whether a scan is out of the question. Sent ahead of the select
    /// without waiting for the answer; when another ask comes in between, only a plan is worse.
    pub(super) fn prefer_index(&self, avoid_scans: bool) {
        if self.avoids_scans.swap(avoid_scans, Ordering::SeqCst) != avoid_scans {
            let setting =
                if avoid_scans { "SET LOCAL enable_seqscan = off" } else { "SET LOCAL enable_seqscan = on" };
            let _ = self.client().batch_execute(setting).now_or_never();
        }
    }

    async fn select(&self, statement: &Statement, out: &mut Batches) -> Result<(), SourceError> {
        let (values, avoid_scans): (&[Bound], bool) = match &statement.lookup {
            Lookup::Nothing => return Ok(()),
            Lookup::All => (&[], false),
            Lookup::One { text, .. } => (std::slice::from_ref(text), true),
            Lookup::Many { keys, is_indexed, .. } => (keys, *is_indexed),
        };
        self.prefer_index(avoid_scans);
        let sql = statement.select();
        let unfinished = self.started();
        let result = self.stream_rows(statement, &sql, values, out).await;
        match result {
            Ok(()) => unfinished.done(),
            Err(StreamError::Server(error)) => {
                if error.as_db_error().is_some() {
                    unfinished.done();
                }
                return Err(fault::of_table(&error, &statement.table));
            }
            Err(StreamError::Ours(error)) => return Err(error),
        }
        Ok(())
    }

    /// Asks for the plan that holds for any value: one made for these keys would show them.
    async fn plan(&self, statement: &Statement, sql: &str) -> Result<Vec<String>, SourceError> {
        let (values, avoid_scans) = match &statement.lookup {
            Lookup::Nothing | Lookup::All => (0, false),
            Lookup::One { .. } => (1, true),
            Lookup::Many { keys, is_indexed, .. } => (keys.len(), *is_indexed),
        };
        self.prefer_index(avoid_scans);
        let nulls = match values {
            0 => String::new(),
            _ => format!("({})", vec!["NULL"; values].join(", ")),
        };
        let asked = format!(
            "SET LOCAL plan_cache_mode = force_generic_plan; PREPARE airlock_explained AS {sql}; \
             EXPLAIN EXECUTE airlock_explained{nulls}; DEALLOCATE airlock_explained; \
             SET LOCAL plan_cache_mode = auto"
        );
        let unfinished = self.started();
        let answered = self.client().simple_query(&asked).await;
        let answered = answered.map_err(|error| fault::of_table(&error, &statement.table))?;
        unfinished.done();
        let lines = answered.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(lines.collect())
    }

    async fn stream_rows(
        &self,
        statement: &Statement,
        sql: &str,
        values: &[Bound],
        out: &mut Batches,
    ) -> Result<(), StreamError> {
        let params: Vec<_> = values.iter().map(Bound::param).collect();
        let rows = self.client().query_typed_raw(sql, params).await?;
        futures::pin_mut!(rows);
        let mut cells = BatchCells::new(&statement.decoders());
        let mut is_checked = false;
        while let Some(row) = rows.try_next().await? {
            if !is_checked {
                check_columns(statement, row.columns())?;
                is_checked = true;
            }
            push_row(&mut cells, &row)?;
            if cells.end_row() {
                self.send(&statement.table, &mut cells, out).await?;
            }
        }
        if !cells.is_empty() {
            self.send(&statement.table, &mut cells, out).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Reader for PgReader {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        let statement = Statement::new(&self.known, ask)?;
        Ok(produce(move |mut out| async move {
            if statement.is_bulk() {
                tracing::debug!(table = %statement.table, "read by COPY");
                bulk::copy(self, &statement, &mut out).await
            } else {
                self.select(&statement, &mut out).await
            }
        }))
    }

    async fn explain(&self, ask: &RowsAsk) -> Result<Option<Explained>, SourceError> {
        let statement = Statement::new(&self.known, ask.clone())?;
        let sql = statement.select();
        let plan = self.plan(&statement, &sql).await?;
        Ok(Some(Explained { sql, plan }))
    }

    fn conversions_failed(&self, table: &TableRef) -> u64 {
        self.failed.lock().get(table).copied().unwrap_or(0)
    }
}

impl Drop for PgReader {
    fn drop(&mut self) {
        self.lease.set_at_work(self.unfinished.load(Ordering::SeqCst) > 0);
    }
}

/// A statement that is under way. Dropping it without `done` leaves it counted: its answers are still to come.
#[must_use]
pub(super) struct Unfinished(Arc<AtomicUsize>);

impl Unfinished {
    /// Every answer has come.
    pub(super) fn done(self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Why a stream of rows broke off.
enum StreamError {
    Server(tokio_postgres::Error),
    Ours(SourceError),
}

impl From<tokio_postgres::Error> for StreamError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

impl From<SourceError> for StreamError {
    fn from(error: SourceError) -> Self {
        Self::Ours(error)
    }
}

/// Whether what arrives is what the catalog said. See [`Wire::is_own_type`].
pub(super) fn check_columns(statement: &Statement, columns: &[Column]) -> Result<(), SourceError> {
    let is_same = |wire: &Wire, column: &Column| {
        column.type_().oid() == wire.oid && (!wire.is_own_type || column.table_oid().is_some())
    };
    let changed = |what: String| SourceError::Drift { table: statement.table.clone(), what };
    if columns.len() != statement.columns.len() {
        return Err(changed("it has other columns".to_owned()));
    }
    match statement.columns.iter().zip(columns).find(|((_, wire), column)| !is_same(wire, column)) {
        Some(((name, _), _)) => Err(changed(format!("column {name} has another type"))),
        None => Ok(()),
    }
}

fn push_row(cells: &mut BatchCells, row: &Row) -> Result<(), SourceError> {
    for at in 0..cells.width() {
        let cell: Option<Raw<'_>> =
            row.try_get(at).map_err(|_| SourceError::Failed("an uneven row".to_owned()))?;
        cells.push(at, cell.map(|raw| raw.0));
    }
    Ok(())
}

/// A cell's bytes as they came.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}

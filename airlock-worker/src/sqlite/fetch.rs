//! Reads rows within one read transaction. Keys are bound as one JSON array each; the asks of a reader run one after
//! the other.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{BatchStream, Explained, Reader, RowFilter, RowsAsk, SourceError};
use async_trait::async_trait;
use futures::TryStreamExt;
use parking_lot::Mutex;
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::catalog::Known;
use super::cells::BatchCells;
use super::fault;
use super::types::Kind;
use crate::source::keys::{Family, KeyColumn, key_columns};
use crate::source::stream::{Batches, produce};

/// Steps of SQLite's machine between two looks at the clock: about a millisecond.
const STEPS_PER_LOOK: i32 = 10_000;

/// One transaction on one connection. Dropping it closes the connection, which ends the transaction.
pub(super) struct SqliteReader {
    connection: tokio::sync::Mutex<SqliteConnection>,
    /// What the exporter's plan was made of, and what the transaction sees.
    known: Arc<Known>,
    now: Arc<Known>,
    statement_timeout: Duration,
    clock: Arc<Clock>,
    failed: Mutex<HashMap<TableRef, u64>>,
}

/// When the running statement must end.
struct Clock {
    start: Instant,
    /// Milliseconds after `start`.
    deadline_ms: AtomicU64,
}

impl Clock {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
    fn is_over(&self) -> bool {
        self.elapsed_ms() > self.deadline_ms.load(Ordering::Relaxed)
    }
}

impl SqliteReader {
    pub(super) async fn new(
        mut connection: SqliteConnection,
        known: Arc<Known>,
        now: Arc<Known>,
        statement_timeout: Duration,
    ) -> Result<Self, SourceError> {
        let clock = Arc::new(Clock { start: Instant::now(), deadline_ms: AtomicU64::new(u64::MAX) });
        let watched = clock.clone();
        let mut handle = connection.lock_handle().await.map_err(|e| fault(&e, None))?;
        handle.set_progress_handler(STEPS_PER_LOOK, move || !watched.is_over());
        drop(handle);
        Ok(Self {
            connection: tokio::sync::Mutex::new(connection),
            known,
            now,
            statement_timeout,
            clock,
            failed: Mutex::default(),
        })
    }

    async fn read(&self, statement: Statement, mut out: Batches) -> Result<(), SourceError> {
        let mut connection = self.connection.lock().await;
        let timeout_ms = u64::try_from(self.statement_timeout.as_millis()).unwrap_or(u64::MAX);
        self.clock.deadline_ms.store(self.clock.elapsed_ms().saturating_add(timeout_ms), Ordering::Relaxed);
        let mut query = sqlx::query(AssertSqlSafe(statement.sql));
        for value in statement.values {
            query = match value {
                Value::Int(n) => query.bind(n),
                Value::Text(text) => query.bind(text),
            };
        }
        let mut rows = query.fetch(&mut *connection);
        let mut cells = BatchCells::new(&statement.columns);
        while let Some(row) = rows.try_next().await.map_err(|e| fault(&e, Some(&statement.table)))? {
            if cells.push(&row)? {
                self.send(&statement.table, &mut cells, &mut out).await?;
            }
        }
        if !cells.is_empty() {
            self.send(&statement.table, &mut cells, &mut out).await?;
        }
        Ok(())
    }

    async fn plan(&self, statement: &Statement) -> Result<Vec<String>, SourceError> {
        let mut connection = self.connection.lock().await;
        // Nothing is bound: the plan does not depend on values.
        let asked = sqlx::query_as(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sql)));
        let steps: Result<Vec<(i64, i64, i64, String)>, _> = asked.fetch_all(&mut *connection).await;
        let steps = steps.map_err(|e| fault(&e, Some(&statement.table)))?;
        Ok(steps.into_iter().map(|(_, _, _, step)| step).collect())
    }

    async fn send(
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

    /// The kind of a column, if it is still what the plan was made of.
    fn kind(&self, table: &TableRef, column: &str) -> Result<Kind, SourceError> {
        let (planned, now) = (self.known.kind(table, column)?, self.now.kind(table, column)?);
        if planned == now {
            return Ok(now);
        }
        Err(SourceError::Drift { table: table.clone(), what: format!("column {column} has another type") })
    }
}

#[async_trait]
impl Reader for SqliteReader {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        let statement = Statement::new(ask, |table, column| self.kind(table, column))?;
        Ok(produce(move |out| async move {
            match statement {
                Some(statement) => self.read(statement, out).await,
                None => Ok(()),
            }
        }))
    }

    async fn explain(&self, ask: &RowsAsk) -> Result<Option<Explained>, SourceError> {
        let Some(statement) = Statement::new(ask.clone(), |table, column| self.kind(table, column))? else {
            return Ok(None);
        };
        let plan = self.plan(&statement).await?;
        Ok(Some(Explained { sql: statement.sql, plan }))
    }

    fn conversions_failed(&self, table: &TableRef) -> u64 {
        self.failed.lock().get(table).copied().unwrap_or(0)
    }
}

/// One ask as text and bound values.
struct Statement {
    table: TableRef,
    columns: Vec<(String, Kind)>,
    sql: String,
    values: Vec<Value>,
}

enum Value {
    Int(i64),
    Text(String),
}

impl Statement {
    /// The statement of an ask; `None` when its filter holds nothing that the columns could equal.
    fn new(
        ask: RowsAsk,
        kind: impl Fn(&TableRef, &str) -> Result<Kind, SourceError>,
    ) -> Result<Option<Self>, SourceError> {
        let table = ask.table;
        if ask.columns.is_empty() {
            return Err(SourceError::Failed("an ask without columns".to_owned()));
        }
        let with_kind = |c: &String| Ok::<_, SourceError>((c.clone(), kind(&table, c)?));
        let columns = ask.columns.iter().map(with_kind).collect::<Result<Vec<_>, _>>()?;
        let family = |column: &String| {
            let found = kind(&table, column)?.family();
            found.ok_or_else(|| SourceError::Failed("a lookup by a column whose type has no keys".to_owned()))
        };
        // Always with the table: SQLite takes an unknown name in double quotes alone for a string.
        let names: Vec<String> = ask.columns.iter().map(|c| source(c)).collect();
        let mut sql = format!("SELECT {} FROM {} AS src", names.join(", "), qualified(&table));
        let mut values = Vec::new();
        match ask.filter {
            RowFilter::All => {}
            RowFilter::Equals { column, text } => {
                let family = family(&column)?;
                if !family.admits(&text) {
                    return Ok(None);
                }
                let _ = write!(sql, " WHERE {} = ?1", source(&column));
                values.push(match (&family, text.parse()) {
                    (Family::Int { .. }, Ok(number)) => Value::Int(number),
                    _ => Value::Text(text),
                });
            }
            RowFilter::Keys { columns, keys } => {
                let families = columns.iter().map(family).collect::<Result<Vec<_>, _>>()?;
                let keys = key_columns(&families.iter().collect::<Vec<_>>(), &keys)
                    .ok_or_else(|| SourceError::Failed("keys that fit no column".to_owned()))?;
                if keys.first().is_none_or(|k| k.len() == 0) {
                    return Ok(None);
                }
                let names: Vec<String> = columns.iter().map(|c| source(c)).collect();
                let _ = match &names[..] {
                    [name] => write!(sql, " WHERE {name} IN (SELECT value FROM json_each(?1))"),
                    _ => {
                        let parts: Vec<String> =
                            (0..names.len()).map(|n| format!("json_extract(value, '$[{n}]')")).collect();
                        let (names, parts) = (names.join(", "), parts.join(", "));
                        write!(sql, " WHERE ({names}) IN (SELECT {parts} FROM json_each(?1))")
                    }
                };
                values.push(Value::Text(json(&keys)));
            }
        }
        for (at, (column, descending)) in ask.order_by.iter().enumerate() {
            kind(&table, column)?;
            let direction = if *descending { "DESC" } else { "ASC" };
            let _ = write!(
                sql,
                "{} {} {direction} NULLS LAST",
                if at == 0 { " ORDER BY" } else { "," },
                source(column)
            );
        }
        let _ = write!(sql, " LIMIT {}", i64::try_from(ask.limit).unwrap_or(i64::MAX));
        Ok(Some(Self { table, columns, sql, values }))
    }
}

/// `[1,2]` for one column, `[[1,"a"],[2,"b"]]` for more.
fn json(keys: &[KeyColumn]) -> String {
    let at = |column: &KeyColumn, row: usize| match column {
        KeyColumn::Ints(keys) => serde_json::Value::from(keys[row]),
        KeyColumn::Texts(keys) => serde_json::Value::from(keys[row].as_str()),
    };
    let rows = keys.first().map_or(0, KeyColumn::len);
    let rows: serde_json::Value = match keys {
        [column] => (0..rows).map(|row| at(column, row)).collect(),
        _ => (0..rows).map(|row| keys.iter().map(|c| at(c, row)).collect::<serde_json::Value>()).collect(),
    };
    rows.to_string()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn source(column: &str) -> String {
    format!("src.{}", quoted(column))
}

fn qualified(table: &TableRef) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.name))
}

//! Port [`Source`]: a database's catalog, and consistent reads of rows by key.

use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::error::{Code, Coded};
use crate::policy::TableRef;

/// Port: where raw rows come from. Raw values live in the batches of a read and nowhere else.
#[async_trait]
pub trait Source: Send + Sync + fmt::Debug {
    /// Tables, columns, keys. Read at start and on reload.
    async fn catalog(&self) -> Result<Catalog, SourceError>;

    /// Begins one consistent read: every batch that the reader gives shows the same instant. Dropping it ends the read.
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError>;
}

/// One consistent, read-only view of a source. Asks of one reader may run side by side.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The rows asked for, in batches of at most a few thousand rows, each with the columns of `ask.columns` in
    /// their order and of the types that the catalog gave. An empty stream is an answer.
    ///
    /// Nothing is sent before the stream's first poll. A stream that was begun may hold up the others: poll them
    /// together, or drain one before the next. After an error the reader is of no more use.
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError>;

    /// How the rows asked for would be found, without reading them; `None` where the source has no statements.
    async fn explain(&self, ask: &RowsAsk) -> Result<Option<Explained>, SourceError> {
        let _ = ask;
        Ok(None)
    }

    /// How many cells of a table became NULL so far because they do not fit their column's Arrow type: an infinite
    /// date, a NaN in a `numeric`, text that is not UTF-8. To be added to the table's `mask_errors`.
    fn conversions_failed(&self, table: &TableRef) -> u64 {
        let _ = table;
        0
    }
}

/// Raw batches of one ask.
pub type BatchStream<'a> = BoxStream<'a, Result<RecordBatch, SourceError>>;

/// How a source finds the rows of one ask. It holds no value of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The statement, with placeholders.
    pub sql: String,
    /// The source's own words on how it is carried out, a line each.
    pub plan: Vec<String>,
}

/// Which rows of one table.
#[derive(Clone, Debug)]
pub struct RowsAsk {
    /// The table.
    pub table: TableRef,
    /// Columns to give, in this order. Never empty.
    pub columns: Vec<String>,
    /// Which rows.
    pub filter: RowFilter,
    /// Order: column, and whether descending. Nulls last.
    pub order_by: Vec<(String, bool)>,
    /// Most rows to give; the exporter asks for one more than it keeps.
    pub limit: u64,
}

/// Which rows. Values travel as bound parameters, never as text of a statement.
#[derive(Clone)]
pub enum RowFilter {
    /// Rows whose column, compared as its own type, equals this text. A text that is no value of the column's type
    /// matches nothing.
    Equals {
        /// The column.
        column: String,
        /// The text.
        text: String,
    },
    /// Rows whose `columns` equal one row of `keys`: arrays of equal length, no nulls, one per column.
    Keys {
        /// The columns.
        columns: Vec<String>,
        /// One array per column; row i of all is one key.
        keys: Vec<ArrayRef>,
    },
    /// Every row.
    All,
}

impl fmt::Debug for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals { column, .. } => write!(f, "Equals({column})"),
            Self::Keys { columns, keys } => {
                write!(f, "Keys({columns:?}, {} rows)", keys.first().map_or(0, |k| k.len()))
            }
            Self::All => f.write_str("All"),
        }
    }
}

/// What a source holds: shapes only, no row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Tables and views that the role may see.
    pub tables: Vec<TableInfo>,
    /// Server version, for the manifest.
    pub server_version: Option<String>,
}

impl Catalog {
    /// The table of this name.
    pub fn table(&self, name: &TableRef) -> Option<&TableInfo> {
        self.tables.iter().find(|t| t.table == *name)
    }
}

/// One table or view.
#[derive(Clone, Debug, PartialEq)]
pub struct TableInfo {
    /// Its name.
    pub table: TableRef,
    /// What it is.
    pub kind: TableKind,
    /// Its columns, in their order.
    pub columns: Vec<ColumnInfo>,
    /// Columns of the primary key; empty without one.
    pub primary_key: Vec<String>,
    /// Column sets with a unique index, the primary key's among them.
    pub unique: Vec<Vec<String>>,
    /// Column lists with an index that supports a lookup by them.
    pub indexes: Vec<Vec<String>>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its comment.
    pub comment: Option<String>,
    /// Estimated rows, when the source knows.
    pub rows_estimate: Option<u64>,
}

impl TableInfo {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnInfo> {
        self.columns.iter().find(|c| c.name == name)
    }
    /// Whether at most one row has given values in these columns.
    pub fn is_unique(&self, columns: &[String]) -> bool {
        self.unique.iter().any(|u| u.iter().all(|c| columns.contains(c)))
    }
}

/// What kind of relation a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TableKind {
    Table,
    Partitioned,
    View,
    MaterializedView,
    ForeignTable,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// Its type in the source's words: `numeric(12,2)`.
    pub source_type: String,
    /// The Arrow type of its raw values; `None` when this version cannot export the type (E302).
    pub data_type: Option<DataType>,
    /// Whether the role may read it. One that it may not read can still be named: to exclude it, to show it as NULL.
    pub granted: bool,
    /// Whether the source lets it be NULL.
    pub nullable: bool,
    /// Labels, when the type is an enum.
    pub labels: Vec<String>,
    /// Its comment.
    pub comment: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Columns that point.
    pub columns: Vec<String>,
    /// The table pointed at.
    pub references: TableRef,
    /// Its columns, in the same order.
    pub referenced: Vec<String>,
}

/// Why the source gave no rows. Never holds a value, a statement or a connection string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// It cannot be reached, refuses the role, or is full.
    #[error("the source cannot be reached: {0}")]
    Unavailable(String),
    /// A statement passed its time limit, or a lock was not had in time.
    #[error("the source did not answer in time")]
    Timeout,
    /// A hot standby cancelled the read; once more may succeed.
    #[error("the standby cancelled the read")]
    Conflict,
    /// The role may not read this table.
    #[error("the role may not read {0}")]
    Denied(TableRef),
    /// The source is not what the catalog said: a table or column is gone, or has another type.
    #[error("{table} is not what it was: {what}")]
    Drift {
        /// Which table.
        table: TableRef,
        /// What differs.
        what: String,
    },
    /// The role could write, or the server is not what `source:` demands.
    #[error("{0}")]
    Unsafe(String),
    /// It failed otherwise; the kind is the server's code, never its text.
    #[error("the source failed with {0}")]
    Failed(String),
}

impl Coded for SourceError {
    fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) | Self::Timeout | Self::Conflict => Code::SourceUnavailable,
            Self::Denied(_) | Self::Drift { .. } | Self::Unsafe(_) | Self::Failed(_) => Code::ExportFailed,
        }
    }
}

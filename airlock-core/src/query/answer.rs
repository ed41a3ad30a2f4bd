//! What a query gave, bounded and written down once.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// How the text part of an answer is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `{"columns": […], "rows": [[…]]}`.
    #[default]
    Json,
    /// RFC 4180, with a header.
    Csv,
    /// A table.
    Markdown,
    /// `[{column: value}]`.
    Objects,
    /// An Arrow IPC stream in place of text.
    Arrow,
}

/// One output column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerColumn {
    /// Its name.
    pub name: String,
    /// Its type, in words an agent knows: `text`, `int8`, `numeric(12,2)`, `timestamptz`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether any masked column went into it.
    pub masked: bool,
    /// That column's mask when it was taken as it is; `derived` when computed from masked columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
}

/// Why an answer was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TruncationReason {
    /// More rows than asked for or allowed.
    Rows,
    /// More bytes than allowed.
    Bytes,
    /// Single cells were cut.
    Cells,
}

/// How an answer was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Why.
    pub reason: TruncationReason,
    /// Rows returned.
    pub returned: u64,
    /// The limit that bit: rows, bytes or characters, by `reason`.
    pub limit: u64,
}

/// The rows of an answer, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rows {
    /// JSON and the text part.
    Text {
        /// A JSON array of arrays: one inner array a row, one value a column.
        rows_json: String,
        /// The same rows in the format asked for.
        text: String,
    },
    /// An Arrow IPC stream.
    Arrow(Bytes),
}

/// A bounded answer, ready to be put into a tool result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shaped {
    /// Output columns.
    pub columns: Vec<AnswerColumn>,
    /// Rows returned.
    pub row_count: u64,
    /// The rows.
    pub rows: Rows,
    /// Set when something was cut.
    pub truncation: Option<Truncation>,
    /// Whether the statement orders its rows, so that a cursor can continue it.
    pub ordered: bool,
    /// Snapshot tables that the statement reads.
    pub tables: Vec<String>,
}

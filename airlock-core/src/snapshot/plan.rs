//! A policy bound to a source's catalog: which rows and columns are read, in which order, and how each is masked.

use arrow::datatypes::DataType;

use crate::id::PolicyHash;
use crate::mask::{MaskKind, Masking};
use crate::policy::{Include, OnLimit, TableRef};

/// What an export does, decided before any row is read.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportPlan {
    /// Every table; the root first, every table after those it depends on.
    pub tables: Vec<TablePlan>,
    /// Which masks these are.
    pub policy_hash: PolicyHash,
}

/// One table's part.
#[derive(Clone, Debug, PartialEq)]
pub struct TablePlan {
    /// Its name inside the snapshot.
    pub name: String,
    /// The source table.
    pub source: TableRef,
    /// Which rows.
    pub edge: EdgePlan,
    /// Exported columns, in the source's order.
    pub columns: Vec<ColumnPlan>,
    /// Columns that only the traversal or the order needs: read raw, never stored.
    pub traversal_only: Vec<String>,
    /// Source columns by which a row is known; empty when there is no key.
    pub key: Vec<String>,
    /// Foreign keys between exported tables, for the agent.
    pub foreign_keys: Vec<ForeignKeyPlan>,
    /// Which rows survive the limit.
    pub order_by: Vec<(String, bool)>,
    /// Most rows.
    pub max_rows: u64,
    /// What happens at the limit.
    pub on_limit: OnLimit,
    /// Whether rows are exported.
    pub include: Include,
    /// Description for the agent.
    pub description: Option<String>,
    /// How many source columns are not exported. Their names are not told.
    pub excluded_columns: usize,
}

/// Which rows of a table belong to the snapshot; tables by their position in [`ExportPlan::tables`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgePlan {
    /// Rows whose column equals the subject.
    Root {
        /// The column.
        filter: String,
    },
    /// Rows whose `columns` equal `parent_columns` of an exported row of `parent`.
    Child {
        /// Position of the parent.
        parent: usize,
        /// Columns of the parent.
        parent_columns: Vec<String>,
        /// Columns of this table, in the same order.
        columns: Vec<String>,
    },
    /// Rows whose `columns` equal `via_columns` of an exported row of `via`.
    Lookup {
        /// Position of the table that points here.
        via: usize,
        /// Its columns.
        via_columns: Vec<String>,
        /// Columns of this table, in the same order.
        columns: Vec<String>,
        /// More tables that point here, each with its columns, of the same types: position and columns.
        also: Vec<(usize, Vec<String>)>,
    },
    /// Every row.
    Global,
}

/// One exported column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnPlan {
    /// Its name, in source and snapshot.
    pub name: String,
    /// Its type in the source's words.
    pub source_type: String,
    /// Arrow type of its raw values.
    pub raw_type: DataType,
    /// Arrow type in the snapshot.
    pub data_type: DataType,
    /// Whether it may be NULL in the snapshot.
    pub nullable: bool,
    /// How it is masked; `None` is clear.
    pub mask: Option<ColumnMask>,
    /// Labels of an unmasked enum.
    pub labels: Vec<String>,
    /// Description for the agent.
    pub description: Option<String>,
}

/// A mask with the key it uses.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnMask {
    /// The steps.
    pub masking: Masking,
    /// Names the key: the column's own (`table.column`), or that of the class of columns joined with it.
    pub domain: String,
}

impl ColumnMask {
    /// What an agent is told: the kind of the last step.
    pub fn kind(&self) -> MaskKind {
        self.masking.steps.last().map_or(MaskKind::Null, |s| s.kind())
    }
}

/// A foreign key between exported tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyPlan {
    /// Columns that point.
    pub columns: Vec<String>,
    /// Snapshot name of the table pointed at.
    pub references: String,
    /// Its columns, in the same order.
    pub referenced: Vec<String>,
    /// Whether the source declares it; otherwise only the policy does.
    pub declared: bool,
}

//! What an agent may see, decided by the operator in `airlock.yaml`.
//!
//! [`Policy::parse`] reads what a person wrote; [`Policy`] is the only form the rest relies on. Bound to a source's
//! catalog a policy becomes an `ExportPlan`, or [`Findings`] that say why not.

#[cfg(feature = "snapshot")]
mod bind;
mod file;
mod finding;
#[cfg(feature = "snapshot")]
mod grants;
mod graph;
mod hash;
#[cfg(feature = "snapshot")]
mod infer;
pub mod limits;
#[cfg(feature = "snapshot")]
mod lint;
mod nearest;
mod pattern;
#[cfg(feature = "snapshot")]
mod pii;
#[cfg(all(test, feature = "snapshot"))]
pub(crate) mod test_catalog;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::{PolicyHash, TenantId, WorkerId};
use crate::mask::Masking;
use limits::Limits;

#[cfg(feature = "snapshot")]
pub use bind::bind;
pub use finding::{Finding, Findings, FindingsFormat, Level, LintCode, UnknownFormat};
#[cfg(feature = "snapshot")]
pub use grants::grants;
pub use graph::{Cycle, export_order};
#[cfg(feature = "snapshot")]
pub use infer::infer;
#[cfg(feature = "snapshot")]
pub use lint::lint;
pub use pattern::{BadPattern, CompiledPattern};

/// The validated whole of one `airlock.yaml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Schema for names without one. Postgres: `public`.
    pub schema: String,
    /// The table whose one row is one snapshot, as named in the snapshot.
    pub root_table: String,
    /// The column matched against the snapshot id.
    pub root_filter_col: String,
    /// Every table of a snapshot, in the order written; the root among them.
    pub tables: Vec<TablePolicy>,
    /// Where snapshot files live.
    pub data_dir: String,
    /// How long a snapshot is fresh; zero exports for every call.
    pub snapshot_ttl: Duration,
    /// Hints for the agent, shown by get_schema.
    pub hints: Vec<String>,
    /// Example statements for the agent.
    pub sample_queries: Vec<SampleQuery>,
    /// Every limit.
    pub limits: Limits,
    /// How the source is read.
    pub source: SourcePolicy,
    /// How snapshots are kept.
    pub storage: StoragePolicy,
    /// The control plane to dial, in tunnel mode.
    pub control_plane: Option<ControlPlanePolicy>,
    /// Names what affects masking; recorded on every snapshot and audit row.
    pub hash: PolicyHash,
}

/// What of one source table enters a snapshot, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct TablePolicy {
    /// The source table.
    pub source: TableRef,
    /// Its name inside the snapshot; unique.
    pub name: String,
    /// Which of its rows belong to a snapshot.
    pub rows: RowsPolicy,
    /// Masks as written: exact column names and wildcards.
    pub masks: Vec<(ColumnPattern, Masking)>,
    /// Columns never exported.
    pub exclude_columns: Vec<String>,
    /// The only columns exported, when given; new source columns then never appear by themselves.
    pub columns: Option<Vec<String>>,
    /// Key columns to use instead of the primary key.
    pub key: Option<Vec<String>>,
    /// Which rows survive a row limit: column and whether descending.
    pub order_by: Vec<(String, bool)>,
    /// Most rows; the policy's limit when absent.
    pub max_rows: Option<u64>,
    /// What happens at the row limit.
    pub on_limit: OnLimit,
    /// Whether rows are exported, or the schema only.
    pub include: Include,
    /// Description for the agent, instead of the source's comment.
    pub description: Option<String>,
    /// Column descriptions for the agent.
    pub column_descriptions: BTreeMap<String, String>,
}

/// A table or view of the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableRef {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for TableRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Which rows of a table belong to a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsPolicy {
    /// The one row whose filter column equals the snapshot id.
    Root,
    /// Rows whose `fk` points at a row of `parent` that is in the snapshot.
    Child {
        /// Snapshot name of the table pointed at.
        parent: String,
        /// Columns of this table.
        fk: Vec<String>,
        /// Columns of the parent; its key when absent.
        parent_key: Option<Vec<String>>,
    },
    /// Rows that `via_fk` of a row of `via` points at.
    Lookup {
        /// Snapshot name of the table that points here.
        via: String,
        /// Columns of that table.
        via_fk: Vec<String>,
        /// Other tables that point at the same key, each with its columns: their rows are looked up as well.
        also: Vec<(String, Vec<String>)>,
    },
    /// Every row; for small reference tables.
    Global,
}

/// A key of `mask_columns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnPattern {
    /// One column.
    Exact(String),
    /// `*_token`: `*` stands for any characters.
    Glob(String),
    /// `/…/`: a regular expression over the whole name.
    Regex(String),
}

/// What happens when a table has more rows than its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLimit {
    /// The first rows by `order_by` are kept, and every answer that touches the table says so.
    #[default]
    Truncate,
    /// The export fails.
    Fail,
}

/// Whether a table's rows are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Include {
    /// Yes.
    #[default]
    Rows,
    /// The schema is visible, without rows.
    None,
}

/// An example statement for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleQuery {
    /// Its name; also the name of the MCP prompt.
    pub name: String,
    /// The statement.
    pub sql: String,
    /// What it shows.
    pub description: Option<String>,
}

/// How the source is read (`source:`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePolicy {
    /// Connections to keep, 1-64.
    pub pool_size: u32,
    /// Refuse to start when the role could write.
    pub require_read_only: bool,
    /// Refuse to start unless the server is a standby.
    pub require_replica: bool,
    /// Allow a role with BYPASSRLS.
    pub allow_bypass_rls: bool,
}

/// How snapshots are kept (`storage:`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoragePolicy {
    /// Files in `data_dir`, or memory only.
    pub mode: StorageMode,
    /// Allow a `data_dir` that is no tmpfs.
    pub allow_disk: bool,
}

/// Where the rows of a snapshot are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageMode {
    /// Arrow IPC files in `data_dir`, mapped read-only by readers.
    Tmpfs,
    /// In memory only.
    Memory,
}

/// The control plane to dial (`control_plane:`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlanePolicy {
    /// Its base URL; https, or http towards loopback.
    pub url: String,
    /// Whose worker this is.
    pub tenant_id: TenantId,
    /// This worker's name.
    pub worker_id: WorkerId,
    /// Where the private key is; a default beside the config when absent.
    pub key_path: Option<String>,
    /// The control plane's public key, base64, pinned at enrollment.
    pub cp_public_key: String,
    /// Time between pings, when it is not the control plane's to say.
    pub heartbeat: Option<Duration>,
    /// Shortest delay before a reconnect.
    pub reconnect_min: Duration,
    /// Longest delay before a reconnect.
    pub reconnect_max: Duration,
    /// Extra trust anchors, PEM.
    pub ca_file: Option<String>,
    /// The HTTP proxy to go through, `http://host:port`; what the environment says when absent.
    pub proxy: Option<String>,
}

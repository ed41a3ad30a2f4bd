//! Every limit of `limits:`, its default, unit and reason.

use std::time::Duration;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $field:ident: u64 = $default:expr;)+) => {
        /// Every limit of a policy. Each bites somewhere; each has a default.
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct Limits { $($(#[doc = $doc])+ pub $field: u64,)+ }

        impl Default for Limits {
            fn default() -> Self { Self { $($field: $default,)+ } }
        }

        impl Limits {
            /// The names, as written in `limits:`.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($field),)+];

            /// The limit of this name, to be set.
            pub(crate) fn slot(&mut self, name: &str) -> Option<&mut u64> {
                match name { $(stringify!($field) => Some(&mut self.$field),)+ _ => None }
            }
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

limits! {
    /// Exported rows per table.
    max_rows_per_table: u64 = 100_000;
    /// Exported rows per snapshot.
    max_rows_total: u64 = 1_000_000;
    /// Arrow bytes of a snapshot after masking.
    max_bytes_per_snapshot: u64 = 256 * MIB;
    /// Longest text or binary value, bytes; longer text is cut with a marker, longer binary is nulled.
    max_cell_bytes: u64 = MIB;
    /// Snapshots kept; the least recently used goes first.
    max_snapshots: u64 = 64;
    /// Bytes of all snapshots together.
    max_total_bytes: u64 = 2 * GIB;
    /// A whole export, milliseconds.
    export_timeout_ms: u64 = 15_000;
    /// Postgres `statement_timeout`, milliseconds.
    statement_timeout_ms: u64 = 5_000;
    /// Postgres `lock_timeout`, milliseconds.
    lock_timeout_ms: u64 = 500;
    /// Rows of a `scope: global` table.
    global_table_max_rows: u64 = 10_000;
    /// Edges from the root to the farthest table.
    max_depth: u64 = 16;
    /// One execute_sql, queueing included, milliseconds.
    query_timeout_ms: u64 = 30_000;
    /// DataFusion's memory pool for one query, bytes.
    query_memory: u64 = 512 * MIB;
    /// RLIMIT_DATA of a query child, bytes; its resident memory is watched by the parent as well.
    query_process_memory: u64 = 2 * GIB;
    /// Partitions of a query.
    query_threads: u64 = 1;
    /// Rows returned; a call may ask for fewer, never more.
    max_result_rows: u64 = 1_000;
    /// Serialised rows, bytes; always at least one row.
    max_result_bytes: u64 = 256 * KIB;
    /// Longest string in an answer, characters.
    max_cell_chars: u64 = 4_096;
    /// A statement, bytes; refused before parsing.
    max_sql_bytes: u64 = 65_536;
    /// A statement, tokens; refused after lexing.
    max_sql_tokens: u64 = 20_000;
    /// Depth of parentheses, subqueries and expressions.
    max_nesting: u64 = 64;
    /// Operators in one flat chain, which parse into deep left-leaning trees.
    max_expr_terms: u64 = 2_000;
    /// Relations in one query block.
    max_joins: u64 = 32;
    /// WITH entries.
    max_ctes: u64 = 64;
    /// Arms of UNION, INTERSECT and EXCEPT.
    max_union_branches: u64 = 200;
    /// Literals in one IN list.
    max_in_list: u64 = 5_000;
    /// Output columns.
    max_projection: u64 = 1_000;
    /// Rows that generate_series or range may produce.
    max_series: u64 = 100_000;
    /// Literal length for repeat, lpad, rpad, array_repeat, array_resize.
    max_repeat: u64 = 10_000;
    /// Estimated output rows of a join without equality predicate.
    max_join_rows: u64 = 50_000_000;
    /// Queries at once; zero means the number of cores.
    max_concurrent_queries: u64 = 0;
    /// Exports at once; protects the source.
    max_concurrent_exports: u64 = 4;
    /// Subjects not at hand that one caller may ask for within a minute, counted by each worker; more looks like going through all of them.
    new_subjects_per_minute: u64 = 60;
}

impl Limits {
    /// Those that may be written as a size: `256MiB`.
    pub(crate) const BYTES: &'static [&'static str] = &[
        "max_bytes_per_snapshot",
        "max_cell_bytes",
        "max_total_bytes",
        "query_memory",
        "query_process_memory",
        "max_result_bytes",
        "max_sql_bytes",
    ];

    /// [`Self::query_timeout_ms`] as a duration.
    pub fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout_ms)
    }
    /// [`Self::export_timeout_ms`] as a duration.
    pub fn export_timeout(&self) -> Duration {
        Duration::from_millis(self.export_timeout_ms)
    }
}

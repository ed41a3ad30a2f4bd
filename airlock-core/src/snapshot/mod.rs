//! A masked, short-lived copy of the rows that belong to one subject.
//!
//! [`Source`] gives raw rows; [`Export`] walks an [`ExportPlan`], masks batch by batch and hands
//! [`Masked`](crate::mask::Masked) batches to a [`SnapshotStore`]. Nothing else can write to a store.
//! [`Snapshots`] makes them on demand and drops them when they are stale.

mod breaker;
mod cache;
mod error;
mod export;
mod gather;
pub mod ipc;
mod keys;
mod memory;
mod newcomers;
pub mod plan;
mod references;
pub mod source;
pub mod store;
mod tally;

pub use cache::{Cold, SnapshotStats, Snapshots, SnapshotsSetup};
pub use error::ExportError;
pub use export::Export;
pub use memory::{MemorySource, filter_rows, table_info};
pub use plan::{ColumnPlan, EdgePlan, ExportPlan, ForeignKeyPlan, TablePlan};
pub use source::{Catalog, Explained, Reader, RowsAsk, Source, SourceError};
pub use store::{
    MASK_KEY, Manifest, MemorySnapshots, MemoryTable, MemoryTables, Snapshot, SnapshotStore, SnapshotWriter,
    StoreError, TableManifest,
};

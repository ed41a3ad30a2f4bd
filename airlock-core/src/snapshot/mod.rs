//! A masked, short-lived copy of the rows that belong to one subject.
//!
//! [`Source`] gives raw rows; export walks an [`ExportPlan`], masks batch by batch and hands
//! [`Masked`](crate::mask::Masked) batches to a [`SnapshotStore`]. Nothing else can write to a store.

pub mod plan;
pub mod source;
pub mod store;

pub use plan::{ColumnPlan, EdgePlan, ExportPlan, ForeignKeyPlan, TablePlan};
pub use source::{Catalog, Reader, RowsAsk, Source, SourceError};
pub use store::{MASK_KEY, Manifest, MemorySnapshots, MemoryTable, MemoryTables, Snapshot, SnapshotStore, SnapshotWriter, StoreError, TableManifest};

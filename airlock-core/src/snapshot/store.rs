//! Port [`SnapshotStore`]: where masked batches are kept, and the value that names a finished snapshot.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use serde::Serialize;

use crate::error::{Code, Coded};
use crate::id::{Generation, PolicyHash, SubjectHandle};
use crate::mask::Masked;
use crate::time::Timestamp;

/// A finished snapshot: what may be said of it, and its data as its store keeps it.
///
/// Shared by `Arc`: a query that began on a generation ends on it, and the memory goes with the last reader.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot<D> {
    /// What may be said of it.
    pub manifest: Manifest,
    /// When it stops being fresh, by the host's monotonic clock.
    pub fresh_until: Duration,
    /// The masked rows, as the store keeps them.
    pub data: D,
}

impl<D> Snapshot<D> {
    /// A snapshot from what its store gave back.
    pub fn new(manifest: Manifest, fresh_until: Duration, data: D) -> Self {
        Self { manifest, fresh_until, data }
    }
}

/// What may be said of a snapshot. Names no subject but by handle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Manifest {
    /// The subject's handle.
    #[serde(serialize_with = "display")]
    pub handle: SubjectHandle,
    /// Which version of the subject's snapshot.
    pub generation: Generation,
    /// Which masks.
    #[serde(serialize_with = "display")]
    pub policy_hash: PolicyHash,
    /// When the export's view of the source began.
    pub exported_at: Timestamp,
    /// When it stops being fresh.
    pub expires_at: Timestamp,
    /// Milliseconds the export took.
    pub duration_ms: u64,
    /// Each table, in the plan's order.
    pub tables: Vec<TableManifest>,
}

impl Manifest {
    /// Arrow bytes of all tables.
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|t| t.bytes).sum()
    }
    /// Names of the tables that were cut at a row limit.
    pub fn truncated_tables(&self) -> Vec<&str> {
        self.tables.iter().filter(|t| t.truncated).map(|t| t.name.as_str()).collect()
    }
}

/// What may be said of one table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableManifest {
    /// Its name.
    pub name: String,
    /// Rows kept.
    pub rows: u64,
    /// Arrow bytes.
    pub bytes: u64,
    /// Whether the source had more rows than were kept.
    pub truncated: bool,
    /// Nulls per column, in the schema's order, after masking.
    pub nulls: Vec<u64>,
    /// Empty strings per column, `None` for columns that are no text.
    pub empty: Vec<Option<u64>>,
    /// Cells that became NULL because a mask or a conversion could not handle them.
    pub mask_errors: u64,
    /// Per foreign key of the plan's table, in its order: rows that point at a row which is not in the snapshot.
    pub dangling: Vec<u64>,
}

fn display<T: std::fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Port: keeps masked batches. Whatever it keeps is unreadable after the process ends.
pub trait SnapshotStore: Send + Sync + 'static {
    /// A snapshot's data as queries take it.
    type Data: Send + Sync + std::fmt::Debug + 'static;
    /// Takes one snapshot's batches.
    type Writer: SnapshotWriter<Data = Self::Data>;

    /// Begins a snapshot of these tables: name and masked schema, in the plan's order. Nothing is readable before
    /// [`SnapshotWriter::finish`]; a writer that is dropped leaves nothing behind.
    fn begin(
        &self,
        handle: SubjectHandle,
        generation: Generation,
        tables: &[(String, SchemaRef)],
    ) -> Result<Self::Writer, StoreError>;
}

/// Takes one snapshot's batches, table by table in any order.
pub trait SnapshotWriter: Send + 'static {
    /// What it becomes.
    type Data;
    /// Appends a batch to the table at this position.
    fn push(&mut self, table: usize, batch: Masked<RecordBatch>) -> Result<(), StoreError>;
    /// Makes the snapshot readable.
    fn finish(self, manifest: &Manifest) -> Result<Self::Data, StoreError>;
}

/// Why a snapshot could not be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room in memory or `data_dir`.
    #[error("no room for the snapshot")]
    Full,
    /// The place failed otherwise; the kind of I/O error, never a path.
    #[error("the snapshot could not be kept: {0}")]
    Io(String),
}

impl Coded for StoreError {
    fn code(&self) -> Code {
        match self {
            Self::Full => Code::LimitExceeded,
            Self::Io(_) => Code::Internal,
        }
    }
}

/// Masked batches in memory: for embedders, and for `storage.mode: memory`.
#[derive(Debug, Default)]
pub struct MemorySnapshots;

/// A snapshot's tables in memory.
#[derive(Clone, Debug)]
pub struct MemoryTables(Arc<Vec<MemoryTable>>);

impl MemoryTables {
    /// The tables, in the plan's order.
    pub fn tables(&self) -> &[MemoryTable] {
        &self.0
    }
}

impl From<Vec<MemoryTable>> for MemoryTables {
    fn from(tables: Vec<MemoryTable>) -> Self {
        Self(Arc::new(tables))
    }
}

/// One masked table in memory, as queries take it.
#[derive(Clone, Debug)]
pub struct MemoryTable {
    name: String,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl MemoryTable {
    /// A table whose rows were masked before they left the exporter: for stores that read back what they wrote, in
    /// this process or in a query child.
    ///
    /// The name is for reviewers: whatever is given here can be queried.
    pub fn dangerous_assume_masked(name: String, schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { name, schema, batches }
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its masked schema. A masked column's field carries its mask's kind under [`MASK_KEY`].
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
    /// Its masked rows.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }
    /// How many rows.
    pub fn row_count(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// Field metadata of a masked column: the kind of its mask. Answers derive `masked` from it.
pub const MASK_KEY: &str = "airlock.mask";

/// Collects batches in memory.
#[derive(Debug)]
pub struct MemoryWriter(Vec<MemoryTable>);

impl SnapshotStore for MemorySnapshots {
    type Data = MemoryTables;
    type Writer = MemoryWriter;

    fn begin(
        &self,
        _: SubjectHandle,
        _: Generation,
        tables: &[(String, SchemaRef)],
    ) -> Result<MemoryWriter, StoreError> {
        Ok(MemoryWriter(
            tables
                .iter()
                .map(|(name, schema)| MemoryTable {
                    name: name.clone(),
                    schema: schema.clone(),
                    batches: vec![],
                })
                .collect(),
        ))
    }
}

impl SnapshotWriter for MemoryWriter {
    type Data = MemoryTables;

    fn push(&mut self, table: usize, batch: Masked<RecordBatch>) -> Result<(), StoreError> {
        self.0[table].batches.push(batch.into_inner());
        Ok(())
    }
    fn finish(self, _: &Manifest) -> Result<MemoryTables, StoreError> {
        Ok(MemoryTables(Arc::new(self.0)))
    }
}

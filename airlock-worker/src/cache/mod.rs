//! Snapshots in `data_dir`: one Arrow IPC file per table, readable only through descriptors that this process holds.
//!
//! A file is created, opened a second time for reading, and unlinked before its first row is written. So rows never
//! have a name: `kill -9` at any point leaves nothing to open. What stays visible beside a snapshot is its directory,
//! named by the subject's handle and the generation, with `manifest.json`: shapes and counts, no subject, no row.

mod data;
mod map;
mod place;
mod writer;

pub use data::{DataKey, TableFile, TmpfsData};
pub use map::{Mapped, map_table};
pub use place::{Place, PlaceError};
pub use writer::TmpfsWriter;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use airlock_core::Host;
use airlock_core::id::{Generation, SubjectHandle};
use airlock_core::snapshot::{SnapshotStore, StoreError};
use arrow::datatypes::SchemaRef;

/// Keeps snapshots in `data_dir`.
#[derive(Debug)]
pub struct TmpfsSnapshots {
    place: Arc<Place>,
    /// Names this store among all that ever ran, so that a child never takes one snapshot for another.
    store: u64,
    begun: AtomicU64,
}

impl TmpfsSnapshots {
    /// A store in a place that was checked.
    pub fn new(place: Place, host: &dyn Host) -> Self {
        let mut store = [0; 8];
        host.random(&mut store);
        Self { place: Arc::new(place), store: u64::from_le_bytes(store), begun: AtomicU64::new(0) }
    }
}

impl SnapshotStore for TmpfsSnapshots {
    type Data = TmpfsData;
    type Writer = TmpfsWriter;

    fn begin(
        &self,
        handle: SubjectHandle,
        generation: Generation,
        tables: &[(String, SchemaRef)],
    ) -> Result<TmpfsWriter, StoreError> {
        let key = DataKey { store: self.store, number: self.begun.fetch_add(1, Ordering::Relaxed) };
        let dir = self.place.snapshot_dir(handle, generation, key.number).map_err(|e| store_error(&e))?;
        TmpfsWriter::begin(key, dir, tables)
    }
}

/// What a store may say of an I/O error: its kind, never a path.
pub(crate) fn store_error(error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory => {
            StoreError::Full
        }
        kind => StoreError::Io(kind.to_string()),
    }
}

#[cfg(test)]
mod tests;

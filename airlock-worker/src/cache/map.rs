//! A table's file as Arrow batches that point into its mapping.

use std::fs::File;
use std::io;

use airlock_core::snapshot::{MemoryTable, StoreError, ipc};
use arrow::buffer::Buffer;
use bytes::Bytes;

/// A file mapped for reading.
#[derive(Debug)]
pub struct Mapped(Buffer);

impl Mapped {
    /// Maps `bytes` of a snapshot's file. `keep` lives as long as the mapping: whatever keeps the file from changing.
    ///
    /// # Errors
    /// If the system refuses the mapping.
    pub fn new<K: Send + Sync + 'static>(file: &File, bytes: u64, keep: K) -> io::Result<Self> {
        let len = usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // SAFETY: the file has no name and was written by our own exporter, which finished before anyone could map it.
        // Nobody but the exporter's process can write to it, and that one does so only to overwrite it, after `keep`
        // was dropped (same process) or while no statement runs on it (query child): no byte changes under a reader.
        #[expect(unsafe_code, reason = "mapping a file is the point of this module")]
        let map = unsafe { memmap2::MmapOptions::new().len(len).map(file)? };
        Ok(Self(Buffer::from(Bytes::from_owner(Owner { map, _keep: keep }))))
    }
}

struct Owner<K> {
    map: memmap2::Mmap,
    _keep: K,
}

impl<K> AsRef<[u8]> for Owner<K> {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

/// Reads a table from its mapped file without copying rows. Lengths, offsets and UTF-8 are validated.
///
/// # Errors
/// If the bytes are not the file that the exporter wrote.
pub fn map_table(name: &str, file: &Mapped) -> Result<MemoryTable, StoreError> {
    let (schema, batches) = ipc::read(&file.0)?;
    Ok(MemoryTable::dangerous_assume_masked(name.to_owned(), schema, batches))
}

//! A finished snapshot's files: held open, without names, overwritten when the last reader drops them.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::{Arc, Weak};

use airlock_core::snapshot::{MemoryTable, StoreError};

use super::map::{Mapped, map_table};
use super::place::SnapshotDir;
use super::store_error;

/// Names one snapshot's data among all stores and processes; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct DataKey {
    pub(super) store: u64,
    pub(super) number: u64,
}

/// A snapshot's masked rows, one file per table.
///
/// Dropping the last reference writes zeros over the files and frees them, which takes as long as writing their bytes.
pub struct TmpfsData {
    key: DataKey,
    tables: Vec<TableFile>,
    alive: Arc<()>,
    _dir: SnapshotDir,
}

/// One table's file.
#[derive(Debug)]
pub struct TableFile {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) file: Arc<NamelessFile>,
}

impl TmpfsData {
    pub(super) fn new(key: DataKey, dir: SnapshotDir, tables: Vec<TableFile>) -> Self {
        Self { key, tables, alive: Arc::new(()), _dir: dir }
    }
    /// Names the data.
    pub fn key(&self) -> DataKey {
        self.key
    }
    /// Its files, in the plan's order.
    pub fn files(&self) -> &[TableFile] {
        &self.tables
    }
    /// Tells, as long as it is kept, whether the data still exists.
    pub(crate) fn alive(&self) -> Weak<()> {
        Arc::downgrade(&self.alive)
    }
    /// The tables, mapped into this process: for embedders that query in process.
    ///
    /// # Errors
    /// If a file cannot be mapped or is not what was written.
    pub fn tables(&self) -> Result<Vec<MemoryTable>, StoreError> {
        self.tables
            .iter()
            .map(|t| {
                // The mapping keeps the file from being overwritten while any batch refers to it.
                let mapped = Mapped::new(t.reader(), t.bytes, t.file.clone()).map_err(|e| store_error(&e))?;
                map_table(&t.name, &mapped)
            })
            .collect()
    }
}

impl fmt::Debug for TmpfsData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TmpfsData")
            .field("key", &self.key)
            .field("tables", &self.tables.len())
            .finish_non_exhaustive()
    }
}

impl TableFile {
    /// The table's name inside the snapshot.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    /// The file, open for reading only.
    pub fn reader(&self) -> &File {
        &self.file.reader
    }
}

/// A file without a name, open twice: for writing by us, and for reading, which is what may be handed on.
#[derive(Debug)]
pub(super) struct NamelessFile {
    writer: Arc<File>,
    reader: File,
}

impl NamelessFile {
    /// Makes the file under a temporary name, opens it for reading, and removes the name before a byte is written.
    pub(super) fn create(dir: &Path, name: &str) -> io::Result<Self> {
        let path = dir.join(name);
        let writer = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let reader = OpenOptions::new().read(true).open(&path);
        std::fs::remove_file(&path)?;
        Ok(Self { writer: Arc::new(writer), reader: reader? })
    }
    pub(super) fn writer(&self) -> Arc<File> {
        self.writer.clone()
    }
    pub(super) fn bytes(&self) -> io::Result<u64> {
        Ok(self.writer.metadata()?.len())
    }
    /// Writes zeros over every page, then frees them.
    fn wipe(&self) -> io::Result<()> {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let (mut at, end) = (0, self.bytes()?);
        while at < end {
            let step = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
            self.writer.write_all_at(&ZEROS[..step], at)?;
            at += step as u64;
        }
        (&*self.writer).flush()?;
        self.writer.set_len(0)
    }
}

impl Drop for NamelessFile {
    fn drop(&mut self) {
        if let Err(e) = self.wipe() {
            // The pages still go back to the kernel with the descriptors.
            tracing::warn!(kind = %e.kind(), "a snapshot's file could not be overwritten");
        }
    }
}

//! Writes one snapshot's masked batches into its files.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use airlock_core::mask::Masked;
use airlock_core::snapshot::ipc::IpcTableWriter;
use airlock_core::snapshot::{Manifest, SnapshotWriter, StoreError};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::data::{DataKey, NamelessFile, TableFile, TmpfsData};
use super::place::SnapshotDir;
use super::store_error;

/// Takes one snapshot's batches. Dropped unfinished, it leaves nothing.
pub struct TmpfsWriter {
    key: DataKey,
    dir: SnapshotDir,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    // Before `file`: what it still holds is written before the file is overwritten.
    writer: IpcTableWriter<BufWriter<Arc<File>>>,
    file: NamelessFile,
}

impl TmpfsWriter {
    pub(super) fn begin(
        key: DataKey,
        dir: SnapshotDir,
        tables: &[(String, SchemaRef)],
    ) -> Result<Self, StoreError> {
        let tables =
            tables.iter().enumerate().map(|(i, (name, schema))| Table::begin(dir.path(), i, name, schema));
        Ok(Self { key, tables: tables.collect::<Result<_, _>>()?, dir })
    }
}

impl Table {
    fn begin(dir: &Path, position: usize, name: &str, schema: &SchemaRef) -> Result<Self, StoreError> {
        let file =
            NamelessFile::create(dir, &format!("{position}.arrow.tmp")).map_err(|e| store_error(&e))?;
        let writer = IpcTableWriter::new(BufWriter::with_capacity(BUFFER_BYTES, file.writer()), schema)?;
        Ok(Self { name: name.to_owned(), writer, file })
    }

    fn finish(self) -> Result<TableFile, StoreError> {
        self.writer.finish()?.flush().map_err(|e| store_error(&e))?;
        let bytes = self.file.bytes().map_err(|e| store_error(&e))?;
        Ok(TableFile { name: self.name, bytes, file: Arc::new(self.file) })
    }
}

impl SnapshotWriter for TmpfsWriter {
    type Data = TmpfsData;

    fn push(&mut self, table: usize, batch: Masked<RecordBatch>) -> Result<(), StoreError> {
        Ok(self.tables[table].writer.push(&batch)?)
    }

    fn finish(self, manifest: &Manifest) -> Result<TmpfsData, StoreError> {
        let tables = self.tables.into_iter().map(Table::finish).collect::<Result<_, _>>()?;
        write_manifest(self.dir.path(), manifest).map_err(|e| store_error(&e))?;
        Ok(TmpfsData::new(self.key, self.dir, tables))
    }
}

impl std::fmt::Debug for TmpfsWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TmpfsWriter").field("key", &self.key).finish_non_exhaustive()
    }
}

fn write_manifest(dir: &Path, manifest: &Manifest) -> io::Result<()> {
    let (temporary, path) = (dir.join("manifest.json.tmp"), dir.join("manifest.json"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    serde_json::to_writer(&mut file, manifest)?;
    file.flush()?;
    std::fs::rename(temporary, path)
}

/// Bytes gathered before each write.
const BUFFER_BYTES: usize = 64 * 1024;

//! Masked tables as Arrow IPC files: written batch by batch, read back without copying.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{Block, MessageHeader, root_as_footer, root_as_message};
use arrow::record_batch::RecordBatch;

use super::store::StoreError;
use crate::mask::Masked;

/// Writes one table's file. Only masked batches can be written.
pub struct IpcTableWriter<W: Write>(FileWriter<W>);

impl<W: Write> IpcTableWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`IpcError::Io`].
    pub fn new(to: W, schema: &SchemaRef) -> Result<Self, IpcError> {
        Ok(Self(FileWriter::try_new(to, schema)?))
    }

    /// Appends a batch of the same schema.
    ///
    /// # Errors
    /// [`IpcError::Io`], or [`IpcError::Invalid`] when the batch does not fit the schema.
    pub fn push(&mut self, batch: &Masked<RecordBatch>) -> Result<(), IpcError> {
        Ok(self.0.write(batch.get())?)
    }

    /// Ends the file and gives back what it was written to.
    ///
    /// # Errors
    /// [`IpcError::Io`].
    pub fn finish(mut self) -> Result<W, IpcError> {
        self.0.finish()?;
        Ok(self.0.into_inner()?)
    }
}

impl<W: Write> fmt::Debug for IpcTableWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IpcTableWriter(..)")
    }
}

/// Reads a file that lies in `buffer`. The arrays point into it (a mapped file is not copied) and keep it alive.
///
/// Offsets and lengths are checked before they are used, every array is validated, and where Arrow's own decoder
/// panics on a malformed schema, that is caught.
///
/// # Errors
/// [`IpcError::Invalid`].
pub fn read(buffer: &Buffer) -> Result<(SchemaRef, Vec<RecordBatch>), IpcError> {
    catch_unwind(AssertUnwindSafe(|| decode(buffer))).unwrap_or(Err(IpcError::Invalid))
}

fn decode(buffer: &Buffer) -> Result<(SchemaRef, Vec<RecordBatch>), IpcError> {
    let trailer_at = buffer.len().checked_sub(TRAILER_BYTES).ok_or(IpcError::Invalid)?;
    let trailer = buffer[trailer_at..].try_into().map_err(|_| IpcError::Invalid)?;
    let footer_at = trailer_at.checked_sub(read_footer_length(trailer)?).ok_or(IpcError::Invalid)?;
    let footer = root_as_footer(&buffer[footer_at..trailer_at]).map_err(|_| IpcError::Invalid)?;
    let schema = footer.schema().filter(|s| s.fields().is_some()).ok_or(IpcError::Invalid)?;
    let schema: SchemaRef = Arc::new(fb_to_schema(schema));

    let mut decoder = FileDecoder::new(schema.clone(), footer.version());
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &message(buffer, block, footer_at)?)?;
    }
    let mut batches = vec![];
    for block in footer.recordBatches().iter().flatten() {
        batches.extend(decoder.read_record_batch(block, &message(buffer, block, footer_at)?)?);
    }
    Ok((schema, batches))
}

/// One message, metadata and body, whose buffers all lie in its body.
fn message(file: &Buffer, block: &Block, end: usize) -> Result<Buffer, IpcError> {
    let number = |n: i64| usize::try_from(n).map_err(|_| IpcError::Invalid);
    let (start, body) = (number(block.offset())?, number(block.bodyLength())?);
    let head = number(block.metaDataLength().into())?;
    let length = head.checked_add(body).ok_or(IpcError::Invalid)?;
    if start.checked_add(length).is_none_or(|e| e > end) || head < HEAD_BYTES {
        return Err(IpcError::Invalid);
    }
    let bytes = file.slice_with_length(start, length);
    let is_continued = bytes[..4] == CONTINUATION_MARKER;
    let parsed =
        root_as_message(&bytes[if is_continued { 8 } else { 4 }..head]).map_err(|_| IpcError::Invalid)?;
    let batch = match parsed.header_type() {
        MessageHeader::RecordBatch => parsed.header_as_record_batch(),
        MessageHeader::DictionaryBatch => parsed.header_as_dictionary_batch().and_then(|d| d.data()),
        _ => None,
    };
    let batch = batch.ok_or(IpcError::Invalid)?;
    let fits = |b: &arrow::ipc::Buffer| {
        let end = b.offset().checked_add(b.length());
        b.offset() >= 0
            && b.length() >= 0
            && end.and_then(|e| usize::try_from(e).ok()).is_some_and(|e| e <= body)
    };
    if batch.compression().is_some() || batch.length() < 0 || !batch.buffers().iter().flatten().all(fits) {
        return Err(IpcError::Invalid);
    }
    Ok(bytes)
}

/// Why a file could not be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IpcError {
    /// What was written to failed; the kind of I/O error, never a path.
    #[error("the file could not be written: {0}")]
    Io(ErrorKind),
    /// The bytes are no Arrow IPC file of ours, or a batch does not fit its file.
    #[error("not a valid Arrow IPC file")]
    Invalid,
}

/// Arrow's own text may quote cells, so only the kind is kept.
impl From<ArrowError> for IpcError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, e) => Self::Io(e.kind()),
            _ => Self::Invalid,
        }
    }
}

impl From<IpcError> for StoreError {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Io(ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::OutOfMemory) => {
                Self::Full
            }
            IpcError::Io(kind) => Self::Io(kind.to_string()),
            IpcError::Invalid => Self::Io("invalid data".into()),
        }
    }
}

/// The footer's length and the magic bytes.
const TRAILER_BYTES: usize = 10;
/// Continuation marker and length of the metadata.
const HEAD_BYTES: usize = 8;
const CONTINUATION_MARKER: [u8; 4] = [0xff; 4];

#[cfg(test)]
mod tests {
    use arrow::array::{
        ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, ListArray, StringViewArray,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    fn batch() -> RecordBatch {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef, false),
            (
                "text",
                Arc::new(StringViewArray::from(vec![
                    Some("short"),
                    None,
                    Some("long enough to have a buffer"),
                ])),
                true,
            ),
            ("kind", Arc::new(["a", "b", "a"].into_iter().collect::<DictionaryArray<Int32Type>>()), true),
            ("list", Arc::new(list), true),
            ("flag", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), true),
        ])
        .unwrap()
    }

    fn file() -> Vec<u8> {
        let mut writer = IpcTableWriter::new(vec![], &batch().schema()).unwrap();
        for part in [batch(), batch().slice(1, 2)] {
            writer.push(&Masked::assume(part)).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_in_place() {
        let bytes = file();
        let buffer = Buffer::from_vec(bytes);
        let (schema, batches) = read(&buffer).unwrap();
        assert_eq!(schema, batch().schema());
        assert_eq!(batches, [batch(), batch().slice(1, 2)]);
        let text = batches[0].column(1).as_string_view().data_buffers()[0].as_ptr() as usize;
        let start = buffer.as_ptr() as usize;
        assert!((start..start + buffer.len()).contains(&text), "not copied");
    }

    #[test]
    fn an_empty_table_has_a_schema_and_no_rows() {
        let bytes = IpcTableWriter::new(vec![], &batch().schema()).unwrap().finish().unwrap();
        let (schema, batches) = read(&Buffer::from_vec(bytes)).unwrap();
        assert_eq!((schema, batches.len()), (batch().schema(), 0));
    }

    #[test]
    fn truncated_files_are_refused() {
        let bytes = file();
        for length in 0..bytes.len() {
            assert_eq!(read(&Buffer::from(&bytes[..length])).unwrap_err(), IpcError::Invalid);
        }
    }

    proptest::proptest! {
        #[test]
        fn damaged_files_are_refused_or_valid(changes in proptest::collection::vec((0usize..10_000, 0u8..), 1..6)) {
            let mut bytes = file();
            for (at, value) in changes {
                let at = at % bytes.len();
                bytes[at] = value;
            }
            if let Ok((_, batches)) = read(&Buffer::from_vec(bytes)) {
                for column in batches.iter().flat_map(|b| b.columns()) {
                    column.to_data().validate_full().unwrap();
                }
            }
        }
    }

    #[test]
    fn a_full_disk_is_told_as_such() {
        assert_eq!(StoreError::from(IpcError::Io(ErrorKind::StorageFull)), StoreError::Full);
        assert_eq!(StoreError::from(IpcError::Invalid), StoreError::Io("invalid data".into()));
    }
}

//! Reads many rows by `COPY … TO STDOUT (FORMAT BINARY)`.
//!
//! COPY takes no parameters, and a key must never be text of a statement. So the keys are bound to `set_config(…, true)`
//! and read back by `current_setting` inside the copied select; the setting is emptied after, and gone with the
//! transaction.
//!
//! Source: "Binary Format" of the `COPY` page of the PostgreSQL documentation.

use std::sync::atomic::Ordering;

use airlock_core::snapshot::source::SourceError;
use bytes::{Buf, Bytes, BytesMut};
use futures::TryStreamExt;
use tokio_postgres::types::{ToSql, Type};

use super::cells::BatchCells;
use super::fault;
use super::fetch::{PgReader, check_columns};
use super::statement::{Lookup, Statement};
use crate::source::stream::Batches;

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

/// A row that is longer than this is not one that Postgres sends.
const ROW_BYTES_MAX: usize = 1 << 30;

/// Copies the statement's rows to `out`.
pub(super) async fn copy(
    reader: &PgReader,
    statement: &Statement,
    out: &mut Batches,
) -> Result<(), SourceError> {
    let unfinished = reader.started();
    let settings = hand_over(reader, statement).await?;
    reader.prefer_index(false);
    let select = statement.sql(|n, _| format!("current_setting('{}')", settings[n]));
    // COPY tells no types. Preparing its select does, and locks the table against change until the transaction ends.
    let fail = |error: tokio_postgres::Error| fault::of_table(&error, &statement.table);
    let described = reader.client().prepare(&select).await.map_err(fail)?;
    check_columns(statement, described.columns())?;
    let sql = format!("COPY ({select}) TO STDOUT (FORMAT BINARY)");
    let chunks = reader.client().copy_out(&sql).await.map_err(fail)?;
    futures::pin_mut!(chunks);
    let mut file = CopyFile::new(statement.columns.len());
    let mut cells = BatchCells::new(&statement.decoders());
    while let Some(chunk) = chunks.try_next().await.map_err(fail)? {
        file.feed(chunk);
        while file.take_row(&mut cells)? {
            if cells.end_row() {
                reader.send(&statement.table, &mut cells, out).await?;
            }
        }
    }
    if !file.is_complete() {
        return Err(malformed());
    }
    if !cells.is_empty() {
        reader.send(&statement.table, &mut cells, out).await?;
    }
    for setting in &settings {
        let params: &[(&(dyn ToSql + Sync), Type)] = &[(setting, Type::TEXT)];
        reader.client().query_typed("SELECT set_config($1, '', true)", params).await.map_err(fail)?;
    }
    unfinished.done();
    Ok(())
}

/// Puts each array of keys into a setting of its own, local to the transaction; gives the settings' names.
async fn hand_over(reader: &PgReader, statement: &Statement) -> Result<Vec<String>, SourceError> {
    let Lookup::Many { keys, .. } = &statement.lookup else { return Ok(Vec::new()) };
    let mut settings = Vec::with_capacity(keys.len());
    for bound in keys {
        let name = format!("airlock.keys_{}", reader.settings.fetch_add(1, Ordering::SeqCst));
        // The server writes the array's text itself, so nothing is quoted here. The answer would repeat the keys: it
        // is reduced to whether there is one.
        let sql = format!("SELECT set_config($1, ($2::{})::text, true) IS NOT NULL", bound.type_name());
        let params: &[(&(dyn ToSql + Sync), Type)] = &[(&name, Type::TEXT), bound.param()];
        reader.client().query_typed(&sql, params).await.map_err(|e| fault::of_table(&e, &statement.table))?;
        settings.push(name);
    }
    Ok(settings)
}

fn malformed() -> SourceError {
    SourceError::Failed("a malformed copy".to_owned())
}

/// Cuts the bytes of a binary copy into rows, wherever its chunks begin and end.
struct CopyFile {
    width: usize,
    buffer: BytesMut,
    part: Part,
}

#[derive(PartialEq)]
enum Part {
    Head,
    Rows,
    End,
}

impl CopyFile {
    fn new(width: usize) -> Self {
        Self { width, buffer: BytesMut::new(), part: Part::Head }
    }

    fn feed(&mut self, chunk: Bytes) {
        if self.buffer.is_empty() {
            // One row a chunk is what servers send: then nothing is copied.
            self.buffer = chunk.into();
        } else {
            self.buffer.extend_from_slice(&chunk);
        }
    }

    fn is_complete(&self) -> bool {
        self.part == Part::End && self.buffer.is_empty()
    }

    /// Moves one row into `cells`. False when the bytes so far hold no further whole row.
    fn take_row(&mut self, cells: &mut BatchCells) -> Result<bool, SourceError> {
        if self.part == Part::Head && !self.take_head()? {
            return Ok(false);
        }
        if self.part == Part::End {
            return if self.buffer.is_empty() { Ok(false) } else { Err(malformed()) };
        }
        let Some((count, mut rest)) = self.buffer.split_first_chunk::<2>() else { return Ok(false) };
        match i16::from_be_bytes(*count) {
            -1 => {
                self.buffer.advance(2);
                self.part = Part::End;
                return if self.buffer.is_empty() { Ok(false) } else { Err(malformed()) };
            }
            count if usize::try_from(count) == Ok(self.width) => {}
            _ => return Err(malformed()),
        }
        // First whether the row is whole, then its cells: a row is never taken in part.
        let mut row = Vec::with_capacity(self.width);
        for _ in 0..self.width {
            let Some((length, after)) = rest.split_first_chunk::<4>() else { return self.wait() };
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                row.push(None);
                rest = after;
                continue;
            }
            let length = usize::try_from(length).map_err(|_| malformed())?;
            let Some((cell, after)) = after.split_at_checked(length) else { return self.wait() };
            row.push(Some(cell));
            rest = after;
        }
        for (column, cell) in row.iter().enumerate() {
            cells.push(column, *cell);
        }
        let taken = self.buffer.len() - rest.len();
        self.buffer.advance(taken);
        Ok(true)
    }

    fn wait(&self) -> Result<bool, SourceError> {
        if self.buffer.len() > ROW_BYTES_MAX { Err(malformed()) } else { Ok(false) }
    }

    fn take_head(&mut self) -> Result<bool, SourceError> {
        let Some((head, rest)) = self.buffer.split_first_chunk::<19>() else { return Ok(false) };
        let (signature, numbers) = head.split_at(SIGNATURE.len());
        // Flags: none that changes the format is set by a select. Extension: to be skipped, and empty so far.
        if signature != SIGNATURE || numbers[..4] != [0; 4] {
            return Err(malformed());
        }
        let extension = u32::from_be_bytes([numbers[4], numbers[5], numbers[6], numbers[7]]);
        let extension = usize::try_from(extension).map_err(|_| malformed())?;
        if extension > ROW_BYTES_MAX {
            return Err(malformed());
        }
        if rest.len() < extension {
            return Ok(false);
        }
        self.buffer.advance(19 + extension);
        self.part = Part::Rows;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int32Type;
    use proptest::prelude::*;

    use super::*;
    use crate::postgres::types::Decoder;

    fn file(rows: &[Option<i32>]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([0; 8]);
        for row in rows {
            out.extend(1_i16.to_be_bytes());
            match row {
                Some(n) => [4, *n].iter().for_each(|w| out.extend(w.to_be_bytes())),
                None => out.extend((-1_i32).to_be_bytes()),
            }
        }
        out.extend((-1_i16).to_be_bytes());
        out
    }

    fn read(bytes: &[u8], chunk: usize) -> Result<Vec<Option<i32>>, SourceError> {
        let (mut copy, mut cells) = (CopyFile::new(1), BatchCells::new(&[("n".to_owned(), Decoder::Int32)]));
        for chunk in bytes.chunks(chunk) {
            copy.feed(Bytes::copy_from_slice(chunk));
            while copy.take_row(&mut cells)? {
                cells.end_row();
            }
        }
        if !copy.is_complete() {
            return Err(malformed());
        }
        Ok(cells.finish()?.column(0).as_primitive::<Int32Type>().iter().collect())
    }

    proptest! {
        #[test]
        fn rows_come_back_however_the_bytes_are_cut(rows in proptest::collection::vec(any::<Option<i32>>(), 0..20), chunk in 1_usize..40) {
            prop_assert_eq!(read(&file(&rows), chunk), Ok(rows));
        }

        #[test]
        fn damaged_bytes_are_read_without_panic(at in 0_usize..48, byte in any::<u8>(), chunk in 1_usize..40) {
            let mut bytes = file(&[Some(1), None, Some(3)]);
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(&bytes, chunk);
        }
    }

    #[test]
    fn a_copy_that_breaks_off_is_no_copy() {
        let bytes = file(&[Some(1)]);
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end], 7).is_err());
        }
        assert!(read(&[&bytes[..], &[0]].concat(), 1_000).is_err());
    }
}

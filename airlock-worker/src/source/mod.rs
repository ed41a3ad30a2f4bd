//! What the Postgres and the SQLite source share: texts and keys that are sure to be values of a column's type, and
//! streams of batches.

pub(crate) mod keys;
pub(crate) mod stream;

/// Most rows of one raw batch.
pub(crate) const BATCH_ROWS_MAX: usize = 4_096;

/// Bytes of cells after which a raw batch ends early. One cell may pass it; a batch ends with that cell's row.
pub(crate) const BATCH_BYTES_MAX: usize = 4 << 20;

//! Counts what of a table was kept, for the manifest.

use arrow::array::{Array, ArrayData, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::store::TableManifest;
use crate::mask::MaskCounts;

/// What of one table was kept so far.
pub(super) struct Tally(TableManifest);

impl Tally {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let empty = schema.fields().iter().map(|f| is_text(f.data_type()).then_some(0)).collect();
        let nulls = vec![0; schema.fields().len()];
        Self(TableManifest {
            name: String::new(),
            rows: 0,
            bytes: 0,
            truncated: false,
            nulls,
            empty,
            mask_errors: 0,
            dangling: vec![],
        })
    }

    /// Counts a masked batch; gives its bytes.
    pub(super) fn add(&mut self, batch: &RecordBatch, counts: MaskCounts) -> u64 {
        let bytes: usize = batch.columns().iter().map(|c| buffer_bytes(&c.to_data())).sum();
        self.0.rows += batch.num_rows() as u64;
        self.0.bytes += bytes as u64;
        self.0.mask_errors += counts.errors;
        for ((column, nulls), empty) in batch.columns().iter().zip(&mut self.0.nulls).zip(&mut self.0.empty) {
            *nulls += column.logical_null_count() as u64;
            if let Some(empty) = empty {
                let texts = cast(column, &DataType::Utf8View).ok();
                let is_empty = |cell: &Option<&str>| *cell == Some("");
                *empty += texts.map_or(0, |t| t.as_string_view().iter().filter(is_empty).count()) as u64;
            }
        }
        bytes as u64
    }

    /// The source had more rows.
    pub(super) fn cut(&mut self) {
        self.0.truncated = true;
    }

    pub(super) fn manifest(self, name: &str, dangling: Vec<u64>) -> TableManifest {
        TableManifest { name: name.to_owned(), dangling, ..self.0 }
    }
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Bytes in use, not bytes reserved.
fn buffer_bytes(data: &ArrayData) -> usize {
    let own: usize = data.buffers().iter().map(|b| b.len()).sum();
    let nulls = data.nulls().map_or(0, |n| n.buffer().len());
    own + nulls + data.child_data().iter().map(buffer_bytes).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringViewArray};

    use super::*;

    #[test]
    fn nulls_and_empty_texts_are_counted() {
        let text: ArrayRef = Arc::new(StringViewArray::from(vec![Some(""), None, Some("a")]));
        let number: ArrayRef = Arc::new(Int64Array::from(vec![Some(0), None, None]));
        let batch = RecordBatch::try_from_iter([("t", text), ("n", number)]).unwrap();
        let mut tally = Tally::new(&batch.schema());
        let bytes = tally.add(&batch, MaskCounts { errors: 1, cut: 0 });
        assert!(bytes >= 3 * 16 + 3 * 8);
        tally.add(&batch, MaskCounts::default());
        tally.cut();
        let manifest = tally.manifest("x", vec![]);
        assert_eq!(
            (manifest.rows, manifest.bytes, manifest.mask_errors, manifest.truncated),
            (6, 2 * bytes, 1, true)
        );
        assert_eq!((manifest.nulls, manifest.empty), (vec![2, 4], vec![Some(2), None]));
    }
}

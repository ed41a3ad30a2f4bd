//! Overwrites raw values when they are no longer needed.

use std::collections::HashSet;

use arrow::array::{Array, ArrayData, ArrayRef};
use arrow::buffer::Buffer;
use arrow::record_batch::RecordBatch;
use zeroize::Zeroize;

/// Zeroes the memory of a batch that nobody else holds.
///
/// Buffers that are shared, sliced from the middle of an allocation, or not allocated by Arrow stay as they are: a
/// [`Source`](crate::snapshot::Source) that gives batches it owns gets them wiped.
pub fn wipe(batch: RecordBatch) {
    wipe_arrays(batch.into_parts().1);
}

pub(super) fn wipe_arrays(arrays: Vec<ArrayRef>) {
    let (mut buffers, mut seen) = (vec![], HashSet::new());
    for array in &arrays {
        collect(&array.to_data(), &mut buffers, &mut seen);
    }
    drop(arrays);
    for buffer in buffers {
        if let Ok(mut bytes) = buffer.into_mutable() {
            bytes.as_slice_mut().zeroize();
        }
    }
}

fn collect(data: &ArrayData, buffers: &mut Vec<Buffer>, seen: &mut HashSet<usize>) {
    for buffer in data.buffers() {
        if seen.insert(buffer.data_ptr().as_ptr() as usize) {
            buffers.push(buffer.clone());
        }
    }
    for child in data.child_data() {
        collect(child, buffers, seen);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, StringArray, StringViewArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn only_memory_that_nobody_else_holds_is_zeroed() {
        let kept: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
        let owned: ArrayRef = Arc::new(StringArray::from(vec!["secret", "secret"]));
        wipe(RecordBatch::try_from_iter([("kept", kept.clone()), ("owned", owned)]).unwrap());
        assert_eq!(kept.as_primitive::<Int64Type>().values().to_vec(), [7, 8]);
    }

    #[test]
    fn what_an_array_alone_holds_can_be_overwritten() {
        for array in [
            Arc::new(StringViewArray::from(vec!["a secret that is not inlined"])) as ArrayRef,
            Arc::new(StringArray::from(vec!["a secret"])),
            Arc::new(Int64Array::from(vec![7, 8])),
        ] {
            let (mut buffers, mut seen) = (vec![], HashSet::new());
            collect(&array.to_data(), &mut buffers, &mut seen);
            drop(array);
            assert!(!buffers.is_empty());
            assert!(buffers.into_iter().all(|buffer| buffer.into_mutable().is_ok()));
        }
    }
}

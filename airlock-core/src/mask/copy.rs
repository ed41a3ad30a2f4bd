//! Rebuilds columns that stay as they are.
//!
//! An Arrow array may share buffers with others: with rows that were cut, with cells under a NULL, even with masked
//! columns, if a source decodes a row's bytes into one buffer. So what enters a snapshot is copied cell by cell.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, DictionaryArray, Int32Array, MutableArrayData,
    StringArray, make_array, new_null_array,
};
use arrow::compute::{cast, nullif};
use arrow::datatypes::{DataType, Int32Type};
use arrow::row::{RowConverter, SortField};

use super::error::BadCell;
use super::texts::{Texts, map_texts};

/// A copy that shares nothing with the original. Binary and nested cells above `max_cell_bytes` become NULL and are
/// counted; text is cut elsewhere.
pub(super) fn copy(array: &ArrayRef, max_cell_bytes: usize, errors: &mut u64) -> Result<ArrayRef, BadCell> {
    match array.data_type() {
        DataType::Null => Ok(new_null_array(&DataType::Null, array.len())),
        DataType::Utf8 | DataType::Utf8View => {
            let texts = Texts::of(array).ok_or(BadCell)?;
            let copied = map_texts(texts, errors, |value, out| {
                out.push_str(value);
                Ok(())
            });
            cast(&copied, array.data_type()).map_err(|_| BadCell)
        }
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            let wide = cast(array, &DataType::BinaryView).map_err(|_| BadCell)?;
            let mut out = BinaryViewBuilder::with_capacity(wide.len());
            for cell in wide.as_binary_view() {
                match cell {
                    Some(bytes) if bytes.len() <= max_cell_bytes => out.append_value(bytes),
                    cell => {
                        *errors += u64::from(cell.is_some());
                        out.append_null();
                    }
                }
            }
            cast(&(Arc::new(out.finish()) as ArrayRef), array.data_type()).map_err(|_| BadCell)
        }
        t if t.is_nested() => copy_nested(array, max_cell_bytes, errors),
        _ => {
            let data = array.to_data();
            let mut out = MutableArrayData::new(vec![&data], true, array.len());
            out.try_extend(0, 0, array.len()).map_err(|_| BadCell)?;
            Ok(make_array(out.freeze()))
        }
    }
}

/// Through the row format, which holds live values only.
fn copy_nested(array: &ArrayRef, max_cell_bytes: usize, errors: &mut u64) -> Result<ArrayRef, BadCell> {
    let converter =
        RowConverter::new(vec![SortField::new(array.data_type().clone())]).map_err(|_| BadCell)?;
    let rows = converter.convert_columns(std::slice::from_ref(array)).map_err(|_| BadCell)?;
    let too_long: BooleanArray =
        rows.iter().map(|row| Some(row.as_ref().len() > max_cell_bytes.saturating_mul(2))).collect();
    let copied = converter.convert_rows(rows.iter()).map_err(|_| BadCell)?.pop().ok_or(BadCell)?;
    let copied = if copied.data_type() == array.data_type() {
        copied
    } else {
        cast(&copied, array.data_type()).map_err(|_| BadCell)?
    };
    if too_long.true_count() == 0 {
        return Ok(copied);
    }
    *errors += too_long.true_count() as u64;
    nullif(&copied, &too_long).map_err(|_| BadCell)
}

/// An enum column over the same dictionary in every batch: its labels. A value that is no label becomes NULL and is
/// counted.
pub(super) fn copy_enum(texts: Texts<'_>, labels: &[String], errors: &mut u64) -> Result<ArrayRef, BadCell> {
    let keys: Int32Array = texts
        .cells()
        .map(|cell| {
            let cell = cell?;
            let key = labels.iter().position(|label| label == cell).and_then(|at| i32::try_from(at).ok());
            *errors += u64::from(key.is_none());
            key
        })
        .collect();
    let values: StringArray = labels.iter().map(Some).collect();
    let array = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values)).map_err(|_| BadCell)?;
    Ok(Arc::new(array))
}

/// Text cut to `max_cell_bytes`, with a marker that tells how much is missing. `None` when nothing is too long.
pub(super) fn cut_long(array: &ArrayRef, max_cell_bytes: usize, cut: &mut u64) -> Option<ArrayRef> {
    let texts = Texts::of(array)?;
    if texts.cells().flatten().all(|cell| cell.len() <= max_cell_bytes) {
        return None;
    }
    let copied = map_texts(texts, &mut 0, |value, out| {
        if value.len() <= max_cell_bytes {
            out.push_str(value);
            return Ok(());
        }
        *cut += 1;
        let kept = value.floor_char_boundary(max_cell_bytes.saturating_sub(MARKER_BYTES_MAX));
        out.push_str(&value[..kept]);
        out.push_str(&format!("...(+{} bytes)", value.len() - kept));
        Ok(())
    });
    cast(&copied, array.data_type()).ok()
}

/// `...(+` and `bytes)` around 20 digits.
const MARKER_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryViewArray, Int64Array, ListArray, StringViewArray, StructArray};
    use arrow::buffer::NullBuffer;
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn a_copy_holds_nothing_of_the_rows_that_were_cut_or_null() {
        let secret = "a secret that is far too long to be inlined";
        let all = StringViewArray::from(vec![secret, "this one is exported and is quite long as well"]);
        let cut: ArrayRef = Arc::new(all.slice(1, 1));
        let copied = copy(&cut, 1000, &mut 0).unwrap();
        assert_eq!(&copied, &cut);
        assert!(
            copied
                .as_string_view()
                .data_buffers()
                .iter()
                .all(|b| !String::from_utf8_lossy(b).contains("secret"))
        );

        let (views, buffers, _) = StringViewArray::from(vec![secret]).into_parts();
        let hidden: ArrayRef = Arc::new(StringViewArray::new(views, buffers, Some(NullBuffer::new_null(1))));
        let copied = copy(&hidden, 1000, &mut 0).unwrap();
        assert!(copied.as_string_view().data_buffers().iter().all(|b| b.is_empty()));
    }

    #[test]
    fn numbers_and_nested_values_survive() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        assert_eq!(&copy(&numbers.slice(1, 2), 10, &mut 0).unwrap(), &numbers.slice(1, 2));
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
        ]));
        assert_eq!(&copy(&list, 100, &mut 0).unwrap(), &list);
        let fields = vec![Field::new("x", DataType::Int64, true)];
        let point: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![numbers], None));
        assert_eq!(&copy(&point, 100, &mut 0).unwrap(), &point);
    }

    #[test]
    fn cells_above_the_limit_are_nulled_or_cut() {
        let mut errors = 0;
        let binary: ArrayRef =
            Arc::new(BinaryViewArray::from(vec![Some(&b"long enough"[..]), Some(b"ok"), None]));
        let copied = copy(&binary, 4, &mut errors).unwrap();
        assert_eq!(copied.as_binary_view().iter().collect::<Vec<_>>(), [None, Some(&b"ok"[..]), None]);
        let list: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1); 100])]));
        assert_eq!(copy(&list, 4, &mut errors).unwrap().null_count(), 1);
        assert_eq!(errors, 2);

        let text: ArrayRef = Arc::new(StringViewArray::from(vec!["é".repeat(100), "short".to_owned()]));
        let mut cut = 0;
        let out = cut_long(&text, 101, &mut cut).unwrap();
        assert_eq!(out.as_string_view().value(0), format!("{}...(+132 bytes)", "é".repeat(34)));
        assert_eq!((out.as_string_view().value(1), cut), ("short", 1));
        assert!(cut_long(&text, 200, &mut cut).is_none());
    }

    #[test]
    fn enums_have_one_dictionary() {
        let mut errors = 0;
        let raw = StringViewArray::from(vec![Some("b"), None, Some("new")]);
        let labels = ["a".to_owned(), "b".to_owned()];
        let out = copy_enum(Texts::of(&raw).unwrap(), &labels, &mut errors).unwrap();
        let out = out.as_dictionary::<Int32Type>();
        assert_eq!((out.keys().iter().collect::<Vec<_>>(), errors), (vec![Some(1), None, None], 1));
        assert_eq!(out.values().len(), 2);
    }
}

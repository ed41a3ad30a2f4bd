//! Text columns as strings, whatever their Arrow layout, and text columns made from them.

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringViewArray, StringViewBuilder};
use arrow::datatypes::DataType;

use super::error::BadCell;

/// A text column.
#[derive(Clone, Copy)]
pub(super) enum Texts<'a> {
    View(&'a StringViewArray),
    Plain(&'a StringArray),
}

impl<'a> Texts<'a> {
    /// The column as text, `None` when it is none.
    pub(super) fn of(array: &'a dyn Array) -> Option<Self> {
        match array.data_type() {
            DataType::Utf8View => Some(Self::View(array.as_string_view())),
            DataType::Utf8 => Some(Self::Plain(array.as_string())),
            _ => None,
        }
    }
    pub(super) fn len(&self) -> usize {
        match self {
            Self::View(a) => a.len(),
            Self::Plain(a) => a.len(),
        }
    }
    /// The cell, `None` when NULL.
    pub(super) fn cell(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::View(a) => (!a.is_null(row)).then(|| a.value(row)),
            Self::Plain(a) => (!a.is_null(row)).then(|| a.value(row)),
        }
    }
    pub(super) fn cells(self) -> impl Iterator<Item = Option<&'a str>> {
        (0..self.len()).map(move |row| self.cell(row))
    }
}

/// Whether values of this type are text to a mask.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// A text column with each cell written by `write` into the buffer it is given. NULL stays NULL; a cell that cannot be
/// handled becomes NULL and is counted in `errors`. Every byte is new: nothing of `texts` is shared.
pub(super) fn map_texts(
    texts: Texts<'_>,
    errors: &mut u64,
    mut write: impl FnMut(&str, &mut String) -> Result<(), BadCell>,
) -> ArrayRef {
    let mut out = StringViewBuilder::with_capacity(texts.len());
    let mut cell = String::new();
    for value in texts.cells() {
        let Some(value) = value else {
            out.append_null();
            continue;
        };
        cell.clear();
        match write(value, &mut cell) {
            Ok(()) if out.try_append_value(&cell).is_ok() => {}
            _ => {
                *errors += 1;
                out.append_null();
            }
        }
    }
    std::sync::Arc::new(out.finish())
}

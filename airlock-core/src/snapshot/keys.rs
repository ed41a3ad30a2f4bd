//! Sets of raw keys that an export follows from table to table. They are never stored and are wiped when dropped.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::row::{RowConverter, SortField};
use zeroize::Zeroize;

/// Distinct keys without NULLs, in a stable order.
#[derive(Default)]
pub(super) struct KeySet {
    converter: Option<RowConverter>,
    keys: BTreeSet<RowKey>,
}

/// One key in Arrow's row format.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RowKey(Vec<u8>);

impl Drop for RowKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The key columns have other types than before, or types that are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadKeys;

impl KeySet {
    /// Adds the keys of a batch, and tells for each row whether its key is new. A key with a NULL refers to nothing
    /// (MATCH SIMPLE): it is not added, and the row gets NULL.
    pub(super) fn add(&mut self, columns: &[ArrayRef]) -> Result<BooleanArray, BadKeys> {
        let converter = match &mut self.converter {
            Some(converter) => converter,
            none => {
                let fields = columns.iter().map(|c| SortField::new(c.data_type().clone())).collect();
                none.insert(RowConverter::new(fields).map_err(|_| BadKeys)?)
            }
        };
        let rows = converter.convert_columns(columns).map_err(|_| BadKeys)?;
        let nulls: Vec<_> = columns.iter().map(|c| c.logical_nulls()).collect();
        let is_null = |row| nulls.iter().flatten().any(|n| n.is_null(row));
        let new = rows
            .iter()
            .enumerate()
            .map(|(row, key)| (!is_null(row)).then(|| self.keys.insert(RowKey(key.as_ref().to_vec()))));
        Ok(new.collect())
    }

    /// The keys of all, each once.
    pub(super) fn union(sets: &[&Self]) -> Result<Self, BadKeys> {
        let mut all = Self::default();
        for columns in sets.iter().map(|set| set.batches(usize::MAX)) {
            for columns in columns? {
                all.add(&columns)?;
            }
        }
        Ok(all)
    }

    /// For each row whether its key is here. A key with a NULL is nowhere.
    pub(super) fn contains(&self, columns: &[ArrayRef]) -> Result<BooleanArray, BadKeys> {
        let Some(converter) = &self.converter else {
            return Ok(BooleanArray::from(vec![false; columns.first().map_or(0, |c| c.len())]));
        };
        let rows = converter.convert_columns(columns).map_err(|_| BadKeys)?;
        let found = rows.iter().map(|key| Some(self.keys.contains(&RowKey(key.as_ref().to_vec()))));
        Ok(found.collect())
    }

    /// All keys, at most `rows` at a time, as one array per column.
    pub(super) fn batches(&self, rows: usize) -> Result<Vec<Vec<ArrayRef>>, BadKeys> {
        let Some(converter) = &self.converter else { return Ok(vec![]) };
        let parser = converter.parser();
        let keys: Vec<&RowKey> = self.keys.iter().collect();
        keys.chunks(rows)
            .map(|chunk| {
                converter.convert_rows(chunk.iter().map(|key| parser.parse(&key.0))).map_err(|_| BadKeys)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int32Array, StringViewArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn keys_are_distinct_whole_and_in_batches() {
        let a: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), Some(1), Some(2), None, Some(2)]));
        let b: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("x"), Some("y"), Some("x"), Some("z"), None]));
        let mut keys = KeySet::default();
        let new = keys.add(&[a.clone(), b.clone()]).unwrap();
        assert_eq!(new, BooleanArray::from(vec![Some(true), Some(true), Some(false), None, None]));
        assert_eq!(keys.add(&[a, b]).unwrap().true_count(), 0);
        let batches = keys.batches(1).unwrap();
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0][0].as_primitive::<Int32Type>().values().to_vec(), [1]);
        assert_eq!(batches[1][1].as_string_view().value(0), "x");
        assert!(KeySet::default().batches(10).unwrap().is_empty());
    }

    #[test]
    fn another_type_is_no_key() {
        let mut keys = KeySet::default();
        keys.add(&[Arc::new(Int32Array::from(vec![1]))]).unwrap();
        assert_eq!(keys.add(&[Arc::new(StringViewArray::from(vec!["1"]))]), Err(BadKeys));
    }
}

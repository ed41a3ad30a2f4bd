//! A [`Source`] in memory: for embedders with rows at hand, for examples and tests.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, new_empty_array};
use arrow::compute::{
    CastOptions, SortColumn, SortOptions, cast, cast_with_options, filter_record_batch, lexsort_to_indices,
    take_record_batch,
};
use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::stream::{self, StreamExt};

use super::keys::KeySet;
use super::source::{
    BatchStream, Catalog, ColumnInfo, ForeignKey, Reader, RowFilter, RowsAsk, Source, SourceError, TableInfo,
    TableKind,
};
use crate::policy::TableRef;

/// Tables held as record batches. Every read sees the tables as they were when the source was made.
///
/// ```
/// use std::sync::Arc;
/// use airlock_core::snapshot::MemorySource;
/// use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
///
/// let users = RecordBatch::try_from_iter([
///     ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
///     ("email", Arc::new(StringViewArray::from(vec!["a@example.com", "b@example.com"]))),
/// ])?;
/// let orders = RecordBatch::try_from_iter([
///     ("id", Arc::new(Int64Array::from(vec![7])) as ArrayRef),
///     ("user_id", Arc::new(Int64Array::from(vec![1]))),
/// ])?;
/// let source = MemorySource::new()
///     .with_table("users", users, &["id"])
///     .with_table("orders", orders, &["id"])
///     .with_foreign_key("orders", &["user_id"], "users", &["id"]);
/// # Ok::<(), arrow::error::ArrowError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    tables: Arc<Vec<(TableInfo, RecordBatch)>>,
}

impl MemorySource {
    /// A source without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a table of schema `public`; `key` is its primary key, empty for none.
    #[must_use]
    pub fn with_table(mut self, name: &str, rows: RecordBatch, key: &[&str]) -> Self {
        let info = table_info(TableRef { schema: SCHEMA.into(), name: name.into() }, &rows.schema(), key);
        Arc::make_mut(&mut self.tables).push((info, rows));
        self
    }

    /// The same with a foreign key. A table that is not there has none.
    #[must_use]
    pub fn with_foreign_key(
        mut self,
        table: &str,
        columns: &[&str],
        references: &str,
        referenced: &[&str],
    ) -> Self {
        let key = ForeignKey {
            columns: owned(columns),
            references: TableRef { schema: SCHEMA.into(), name: references.into() },
            referenced: owned(referenced),
        };
        for (info, _) in
            Arc::make_mut(&mut self.tables).iter_mut().filter(|(info, _)| info.table.name == table)
        {
            info.foreign_keys.push(key.clone());
        }
        self
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        let tables = self.tables.iter().map(|(info, _)| info.clone()).collect();
        Ok(Catalog { tables, server_version: None })
    }

    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl Reader for MemorySource {
    async fn rows<'a>(&'a self, ask: RowsAsk) -> Result<BatchStream<'a>, SourceError> {
        let found = self.tables.iter().find(|(info, _)| info.table == ask.table);
        let (_, rows) = found.ok_or_else(|| drift(&ask.table, "no such table"))?;
        let rows = filter_rows(rows, &ask)?;
        let batches: Vec<_> = (0..rows.num_rows())
            .step_by(BATCH_ROWS)
            .map(|at| Ok(rows.slice(at, BATCH_ROWS.min(rows.num_rows() - at))))
            .collect();
        Ok(stream::iter(batches).boxed())
    }
}

/// A table's shape as its batches tell it: for sources that have no catalog of their own.
pub fn table_info(table: TableRef, schema: &Schema, key: &[&str]) -> TableInfo {
    let column = |field: &Arc<arrow::datatypes::Field>| ColumnInfo {
        name: field.name().clone(),
        source_type: source_type(field.data_type()).into(),
        data_type: Some(field.data_type().clone()),
        granted: true,
        nullable: field.is_nullable() && !key.contains(&field.name().as_str()),
        labels: vec![],
        comment: None,
    };
    let primary_key = owned(key);
    let keys: Vec<Vec<String>> = if key.is_empty() { vec![] } else { vec![primary_key.clone()] };
    TableInfo {
        table,
        kind: TableKind::Table,
        columns: schema.fields().iter().map(column).collect(),
        primary_key,
        unique: keys.clone(),
        indexes: keys,
        foreign_keys: vec![],
        comment: None,
        rows_estimate: None,
    }
}

/// Answers an ask from all rows of its table: filters, orders, cuts and picks columns. With this a [`Reader`] over
/// anything that can be a record batch is a few lines.
///
/// # Errors
/// [`SourceError::Drift`] when a column is missing or cannot be compared.
pub fn filter_rows(rows: &RecordBatch, ask: &RowsAsk) -> Result<RecordBatch, SourceError> {
    let column =
        |name: &String| rows.column_by_name(name).ok_or_else(|| drift(&ask.table, "a column is missing"));
    let failed = |_| drift(&ask.table, "a column cannot be compared");
    let kept = match &ask.filter {
        RowFilter::All => rows.clone(),
        RowFilter::Equals { column: name, text } => {
            filter_record_batch(rows, &equals(column(name)?, text)).map_err(failed)?
        }
        RowFilter::Keys { columns, keys } => {
            let values: Vec<ArrayRef> =
                columns.iter().map(|c| column(c).cloned()).collect::<Result<_, _>>()?;
            let matches =
                in_keys(&values, keys).ok_or_else(|| drift(&ask.table, "a key has another type"))?;
            filter_record_batch(rows, &matches).map_err(failed)?
        }
    };
    let limit = usize::try_from(ask.limit).unwrap_or(usize::MAX).min(kept.num_rows());
    let kept = if ask.order_by.is_empty() {
        kept.slice(0, limit)
    } else {
        let order = ask.order_by.iter().map(|(name, descending)| {
            let values =
                kept.column_by_name(name).cloned().ok_or_else(|| drift(&ask.table, "a column is missing"))?;
            Ok(SortColumn {
                values,
                options: Some(SortOptions { descending: *descending, nulls_first: false }),
            })
        });
        let order = order.collect::<Result<Vec<_>, SourceError>>()?;
        let order = lexsort_to_indices(&order, Some(limit)).map_err(failed)?;
        take_record_batch(&kept, &order).map_err(failed)?
    };
    let columns = ask.columns.iter().map(|name| kept.schema().index_of(name)).collect::<Result<Vec<_>, _>>();
    kept.project(&columns.map_err(|_| drift(&ask.table, "a column is missing"))?).map_err(failed)
}

/// Which values equal the text, compared as the column's own type. A text that is no value of the type equals none.
fn equals(values: &ArrayRef, text: &str) -> BooleanArray {
    // Both sides as the type prints them, which is one way per value.
    let wanted: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![text]));
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let typed =
        cast_with_options(&wanted, values.data_type(), &options).and_then(|v| cast(&v, &DataType::Utf8));
    let shown = cast(values, &DataType::Utf8);
    match (typed, shown) {
        (Ok(typed), Ok(shown)) if !typed.is_null(0) => {
            let typed = typed.as_string::<i32>().value(0).to_owned();
            shown.as_string::<i32>().iter().map(|v| Some(v == Some(&typed))).collect()
        }
        _ => BooleanArray::from(vec![false; values.len()]),
    }
}

/// Which rows' values are among the keys, whatever integer or text type those have.
fn in_keys(values: &[ArrayRef], keys: &[ArrayRef]) -> Option<BooleanArray> {
    let empty = |v: &ArrayRef| new_empty_array(v.data_type());
    let keys: Vec<ArrayRef> =
        if keys.is_empty() { values.iter().map(empty).collect() } else { keys.to_vec() };
    if keys.len() != values.len() {
        return None;
    }
    // A key that does not fit the column's type becomes NULL, which is in no set.
    let keys: Vec<ArrayRef> =
        keys.iter().zip(values).map(|(k, v)| cast(k, v.data_type()).ok()).collect::<Option<_>>()?;
    let mut wanted = KeySet::default();
    wanted.add(&keys).ok()?;
    wanted.contains(values).ok()
}

fn source_type(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int16 => "smallint",
        DataType::Int32 => "integer",
        DataType::Int64 => "bigint",
        DataType::UInt32 => "oid",
        DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::Binary | DataType::BinaryView | DataType::LargeBinary => "bytea",
        DataType::Date32 => "date",
        DataType::Time64(_) => "time",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Interval(_) => "interval",
        DataType::List(_) => "array",
        DataType::Struct(_) => "composite",
        _ => "text",
    }
}

fn drift(table: &TableRef, what: &str) -> SourceError {
    SourceError::Drift { table: table.clone(), what: what.into() }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// The schema of every table here.
const SCHEMA: &str = "public";
/// Rows of one batch.
const BATCH_ROWS: usize = 2048;

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array, StringViewArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn rows() -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef, false),
            ("name", Arc::new(StringViewArray::from(vec![Some("a"), Some("b"), None, Some("a")])), true),
        ])
        .unwrap()
    }

    fn ask(filter: RowFilter) -> RowsAsk {
        RowsAsk {
            table: TableRef { schema: "public".into(), name: "t".into() },
            columns: vec!["id".into()],
            filter,
            order_by: vec![],
            limit: 100,
        }
    }

    #[track_caller]
    fn check(ask: &RowsAsk, expected: &[i64]) {
        let out = filter_rows(&rows(), ask).unwrap();
        assert_eq!(out.num_columns(), 1);
        assert_eq!(out.column(0).as_primitive::<Int64Type>().values().to_vec(), expected);
    }

    #[test]
    fn rows_are_found_by_text_of_their_type() {
        let by =
            |column: &str, text: &str| ask(RowFilter::Equals { column: column.into(), text: text.into() });
        check(&by("id", "2"), &[2]);
        check(&by("name", "a"), &[1, 4]);
        for none in ["abc", "", "2.5", "99999999999999999999"] {
            check(&by("id", none), &[]);
        }
    }

    #[test]
    fn rows_are_found_by_keys_of_another_integer_type() {
        let keys =
            |columns: &[&str], keys: Vec<ArrayRef>| ask(RowFilter::Keys { columns: owned(columns), keys });
        check(&keys(&["id"], vec![Arc::new(Int32Array::from(vec![4, 2, 9]))]), &[2, 4]);
        let both: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringViewArray::from(vec!["a", "a"]))];
        check(&keys(&["id", "name"], both), &[1]);
        check(&keys(&["id"], vec![]), &[]);
    }

    #[test]
    fn order_limit_and_missing_columns() {
        let mut by_name = ask(RowFilter::All);
        by_name.order_by = vec![("name".into(), true), ("id".into(), true)];
        check(&by_name, &[2, 4, 1, 3]);
        by_name.limit = 2;
        check(&by_name, &[2, 4]);
        by_name.columns = vec!["gone".into()];
        assert!(matches!(filter_rows(&rows(), &by_name), Err(SourceError::Drift { .. })));
    }
}

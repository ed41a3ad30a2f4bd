//! Reads whole asks and shows cells as text, for either source.

use airlock_core::policy::TableRef;
use airlock_core::snapshot::source::{Reader, RowFilter, RowsAsk, SourceError};
use arrow::array::{Array, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;

pub(crate) fn table(schema: &str, name: &str) -> TableRef {
    TableRef { schema: schema.to_owned(), name: name.to_owned() }
}

/// All columns and rows that `filter` lets through, in the order of the first column.
pub(crate) fn ask(table: &TableRef, columns: &[&str], filter: RowFilter) -> RowsAsk {
    RowsAsk {
        table: table.clone(),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        filter,
        order_by: vec![(columns[0].to_owned(), false)],
        limit: 1_000,
    }
}

pub(crate) fn equals(column: &str, text: &str) -> RowFilter {
    RowFilter::Equals { column: column.to_owned(), text: text.to_owned() }
}

pub(crate) async fn batches(reader: &dyn Reader, ask: RowsAsk) -> Result<Vec<RecordBatch>, SourceError> {
    reader.rows(ask).await?.try_collect().await
}

/// Each row's cells, as Arrow writes them, joined by `|`; NULL is `∅`.
pub(crate) async fn rows(reader: &dyn Reader, ask: RowsAsk) -> Result<Vec<String>, SourceError> {
    let batches = batches(reader, ask).await?;
    Ok(batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| show(batch, row))).collect())
}

fn show(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("∅");
    let cells = batch.columns().iter().map(|column| {
        let format = ArrayFormatter::try_new(column, &options).unwrap();
        if column.is_null(row) { "∅".to_owned() } else { format.value(row).try_to_string().unwrap() }
    });
    cells.collect::<Vec<_>>().join("|")
}

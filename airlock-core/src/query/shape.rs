//! Writes the answer down within its limits: rows, bytes, characters a cell.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

use super::cell::{Cut, quote, to_text, write_json};
use super::plans::Planned;
use super::{AnswerColumn, Format, Job, QueryError, Rows, Shaped, Truncation, TruncationReason};

/// Takes batches until the answer is full.
pub(super) struct Shaper<'a> {
    format: Format,
    columns: &'a [AnswerColumn],
    rows_max: u64,
    bytes_max: usize,
    cut: Cut,
    skip: u64,
    row_count: u64,
    stopped: Option<TruncationReason>,
    rows_json: String,
    text: String,
    batches: Vec<RecordBatch>,
    batch_bytes: usize,
}

impl<'a> Shaper<'a> {
    pub(super) fn new(job: &Job, columns: &'a [AnswerColumn]) -> Self {
        let limits = &job.limits;
        let mut shaper = Self {
            format: job.format,
            columns,
            rows_max: job.max_rows.min(limits.max_result_rows),
            bytes_max: usize::try_from(limits.max_result_bytes).unwrap_or(usize::MAX),
            cut: Cut {
                chars_max: usize::try_from(limits.max_cell_chars).unwrap_or(usize::MAX),
                happened: false,
            },
            skip: job.offset,
            row_count: 0,
            stopped: None,
            rows_json: String::from("["),
            text: String::new(),
            batches: vec![],
            batch_bytes: 0,
        };
        shaper.head();
        shaper
    }

    /// Whether more rows would change nothing.
    pub(super) fn is_full(&self) -> bool {
        self.stopped.is_some()
    }

    /// Takes the next rows of the result.
    pub(super) fn push(&mut self, batch: &RecordBatch) -> Result<&Self, QueryError> {
        let rows = batch.num_rows() as u64;
        let skipped = self.skip.min(rows);
        self.skip -= skipped;
        let from = usize::try_from(skipped).unwrap_or(usize::MAX);
        match self.format {
            Format::Arrow => self.push_arrow(batch.slice(from, batch.num_rows() - from))?,
            Format::Json | Format::Csv | Format::Markdown | Format::Objects => {
                for row in from..batch.num_rows() {
                    if self.row_count == self.rows_max {
                        self.stopped = Some(TruncationReason::Rows);
                        break;
                    }
                    self.push_row(batch, row)?;
                    if self.stopped.is_some() {
                        break;
                    }
                }
            }
        }
        Ok(self)
    }

    fn push_row(&mut self, batch: &RecordBatch, row: usize) -> Result<(), QueryError> {
        let (json_end, text_end) = (self.rows_json.len(), self.text.len());
        if self.row_count > 0 {
            self.rows_json.push(',');
        }
        self.rows_json.push('[');
        for (i, column) in batch.columns().iter().enumerate() {
            if i > 0 {
                self.rows_json.push(',');
            }
            write_json(&mut self.rows_json, column, row, &mut self.cut)?;
        }
        self.rows_json.push(']');
        match self.format {
            Format::Csv => self.csv_row(batch, row)?,
            Format::Markdown => self.markdown_row(batch, row)?,
            Format::Objects => self.object_row(batch, row)?,
            Format::Json | Format::Arrow => {}
        }
        if self.row_count > 0 && self.rows_json.len().max(self.text.len()) >= self.bytes_max {
            self.rows_json.truncate(json_end);
            self.text.truncate(text_end);
            self.stopped = Some(TruncationReason::Bytes);
        } else {
            self.row_count += 1;
        }
        Ok(())
    }

    fn head(&mut self) {
        match self.format {
            Format::Csv => {
                let names: Vec<String> = self.columns.iter().map(|c| csv_field(&c.name)).collect();
                self.text = names.join(",") + "\r\n";
            }
            Format::Markdown => {
                let names: Vec<String> = self.columns.iter().map(|c| markdown_cell(&c.name)).collect();
                let rule = vec!["---"; names.len()];
                self.text = format!("| {} |\n| {} |\n", names.join(" | "), rule.join(" | "));
            }
            Format::Objects => self.text.push('['),
            Format::Json | Format::Arrow => {}
        }
    }

    fn csv_row(&mut self, batch: &RecordBatch, row: usize) -> Result<(), QueryError> {
        for (i, column) in batch.columns().iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            // NULL is nothing; an empty text is "".
            if let Some(text) = to_text(column, row, &mut self.cut)? {
                self.text.push_str(&csv_field(&text));
            }
        }
        self.text.push_str("\r\n");
        Ok(())
    }

    fn markdown_row(&mut self, batch: &RecordBatch, row: usize) -> Result<(), QueryError> {
        self.text.push('|');
        for column in batch.columns() {
            self.text.push(' ');
            match to_text(column, row, &mut self.cut)? {
                Some(text) => self.text.push_str(&markdown_cell(&text)),
                None => self.text.push_str("NULL"),
            }
            self.text.push_str(" |");
        }
        self.text.push('\n');
        Ok(())
    }

    fn object_row(&mut self, batch: &RecordBatch, row: usize) -> Result<(), QueryError> {
        self.text.push_str(if self.row_count > 0 { ",{" } else { "{" });
        for (i, (column, array)) in self.columns.iter().zip(batch.columns()).enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            quote(&mut self.text, &column.name);
            self.text.push(':');
            write_json(&mut self.text, array, row, &mut self.cut)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn push_arrow(&mut self, batch: RecordBatch) -> Result<(), QueryError> {
        let left = usize::try_from(self.rows_max - self.row_count).unwrap_or(usize::MAX);
        let rows = batch.num_rows().min(left);
        let mut kept = compact(&batch.slice(0, rows))?;
        let mut stopped = (batch.num_rows() > left).then_some(TruncationReason::Rows);
        while kept.num_rows() > 0 {
            let bytes: usize = kept.columns().iter().map(slice_bytes).sum();
            let fits = self.batch_bytes + bytes <= self.bytes_max;
            if fits || (self.row_count == 0 && kept.num_rows() == 1) {
                self.batch_bytes += bytes;
                self.row_count += kept.num_rows() as u64;
                self.batches.push(kept);
                break;
            }
            stopped = Some(TruncationReason::Bytes);
            let half = if self.row_count == 0 { (kept.num_rows() / 2).max(1) } else { kept.num_rows() / 2 };
            kept = compact(&kept.slice(0, half))?;
        }
        self.stopped = stopped;
        Ok(())
    }

    /// The answer.
    pub(super) fn finish(mut self, planned: &Planned) -> Result<Shaped, QueryError> {
        self.rows_json.push(']');
        let limit = |reason| match reason {
            TruncationReason::Rows => self.rows_max,
            TruncationReason::Bytes => self.bytes_max as u64,
            TruncationReason::Cells => self.cut.chars_max as u64,
        };
        let reason = self.stopped.or(self.cut.happened.then_some(TruncationReason::Cells));
        let truncation =
            reason.map(|reason| Truncation { reason, returned: self.row_count, limit: limit(reason) });
        let rows = match self.format {
            Format::Arrow => Rows::Arrow(self.arrow(planned)?),
            Format::Json => {
                let columns = serde_json::to_string(self.columns).map_err(|_| engine())?;
                let text = format!("{{\"columns\":{columns},\"rows\":{}}}", self.rows_json);
                Rows::Text { rows_json: self.rows_json, text }
            }
            Format::Objects => {
                self.text.push(']');
                Rows::Text { rows_json: self.rows_json, text: self.text }
            }
            Format::Csv | Format::Markdown => Rows::Text { rows_json: self.rows_json, text: self.text },
        };
        Ok(Shaped {
            columns: self.columns.to_vec(),
            row_count: self.row_count,
            rows,
            truncation,
            ordered: planned.is_ordered,
            tables: planned.tables.clone(),
        })
    }

    fn arrow(&self, planned: &Planned) -> Result<Bytes, QueryError> {
        let schema = match self.batches.first() {
            Some(batch) => batch.schema(),
            None => compact(&RecordBatch::new_empty(planned.plan.schema()))?.schema(),
        };
        let mut out = Vec::with_capacity(self.batch_bytes + 1_024);
        let mut writer = StreamWriter::try_new(&mut out, &schema).map_err(|_| engine())?;
        for batch in &self.batches {
            writer.write(batch).map_err(|_| engine())?;
        }
        writer.finish().map_err(|_| engine())?;
        drop(writer);
        Ok(out.into())
    }
}

/// The batch without views and dictionaries, whose buffers would travel whole with a few rows of them.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, QueryError> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let to = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            DataType::Dictionary(_, value) => match value.as_ref() {
                DataType::Utf8View => DataType::Utf8,
                other => other.clone(),
            },
            other => other.clone(),
        };
        columns.push(cast(column, &to).map_err(|_| engine())?);
        // Field metadata says how the engine keeps masks; the answer says it in words.
        fields.push(Field::new(field.name(), to, true));
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(|_| engine())
}

fn slice_bytes(array: &ArrayRef) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size())
}

/// RFC 4180. Cells that begin like a spreadsheet's formula are left as they are: the reader is a program.
fn csv_field(text: &str) -> String {
    if text.is_empty() || text.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn markdown_cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace("\r\n", "<br>").replace(['\n', '\r'], "<br>")
}

fn engine() -> QueryError {
    QueryError::Engine("answer".to_owned())
}

//! Rows of one table that come from several asks: each row once, and the first ones of all.

use arrow::array::BooleanArray;
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::error::ExportError;
use super::export::pick;
use super::keys::KeySet;
use super::plan::TablePlan;
use super::source::SourceError;
use crate::mask::wipe;

/// Collects raw batches; at most twice the limit's rows are held at once, and a batch.
pub(super) struct Gather<'a> {
    plan: &'a TablePlan,
    max: u64,
    seen: KeySet,
    batches: Vec<RecordBatch>,
    rows: u64,
}

impl<'a> Gather<'a> {
    pub(super) fn new(plan: &'a TablePlan, max: u64) -> Self {
        Self { plan, max, seen: KeySet::default(), batches: vec![], rows: 0 }
    }

    /// Takes a batch in. A row whose key came before is dropped: two keys that differ here may be equal to the
    /// source's collation, and then both asks gave the row.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<(), ExportError> {
        let batch = match pick(&batch, &self.plan.key) {
            Some(key) if !key.is_empty() => {
                let new = self.seen.add(&key).map_err(|_| self.drifted())?;
                drop(key);
                // A row whose key has a NULL cannot be told from others, so it stays.
                let new: BooleanArray = new.iter().map(|is_new| Some(is_new.unwrap_or(true))).collect();
                if new.true_count() == batch.num_rows() {
                    batch
                } else {
                    let kept = filter_record_batch(&batch, &new).map_err(|_| self.drifted())?;
                    wipe(batch);
                    kept
                }
            }
            _ => batch,
        };
        self.rows += batch.num_rows() as u64;
        self.batches.push(batch);
        if self.rows > self.max.saturating_mul(2).saturating_add(1) {
            self.compact()?;
        }
        Ok(())
    }

    /// The first rows, one more than the limit if there are as many.
    pub(super) fn finish(mut self) -> Result<Vec<RecordBatch>, ExportError> {
        if self.rows > self.max || !self.plan.order_by.is_empty() {
            self.compact()?;
        }
        Ok(std::mem::take(&mut self.batches))
    }

    fn compact(&mut self) -> Result<(), ExportError> {
        let Some(first) = self.batches.first() else { return Ok(()) };
        let kept = first_rows(
            &concat_batches(&first.schema(), &self.batches).map_err(|_| self.drifted())?,
            self.plan,
            self.max,
        );
        self.batches.drain(..).for_each(wipe);
        let kept = kept.map_err(|_| self.drifted())?;
        self.rows = kept.num_rows() as u64;
        self.batches.push(kept);
        Ok(())
    }

    fn drifted(&self) -> ExportError {
        SourceError::Drift { table: self.plan.source.clone(), what: "its key or order columns".into() }.into()
    }
}

fn first_rows(all: &RecordBatch, plan: &TablePlan, max: u64) -> Result<RecordBatch, ArrowError> {
    let rows = usize::try_from(max.saturating_add(1)).unwrap_or(usize::MAX).min(all.num_rows());
    if plan.order_by.is_empty() {
        return Ok(all.slice(0, rows));
    }
    let columns = plan.order_by.iter().map(|(name, descending)| {
        let values = all.column_by_name(name).cloned();
        let options = Some(SortOptions { descending: *descending, nulls_first: false });
        values
            .map(|values| SortColumn { values, options })
            .ok_or_else(|| ArrowError::SchemaError(String::new()))
    });
    let order = lexsort_to_indices(&columns.collect::<Result<Vec<_>, _>>()?, Some(rows))?;
    take_record_batch(all, &order)
}

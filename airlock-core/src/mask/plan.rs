//! Masks bound to one table's columns, types and keys: raw batches in, [`Masked`] batches out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::copy::{copy, copy_enum, cut_long};
use super::distinct::Distinct;
use super::error::MaskError;
use super::keys::MaskKeys;
use super::scrub::KnownValues;
use super::step::{Bound, Step, StepError};
use super::texts::{Texts, is_text};
use super::wipe::wipe_arrays;
use super::{MaskKind, Masked, OnMaskError};
use crate::snapshot::plan::{ColumnMask, ColumnPlan, TablePlan};
use crate::snapshot::store::MASK_KEY;

/// The masks of one table.
#[derive(Clone, Debug)]
pub struct TableMasks {
    columns: Vec<Column>,
    schema: SchemaRef,
    selected: Vec<String>,
    /// Columns whose raw text is removed from free text elsewhere.
    learned: Vec<String>,
    max_cell_bytes: usize,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    /// `table.column`, for errors.
    shown: String,
    raw_type: DataType,
    to: DataType,
    labels: Vec<String>,
    /// Empty when the column is clear.
    steps: Vec<Step>,
    /// The source is not asked for it.
    hidden: bool,
    on_error: OnMaskError,
}

/// What one export remembers from table to table.
#[derive(Debug)]
pub struct MaskState {
    known: KnownValues,
    distinct: Distinct,
    /// Whether anybody will ask what is known.
    learns: bool,
}

impl MaskState {
    /// The state of a new export: nothing seen yet.
    pub fn new(keys: &MaskKeys) -> Self {
        Self { known: KnownValues::new(keys.scratch()), distinct: Distinct::default(), learns: true }
    }
    /// The state of a new export of these tables. Where none of them has free text that is searched, no values are
    /// remembered for it: that costs more than most masks.
    pub fn of(tables: &[TableMasks], keys: &MaskKeys) -> Self {
        Self { learns: tables.iter().any(TableMasks::scrubs), ..Self::new(keys) }
    }
}

/// What happened to a batch's cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MaskCounts {
    /// Cells that became NULL because a mask could not handle them, or because they were too long.
    pub errors: u64,
    /// Texts that were cut because they were too long.
    pub cut: u64,
}

impl TableMasks {
    /// Binds a table's masks.
    ///
    /// # Errors
    /// [`MaskError::Type`] when a mask cannot make the column's snapshot type of its raw type.
    pub fn new(plan: &TablePlan, keys: &MaskKeys) -> Result<Self, MaskError> {
        let columns: Vec<Column> =
            plan.columns.iter().map(|c| Column::bind(&plan.name, c, keys)).collect::<Result<_, _>>()?;
        let fields: Vec<Field> =
            plan.columns.iter().zip(&columns).map(|(c, bound)| field(c, bound)).collect();

        let mut selected: Vec<String> = vec![];
        let shown = columns.iter().filter(|c| !c.hidden).map(|c| &c.name);
        for name in shown.chain(&plan.traversal_only).chain(&plan.key) {
            if !selected.contains(name) {
                selected.push(name.clone());
            }
        }
        let is_learned =
            |c: &&Column| !c.hidden && is_text(&c.raw_type) && c.steps.iter().any(Step::hides_text);
        let mut learned: Vec<String> = columns.iter().filter(is_learned).map(|c| c.name.clone()).collect();
        learned.extend(
            plan.traversal_only.iter().filter(|name| columns.iter().all(|c| c.name != **name)).cloned(),
        );
        Ok(Self {
            columns,
            schema: Arc::new(Schema::new(fields)),
            selected,
            learned,
            max_cell_bytes: usize::try_from(crate::policy::limits::Limits::default().max_cell_bytes)
                .unwrap_or(usize::MAX),
        })
    }

    /// The same with another limit for one cell.
    #[must_use]
    pub fn with_max_cell_bytes(self, max_cell_bytes: u64) -> Self {
        Self { max_cell_bytes: usize::try_from(max_cell_bytes).unwrap_or(usize::MAX), ..self }
    }

    /// The masked schema: one field per column of the plan. A masked column's field has its mask under [`MASK_KEY`].
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns that a raw batch must hold: exported ones whose mask needs the value, those that only the
    /// traversal needs, and the key. Columns that become NULL or a constant are not among them.
    pub fn selected_columns(&self) -> &[String] {
        &self.selected
    }

    /// Whether free text of this table is searched for values of other tables: better masked after them.
    pub fn scrubs(&self) -> bool {
        self.columns.iter().flat_map(|c| &c.steps).any(|s| matches!(s, Step::Scrub(_)))
    }

    /// Masks a batch. The result has the raw batch's rows and shares no memory with it, so that the raw batch can be
    /// [wiped](super::wipe). Its masked texts are remembered in `state` first, so that they are removed from free text
    /// of this batch and of later ones.
    ///
    /// # Errors
    /// [`MaskError`]; nothing of the batch may then be kept.
    pub fn apply(
        &self,
        raw: &RecordBatch,
        state: &mut MaskState,
    ) -> Result<(Masked<RecordBatch>, MaskCounts), MaskError> {
        for name in self.learned.iter().filter(|_| state.learns) {
            if let Some(texts) = raw.column_by_name(name).and_then(|array| Texts::of(array)) {
                texts.cells().flatten().for_each(|value| state.known.learn(value));
            }
        }
        let mut counts = MaskCounts::default();
        let mut masked = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let before = counts.errors;
            masked.push(column.apply(raw, state, self.max_cell_bytes, &mut counts)?);
            if counts.errors > before && column.on_error == OnMaskError::Fail {
                return Err(MaskError::Cell { column: column.shown.clone() });
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(raw.num_rows()));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), masked, &options)
            .map_err(|_| MaskError::Arrow { column: "row".into() })?;
        Ok((Masked::new(batch), counts))
    }
}

impl Column {
    fn bind(table: &str, plan: &ColumnPlan, keys: &MaskKeys) -> Result<Self, MaskError> {
        let Bound { steps, to } = super::step::bind(plan, keys).map_err(|kind| MaskError::Type {
            column: format!("{table}.{}", plan.name),
            kind,
            from: plan.raw_type.clone(),
            to: plan.data_type.clone(),
        })?;
        let hidden =
            steps.iter().any(|s| matches!(s, Step::Null)) || matches!(steps.last(), Some(Step::Constant(_)));
        Ok(Self {
            name: plan.name.clone(),
            shown: format!("{table}.{}", plan.name),
            raw_type: plan.raw_type.clone(),
            to,
            labels: plan.labels.clone(),
            steps,
            hidden,
            on_error: plan.mask.as_ref().map_or(OnMaskError::Null, |m| m.masking.on_error),
        })
    }

    fn apply(
        &self,
        raw: &RecordBatch,
        state: &mut MaskState,
        max_cell_bytes: usize,
        counts: &mut MaskCounts,
    ) -> Result<ArrayRef, MaskError> {
        let rows = raw.num_rows();
        let broken = || MaskError::Arrow { column: self.shown.clone() };
        if self.hidden {
            return match self.steps.last() {
                Some(Step::Constant(constant)) => constant.fill(rows, None).map_err(|_| broken()),
                _ => Ok(new_null_array(&self.to, rows)),
            };
        }
        let array = raw.column_by_name(&self.name).filter(|array| *array.data_type() == self.raw_type);
        let array = array.ok_or_else(|| MaskError::Drift { column: self.shown.clone() })?;

        // Values on their way: raw or half masked, so wiped like raw ones.
        let mut passing: Vec<ArrayRef> = vec![];
        let result = self.run(array, state, max_cell_bytes, counts, &mut passing);
        wipe_arrays(passing);
        result.map_err(|error| match error {
            StepError::Collision => MaskError::Collision { column: self.shown.clone() },
            StepError::Unsupported => broken(),
        })
    }

    fn run(
        &self,
        raw: &ArrayRef,
        state: &mut MaskState,
        max_cell_bytes: usize,
        counts: &mut MaskCounts,
        passing: &mut Vec<ArrayRef>,
    ) -> Result<ArrayRef, StepError> {
        let mut array = raw.clone();
        if matches!(raw.data_type(), DataType::Dictionary(..) | DataType::LargeUtf8)
            && is_text(raw.data_type())
        {
            array = cast(raw, &DataType::Utf8View).map_err(|_| StepError::Unsupported)?;
            passing.push(array.clone());
        }
        for step in &self.steps {
            array = step.apply(&array, &state.known, &mut state.distinct, &mut counts.errors)?;
            passing.push(array.clone());
        }
        // The last one is what is kept; the copy below is made of it, so that it shares nothing.
        if let Some(cut) = cut_long(&array, max_cell_bytes, &mut counts.cut) {
            passing.push(array);
            array = cut;
        }
        if matches!(self.to, DataType::Dictionary(..)) {
            let texts = Texts::of(&array).ok_or(StepError::Unsupported)?;
            return copy_enum(texts, &self.labels, &mut counts.errors).map_err(|_| StepError::Unsupported);
        }
        let copied = copy(&array, max_cell_bytes, &mut counts.errors).map_err(|_| StepError::Unsupported)?;
        if *copied.data_type() == self.to {
            Ok(copied)
        } else {
            cast(&copied, &self.to).map_err(|_| StepError::Unsupported)
        }
    }
}

/// A masked column may be NULL wherever its mask or a limit can make it so.
fn field(plan: &ColumnPlan, bound: &Column) -> Field {
    let can_fail = is_text(&plan.raw_type) && matches!(bound.to, DataType::Dictionary(..))
        || bound.to.is_nested()
        || matches!(
            bound.to,
            DataType::Binary | DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_)
        );
    let nullable = plan.nullable || !bound.steps.is_empty() || can_fail;
    let field = Field::new(&plan.name, bound.to.clone(), nullable);
    match plan.mask.as_ref().map(ColumnMask::kind) {
        None | Some(MaskKind::Clear) => field,
        Some(kind) => field.with_metadata([(MASK_KEY.to_owned(), kind.as_str().to_owned())].into()),
    }
}

#[cfg(test)]
mod tests;

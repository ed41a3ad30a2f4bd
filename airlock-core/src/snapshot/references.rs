//! Counts rows that point at a row which is not in the snapshot: one that only another owner reaches, or that a limit cut.
//!
//! Masked values are compared: a key and what it points at are masked alike, so this is what a join would find.

use std::collections::{HashMap, HashSet};

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};

use super::plan::{EdgePlan, ExportPlan, ForeignKeyPlan, TablePlan};

/// The foreign keys of a plan that can point outside the snapshot, with what was seen of each.
pub(super) struct References(Vec<Reference>);

struct Reference {
    /// Table, and position among its foreign keys.
    of: (usize, usize),
    columns: Vec<usize>,
    to: usize,
    referenced: Vec<usize>,
    /// Types of the columns pointed at, to which those that point are cast.
    types: Vec<DataType>,
    rows: RowConverter,
    pointing: HashMap<Box<[u8]>, u64>,
    present: HashSet<Box<[u8]>>,
}

impl References {
    /// `schemas`: of the masked tables, in the plan's order.
    pub(super) fn new(plan: &ExportPlan, schemas: &[SchemaRef]) -> Self {
        let keys = plan.tables.iter().enumerate().flat_map(|(at, table)| {
            table.foreign_keys.iter().enumerate().map(move |(key_at, key)| ((at, key_at), table, key))
        });
        let counted = keys.filter(|(_, table, key)| !is_own_edge(plan, table, key));
        Self(counted.filter_map(|(of, _, key)| Reference::new(of, plan, key, schemas)).collect())
    }

    /// Looks at a masked batch of a table.
    pub(super) fn add(&mut self, table: usize, batch: &RecordBatch) {
        for reference in &mut self.0 {
            if reference.of.0 == table {
                reference.point(batch);
            }
            if reference.to == table {
                reference.keep(batch);
            }
        }
    }

    /// For each table of the plan and each of its foreign keys: rows that point outside.
    pub(super) fn dangling(self, plan: &ExportPlan) -> Vec<Vec<u64>> {
        let mut dangling: Vec<Vec<u64>> = plan.tables.iter().map(|t| vec![0; t.foreign_keys.len()]).collect();
        for Reference { of: (table, key), pointing, present, .. } in self.0 {
            let outside = pointing.iter().filter(|(key, _)| !present.contains(*key));
            dangling[table][key] = outside.map(|(_, rows)| rows).sum();
        }
        dangling
    }
}

/// Whether the table's rows were found by this very key, so that each points at a row that is here.
fn is_own_edge(plan: &ExportPlan, table: &TablePlan, key: &ForeignKeyPlan) -> bool {
    match &table.edge {
        EdgePlan::Child { parent, parent_columns, columns } => {
            plan.tables.get(*parent).is_some_and(|parent| parent.name == key.references)
                && *columns == key.columns
                && *parent_columns == key.referenced
        }
        _ => false,
    }
}

impl Reference {
    fn new(
        of: (usize, usize),
        plan: &ExportPlan,
        key: &ForeignKeyPlan,
        schemas: &[SchemaRef],
    ) -> Option<Self> {
        let to = plan.tables.iter().position(|table| table.name == key.references)?;
        let places = |table: usize, names: &[String]| -> Option<Vec<usize>> {
            let schema = schemas.get(table)?;
            names.iter().map(|name| schema.index_of(name).ok()).collect()
        };
        let referenced = places(to, &key.referenced)?;
        let types: Vec<DataType> =
            referenced.iter().map(|&at| schemas[to].field(at).data_type().clone()).collect();
        let fields = types.iter().map(|of| SortField::new(of.clone())).collect();
        Some(Self {
            columns: places(of.0, &key.columns)?,
            of,
            to,
            referenced,
            rows: RowConverter::new(fields).ok()?,
            types,
            pointing: HashMap::new(),
            present: HashSet::new(),
        })
    }

    fn point(&mut self, batch: &RecordBatch) {
        let columns = self.columns.iter().zip(&self.types).map(|(&at, of)| cast(batch.column(at), of));
        let Ok(columns) = columns.collect::<Result<Vec<_>, _>>() else { return };
        let Some(rows) = self.rows(&columns) else { return };
        for row in whole(&columns, batch.num_rows()) {
            *self.pointing.entry(rows.row(row).as_ref().into()).or_default() += 1;
        }
    }

    fn keep(&mut self, batch: &RecordBatch) {
        let columns: Vec<ArrayRef> = self.referenced.iter().map(|&at| batch.column(at).clone()).collect();
        let Some(rows) = self.rows(&columns) else { return };
        self.present.extend(whole(&columns, batch.num_rows()).map(|row| rows.row(row).as_ref().into()));
    }

    fn rows(&self, columns: &[ArrayRef]) -> Option<Rows> {
        self.rows.convert_columns(columns).ok()
    }
}

/// Rows without a NULL among the columns: the others point at nothing (MATCH SIMPLE).
fn whole(columns: &[ArrayRef], rows: usize) -> impl Iterator<Item = usize> {
    let nulls: Vec<_> = columns.iter().filter_map(|column| column.logical_nulls()).collect();
    (0..rows).filter(move |&row| nulls.iter().all(|nulls| nulls.is_valid(row)))
}

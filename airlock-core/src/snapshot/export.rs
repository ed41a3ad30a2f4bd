//! Makes one snapshot: walks the plan, asks the source for rows by key, masks them batch by batch, keeps them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use futures::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};

use super::error::ExportError;
use super::gather::Gather;
use super::keys::{BadKeys, KeySet};
use super::plan::{EdgePlan, ExportPlan, TablePlan};
use super::references::References;
use super::source::{Reader, RowFilter, RowsAsk, Source, SourceError};
use super::store::{Manifest, Snapshot, SnapshotStore, SnapshotWriter};
use super::tally::Tally;
use crate::host::Host;
use crate::id::{Generation, SubjectHandle, SubjectId};
use crate::mask::{MaskKeys, MaskState, TableMasks, wipe};
use crate::policy::limits::Limits;
use crate::policy::{Include, OnLimit};

/// What every export of one policy shares.
#[derive(Debug)]
pub struct Export<'a, S> {
    /// Which rows and masks.
    pub plan: &'a ExportPlan,
    /// Where the rows are.
    pub source: &'a dyn Source,
    /// Keys of the masks.
    pub keys: &'a MaskKeys,
    /// `limits:`.
    pub limits: &'a Limits,
    /// How long the snapshot is fresh.
    pub ttl: Duration,
    /// Where the masked rows go.
    pub store: &'a S,
    /// Clocks.
    pub host: &'a dyn Host,
}

impl<S: SnapshotStore> Export<'_, S> {
    /// Exports one subject.
    ///
    /// All tables are read from one consistent view. Tables that do not depend on each other are asked for side by
    /// side; those with free text come last, when the values to remove from it are known. Masking runs on the thread
    /// that polls. Needs a tokio runtime with time. Dropping the future leaves nothing behind.
    ///
    /// # Errors
    /// [`ExportError`]: nothing is kept then.
    pub async fn run(
        &self,
        subject: &SubjectId,
        handle: SubjectHandle,
        generation: Generation,
    ) -> Result<Snapshot<S::Data>, ExportError> {
        let masks = self.plan.tables.iter().map(|table| {
            Ok(TableMasks::new(table, self.keys)?.with_max_cell_bytes(self.limits.max_cell_bytes))
        });
        let masks: Vec<TableMasks> = masks.collect::<Result<_, ExportError>>()?;
        let attempt = || Walk::new(self, &masks).run(subject, handle, generation);
        let retried = async {
            match attempt().await {
                // A standby cancels reads that are in its way; a fresh one usually gets through.
                Err(ExportError::Source(SourceError::Conflict)) => attempt().await,
                other => other,
            }
        };
        tokio::time::timeout(self.limits.export_timeout(), retried)
            .await
            .unwrap_or(Err(ExportError::TimedOut))
    }
}

/// One attempt.
struct Walk<'a, S: SnapshotStore> {
    export: &'a Export<'a, S>,
    masks: &'a [TableMasks],
    /// By table: the column lists whose values other tables are found by.
    followed: Vec<Vec<&'a [String]>>,
}

/// What grows while tables are read.
struct Shared<W> {
    writer: W,
    state: MaskState,
    tallies: Vec<Tally>,
    references: References,
    rows: u64,
    bytes: u64,
    /// Keys to follow, by table and columns.
    keys: BTreeMap<(usize, Vec<String>), KeySet>,
}

impl<'a, S: SnapshotStore> Walk<'a, S> {
    fn new(export: &'a Export<'a, S>, masks: &'a [TableMasks]) -> Self {
        let mut followed: Vec<Vec<&[String]>> = vec![vec![]; export.plan.tables.len()];
        for table in &export.plan.tables {
            for (from, columns) in dependencies(table) {
                if let Some(lists) = followed.get_mut(from)
                    && !lists.contains(&columns)
                {
                    lists.push(columns);
                }
            }
        }
        Self { export, masks, followed }
    }

    async fn run(
        self,
        subject: &SubjectId,
        handle: SubjectHandle,
        generation: Generation,
    ) -> Result<Snapshot<S::Data>, ExportError> {
        let Export { plan, host, ttl, store, .. } = self.export;
        let reader = self.export.source.begin().await?;
        let (began, exported_at) = (host.monotonic(), host.now());
        let schemas: Vec<_> =
            plan.tables.iter().zip(self.masks).map(|(t, m)| (t.name.clone(), m.schema().clone())).collect();
        let shared = Mutex::new(Shared {
            writer: store.begin(handle, generation, &schemas)?,
            state: MaskState::of(self.masks, self.export.keys),
            tallies: self.masks.iter().map(|m| Tally::new(m.schema())).collect(),
            references: References::new(
                plan,
                &self.masks.iter().map(|m| m.schema().clone()).collect::<Vec<_>>(),
            ),
            rows: 0,
            bytes: 0,
            keys: BTreeMap::new(),
        });
        self.walk(reader.as_ref(), subject, &shared).await?;
        drop(reader);

        let Shared { writer, tallies, references, .. } =
            shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        let counted = tallies.into_iter().zip(references.dangling(plan));
        let manifest = Manifest {
            handle,
            generation,
            policy_hash: plan.policy_hash,
            exported_at,
            expires_at: exported_at.after(*ttl),
            duration_ms: u64::try_from(host.monotonic().saturating_sub(began).as_millis())
                .unwrap_or(u64::MAX),
            tables: plan
                .tables
                .iter()
                .zip(counted)
                .map(|(table, (tally, dangling))| tally.manifest(&table.name, dangling))
                .collect(),
        };
        let data = writer.finish(&manifest)?;
        Ok(Snapshot { manifest, fresh_until: began.saturating_add(*ttl), data })
    }

    /// Reads every table after the one it depends on. Of those that can be read now, the ones without free text go
    /// first and together; then one with free text, in the plan's order, so that equal exports give equal snapshots.
    async fn walk(
        &self,
        reader: &dyn Reader,
        subject: &SubjectId,
        shared: &Mutex<Shared<S::Writer>>,
    ) -> Result<(), ExportError> {
        let tables = &self.export.plan.tables;
        let mut done = vec![false; tables.len()];
        while done.contains(&false) {
            let is_ready = |i: &usize| {
                !done[*i] && dependencies(&tables[*i]).iter().all(|(from, _)| done.get(*from) == Some(&true))
            };
            let ready: Vec<usize> = (0..tables.len()).filter(is_ready).collect();
            let mut now: Vec<usize> = ready.iter().copied().filter(|i| !self.masks[*i].scrubs()).collect();
            let roots: Vec<usize> =
                ready.iter().copied().filter(|i| matches!(tables[*i].edge, EdgePlan::Root { .. })).collect();
            if !roots.is_empty() {
                now = roots;
            } else if now.is_empty() {
                now.extend(ready.first());
            }
            if now.is_empty() {
                let table = done.iter().position(|d| !d).map_or("", |i| &tables[i].name);
                return Err(ExportError::Plan {
                    table: table.into(),
                    what: "depends on a table that is not read",
                });
            }
            // Boxed, because a stream made by a closure over borrows is not known to be `Send`.
            let mut asks = vec![];
            for i in &now {
                asks.push(self.table(*i, reader, subject, shared).boxed());
            }
            stream::iter(asks).buffer_unordered(ASKS_AT_ONCE).try_collect::<()>().await?;
            now.into_iter().for_each(|i| done[i] = true);
        }
        Ok(())
    }

    async fn table(
        &self,
        index: usize,
        reader: &dyn Reader,
        subject: &SubjectId,
        shared: &Mutex<Shared<S::Writer>>,
    ) -> Result<(), ExportError> {
        let plan = &self.export.plan.tables[index];
        let is_root = matches!(plan.edge, EdgePlan::Root { .. });
        if plan.include == Include::None && !is_root && self.followed[index].is_empty() {
            return Ok(());
        }
        let filters = self.filters(plan, subject, shared)?;
        let max = if is_root { 1 } else { self.rows_max(plan) };
        let ask = RowsAsk {
            table: plan.source.clone(),
            columns: self.columns(index)?,
            filter: RowFilter::All,
            order_by: plan.order_by.clone(),
            limit: max.saturating_add(1),
        };
        let mut left = max;
        let mut gather = (filters.len() > 1).then(|| Gather::new(plan, max));
        for filter in filters {
            let mut batches = reader.rows(RowsAsk { filter, ..ask.clone() }).await?;
            while let Some(batch) = batches.try_next().await? {
                match &mut gather {
                    Some(gather) => gather.push(batch)?,
                    None => self.take(index, batch, &mut left, shared)?,
                }
            }
        }
        for batch in gather.map(Gather::finish).transpose()?.into_iter().flatten() {
            self.take(index, batch, &mut left, shared)?;
        }
        if is_root && left > 0 {
            return Err(ExportError::NotFound { root_table: plan.name.clone() });
        }
        Ok(())
    }

    /// Keeps a batch's first rows, up to what is left of the table's limit, and wipes the batch.
    fn take(
        &self,
        index: usize,
        raw: RecordBatch,
        left: &mut u64,
        shared: &Mutex<Shared<S::Writer>>,
    ) -> Result<(), ExportError> {
        let rows = raw.num_rows() as u64;
        let kept = rows.min(*left);
        *left -= kept;
        let part = raw.slice(0, usize::try_from(kept).unwrap_or(usize::MAX));
        let result = self.keep(index, &part, kept < rows, &mut lock(shared));
        drop(part);
        wipe(raw);
        result
    }

    fn keep(
        &self,
        index: usize,
        raw: &RecordBatch,
        is_cut: bool,
        shared: &mut Shared<S::Writer>,
    ) -> Result<(), ExportError> {
        let Export { plan, limits, .. } = self.export;
        let table = &plan.tables[index];
        if is_cut {
            match &table.edge {
                EdgePlan::Root { .. } => {
                    return Err(ExportError::Ambiguous { root_table: table.name.clone() });
                }
                _ if table.on_limit == OnLimit::Fail => {
                    return Err(ExportError::TooLarge { limit: limit_name(table) });
                }
                _ => shared.tallies[index].cut(),
            }
        }
        if raw.num_rows() == 0 {
            return Ok(());
        }
        for columns in &self.followed[index] {
            let arrays = pick(raw, columns).ok_or_else(|| self.drifted(table))?;
            let keys = shared.keys.entry((index, columns.to_vec())).or_default();
            keys.add(&arrays).map_err(|BadKeys| self.drifted(table))?;
        }
        if table.include == Include::None {
            return Ok(());
        }
        let (masked, counts) = self.masks[index].apply(raw, &mut shared.state)?;
        shared.references.add(index, masked.get());
        shared.rows += raw.num_rows() as u64;
        shared.bytes += shared.tallies[index].add(masked.get(), counts);
        if shared.rows > limits.max_rows_total {
            return Err(ExportError::TooLarge { limit: "max_rows_total" });
        }
        if shared.bytes > limits.max_bytes_per_snapshot {
            return Err(ExportError::TooLarge { limit: "max_bytes_per_snapshot" });
        }
        Ok(shared.writer.push(index, masked)?)
    }

    fn filters(
        &self,
        plan: &TablePlan,
        subject: &SubjectId,
        shared: &Mutex<Shared<S::Writer>>,
    ) -> Result<Vec<RowFilter>, ExportError> {
        let columns = match &plan.edge {
            EdgePlan::Root { filter } => {
                return Ok(vec![RowFilter::Equals {
                    column: filter.clone(),
                    text: subject.expose().to_owned(),
                }]);
            }
            EdgePlan::Global => return Ok(vec![RowFilter::All]),
            EdgePlan::Child { columns, .. } | EdgePlan::Lookup { columns, .. } => columns,
        };
        let shared = lock(shared);
        let found: Vec<&KeySet> = dependencies(plan)
            .into_iter()
            .filter_map(|(from, columns)| shared.keys.get(&(from, columns.to_vec())))
            .collect();
        let batches = match found.as_slice() {
            [] => return Ok(vec![]),
            [keys] => keys.batches(KEYS_AT_ONCE),
            several => KeySet::union(several).and_then(|keys| keys.batches(KEYS_AT_ONCE)),
        };
        let batches = batches.map_err(|BadKeys| self.drifted(plan))?;
        Ok(batches.into_iter().map(|keys| RowFilter::Keys { columns: columns.clone(), keys }).collect())
    }

    /// The columns to ask for: what masks and keys need, what other tables are found by, what rows are ordered by.
    fn columns(&self, index: usize) -> Result<Vec<String>, ExportError> {
        let plan = &self.export.plan.tables[index];
        let mut columns = vec![];
        let mut add = |names: &[String]| {
            for name in names {
                if !columns.contains(name) {
                    columns.push(name.clone());
                }
            }
        };
        if plan.include == Include::Rows {
            add(self.masks[index].selected_columns());
        }
        self.followed[index].iter().for_each(|names| add(names));
        plan.order_by.iter().for_each(|(name, _)| add(std::slice::from_ref(name)));
        if columns.is_empty() {
            // Rows are counted even where no value of theirs is wanted.
            match &plan.edge {
                EdgePlan::Root { filter } => columns.push(filter.clone()),
                EdgePlan::Child { columns: own, .. } | EdgePlan::Lookup { columns: own, .. } => {
                    columns.clone_from(own)
                }
                EdgePlan::Global => {
                    return Err(ExportError::Plan {
                        table: plan.name.clone(),
                        what: "no column can be read",
                    });
                }
            }
        }
        Ok(columns)
    }

    fn rows_max(&self, plan: &TablePlan) -> u64 {
        match plan.edge {
            EdgePlan::Global => plan.max_rows.min(self.export.limits.global_table_max_rows),
            _ => plan.max_rows,
        }
    }

    fn drifted(&self, plan: &TablePlan) -> ExportError {
        SourceError::Drift { table: plan.source.clone(), what: "its key columns".into() }.into()
    }
}

/// The tables that this one's rows are found from, and by which of their columns.
fn dependencies(plan: &TablePlan) -> Vec<(usize, &[String])> {
    match &plan.edge {
        EdgePlan::Root { .. } | EdgePlan::Global => vec![],
        EdgePlan::Child { parent, parent_columns, .. } => vec![(*parent, parent_columns)],
        EdgePlan::Lookup { via, via_columns, also, .. } => {
            let also = also.iter().map(|(at, columns)| (*at, columns.as_slice()));
            std::iter::once((*via, via_columns.as_slice())).chain(also).collect()
        }
    }
}

fn limit_name(plan: &TablePlan) -> &'static str {
    match plan.edge {
        EdgePlan::Global => "global_table_max_rows",
        _ => "max_rows_per_table",
    }
}

pub(super) fn pick(batch: &RecordBatch, columns: &[String]) -> Option<Vec<ArrayRef>> {
    columns.iter().map(|name| batch.column_by_name(name).cloned()).collect()
}

/// Held for the masking of one batch, never across an await.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keys bound to one ask.
const KEYS_AT_ONCE: usize = 10_000;
/// Asks of one export that are open side by side.
const ASKS_AT_ONCE: usize = 8;

#[cfg(test)]
pub(super) mod tests;

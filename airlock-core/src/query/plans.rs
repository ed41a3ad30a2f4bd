//! Plans kept for the next statement that differs in values only: planning is nine tenths of a query.
//!
//! A plan is a function of a template and of the limits, never of the values that stand in its slots, nor of what was
//! asked before: a statement whose template is known gets the plan that it would have been given anyway. What the values
//! may decide, they decide anew each time: admission reads the whole text, and a value that does not fit its slot sends
//! the statement to a plan of its own.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::ExecutionPlan;

use super::AnswerColumn;
use super::slots::Slots;
use crate::egress::Template;
use crate::policy::limits::Limits;

/// A statement that passed every layer, ready to run. It runs once at a time: slots and subqueries keep values in it.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    pub(super) columns: Vec<AnswerColumn>,
    pub(super) tables: Vec<String>,
    pub(super) is_ordered: bool,
    pub(super) slots: Slots,
}

/// A plan on loan, with its slots filled.
pub(super) struct Loan {
    pub(super) planned: Planned,
    /// Where it goes back; `None` when it holds for one call only.
    pub(super) shelf: Option<(Arc<Template>, Arc<[ScalarValue]>)>,
}

/// What is known of a template.
pub(super) enum Found {
    /// A plan that is free.
    Plan(Planned),
    /// None is free.
    Nothing,
    /// Statements of this template cannot share a plan.
    NotShared,
}

/// The plans of the templates seen last, and which texts fill which template. All of it under one set of limits.
#[derive(Default)]
pub(super) struct Plans {
    limits: Option<Arc<Limits>>,
    shelves: HashMap<Arc<Template>, Shelf>,
    texts: HashMap<Arc<str>, Filled>,
    bytes: usize,
    clock: u64,
}

#[derive(Default)]
struct Shelf {
    free: Vec<Planned>,
    /// Most plans that were free at once: a plan on loan is counted, for it comes back.
    most: usize,
    is_shared: bool,
    bytes: usize,
    used: u64,
}

/// A text that was answered before.
struct Filled {
    template: Arc<Template>,
    values: Arc<[ScalarValue]>,
    used: u64,
}

impl Plans {
    /// A plan for exactly this text.
    pub(super) fn recall(&mut self, sql: &str, limits: &Arc<Limits>) -> Option<Loan> {
        self.under(limits);
        self.clock += 1;
        let text = self.texts.get_mut(sql)?;
        text.used = self.clock;
        let (template, values) = (text.template.clone(), text.values.clone());
        let Found::Plan(planned) = self.find(&template, limits) else { return None };
        planned.slots.fill(&values).ok()?;
        Some(Loan { planned, shelf: Some((template, values)) })
    }

    /// A plan for statements of this template.
    pub(super) fn find(&mut self, template: &Template, limits: &Arc<Limits>) -> Found {
        self.under(limits);
        self.clock += 1;
        let Some(shelf) = self.shelves.get_mut(template) else { return Found::Nothing };
        shelf.used = self.clock;
        match shelf.free.pop() {
            Some(planned) => Found::Plan(planned),
            None if shelf.is_shared => Found::Nothing,
            None => Found::NotShared,
        }
    }

    /// Remembers that statements of this template cannot share a plan.
    pub(super) fn refuse(&mut self, template: Arc<Template>, sql: &str, limits: &Arc<Limits>) {
        self.under(limits);
        if sql.len() <= TEXT_BYTES_MAX {
            self.shelve(template, sql, None);
        }
    }

    /// Takes back a plan that answered this text.
    pub(super) fn give_back(&mut self, sql: &str, limits: &Arc<Limits>, loan: Loan) {
        let Loan { planned, shelf: Some((template, values)) } = loan else { return };
        self.put(template.clone(), sql, limits, planned);
        // Long statements are seldom sent twice.
        if sql.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.texts.len() >= TEXTS_MAX
            && !self.texts.contains_key(sql)
            && let Some(oldest) = oldest(self.texts.iter().map(|(sql, text)| (sql, text.used)))
        {
            self.texts.remove(&oldest);
        }
        self.texts.insert(sql.into(), Filled { template, values, used: self.clock });
    }

    /// Takes a plan that is free; `sql` is one text of its template.
    pub(super) fn put(&mut self, template: Arc<Template>, sql: &str, limits: &Arc<Limits>, planned: Planned) {
        self.under(limits);
        if sql.len() <= TEXT_BYTES_MAX {
            self.shelve(template, sql, Some(planned));
        }
    }

    fn shelve(&mut self, template: Arc<Template>, sql: &str, planned: Option<Planned>) {
        let bytes = planned.as_ref().map_or(0, |planned| bytes_of(&planned.plan));
        let clock = self.clock;
        let shelf = self.shelves.entry(template).or_insert_with(|| {
            let bytes = sql.len() * TREE_BYTES_PER_BYTE;
            self.bytes += bytes;
            Shelf { bytes, used: clock, ..Shelf::default() }
        });
        shelf.is_shared |= planned.is_some();
        if let Some(planned) = planned
            && shelf.free.len() < FREE_MAX
        {
            shelf.free.push(planned);
            if shelf.free.len() > shelf.most {
                shelf.most = shelf.free.len();
                shelf.bytes += bytes;
                self.bytes += bytes;
            }
        }
        while self.shelves.len() > SHELVES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = oldest(self.shelves.iter().map(|(key, shelf)| (key, shelf.used))) else {
                break;
            };
            self.bytes -= self.shelves.remove(&oldest).map_or(0, |shelf| shelf.bytes);
        }
    }

    /// Plans hold under the limits that they were checked against.
    fn under(&mut self, limits: &Arc<Limits>) {
        if self.limits.as_ref().is_none_or(|own| !Arc::ptr_eq(own, limits) && own != limits) {
            *self = Self { limits: Some(limits.clone()), ..Self::default() };
        }
    }
}

fn oldest<'k, K: ?Sized + 'k>(used: impl Iterator<Item = (&'k Arc<K>, u64)>) -> Option<Arc<K>> {
    used.min_by_key(|(_, used)| *used).map(|(key, _)| key.clone())
}

/// About what a plan holds: the engine does not say.
fn bytes_of(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let mut bytes = 0;
    // The walk itself cannot fail.
    let _ = plan.apply(|node| {
        bytes += NODE_BYTES + node.schema().fields().len() * FIELD_BYTES;
        Ok::<_, DataFusionError>(TreeNodeRecursion::Continue)
    });
    bytes
}

const SHELVES_MAX: usize = 128;
/// Plans of one template that may be free at once: as many as run at once.
const FREE_MAX: usize = 8;
const TEXTS_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 8_192;
const BYTES_MAX: usize = 32 * 1024 * 1024;
const NODE_BYTES: usize = 4_096;
const FIELD_BYTES: usize = 512;
/// Bytes of a syntax tree for a byte of text.
const TREE_BYTES_PER_BYTE: usize = 32;

#[cfg(test)]
mod tests;

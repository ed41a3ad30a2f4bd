//! Plans kept for the next call with the same text: planning is nine tenths of a query.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::AnswerColumn;
use crate::policy::limits::Limits;

/// A statement that passed every layer, ready to run.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    pub(super) columns: Vec<AnswerColumn>,
    pub(super) tables: Vec<String>,
    pub(super) is_ordered: bool,
}

/// The plans of the statements seen last, by their exact text. A plan holds under the limits it was checked against.
#[derive(Debug, Default)]
pub(super) struct Plans {
    kept: HashMap<Arc<str>, Kept>,
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    planned: Arc<Planned>,
    limits: Arc<Limits>,
    used: u64,
}

impl Plans {
    pub(super) fn find(&mut self, sql: &str, limits: &Arc<Limits>) -> Option<Arc<Planned>> {
        self.clock += 1;
        let kept = self.kept.get_mut(sql)?;
        if !Arc::ptr_eq(&kept.limits, limits) && kept.limits != *limits {
            return None;
        }
        kept.used = self.clock;
        Some(kept.planned.clone())
    }

    pub(super) fn keep(&mut self, sql: &str, limits: &Arc<Limits>, planned: Arc<Planned>) {
        // Long statements are seldom sent twice.
        if sql.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.kept.len() >= PLANS_MAX
            && let Some(oldest) = self.kept.iter().min_by_key(|(_, k)| k.used).map(|(sql, _)| sql.clone())
        {
            self.kept.remove(&oldest);
        }
        self.kept.insert(sql.into(), Kept { planned, limits: limits.clone(), used: self.clock });
    }
}

const PLANS_MAX: usize = 128;
const TEXT_BYTES_MAX: usize = 8_192;

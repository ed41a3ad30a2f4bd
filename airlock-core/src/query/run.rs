//! Takes one statement through every layer and runs it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt, StreamExt};

use super::fault::Faults;
use super::lineage;
use super::plans::Planned;
use super::shape::Shaper;
use super::{AnswerColumn, Job, QueryError, Session, Shaped};
use crate::egress::{AdmittedSql, Detail, Refusal, Verdict, admit, plan};
use crate::policy::limits::Limits;

impl Session {
    /// Admits the statement, plans it, runs it and writes its answer down within the job's limits.
    ///
    /// Needs a tokio runtime with time, and a thread with a stack of [`QUERY_STACK_BYTES`](super::QUERY_STACK_BYTES):
    /// planning recurses. The deadline and a dropped future bite between batches; planning is one step that neither
    /// can stop, so a hard deadline needs a process that can be killed.
    ///
    /// # Errors
    /// [`QueryError`]; nothing of a failed answer is returned.
    pub async fn run(&self, job: &Job) -> std::result::Result<Shaped, QueryError> {
        let answer = AssertUnwindSafe(self.answer(job)).catch_unwind();
        match tokio::time::timeout(job.timeout, Box::pin(answer)).await {
            Err(_) => Err(QueryError::Timeout),
            Ok(Err(_)) => Err(QueryError::Engine("panic".to_owned())),
            Ok(Ok(answer)) => answer,
        }
    }

    async fn answer(&self, job: &Job) -> std::result::Result<Shaped, QueryError> {
        let planned = self.planned(job).await?;
        // Planning may have used up the deadline.
        tokio::task::yield_now().await;
        let faults = Faults { shapes: &self.shapes };
        let plan = reset_plan_states(planned.plan.clone()).map_err(|e| faults.reduce(&e))?;
        let mut batches = execute_stream(plan, self.task.clone()).map_err(|e| faults.reduce(&e))?;
        let mut shaper = Shaper::new(job, &planned.columns);
        while let Some(batch) = batches.next().await {
            if shaper.push(&batch.map_err(|e| faults.reduce(&e))?)?.is_full() {
                break;
            }
            tokio::task::yield_now().await;
        }
        shaper.finish(&planned)
    }

    /// The statement's plan, through layers L2 to L6, or as they passed it before.
    async fn planned(&self, job: &Job) -> std::result::Result<Arc<Planned>, QueryError> {
        if let Some(planned) = self.plans.lock().find(job.sql.as_str(), &job.limits) {
            return Ok(planned);
        }
        let admitted = admit(&job.sql, &self.shapes, &job.limits).map_err(|verdict| match verdict {
            Verdict::Refused(refusal) => QueryError::Refused(refusal),
            Verdict::Sql { message, hint } => QueryError::Sql { message, hint },
        })?;
        let uses_time = admitted.uses_time();
        let planned = Arc::new(self.plan(admitted, job).await?);
        if !uses_time {
            self.plans.lock().keep(job.sql.as_str(), &job.limits, planned.clone());
        }
        Ok(planned)
    }

    async fn plan(&self, admitted: AdmittedSql, job: &Job) -> std::result::Result<Planned, QueryError> {
        let faults = Faults { shapes: &self.shapes };
        let reduce = |e| faults.reduce(&e);
        let (tables, is_ordered) = (admitted.tables().to_vec(), admitted.is_ordered());
        // `now()` is folded into the plan, so such a plan needs a state of its own.
        let timed = admitted.uses_time().then(|| {
            let mut state = self.state.clone();
            state.mark_start_execution();
            state
        });
        let state = timed.as_ref().unwrap_or(&self.state);
        let logical = state.statement_to_plan(admitted.into_statement()).await.map_err(reduce)?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&logical)
            .map_err(reduce)?;
        plan::check_logical(&logical, &job.limits).map_err(QueryError::Refused)?;
        // One pass of the optimizer is enough but for some comma joins, which it leaves without their equality.
        let hasty = Limits {
            max_join_rows: job.limits.max_join_rows.min(HASTY_JOIN_ROWS_MAX),
            ..(*job.limits).clone()
        };
        let (plan, columns) = match self.optimised(state, &logical, &hasty).await {
            Err(QueryError::Refused(Refusal { detail: Detail::JoinExplosion, .. })) => {
                let mut state = state.clone();
                state.config_mut().options_mut().optimizer.max_passes = THOROUGH_PASSES;
                self.optimised(&state, &logical, &job.limits).await?
            }
            other => other?,
        };
        Ok(Planned { plan, columns, tables, is_ordered })
    }

    /// Optimises a plan and takes it through L6.
    async fn optimised(
        &self,
        state: &SessionState,
        logical: &LogicalPlan,
        limits: &Limits,
    ) -> std::result::Result<(Arc<dyn ExecutionPlan>, Vec<AnswerColumn>), QueryError> {
        let faults = Faults { shapes: &self.shapes };
        let reduce = |e| faults.reduce(&e);
        let optimised = state.optimize(logical).map_err(reduce)?;
        let columns = lineage::columns(&optimised);
        let physical = state.query_planner().create_physical_plan(&optimised, state).await.map_err(reduce)?;
        plan::check_physical(&physical, limits).map_err(QueryError::Refused)?;
        Ok((yielding(physical).map_err(reduce)?, columns))
    }
}

/// Lets go of the thread now and then above every operator that makes many rows of few: without that, an operator that
/// throws those rows away again would run past the deadline.
fn yielding(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let multiplies = node.is::<CrossJoinExec>()
            || node.is::<NestedLoopJoinExec>()
            || node.is::<HashJoinExec>()
            || node.is::<SortMergeJoinExec>()
            || node.is::<UnnestExec>();
        Ok(match multiplies {
            true => Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>),
            false => Transformed::no(node),
        })
    })
    .data()
}

/// Up to here a join without equality is not worth a second look.
const HASTY_JOIN_ROWS_MAX: u64 = 100_000;
const THOROUGH_PASSES: usize = 3;

//! Takes one statement through every layer and runs it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::{LogicalPlan, Statement};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{FutureExt, StreamExt};

use super::fault::Faults;
use super::lineage;
use super::plans::{Found, Loan, Planned};
use super::shape::Shaper;
use super::slots::Slots;
use super::{AnswerColumn, Job, QueryError, Session, Shaped};
use crate::egress::{AdmittedSql, Detail, Refusal, Template, Verdict, admit, plan};
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
        let loan = self.planned(job).await?;
        // Planning may have used up the deadline.
        tokio::task::yield_now().await;
        let faults = Faults { shapes: &self.shapes };
        let plan = reset_plan_states(loan.planned.plan.clone()).map_err(|e| faults.reduce(&e))?;
        let mut batches = execute_stream(plan, self.task.clone()).map_err(|e| faults.reduce(&e))?;
        let mut shaper = Shaper::new(job, &loan.planned.columns);
        while let Some(batch) = batches.next().await {
            if shaper.push(&batch.map_err(|e| faults.reduce(&e))?)?.is_full() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(batches);
        let answer = shaper.finish(&loan.planned)?;
        // A plan that failed or was left is not used again.
        self.plans.lock().give_back(job.sql.as_str(), &job.limits, loan);
        Ok(answer)
    }

    /// A plan for the statement, through layers L2 to L6. Kept or new, it is the same plan.
    async fn planned(&self, job: &Job) -> std::result::Result<Loan, QueryError> {
        if let Some(loan) = self.plans.lock().recall(job.sql.as_str(), &job.limits) {
            return Ok(loan);
        }
        let admitted = self.admit(job)?;
        if admitted.uses_time() {
            let planned = self.plan(&admitted.into_whole(), &[], true, job).await?;
            return Ok(Loan { planned, shelf: None });
        }
        let (template, values) = admitted.into_template();
        if !template.has_values() {
            return self.whole(template, job).await;
        }
        match self.shared(template, values, job).await {
            Some(loan) => Ok(loan),
            None => self.whole(self.admit(job)?.into_whole(), job).await,
        }
    }

    fn admit(&self, job: &Job) -> std::result::Result<AdmittedSql, QueryError> {
        admit(&job.sql, &self.shapes, &job.limits).map_err(|verdict| match verdict {
            Verdict::Refused(refusal) => QueryError::Refused(refusal),
            Verdict::Sql { message, hint } => QueryError::Sql { message, hint },
        })
    }

    /// A plan with slots. `None` when there can be none for the template, or these values do not fit it: then the
    /// statement as it is written says what is wrong, if anything.
    async fn shared(&self, template: Template, values: Vec<ScalarValue>, job: &Job) -> Option<Loan> {
        let found = self.plans.lock().find(&template, &job.limits);
        let template = Arc::new(template);
        let planned = match found {
            Found::Plan(planned) => planned,
            Found::NotShared => return None,
            Found::Nothing => match self.plan(&template, &values, false, job).await {
                Ok(planned) => planned,
                Err(_) => {
                    self.plans.lock().refuse(template, job.sql.as_str(), &job.limits);
                    return None;
                }
            },
        };
        match planned.slots.fill(&values) {
            Ok(()) => Some(Loan { planned, shelf: Some((template, values.into())) }),
            Err(_) => {
                self.plans.lock().put(template, job.sql.as_str(), &job.limits, planned);
                None
            }
        }
    }

    /// A plan for exactly this statement.
    async fn whole(&self, template: Template, job: &Job) -> std::result::Result<Loan, QueryError> {
        let found = self.plans.lock().find(&template, &job.limits);
        let planned = match found {
            Found::Plan(planned) => planned,
            Found::Nothing | Found::NotShared => self.plan(&template, &[], false, job).await?,
        };
        Ok(Loan { planned, shelf: Some((Arc::new(template), Arc::default())) })
    }

    async fn plan(
        &self,
        template: &Template,
        values: &[ScalarValue],
        uses_time: bool,
        job: &Job,
    ) -> std::result::Result<Planned, QueryError> {
        let faults = Faults { shapes: &self.shapes };
        let reduce = |e| faults.reduce(&e);
        // `now()` is folded into the plan, so such a plan needs a state of its own.
        let timed = uses_time.then(|| {
            let mut state = self.state.clone();
            state.mark_start_execution();
            state
        });
        let state = timed.as_ref().unwrap_or(&self.state);
        let types: Vec<DataType> = template.types().collect();
        let mut logical = state.statement_to_plan(template.to_statement()).await.map_err(reduce)?;
        if let LogicalPlan::Statement(Statement::Prepare(prepared)) = logical {
            logical = Slots::typed(Arc::unwrap_or_clone(prepared.input), &types).map_err(reduce)?;
        }
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&logical)
            .map_err(reduce)?;
        // L5 knows no placeholders: it sees the statement as it was written.
        match values.is_empty() {
            true => plan::check_logical(&logical, &job.limits).map_err(QueryError::Refused)?,
            false => {
                let values = ParamValues::from(values.to_vec());
                let written = logical.clone().replace_params_with_values(&values).map_err(reduce)?;
                plan::check_logical(&written, &job.limits).map_err(QueryError::Refused)?;
            }
        }
        // One pass of the optimizer is enough but for some comma joins, which it leaves without their equality.
        let hasty = Limits {
            max_join_rows: job.limits.max_join_rows.min(HASTY_JOIN_ROWS_MAX),
            ..(*job.limits).clone()
        };
        let (plan, columns, slots) = match self.optimised(state, &logical, &types, &hasty).await {
            Err(QueryError::Refused(Refusal { detail: Detail::JoinExplosion, .. })) => {
                let mut state = state.clone();
                state.config_mut().options_mut().optimizer.max_passes = THOROUGH_PASSES;
                self.optimised(&state, &logical, &types, &job.limits).await?
            }
            other => other?,
        };
        let (tables, is_ordered) = (template.tables().to_vec(), template.is_ordered());
        Ok(Planned { plan, columns, tables, is_ordered, slots })
    }

    /// Optimises a plan and takes it through L6.
    async fn optimised(
        &self,
        state: &SessionState,
        logical: &LogicalPlan,
        types: &[DataType],
        limits: &Limits,
    ) -> std::result::Result<(Arc<dyn ExecutionPlan>, Vec<AnswerColumn>, Slots), QueryError> {
        let faults = Faults { shapes: &self.shapes };
        let reduce = |e| faults.reduce(&e);
        let mut optimised = state.optimize(logical).map_err(reduce)?;
        let mut slots = Slots::default();
        if !types.is_empty() {
            (optimised, slots) = Slots::install(optimised, types).map_err(reduce)?;
        }
        let columns = lineage::columns(&optimised);
        let physical = state.query_planner().create_physical_plan(&optimised, state).await.map_err(reduce)?;
        plan::check_physical(&physical, limits).map_err(QueryError::Refused)?;
        Ok((yielding(physical).map_err(reduce)?, columns, slots))
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

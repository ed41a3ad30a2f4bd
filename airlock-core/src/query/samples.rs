//! Tries a policy's sample queries, so that no agent is told of a statement that would be refused.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};

use super::{Format, Job, QUERY_STACK_BYTES, QueryError, Session};
use crate::egress::Checked;
use crate::error::CallError;
use crate::policy::limits::Limits;
use crate::policy::{Finding, Findings, LintCode, Policy, SampleQuery};
use crate::snapshot::{ExportPlan, MemoryTable, TablePlan};

/// Takes each sample query through every layer that an agent's statement passes, over the plan's tables without rows.
///
/// Takes milliseconds a statement, on a thread of its own.
pub fn check_samples(policy: &Policy, plan: &ExportPlan) -> Findings {
    if policy.sample_queries.is_empty() {
        return Findings::default();
    }
    let tables: Vec<MemoryTable> = plan.tables.iter().map(without_rows).collect();
    let limits = Arc::new(policy.limits.clone());
    let try_all = || {
        let tried =
            |sample| try_one(sample, tables.clone(), &limits).err().map(|error| finding(sample, error));
        policy.sample_queries.iter().filter_map(tried).collect::<Vec<_>>()
    };
    let found = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(QUERY_STACK_BYTES).spawn_scoped(scope, try_all);
        thread.ok().and_then(|thread| thread.join().ok())
    });
    let untried = || vec![Finding::new(LintCode::E401, "sample_queries", "the samples could not be tried")];
    Findings::from(found.unwrap_or_else(untried))
}

fn try_one(sample: &SampleQuery, tables: Vec<MemoryTable>, limits: &Arc<Limits>) -> Result<(), QueryError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| QueryError::Engine(error.kind().to_string()))?;
    let job = Job {
        sql: Checked::new(&sample.sql, limits).map_err(QueryError::Refused)?,
        format: Format::Json,
        max_rows: 1,
        offset: 0,
        limits: limits.clone(),
        timeout: limits.query_timeout(),
    };
    runtime.block_on(Session::open(tables, limits)?.run(&job)).map(|_| ())
}

fn finding(sample: &SampleQuery, error: QueryError) -> Finding {
    let error = CallError::from(error);
    let finding = Finding::new(LintCode::E401, format!("sample_queries[{}].sql", sample.name), error.message);
    match error.hint {
        Some(hint) => finding.advise(hint),
        None => finding,
    }
}

fn without_rows(table: &TablePlan) -> MemoryTable {
    let fields = table.columns.iter().map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    MemoryTable::dangerous_assume_masked(table.name.clone(), Arc::new(schema), vec![])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::bind;
    use crate::policy::test_catalog::catalog;

    #[test]
    fn a_sample_that_an_agent_could_not_run_is_told() {
        let catalog = catalog("users: id int8 pk, email text, secret text");
        let check = |sql: &str| {
            let yaml = format!(
                "tables: [{{name: users, exclude_columns: [secret]}}]\nsample_queries: [{{name: q, sql: \"{sql}\"}}]"
            );
            let policy = Policy::parse(&yaml).unwrap();
            let found = check_samples(&policy, &bind(&policy, &catalog).unwrap()).locate(&yaml);
            found
                .iter()
                .map(|f| format!("{} {} {}", f.code, f.path, f.message))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(check("SELECT email, count(*) FROM users GROUP BY 1 ORDER BY 2 DESC"), "");
        for (sql, says) in [
            ("DROP TABLE users", "E401 sample_queries[q].sql"),
            ("SELECT * FROM orders", "orders"),
            ("SELECT secret FROM users", "secret"),
            ("SELECT summ(id) FROM users", "summ"),
            ("SELECT email + 1 FROM users WHERE (", "E401"),
        ] {
            let found = check(sql);
            assert!(found.contains(says), "{sql}: {found}");
        }
    }
}

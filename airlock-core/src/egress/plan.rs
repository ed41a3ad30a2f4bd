//! L5 and L6: the logical and the physical plan hold nothing but known operators over the snapshot's tables.
//!
//! They do not trust the walk over the text: each would stop files, writes and foreign functions alone.

use std::sync::Arc;

use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::WindowFunctionDefinition;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::memory::LazyMemoryExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::functions::is_allowed;
use super::refusal::quoted;
use super::{Detail, Refusal};
use crate::policy::limits::Limits;
use crate::query::is_snapshot_table;

/// L5: refuses a logical plan with a node, a source or a function that is not known.
pub(crate) fn check_logical(plan: &LogicalPlan, limits: &Limits) -> Result<(), Refusal> {
    if plan.schema().fields().len() as u64 > limits.max_projection {
        return Err(Refusal::new(
            Detail::TooLarge,
            format!("more than {} output columns", limits.max_projection),
        ));
    }
    let mut refusal = None;
    let walked = plan.apply_with_subqueries(|node| {
        refusal = check_node(node).err().or_else(|| check_functions(node));
        Ok(if refusal.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    match (refusal, walked) {
        (Some(refusal), _) => Err(refusal),
        (None, Ok(_)) => Ok(()),
        (None, Err(_)) => Err(unknown("a plan that cannot be read")),
    }
}

fn check_node(node: &LogicalPlan) -> Result<(), Refusal> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Unnest(_) => Ok(()),
        LogicalPlan::TableScan(scan) if is_snapshot_table(&scan.source) => Ok(()),
        LogicalPlan::TableScan(_) => Err(Refusal::new(
            Detail::RelationNotInSnapshot,
            "the statement reads something outside the snapshot",
        )),
        LogicalPlan::RecursiveQuery(_) => {
            Err(Refusal::new(Detail::RecursiveCte, "WITH RECURSIVE is not available"))
        }
        LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) => {
            Err(Refusal::new(Detail::Explain, "EXPLAIN is not available"))
        }
        LogicalPlan::Statement(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_) => Err(unknown("an operation that is no query")),
    }
}

fn check_functions(node: &LogicalPlan) -> Option<Refusal> {
    let mut refused: Option<Refusal> = None;
    let walked = node.apply_expressions(|expr| {
        expr.apply(|e| {
            refused = check_expr(e).err();
            Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    });
    match walked {
        Ok(_) => refused,
        Err(_) => Some(unknown("an expression that cannot be read")),
    }
}

fn check_expr(expr: &Expr) -> Result<(), Refusal> {
    match expr {
        Expr::ScalarFunction(call) => function(call.func.name()),
        Expr::HigherOrderFunction(call) => function(call.func.name()),
        Expr::AggregateFunction(call) => function(call.func.name()),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(aggregate) => function(aggregate.name()),
            WindowFunctionDefinition::WindowUDF(window) => function(window.name()),
        },
        Expr::ScalarVariable(..) => Err(unknown("a session variable")),
        Expr::Placeholder(_) => Err(unknown("a placeholder")),
        #[expect(deprecated, reason = "the enum still has it")]
        Expr::Wildcard { qualifier: _, options: _ } => Ok(()),
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_)
        | Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::SetComparison(_)
        | Expr::ScalarSubquery(_)
        | Expr::GroupingSet(_)
        | Expr::OuterReferenceColumn(..)
        | Expr::Unnest(_)
        | Expr::Lambda(_)
        | Expr::LambdaVariable(_) => Ok(()),
    }
}

fn function(name: &str) -> Result<(), Refusal> {
    if is_allowed(name) {
        return Ok(());
    }
    Err(Refusal::new(Detail::FunctionNotAllowed, format!("function {} is not available", quoted(name))))
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(Detail::NotAQuery, format!("{what} is not available"))
}

/// L6: refuses a physical plan with an operator that is not known, a source that is not in memory, or a join without
/// equality whose estimated rows pass the limit. Takes the optimised plan: there most comma joins have become hash joins.
pub(crate) fn check_physical(plan: &Arc<dyn ExecutionPlan>, limits: &Limits) -> Result<(), Refusal> {
    let mut unknown_operator = None;
    let walked = plan.apply(|node| {
        unknown_operator = (!is_known(node)).then(|| node.name().to_owned());
        Ok::<_, DataFusionError>(match unknown_operator {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    });
    if unknown_operator.is_some() || walked.is_err() {
        return Err(unknown("an operator that reads or writes outside memory"));
    }
    estimate(plan, limits).map(drop)
}

fn is_known(node: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(source) = node.downcast_ref::<DataSourceExec>() {
        return source.data_source().downcast_ref::<MemorySourceConfig>().is_some();
    }
    // Names and not types: half of these types are not public.
    matches!(
        node.name(),
        "AggregateExec"
            | "BoundedWindowAggExec"
            | "CoalesceBatchesExec"
            | "CoalescePartitionsExec"
            | "CooperativeExec"
            | "CrossJoinExec"
            | "EmptyExec"
            | "FilterExec"
            | "GlobalLimitExec"
            | "HashJoinExec"
            | "InterleaveExec"
            | "LazyMemoryExec"
            | "LocalLimitExec"
            | "NestedLoopJoinExec"
            | "PartialSortExec"
            | "PlaceholderRowExec"
            | "ProjectionExec"
            | "RepartitionExec"
            | "ScalarSubqueryExec"
            | "SortExec"
            | "SortExec(TopK)"
            | "SortMergeJoinExec"
            | "SortPreservingMergeExec"
            | "UnionExec"
            | "UnnestExec"
            | "WindowAggExec"
    )
}

/// Most rows that the operator gives, as far as row counts tell.
fn estimate(node: &Arc<dyn ExecutionPlan>, limits: &Limits) -> Result<u64, Refusal> {
    let inputs = node.children().into_iter().map(|c| estimate(c, limits)).collect::<Result<Vec<_>, _>>()?;
    let largest = inputs.iter().copied().max().unwrap_or(1);
    let rows = if let Some(source) = node.downcast_ref::<DataSourceExec>() {
        let memory = source.data_source().downcast_ref::<MemorySourceConfig>();
        memory.map_or(u64::MAX, |m| m.partitions().iter().flatten().map(|b| b.num_rows() as u64).sum())
    } else if node.is::<LazyMemoryExec>() {
        limits.max_series
    } else if node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() {
        let product = inputs.iter().fold(1_u64, |a, b| a.saturating_mul((*b).max(1)));
        if product > limits.max_join_rows {
            return Err(Refusal::new(
                Detail::JoinExplosion,
                format!(
                    "a join without equality could give {product} rows, more than {}",
                    limits.max_join_rows
                ),
            )
            .with_hint("join ON equal columns, or filter and aggregate both sides first"));
        }
        product
    } else if node.is::<UnionExec>() || node.name() == "InterleaveExec" {
        inputs.iter().fold(0_u64, |a, b| a.saturating_add(*b))
    } else if node.is::<UnnestExec>() {
        largest.saturating_mul(UNNEST_FACTOR)
    } else if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        if aggregate.group_expr().is_empty() { 1 } else { largest }
    } else {
        largest
    };
    let partitions = node.output_partitioning().partition_count().max(1) as u64;
    Ok(node.fetch().map_or(rows, |n| rows.min((n as u64).saturating_mul(partitions))))
}

/// Elements of an array, when only the rows that hold them are known.
const UNNEST_FACTOR: u64 = 100;

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::MemTable;
    use datafusion::prelude::{CsvReadOptions, SessionContext};

    use super::*;

    /// An engine with every door open: its own tables, all functions, files.
    async fn open() -> SessionContext {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(vec![1]))])
            .expect("one column");
        let table = MemTable::try_new(schema, vec![vec![batch]]).expect("one batch");
        let engine = SessionContext::new();
        engine.register_table("users", Arc::new(table)).expect("a new name");
        engine
            .register_csv(
                "file",
                concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/table.csv"),
                CsvReadOptions::new(),
            )
            .await
            .expect("the file is there");
        engine
    }

    #[tokio::test]
    async fn the_logical_check_stands_alone() {
        let engine = open().await;
        for (sql, expected) in [
            ("SELECT id FROM users", Detail::RelationNotInSnapshot),
            ("SELECT * FROM file", Detail::RelationNotInSnapshot),
            ("SELECT (SELECT count(*) FROM file)", Detail::RelationNotInSnapshot),
            ("SELECT 1 WHERE EXISTS (SELECT 1 FROM file)", Detail::RelationNotInSnapshot),
            ("SELECT version()", Detail::FunctionNotAllowed),
            ("SELECT 1 ORDER BY version()", Detail::FunctionNotAllowed),
            ("SELECT sum(length(version())) OVER ()", Detail::FunctionNotAllowed),
            ("SELECT (SELECT version())", Detail::FunctionNotAllowed),
            ("SELECT 1 WHERE 'x' IN (SELECT version())", Detail::FunctionNotAllowed),
            ("SELECT arrow_metadata(1)", Detail::FunctionNotAllowed),
            ("EXPLAIN SELECT 1", Detail::Explain),
            ("EXPLAIN ANALYZE SELECT 1", Detail::Explain),
            (
                "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t",
                Detail::RecursiveCte,
            ),
            ("CREATE TABLE t AS SELECT 1", Detail::NotAQuery),
            ("CREATE VIEW v AS SELECT 1", Detail::NotAQuery),
            ("DROP TABLE users", Detail::NotAQuery),
            ("INSERT INTO users VALUES (1)", Detail::NotAQuery),
            ("COPY (SELECT 1) TO '/nowhere/x.csv'", Detail::NotAQuery),
            ("SET datafusion.execution.batch_size = 1", Detail::NotAQuery),
            ("DESCRIBE users", Detail::NotAQuery),
            ("SELECT $1 + 1", Detail::NotAQuery),
        ] {
            let plan = engine.state().create_logical_plan(sql).await.expect("the open engine plans it");
            let refused = check_logical(&plan, &Limits::default()).err().map(|r| r.detail);
            assert_eq!(refused, Some(expected), "{sql}");
        }
        let harmless = engine.state().create_logical_plan("SELECT 1 + abs(2)").await.expect("it plans");
        assert_eq!(check_logical(&harmless, &Limits::default()), Ok(()));
    }

    #[tokio::test]
    async fn the_physical_check_stands_alone() {
        let engine = open().await;
        for (sql, allowed) in [
            ("SELECT id FROM users", true),
            ("SELECT * FROM file", false),
            ("SELECT count(*) FROM users u JOIN file f ON u.id = f.id", false),
            ("SELECT (SELECT max(id) FROM file)", false),
            ("COPY (SELECT 1) TO '/nowhere/x.csv'", false),
            ("EXPLAIN SELECT 1", false),
            ("INSERT INTO users VALUES (1)", false),
            ("WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t", false),
        ] {
            let plan = engine.state().create_logical_plan(sql).await.expect("the open engine plans it");
            let plan = engine.state().create_physical_plan(&plan).await.expect("the open engine plans it");
            assert_eq!(check_physical(&plan, &Limits::default()).is_ok(), allowed, "{sql}");
        }
    }
}

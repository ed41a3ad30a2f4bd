//! Which output columns come from masked columns: read off the optimised plan, where subqueries have become joins.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, JoinType, LogicalPlan};

use super::AnswerColumn;
use crate::snapshot::MASK_KEY;

/// The plan's output columns, with what masks went into them.
pub(super) fn columns(plan: &LogicalPlan) -> Vec<AnswerColumn> {
    let schema = plan.schema();
    let mut origins = origins(plan);
    origins.resize(schema.fields().len(), Origin::Derived);
    schema
        .fields()
        .iter()
        .zip(origins)
        .map(|(field, origin)| AnswerColumn {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            masked: origin != Origin::Plain,
            mask: match origin {
                Origin::Plain => None,
                Origin::Masked(kind) => Some(kind),
                Origin::Derived => Some(DERIVED.to_owned()),
            },
        })
        .collect()
}

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// No masked column went into it.
    Plain,
    /// It is a masked column, as it stands; the mask's kind.
    Masked(String),
    /// It was computed from masked columns.
    Derived,
}

impl Origin {
    /// Of a column that takes rows from both.
    fn or(self, other: Origin) -> Origin {
        if self == other { self } else { Origin::Derived }
    }
}

/// One origin a column. Where a plan cannot be followed, its columns count as derived.
fn origins(plan: &LogicalPlan) -> Vec<Origin> {
    match plan {
        LogicalPlan::TableScan(scan) => scan
            .projected_schema
            .fields()
            .iter()
            .map(|field| match field.metadata().get(MASK_KEY) {
                Some(kind) => Origin::Masked(kind.clone()),
                None => Origin::Plain,
            })
            .collect(),
        LogicalPlan::Projection(projection) => each(&projection.expr, &projection.input),
        LogicalPlan::Aggregate(aggregate) => {
            let group = match grouping_set_to_exprlist(&aggregate.group_expr) {
                Ok(exprs) => exprs.into_iter().cloned().collect(),
                Err(_) => aggregate.group_expr.clone(),
            };
            let mut origins = each(&group, &aggregate.input);
            // Grouping sets add a column that numbers them.
            let own = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
            origins.resize(own, Origin::Plain);
            origins.extend(each(&aggregate.aggr_expr, &aggregate.input));
            origins
        }
        LogicalPlan::Window(window) => {
            let mut below = origins(&window.input);
            below.extend(each(&window.window_expr, &window.input));
            below
        }
        LogicalPlan::Join(join) => {
            let (left, right) = (origins(&join.left), origins(&join.right));
            // Both sides are followed once: chains of mark joins would double the work at each.
            let condition = || {
                let on = |l: &Expr, r: &Expr| {
                    [origin(l, join.left.schema(), &left), origin(r, join.right.schema(), &right)]
                };
                let plain = join.filter.is_none()
                    && join.on.iter().all(|(l, r)| on(l, r) == [Origin::Plain, Origin::Plain]);
                if plain { Origin::Plain } else { Origin::Derived }
            };
            match join.join_type {
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => [left, right].concat(),
                JoinType::LeftSemi | JoinType::LeftAnti => left,
                JoinType::RightSemi | JoinType::RightAnti => right,
                JoinType::LeftMark => [left.as_slice(), &[condition()]].concat(),
                JoinType::RightMark => [right.as_slice(), &[condition()]].concat(),
            }
        }
        LogicalPlan::Union(union) => {
            let mut inputs = union.inputs.iter().map(|input| origins(input));
            let first = inputs.next().unwrap_or_default();
            inputs.fold(first, |all, next| all.into_iter().zip(next).map(|(a, b)| a.or(b)).collect())
        }
        LogicalPlan::Distinct(Distinct::On(on)) => each(&on.select_expr, &on.input),
        LogicalPlan::Distinct(Distinct::All(input)) => origins(input),
        LogicalPlan::Filter(filter) => origins(&filter.input),
        LogicalPlan::Sort(sort) => origins(&sort.input),
        LogicalPlan::Limit(limit) => origins(&limit.input),
        LogicalPlan::Repartition(repartition) => origins(&repartition.input),
        LogicalPlan::SubqueryAlias(alias) => origins(&alias.input),
        LogicalPlan::Subquery(subquery) => origins(&subquery.subquery),
        LogicalPlan::Unnest(unnest) => {
            let below = origins(&unnest.input);
            unnest
                .dependency_indices
                .iter()
                .map(|&i| match below.get(i) {
                    Some(Origin::Plain) => Origin::Plain,
                    Some(Origin::Masked(kind))
                        if !unnest.list_type_columns.iter().any(|(at, _)| *at == i) =>
                    {
                        Origin::Masked(kind.clone())
                    }
                    _ => Origin::Derived,
                })
                .collect()
        }
        LogicalPlan::Values(values) => vec![Origin::Plain; values.schema.fields().len()],
        LogicalPlan::EmptyRelation(empty) => vec![Origin::Plain; empty.schema.fields().len()],
        // None of these passes L5.
        LogicalPlan::Statement(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Extension(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::RecursiveQuery(_) => vec![Origin::Derived; plan.schema().fields().len()],
    }
}

fn each(exprs: &[Expr], input: &LogicalPlan) -> Vec<Origin> {
    let below = origins(input);
    exprs.iter().map(|expr| origin(expr, input.schema(), &below)).collect()
}

fn origin(expr: &Expr, schema: &DFSchema, below: &[Origin]) -> Origin {
    match expr {
        Expr::Alias(alias) => return origin(&alias.expr, schema, below),
        Expr::Column(column) => return of_column(column, schema, below),
        // Picks a value and leaves it as it stands; DISTINCT ON becomes this.
        Expr::AggregateFunction(call)
            if matches!(call.func.name(), "first_value" | "last_value" | "any_value") =>
        {
            if let [Expr::Column(column)] = call.params.args.as_slice() {
                return of_column(column, schema, below);
            }
        }
        _ => {}
    }
    let mut masked = false;
    let walked = expr.apply(|e| {
        masked |= match e {
            Expr::Column(column) => of_column(column, schema, below) != Origin::Plain,
            Expr::ScalarSubquery(subquery) => has_masked(&subquery.subquery),
            Expr::Exists(exists) => has_masked(&exists.subquery.subquery),
            Expr::InSubquery(within) => has_masked(&within.subquery.subquery),
            Expr::SetComparison(comparison) => has_masked(&comparison.subquery.subquery),
            Expr::OuterReferenceColumn(..) => true,
            _ => false,
        };
        Ok(if masked { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if masked || walked.is_err() { Origin::Derived } else { Origin::Plain }
}

fn of_column(column: &Column, schema: &DFSchema, below: &[Origin]) -> Origin {
    match schema.maybe_index_of_column(column) {
        Some(index) => below.get(index).cloned().unwrap_or(Origin::Derived),
        None => Origin::Derived,
    }
}

fn has_masked(plan: &LogicalPlan) -> bool {
    origins(plan).iter().any(|o| *o != Origin::Plain)
}

/// The type in PostgreSQL's words.
fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Null => "null".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "int2".to_owned(),
        DataType::Int32 | DataType::UInt16 => "int4".to_owned(),
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "int8".to_owned(),
        DataType::Float16 | DataType::Float32 => "float4".to_owned(),
        DataType::Float64 => "float8".to_owned(),
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => {
            format!("numeric({p},{s})")
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "bytea".to_owned()
        }
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Time32(_) | DataType::Time64(_) => "time".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Interval(_) | DataType::Duration(_) => "interval".to_owned(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) => format!("{}[]", type_name(field.data_type())),
        DataType::Struct(_) => "struct".to_owned(),
        DataType::Map(..) => "map".to_owned(),
        DataType::Union(..) => "union".to_owned(),
        DataType::Dictionary(_, value) => type_name(value),
        DataType::RunEndEncoded(_, values) => type_name(values.data_type()),
    }
}

const DERIVED: &str = "derived";

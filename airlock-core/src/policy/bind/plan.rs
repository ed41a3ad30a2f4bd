//! Writes the plan of a policy that fits its source.

use super::Bound;
use super::columns::{Draft, DraftColumn};
use super::edges::Link;
use super::types::may_decode_to_null;
use crate::policy::{Policy, RowsPolicy};
use crate::snapshot::plan::ColumnMask;
use crate::snapshot::{ColumnPlan, EdgePlan, ExportPlan, ForeignKeyPlan, TablePlan};

/// The plan. Everything in `bound` was checked.
pub(super) fn write(policy: &Policy, bound: &Bound<'_>) -> ExportPlan {
    let tables = (0..bound.tables.len()).map(|i| table(policy, bound, i)).collect();
    ExportPlan { tables, policy_hash: policy.hash }
}

fn table(policy: &Policy, bound: &Bound<'_>, index: usize) -> TablePlan {
    let draft = &bound.tables[index];
    let max_rows = match draft.policy.rows {
        RowsPolicy::Global => {
            draft.policy.max_rows.unwrap_or(u64::MAX).min(policy.limits.global_table_max_rows)
        }
        _ => draft.policy.max_rows.unwrap_or(policy.limits.max_rows_per_table),
    };
    TablePlan {
        name: draft.policy.name.clone(),
        source: draft.policy.source.clone(),
        edge: edge(policy, bound, index),
        columns: draft.columns.iter().filter(|c| c.exported).map(|c| column(draft, c)).collect(),
        traversal_only: draft
            .columns
            .iter()
            .filter(|c| c.traversed && (!c.exported || c.hidden()))
            .map(|c| c.info.name.clone())
            .collect(),
        key: draft.readable_key().to_vec(),
        foreign_keys: foreign_keys(bound, index),
        order_by: draft.order_by(),
        max_rows,
        on_limit: draft.policy.on_limit,
        include: draft.policy.include,
        description: draft.policy.description.clone().or_else(|| draft.info.comment.clone()),
        excluded_columns: draft.columns.iter().filter(|c| !c.exported).count(),
    }
}

fn edge(policy: &Policy, bound: &Bound<'_>, index: usize) -> EdgePlan {
    match (bound.links[index].as_slice(), &bound.tables[index].policy.rows) {
        ([link, ..], _) if link.from == index => EdgePlan::Child {
            parent: link.to,
            parent_columns: link.to_columns.clone(),
            columns: link.from_columns.clone(),
        },
        ([link, also @ ..], _) => EdgePlan::Lookup {
            via: link.from,
            via_columns: link.from_columns.clone(),
            columns: link.to_columns.clone(),
            also: also.iter().map(|l| (l.from, l.from_columns.clone())).collect(),
        },
        ([], RowsPolicy::Root) => EdgePlan::Root { filter: policy.root_filter_col.clone() },
        ([], _) => EdgePlan::Global,
    }
}

fn column(draft: &Draft<'_>, column: &DraftColumn<'_>) -> ColumnPlan {
    let info = column.info;
    let raw_type = info.data_type.clone().unwrap_or_else(|| column.output.clone());
    ColumnPlan {
        name: info.name.clone(),
        source_type: info.source_type.clone(),
        nullable: info.nullable || column.mask.is_some() || may_decode_to_null(&raw_type),
        raw_type,
        data_type: column.output.clone(),
        mask: column.mask.as_ref().map(|m| ColumnMask { masking: m.clone(), domain: column.domain.clone() }),
        labels: if column.mask.is_none() { info.labels.clone() } else { vec![] },
        description: draft
            .policy
            .column_descriptions
            .get(&info.name)
            .cloned()
            .or_else(|| info.comment.clone()),
    }
}

/// Foreign keys whose columns all are in the snapshot: the names of others are not told.
fn foreign_keys(bound: &Bound<'_>, index: usize) -> Vec<ForeignKeyPlan> {
    let visible = |table: usize, names: &[String]| {
        names.iter().all(|n| bound.tables[table].column(n).is_some_and(|c| c.exported))
    };
    let mut links: Vec<(&Link, bool)> = bound.declared.iter().map(|l| (l, true)).collect();
    for link in bound.links.iter().flatten() {
        if !links.iter().any(|(known, _)| known.same(link)) {
            links.push((link, false));
        }
    }
    links
        .into_iter()
        .filter(|(l, _)| l.from == index && visible(l.from, &l.from_columns) && visible(l.to, &l.to_columns))
        .map(|(l, declared)| ForeignKeyPlan {
            columns: l.from_columns.clone(),
            references: bound.tables[l.to].policy.name.clone(),
            referenced: l.to_columns.clone(),
            declared,
        })
        .collect()
}

//! Binds a policy to a source's catalog: which columns are read, in which order, how each is masked.
//!
//! Resolve the tables and their columns, join columns into key classes, decide the masks, check them against the
//! types, and write down the plan. All problems are reported; a plan exists only when there are none.

mod classes;
mod columns;
mod edges;
mod plan;
mod types;

pub(super) use columns::{Draft, DraftColumn, is_clear};
pub(super) use edges::Link;

use super::finding::{Finding, Findings, LintCode};
use super::graph::export_order;
use super::nearest::nearest;
use super::{Policy, RowsPolicy};
use crate::snapshot::{Catalog, ExportPlan};

/// Binds `policy` to `catalog`.
///
/// # Errors
/// Every reason why the policy does not fit the source.
pub fn bind(policy: &Policy, catalog: &Catalog) -> Result<ExportPlan, Findings> {
    let mut out = Vec::new();
    let bound = resolve(policy, catalog, &mut out);
    match bound {
        Some(bound) if out.is_empty() => Ok(plan::write(policy, &bound)),
        _ => Err(Findings::from(out)),
    }
}

/// A policy's tables beside those of the source, in the order of export.
pub(super) struct Bound<'a> {
    pub(super) tables: Vec<Draft<'a>>,
    /// The edges of each table, the first one first; none for the root and for global tables.
    pub(super) links: Vec<Vec<Link>>,
    /// Foreign keys of the source between tables of the policy.
    pub(super) declared: Vec<Link>,
}

/// Resolves everything that can be resolved; `None` when tables are missing, so that columns say nothing yet.
pub(super) fn resolve<'a>(
    policy: &'a Policy,
    catalog: &'a Catalog,
    out: &mut Vec<Finding>,
) -> Option<Bound<'a>> {
    let order = match export_order(&policy.tables) {
        Ok(order) => order,
        Err(cycle) => {
            out.push(Finding::new(LintCode::E105, "tables", format!("{cycle} depend on each other")));
            return None;
        }
    };
    let before = out.len();
    let mut tables = Vec::new();
    for table in order.into_iter().map(|i| &policy.tables[i]) {
        match catalog.table(&table.source) {
            Some(info) => tables.push(columns::resolve(table, info, out)),
            None => {
                let message =
                    format!("the source has no table `{}`, or the role may not see it", table.source);
                let names: Vec<String> = catalog.tables.iter().map(|t| t.table.to_string()).collect();
                out.push(
                    Finding::new(LintCode::E201, format!("tables[{}]", table.name), message)
                        .suggest(nearest(&table.source.to_string(), names.iter().map(String::as_str))),
                );
            }
        }
    }
    if tables.len() < policy.tables.len() {
        return None;
    }
    root_filter(policy, &tables, out);
    let links: Vec<_> = (0..tables.len()).map(|i| edges::links(&tables, i, out)).collect();
    let declared = edges::declared(&tables);
    // Classes over edges that are wrong would only repeat what is told already.
    if out.len() > before {
        return None;
    }
    edges::check_keys(&tables, &links, out);
    classes::settle(&mut tables, &links, &declared, out);
    for table in &mut tables {
        types::settle(table, out);
    }
    edges::mark_traversal(&mut tables, &links, out);
    columns::may_be_read(&tables, out);
    Some(Bound { tables, links, declared })
}

/// One id must mean one row.
fn root_filter(policy: &Policy, tables: &[Draft<'_>], out: &mut Vec<Finding>) {
    let Some(root) = tables.iter().find(|t| t.policy.rows == RowsPolicy::Root) else {
        out.push(Finding::new(LintCode::E104, "root_table", "the root table is not in `tables`"));
        return;
    };
    out.extend(check_root_filter(root.info, &policy.root_filter_col));
}

/// What is wrong with a root table's filter column, with the columns that would do.
pub(super) fn check_root_filter(root: &crate::snapshot::source::TableInfo, column: &str) -> Option<Finding> {
    let message = match root.column(column) {
        None => format!("`{}` has no column `{column}`", root.table),
        Some(info) if info.granted && !root.is_unique(&[column.to_owned()]) => {
            format!("`{}.{column}` has no unique index: one id must mean one row", root.table)
        }
        Some(info) if !info.granted => format!("the role may not read `{}.{column}`", root.table),
        Some(info) if info.data_type.is_none() => {
            format!("`{}.{column}` has the type {}, which cannot be read", root.table, info.source_type)
        }
        Some(_) => return None,
    };
    let candidates: Vec<String> =
        root.unique.iter().filter(|u| u.len() == 1).map(|u| format!("`{}`", u[0])).collect();
    let advice = if candidates.is_empty() {
        "no single column of the table is unique; add a unique index".to_owned()
    } else {
        format!("unique columns: {}", candidates.join(", "))
    };
    Some(Finding::new(LintCode::E102, "root_filter_col", message).advise(advice))
}

#[cfg(test)]
mod tests;

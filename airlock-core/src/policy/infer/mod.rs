//! Writes a first `airlock.yaml` for a source: which tables belong to a subject, and which columns look personal.
//!
//! Foreign keys are followed from the root, first to the rows that point at it, then to what those point at. Whatever
//! is left out, and every mask, carries a comment that says why; a person reads it before it is used.

mod masks;
mod render;
mod walk;

use std::collections::BTreeMap;

use super::bind::{bind, check_root_filter};
use super::finding::{Finding, Findings, LintCode};
use super::nearest::nearest;
use super::{Policy, TableRef};
use crate::snapshot::Catalog;

/// Writes an `airlock.yaml` for the row of `root_table` whose `root_filter_col` is the snapshot id.
///
/// `schema` is where tables without a written schema are; `root_table` may name another. The text binds to `catalog`.
///
/// # Errors
/// If the root table is missing, or its filter column is not unique (E102, with the columns that are).
pub fn infer(
    catalog: &Catalog,
    root_table: &str,
    root_filter_col: &str,
    schema: &str,
) -> Result<String, Findings> {
    let (root_schema, root_name) = root_table.split_once('.').unwrap_or((schema, root_table));
    let root = TableRef { schema: root_schema.to_owned(), name: root_name.to_owned() };
    let fail = |finding: Finding| Findings::from(vec![finding]);
    let readable = &readable(catalog);
    let Some(info) = readable.table(&root) else {
        let names: Vec<String> = catalog.tables.iter().map(|t| t.table.to_string()).collect();
        let message = format!("the source has no table `{root}`, or the role may not see it");
        let guess = nearest(&root.to_string(), names.iter().map(String::as_str));
        let finding = Finding::new(LintCode::E104, "root_table", message);
        return Err(fail(match (guess, pointed_at(catalog)) {
            (None, most) if !most.is_empty() => finding
                .advise(format!("name the table that stands for a customer; most others point at {most}")),
            (guess, _) => finding.suggest(guess),
        }));
    };
    if let Some(finding) = check_root_filter(info, root_filter_col) {
        return Err(fail(finding));
    }
    if !walk::can_be_written(info) {
        let message = format!("`{root}` has names that this file cannot hold");
        return Err(fail(Finding::new(LintCode::E204, "root_table", message)));
    }
    let walk = walk::from(readable, info, schema);
    let text = render::yaml(&walk, root_filter_col, schema);
    // What would not bind is not handed out.
    Policy::parse(&text).and_then(|policy| bind(&policy, catalog))?;
    Ok(text)
}

/// The tables that most foreign keys point at.
fn pointed_at(catalog: &Catalog) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for fk in catalog.tables.iter().flat_map(|t| &t.foreign_keys) {
        *counts.entry(format!("`{}`", fk.references)).or_default() += 1;
    }
    let mut most: Vec<(String, usize)> = counts.into_iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    most.into_iter().take(4).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// What of the catalog the role may read.
fn readable(catalog: &Catalog) -> Catalog {
    let mut readable = catalog.clone();
    for table in &mut readable.tables {
        table.columns.retain(|c| c.granted);
    }
    readable
}

#[cfg(test)]
mod tests;

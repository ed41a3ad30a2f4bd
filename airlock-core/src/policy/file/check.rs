//! What the tables say about each other: one root, known parents, no cycle.

use std::collections::BTreeSet;

use super::table::{RowsFile, TableFile, table_ref};
use crate::policy::finding::{Finding, LintCode};
use crate::policy::graph::{depth, export_order};
use crate::policy::limits::Limits;
use crate::policy::nearest::nearest;
use crate::policy::{RowsPolicy, TablePolicy};

/// Settles which rows each table means. `None` when that cannot be known.
///
/// Gives the root's name in the snapshot, and the tables in the order written.
pub(super) fn settle(
    mut tables: Vec<TableFile>,
    root_table: &str,
    schema: &str,
    root_line: u64,
    limits: &Limits,
    out: &mut Vec<Finding>,
) -> Option<(String, Vec<TablePolicy>)> {
    unique_names(&tables, out);
    let root = find_root(&tables, root_table, schema);
    if root.is_none() {
        let names = tables.iter().map(|t| t.policy.name.as_str());
        let finding =
            Finding::new(LintCode::E104, "root_table", "the root table is not in `tables`").at(root_line);
        out.push(match nearest(root_table, names) {
            Some(guess) => finding.suggest(Some(guess)),
            None => finding.advise("add it to `tables`, with its masks"),
        });
    }
    let before = out.len();
    let rows: Vec<_> = (0..tables.len()).map(|i| rows(&tables, i, root, out)).collect();
    for (table, rows) in tables.iter_mut().zip(rows) {
        table.policy.rows = rows?;
    }
    if out.len() > before {
        return None;
    }
    let places: Vec<_> = tables.iter().map(|t| (t.path.clone(), t.line)).collect();
    let policies: Vec<_> = tables.into_iter().map(|t| t.policy).collect();
    if let Err(cycle) = export_order(&policies) {
        let at = policies.iter().position(|t| Some(&t.name) == cycle.tables.first()).unwrap_or(0);
        let message = format!("{cycle} depend on each other");
        out.push(
            Finding::new(LintCode::E105, &places[at].0, message)
                .at(places[at].1)
                .advise("leave one of the edges out"),
        );
        return None;
    }
    reachable(&policies, &places, limits, out);
    root.map(|i| (policies[i].name.clone(), policies))
}

fn unique_names(tables: &[TableFile], out: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for table in tables {
        if !seen.insert(&table.policy.name) {
            out.push(
                Finding::new(LintCode::E100, &table.path, "another table has this name in the snapshot")
                    .at(table.line)
                    .advise("give one of them another name with `as`"),
            );
        }
    }
}

/// By name in the snapshot; else by name in the source, where an entry without an edge is meant first.
fn find_root(tables: &[TableFile], root_table: &str, schema: &str) -> Option<usize> {
    let source = table_ref(root_table, schema);
    let of_source = |t: &&TableFile| Some(&t.policy.source) == source.as_ref();
    let position = |wanted: &TableFile| tables.iter().position(|t| std::ptr::eq(t, wanted));
    tables
        .iter()
        .find(|t| t.policy.name == root_table)
        .or_else(|| tables.iter().filter(of_source).find(|t| t.rows.parent.is_none() && t.rows.via.is_none()))
        .or_else(|| tables.iter().find(of_source))
        .and_then(position)
}

/// Exactly one of: root, parent and fk, via and via_fk, scope: global.
fn rows(
    tables: &[TableFile],
    index: usize,
    root: Option<usize>,
    out: &mut Vec<Finding>,
) -> Option<RowsPolicy> {
    let table = &tables[index];
    let name = &table.policy.name;
    let before = out.len();
    let mut problem = |key: &str, message: String, guess: Option<&str>| {
        let path = if key.is_empty() { table.path.clone() } else { format!("{}.{key}", table.path) };
        out.push(Finding::new(LintCode::E103, path, message).at(table.line).suggest(guess));
    };
    let RowsFile { parent, fk, parent_key, via, via_fk, edges, global } = &table.rows;
    let is_root = root == Some(index);
    let child = parent.is_some() || fk.is_some() || parent_key.is_some();
    let lookup = via.is_some() || via_fk.is_some();
    let ways = [is_root, child, lookup, *global].into_iter().filter(|w| *w).count();
    if ways == 0 {
        // Without a root every table would be told as unreachable; E104 says it once.
        if root.is_some() {
            problem(
                "",
                format!("`{name}` is unreachable: it needs parent and fk, via and via_fk, or scope: global"),
                None,
            );
        }
        return None;
    }
    if !edges.is_empty() && !lookup {
        let message = "`edges` adds to via and via_fk; more ways for other tables are not built";
        problem("edges", message.into(), None);
        return None;
    }
    if ways > 1 {
        let root = if is_root { "it is the root table, " } else { "" };
        problem(
            "",
            format!("`{name}` must be exactly one of: {root}parent and fk, via and via_fk, scope: global"),
            None,
        );
        return None;
    }
    let mut target = |key: &str, written: &str| {
        let names = || tables.iter().map(|t| t.policy.name.as_str());
        let found = tables
            .iter()
            .find(|t| t.policy.name == *written)
            .or_else(|| tables.iter().find(|t| t.written == *written))
            .map(|t| t.policy.name.clone());
        if found.is_none() {
            problem(
                key,
                format!("`{name}` names a table that is not in `tables`"),
                nearest(written, names()),
            );
        }
        found
    };
    let rows = if is_root {
        Some(RowsPolicy::Root)
    } else if *global {
        Some(RowsPolicy::Global)
    } else if child {
        let found = parent.as_ref().and_then(|p| target("parent", p));
        match (parent, fk) {
            (Some(_), Some(fk)) => {
                if parent_key.as_ref().is_some_and(|k| k.len() != fk.len()) {
                    problem(
                        "parent_key",
                        "`fk` and `parent_key` have different numbers of columns".into(),
                        None,
                    );
                }
                found.map(|parent| RowsPolicy::Child {
                    parent,
                    fk: fk.clone(),
                    parent_key: parent_key.clone(),
                })
            }
            _ => {
                problem("", format!("`{name}` needs both parent and fk"), None);
                None
            }
        }
    } else {
        let found = via.as_ref().and_then(|v| target("via", v));
        match (via, via_fk) {
            (Some(_), Some(via_fk)) => {
                let also: Vec<_> = edges
                    .iter()
                    .filter_map(|(other, columns)| Some((target("edges", other)?, columns.clone())))
                    .collect();
                if table.policy.key.as_ref().is_some_and(|k| k.len() != via_fk.len()) {
                    problem("key", "`via_fk` and `key` have different numbers of columns".into(), None);
                }
                if also.iter().any(|(_, columns)| columns.len() != via_fk.len()) {
                    problem("edges", "`edges` and `via_fk` have different numbers of columns".into(), None);
                }
                found.map(|via| RowsPolicy::Lookup { via, via_fk: via_fk.clone(), also })
            }
            _ => {
                problem("", format!("`{name}` needs both via and via_fk"), None);
                None
            }
        }
    };
    if out.len() > before { None } else { rows }
}

/// Every chain of edges ends at the root, within the allowed number of steps.
fn reachable(tables: &[TablePolicy], places: &[(String, u64)], limits: &Limits, out: &mut Vec<Finding>) {
    for (i, table) in tables.iter().enumerate() {
        let (steps, origin) = depth(tables, i);
        let message = match tables[origin].rows {
            RowsPolicy::Global if origin != i => {
                format!("`{}` hangs on `{}`, which belongs to no subject", table.name, tables[origin].name)
            }
            _ if steps as u64 > limits.max_depth => {
                format!(
                    "`{}` is {steps} edges away from the root; limits.max_depth is {}",
                    table.name, limits.max_depth
                )
            }
            _ => continue,
        };
        out.push(Finding::new(LintCode::E103, &places[i].0, message).at(places[i].1));
    }
}

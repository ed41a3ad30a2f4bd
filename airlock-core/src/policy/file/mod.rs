//! `airlock.yaml`: what a person may write, read into a [`Policy`].
//!
//! Text → tree with lines → typed parts → one structural check. All problems are reported, each with its place; a key
//! that this version does not build is refused by its name, never ignored.

mod check;
mod fields;
mod keys;
mod mask;
mod node;
mod params;
mod scan;
mod sections;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use fields::Fields;
use node::Node;

use super::finding::{Finding, Findings, LintCode};
use super::{Policy, hash};
use crate::id::PolicyHash;

/// Longest freshness: a week.
const TTL_S_MAX: u64 = 7 * 24 * 3600;

impl Policy {
    /// Reads the text of an `airlock.yaml`.
    ///
    /// # Errors
    /// Every problem found, each with path and line. Nothing of a faulty policy is used.
    pub fn parse(yaml: &str) -> Result<Policy, Findings> {
        let root = Node::read(yaml).map_err(|f| Findings::from(vec![f]))?;
        let mut out = Vec::new();
        scan::scan(&root, &mut out);
        let policy = read(&root, &mut out);
        match policy {
            Some(policy) if out.is_empty() => Ok(policy),
            _ => Err(Findings::from(out)),
        }
    }
}

impl Findings {
    /// Adds lines to findings that know their path only, from the text that the policy was read from.
    #[must_use]
    pub fn locate(self, yaml: &str) -> Findings {
        let Ok(root) = Node::read(yaml) else { return self };
        let mut lines = BTreeMap::new();
        root.walk("", &mut |path, key, node| {
            lines.entry(path.to_owned()).or_insert(key.map_or(node.line, |k| k.line));
        });
        let mut findings: Vec<Finding> = self.into_iter().collect();
        for finding in findings.iter_mut().filter(|f| f.line.is_none()) {
            // The nearest place above that stands in the text.
            let mut path = finding.path.as_str();
            while !path.is_empty() && finding.line.is_none() {
                finding.line = lines.get(path).copied();
                path = path.rfind(['.', '[']).map_or("", |at| &path[..at]);
            }
        }
        Findings::from(findings)
    }
}

fn read(root: &Node, out: &mut Vec<Finding>) -> Option<Policy> {
    let top = Fields::open(root, "", keys::TOP, out)?;
    top.number("version", 1..=1, out);
    top.choice("reload", &[("restart", ())], &["hot"], out);
    let schema = top.name("schema", out).unwrap_or_else(|| "public".into());
    let limits = sections::limits(&top, out);
    let masks = mask::named(&top, out);
    let around =
        table::Around { schema: &schema, masks: &masks, global_rows_max: limits.global_table_max_rows };
    let before = out.len();
    let tables: Vec<_> = top
        .items("tables", out)
        .iter()
        .enumerate()
        .filter_map(|(i, node)| table::read(node, i, &around, out))
        .collect();
    let root_table = top.name("root_table", out).unwrap_or_else(|| "users".into());
    let root_filter_col = top.name("root_filter_col", out).unwrap_or_else(|| "id".into());
    // A table that could not be read would be missed by every other: its own finding is enough.
    let whole = out.len() == before || tables.len() == top.items("tables", &mut vec![]).len();
    let settled = if whole {
        check::settle(tables, &root_table, &schema, top.line_of("root_table"), &limits, out)
    } else {
        None
    };
    let data_dir = top.text("data_dir", out).unwrap_or_else(|| "/dev/shm/airlock".into());
    if data_dir.is_empty() || data_dir.contains('\0') {
        out.push(Finding::new(LintCode::E204, "data_dir", "must be a path").at(top.line_of("data_dir")));
    }
    let ttl = top.number("snapshot_ttl_s", 0..=TTL_S_MAX, out).unwrap_or(300);
    let hints = sections::hints(&top, out);
    let sample_queries = sections::sample_queries(&top, &limits, out);
    let source = sections::source(&top, out);
    let storage = sections::storage(&top, out);
    let control_plane = sections::control_plane(&top, out);
    let (root_table, tables) = settled?;
    let mut policy = Policy {
        schema,
        root_table,
        root_filter_col,
        tables,
        data_dir,
        snapshot_ttl: Duration::from_secs(ttl),
        hints,
        sample_queries,
        limits,
        source,
        storage,
        control_plane,
        hash: PolicyHash([0; 32]),
    };
    policy.hash = hash::of(&policy);
    Some(policy)
}

#[cfg(test)]
mod tests;

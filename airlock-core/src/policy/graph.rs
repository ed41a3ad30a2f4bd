//! The order in which tables are exported: the root first, each table after the one its rows depend on.

use std::fmt;

use super::{RowsPolicy, TablePolicy};

/// Tables that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Their names, each depending on the next, the last on the first.
    pub tables: Vec<String>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            write!(f, "`{table}` → ")?;
        }
        write!(f, "`{}`", self.tables.first().map_or("", String::as_str))
    }
}

impl std::error::Error for Cycle {}

impl RowsPolicy {
    /// The tables whose exported rows decide which rows are meant.
    pub fn depends_on(&self) -> Vec<&str> {
        match self {
            Self::Child { parent, .. } => vec![parent],
            Self::Lookup { via, also, .. } => {
                std::iter::once(via).chain(also.iter().map(|(via, _)| via)).map(String::as_str).collect()
            }
            Self::Root | Self::Global => vec![],
        }
    }
}

/// Positions of `tables` in the order of export. Otherwise the order written is kept.
///
/// # Errors
/// [`Cycle`] if tables wait for each other.
pub fn export_order(tables: &[TablePolicy]) -> Result<Vec<usize>, Cycle> {
    let mut order: Vec<usize> = tables.iter().position(|t| t.rows == RowsPolicy::Root).into_iter().collect();
    let mut done = vec![false; tables.len()];
    for &root in &order {
        done[root] = true;
    }
    while order.len() < tables.len() {
        let ready = (0..tables.len()).find(|&i| !done[i] && sources(tables, i).iter().all(|&s| done[s]));
        match ready {
            Some(i) => {
                done[i] = true;
                order.push(i);
            }
            None => return Err(cycle(tables, &done)),
        }
    }
    Ok(order)
}

/// The most edges between a table and where a chain of its begins, and where that is: at a global table if any does.
/// Needs tables without a cycle.
pub(crate) fn depth(tables: &[TablePolicy], index: usize) -> (usize, usize) {
    let mut known = vec![None; tables.len()];
    let Ok(order) = export_order(tables) else { return (tables.len(), index) };
    for at in order {
        let is_global = |i: usize| tables[i].rows == RowsPolicy::Global;
        let farthest = sources(tables, at)
            .into_iter()
            .filter_map(|s| {
                known[s].map(|(steps, origin): (usize, usize)| (is_global(origin), steps + 1, origin))
            })
            .max();
        known[at] = Some(farthest.map_or((0, at), |(_, steps, origin)| (steps, origin)));
    }
    known[index].unwrap_or((tables.len(), index))
}

/// The positions of the tables that a table depends on; names that are in no list are left out.
fn sources(tables: &[TablePolicy], index: usize) -> Vec<usize> {
    let names = tables[index].rows.depends_on();
    names.into_iter().filter_map(|name| tables.iter().position(|t| t.name == name)).collect()
}

/// Following from any table that is not done to another that is not done ends in the cycle.
fn cycle(tables: &[TablePolicy], done: &[bool]) -> Cycle {
    let mut at = done.iter().position(|d| !d).unwrap_or(0);
    let mut seen = Vec::new();
    while !seen.contains(&at) {
        seen.push(at);
        at = sources(tables, at).into_iter().find(|&s| !done[s]).unwrap_or(at);
    }
    let start = seen.iter().position(|&s| s == at).unwrap_or(0);
    Cycle { tables: seen[start..].iter().map(|&i| tables[i].name.clone()).collect() }
}

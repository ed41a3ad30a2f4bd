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
    /// The table whose exported rows decide which rows are meant.
    pub fn depends_on(&self) -> Option<&str> {
        match self {
            Self::Child { parent, .. } => Some(parent),
            Self::Lookup { via, .. } => Some(via),
            Self::Root | Self::Global => None,
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
        let ready = (0..tables.len()).find(|&i| !done[i] && source(tables, i).is_none_or(|s| done[s]));
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

/// How many edges lie between a table and where its chain begins, and where that is. Needs tables without a cycle.
pub(crate) fn depth(tables: &[TablePolicy], index: usize) -> (usize, usize) {
    let mut at = index;
    for steps in 0..tables.len() {
        match source(tables, at) {
            Some(next) => at = next,
            None => return (steps, at),
        }
    }
    (tables.len(), at)
}

/// The position of the table that a table depends on; none when it names no table of the list.
fn source(tables: &[TablePolicy], index: usize) -> Option<usize> {
    let name = tables[index].rows.depends_on()?;
    tables.iter().position(|t| t.name == name)
}

/// Every table depends on one at most, so following from any that is not done ends in the cycle.
fn cycle(tables: &[TablePolicy], done: &[bool]) -> Cycle {
    let mut at = done.iter().position(|d| !d).unwrap_or(0);
    let mut seen = Vec::new();
    while !seen.contains(&at) {
        seen.push(at);
        at = source(tables, at).unwrap_or(at);
    }
    let start = seen.iter().position(|&s| s == at).unwrap_or(0);
    Cycle { tables: seen[start..].iter().map(|&i| tables[i].name.clone()).collect() }
}

//! What is suggested for each column of a table, fitted to what it is joined with.

use std::collections::BTreeSet;

use super::walk::Walk;
use crate::policy::ColumnPattern;
use crate::policy::pii::{Score, Shape, Suggestion, look};
use crate::snapshot::source::ColumnInfo;

/// What stands in the file for one table's columns, each with its comment.
#[derive(Default)]
pub(super) struct Columns {
    /// Key of `mask_columns`, mask, comment.
    pub(super) masked: Vec<(String, &'static str, String)>,
    /// Column, comment.
    pub(super) excluded: Vec<(String, String)>,
    /// Columns in clear that no rule fires for.
    pub(super) clear: Vec<String>,
    /// Columns in clear that may be personal.
    pub(super) review: Vec<String>,
    /// Other comments.
    pub(super) notes: Vec<String>,
}

/// Decides for the table at `index`.
pub(super) fn columns(walk: &Walk<'_>, index: usize, joined: &BTreeSet<(usize, String)>) -> Columns {
    let table = &walk.tables[index];
    let mut out = Columns::default();
    for column in &table.info.columns {
        let name = column.name.clone();
        let hit = look(table.info, column);
        if column.data_type.is_none() {
            let comment = hit.filter(|h| h.suggestion == Suggestion::Exclude).map_or_else(
                || format!("the type {} is not exported", shown(&column.source_type)),
                |h| format!("rule {}, score {}", h.rule, h.score),
            );
            out.excluded.push((name, comment));
            continue;
        }
        let Some(hit) = hit else {
            out.clear.push(name);
            continue;
        };
        let comment = format!("rule {}, score {}", hit.rule, hit.score);
        if hit.score < Score::MASK {
            let list = if hit.score >= Score::REVIEW { &mut out.review } else { &mut out.clear };
            list.push(name);
            continue;
        }
        let is_key = joined.contains(&(index, name.clone()));
        // Keys stay joinable: one mask for all that is joined, and never left out.
        let suggestion = match (is_key, hit.suggestion) {
            (true, _) if hashes(column) => Suggestion::Hash,
            (true, _) => {
                out.notes.push(format!("{} is a key and stays in clear: {comment}", shown(&name)));
                out.review.push(name);
                continue;
            }
            (false, other) => other,
        };
        match suggestion {
            Suggestion::Exclude => out.excluded.push((name, comment)),
            other => out.masked.push((ColumnPattern::naming(&name).written(), other.yaml(), comment)),
        }
    }
    keep_one(walk, index, joined, &mut out);
    out
}

/// Whether a keyed hash applies to the column's type.
fn hashes(column: &ColumnInfo) -> bool {
    match Shape::of(column) {
        Shape::Text | Shape::Json | Shape::Uuid | Shape::Label | Shape::Int | Shape::Date | Shape::Binary => {
            true
        }
        Shape::Number => column.data_type.as_ref().is_some_and(|t| !t.is_floating()),
        Shape::Bool | Shape::Other | Shape::Unreadable => false,
    }
}

/// A table must show a column: when all were left out, the first that can be read comes back as NULL.
fn keep_one(walk: &Walk<'_>, index: usize, joined: &BTreeSet<(usize, String)>, out: &mut Columns) {
    let info = walk.tables[index].info;
    if out.excluded.len() < info.columns.len() {
        return;
    }
    let spare = |name: &String| {
        info.column(name).is_some_and(|c| c.data_type.is_some()) && !joined.contains(&(index, name.clone()))
    };
    if let Some(at) = out.excluded.iter().position(|(name, _)| spare(name)) {
        let (name, comment) = out.excluded.remove(at);
        out.masked.push((ColumnPattern::naming(&name).written(), "\"null\"", comment));
    }
}

/// A name in a comment: on one line.
pub(super) fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

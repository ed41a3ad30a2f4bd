//! Writes the file: YAML with a comment for each decision.

use std::fmt::Write as _;

use super::masks::{self, Columns, shown};
use super::walk::{Edge, Walk};
use crate::policy::TableRef;
use crate::policy::pii::tokens;
use crate::snapshot::source::{ForeignKey, TableInfo};

/// The text of the file.
pub(super) fn yaml(walk: &Walk<'_>, root_filter_col: &str, schema: &str) -> String {
    let joined = walk.joined();
    let found: Vec<Columns> = (0..walk.tables.len()).map(|i| masks::columns(walk, i, &joined)).collect();
    let mut out = String::from(
        "# Written by `airlock init` from names, types and foreign keys; no value was looked at.\n\
         # Read every line before use: what no rule knows is exported in clear.\n",
    );
    let _ = writeln!(out, "# {}", summary(&found));
    out.push_str("version: 1\n");
    let _ = writeln!(out, "root_table: {}", scalar(&walk.tables[0].name));
    let _ = writeln!(out, "root_filter_col: {}", scalar(root_filter_col));
    if schema != "public" {
        let _ = writeln!(out, "schema: {}", scalar(schema));
    }
    out.push_str("tables:\n");
    for (index, table) in walk.tables.iter().enumerate() {
        let _ = writeln!(out, "  - name: {}", source_name(&table.info.table, schema));
        if table.name != table.info.table.name {
            let _ = writeln!(out, "    as: {}", scalar(&table.name));
        }
        match &table.edge {
            Edge::Root => {}
            Edge::Child(parent, fk) => {
                let _ = writeln!(out, "    parent: {}", scalar(&walk.tables[*parent].name));
                let _ = writeln!(out, "    fk: {}", columns(&fk.columns));
                if walk.tables[*parent].info.primary_key != fk.referenced || ambiguous(table.info, fk) {
                    let _ = writeln!(out, "    parent_key: {}", columns(&fk.referenced));
                }
            }
            Edge::Lookup(via, fk) => {
                let _ = writeln!(out, "    via: {}", scalar(&walk.tables[*via].name));
                let _ = writeln!(out, "    via_fk: {}", columns(&fk.columns));
                let mut all = std::iter::once((*via, *fk)).chain(table.also.iter().copied());
                if table.info.primary_key != fk.referenced
                    || all.any(|(via, fk)| ambiguous(walk.tables[via].info, fk))
                {
                    let _ = writeln!(out, "    key: {}", columns(&fk.referenced));
                }
                if !table.also.is_empty() {
                    out.push_str("    edges:\n");
                }
                for (via, fk) in &table.also {
                    let via = scalar(&walk.tables[*via].name);
                    let _ = writeln!(out, "      - {{via: {via}, via_fk: {}}}", columns(&fk.columns));
                }
            }
        }
        let found = &found[index];
        if !found.masked.is_empty() {
            out.push_str("    mask_columns:\n");
            for (column, mask, comment) in &found.masked {
                let _ = writeln!(out, "      {}: {mask}  # {comment}", scalar(column));
            }
        }
        if !found.excluded.is_empty() {
            out.push_str("    exclude_columns:\n");
            for (column, comment) in &found.excluded {
                let _ = writeln!(out, "      - {}  # {comment}", scalar(column));
            }
        }
        for (what, names) in [("in clear", &found.clear), ("in clear, look twice", &found.review)] {
            wrapped(&mut out, "    # ", what, names);
        }
        for note in found.notes.iter().chain(&not_followed(walk, index)).chain(&polymorphic(walk, index)) {
            let _ = writeln!(out, "    # {note}");
        }
    }
    if !walk.left_out.is_empty() {
        out.push_str("  # Left out:\n");
        for text in &walk.left_out {
            let _ = writeln!(out, "  # - {text}");
        }
    }
    if !walk.shared.is_empty() {
        out.push_str("  # Left out, because their rows hang on rows that subjects share:\n");
        for text in &walk.shared {
            let _ = writeln!(out, "  # - {text}");
        }
    }
    wrapped(&mut out, "  # ", "Not reached by any foreign key from the root", &walk.unreached);
    out
}

/// How many columns there are, and what becomes of them.
fn summary(found: &[Columns]) -> String {
    let count = |of: fn(&Columns) -> usize| found.iter().map(of).sum::<usize>();
    let (masked, excluded) = (count(|c| c.masked.len()), count(|c| c.excluded.len()));
    let (clear, review) = (count(|c| c.clear.len()), count(|c| c.review.len()));
    format!(
        "{} tables; columns: {masked} masked, {excluded} left out, {} in clear, {review} of these to look at twice.",
        found.len(),
        clear + review
    )
}

/// `what: a, b, c` as a comment, over as many lines as it takes.
fn wrapped(out: &mut String, start: &str, what: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let mut line = format!("{start}{what}:");
    for (index, name) in names.iter().enumerate() {
        let name = shown(name);
        if line.chars().count() + name.chars().count() + 2 > LINE_CHARS_MAX {
            let _ = writeln!(out, "{line}");
            line = format!("{start} ");
        }
        let _ = write!(line, " {name}{}", if index + 1 < names.len() { "," } else { "" });
    }
    let _ = writeln!(out, "{line}");
}

const LINE_CHARS_MAX: usize = 110;

/// Whether the same columns point at the same table by another key as well.
fn ambiguous(from: &TableInfo, fk: &ForeignKey) -> bool {
    let same = |other: &&ForeignKey| {
        other.references == fk.references && other.columns.iter().all(|c| fk.columns.contains(c))
    };
    from.foreign_keys.iter().filter(same).count() > 1
}

fn not_followed(walk: &Walk<'_>, index: usize) -> Vec<String> {
    let table = &walk.tables[index];
    walk.not_followed(index)
        .into_iter()
        .map(|fk| {
            let why = if fk.references == table.info.table {
                "a self-reference"
            } else if fk.references == walk.tables[0].info.table {
                "rows are found by one way only"
            } else {
                "the table is here already"
            };
            shown(&format!("not followed: {} -> {} ({why})", fk.columns.join(", "), fk.references.name))
        })
        .collect()
}

/// `owner_type` beside `owner_id`: which table is meant stands in the row.
fn polymorphic(walk: &Walk<'_>, index: usize) -> Vec<String> {
    let info = walk.tables[index].info;
    let parts = |name: &str, suffix: &str| {
        tokens(name).split_last().filter(|(l, w)| *l == suffix && !w.is_empty()).map(|(_, w)| w.to_vec())
    };
    let mut notes = Vec::new();
    for column in &info.columns {
        let Some(thing) = parts(&column.name, "type") else { continue };
        let id = info.columns.iter().find(|c| parts(&c.name, "id").as_ref() == Some(&thing));
        if let Some(id) = id.filter(|id| !info.foreign_keys.iter().any(|fk| fk.columns.contains(&id.name))) {
            notes.push(shown(&format!(
                "not followed: {} with {} points at different tables",
                id.name, column.name
            )));
        }
    }
    notes
}

/// A table's name as `name:` takes it.
pub(super) fn source_name(table: &TableRef, schema: &str) -> String {
    if table.schema == schema {
        scalar(&table.name)
    } else {
        scalar(&format!("{}.{}", table.schema, table.name))
    }
}

/// One column, or a list.
pub(super) fn columns(columns: &[String]) -> String {
    match columns {
        [one] => scalar(one),
        many => format!("[{}]", many.iter().map(|c| scalar(c)).collect::<Vec<_>>().join(", ")),
    }
}

/// A text as a YAML scalar: plain where no reader could take it for anything else, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let plain = text.chars().all(|c| word(c) || c == '.')
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "nan" | "inf"
        );
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

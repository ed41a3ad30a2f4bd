//! Follows foreign keys from the root: which tables, by which edges, and what was not followed.

use std::collections::BTreeSet;

use crate::policy::TableRef;
use crate::policy::pii::tokens;
use crate::snapshot::Catalog;
use crate::snapshot::source::{ForeignKey, TableInfo, TableKind};

/// Most edges between the root and a table.
const DEPTH_MAX: usize = 6;
/// Larger tables without an index for their edge would be read whole for every snapshot.
const ROWS_MAX: u64 = 50_000_000;

/// The tables found.
pub(super) struct Walk<'a> {
    pub(super) tables: Vec<Included<'a>>,
    /// What is left out and could be added, as comments.
    pub(super) left_out: Vec<String>,
}

/// A table found.
pub(super) struct Included<'a> {
    pub(super) info: &'a TableInfo,
    /// Its name in the snapshot.
    pub(super) name: String,
    pub(super) edge: Edge<'a>,
    depth: usize,
}

/// How it was found.
pub(super) enum Edge<'a> {
    Root,
    /// It points at the table at this position.
    Child(usize, &'a ForeignKey),
    /// The table at this position points at it.
    Lookup(usize, &'a ForeignKey),
}

impl<'a> Walk<'a> {
    /// The positions of the tables of this source name.
    pub(super) fn position(&self, table: &TableRef) -> Option<usize> {
        self.tables.iter().position(|t| t.info.table == *table)
    }

    /// Columns that take part in a foreign key between tables found: table by position.
    pub(super) fn joined(&self) -> BTreeSet<(usize, String)> {
        let mut joined = BTreeSet::new();
        for (from, table) in self.tables.iter().enumerate() {
            for fk in &table.info.foreign_keys {
                if let Some(to) = self.position(&fk.references) {
                    joined.extend(fk.columns.iter().map(|c| (from, c.clone())));
                    joined.extend(fk.referenced.iter().map(|c| (to, c.clone())));
                }
            }
        }
        joined
    }

    /// Foreign keys of a table to tables found that are not the edge it is reached by.
    pub(super) fn not_followed(&self, index: usize) -> Vec<&'a ForeignKey> {
        let table = &self.tables[index];
        table
            .info
            .foreign_keys
            .iter()
            .filter(|fk| {
                let followed = |t: &Included<'_>| match t.edge {
                    Edge::Child(_, e) | Edge::Lookup(_, e) => std::ptr::eq(e, *fk),
                    Edge::Root => false,
                };
                self.position(&fk.references).is_some() && !self.tables.iter().any(followed)
            })
            .collect()
    }
}

/// Follows foreign keys from `root`.
pub(super) fn from<'a>(catalog: &'a Catalog, root: &'a TableInfo, schema: &str) -> Walk<'a> {
    let mut walk = Walk {
        tables: vec![Included { info: root, name: root.table.name.clone(), edge: Edge::Root, depth: 0 }],
        left_out: vec![],
    };
    // First what belongs to the subject: rows that point at rows already found.
    let mut at = 0;
    while at < walk.tables.len() {
        let (target, depth) = (walk.tables[at].info, walk.tables[at].depth);
        for table in catalog.tables.iter().filter(|t| can_be_written(t)) {
            if walk.position(&table.table).is_some() {
                continue;
            }
            let Some(fk) = best(table, target) else { continue };
            if let Some(why) = refused(table, &fk.columns, depth) {
                walk.left_out.push(format!(
                    "{}: {why}",
                    entry(table, "parent", &walk.tables[at].name, "fk", fk, schema)
                ));
            } else {
                add(&mut walk, table, Edge::Child(at, fk), depth + 1);
            }
        }
        at += 1;
    }
    // Then what those rows point at. It brings no rows of its own, or shared rows would bring everybody's.
    let mut at = 0;
    while at < walk.tables.len() {
        let (info, depth) = (walk.tables[at].info, walk.tables[at].depth);
        for fk in &info.foreign_keys {
            let Some(table) = catalog.table(&fk.references).filter(|t| can_be_written(t)) else { continue };
            if walk.position(&table.table).is_some() || !comparable(info, table, fk) {
                continue;
            }
            if let Some(why) = refused(table, &fk.referenced, depth) {
                walk.left_out.push(format!(
                    "{}: {why}",
                    entry(table, "via", &walk.tables[at].name, "via_fk", fk, schema)
                ));
            } else {
                add(&mut walk, table, Edge::Lookup(at, fk), depth + 1);
            }
        }
        at += 1;
    }
    let named = by_name_only(catalog, &walk, schema);
    walk.left_out.extend(named);
    walk.left_out.sort();
    walk.left_out.dedup();
    walk.left_out.retain(|text| !text.contains(char::is_control));
    walk
}

/// Whether its names can stand in the file, and something of it can be exported.
pub(super) fn can_be_written(table: &TableInfo) -> bool {
    let fine = |name: &str| !name.is_empty() && name.len() <= 128 && !name.chars().any(char::is_control);
    matches!(table.kind, TableKind::Table | TableKind::Partitioned)
        && fine(&table.table.schema)
        && fine(&table.table.name)
        && !table.table.schema.contains('.')
        && !table.table.name.contains('.')
        && table.columns.iter().all(|c| fine(&c.name))
        && table.columns.iter().any(|c| c.data_type.is_some())
}

/// The foreign key by which rows of `table` belong to rows of `target`: one that is never NULL before others.
fn best<'a>(table: &'a TableInfo, target: &TableInfo) -> Option<&'a ForeignKey> {
    let usable = || {
        table.foreign_keys.iter().filter(|fk| fk.references == target.table && comparable(table, target, fk))
    };
    let always = |fk: &&ForeignKey| fk.columns.iter().all(|c| table.column(c).is_some_and(|c| !c.nullable));
    usable().find(always).or_else(|| usable().next())
}

/// Whether both sides can be read, and have the same type.
fn comparable(from: &TableInfo, to: &TableInfo, fk: &ForeignKey) -> bool {
    let numbers = |t: &arrow::datatypes::DataType| t.is_integer();
    fk.columns.len() == fk.referenced.len()
        && fk.columns.iter().zip(&fk.referenced).all(|(a, b)| {
            match (
                from.column(a).and_then(|c| c.data_type.as_ref()),
                to.column(b).and_then(|c| c.data_type.as_ref()),
            ) {
                (Some(a), Some(b)) => a == b || (numbers(a) && numbers(b)),
                _ => false,
            }
        })
}

/// Why a table is not taken although an edge leads to it.
fn refused(table: &TableInfo, columns: &[String], depth: usize) -> Option<String> {
    let indexed = table
        .indexes
        .iter()
        .any(|i| i.len() >= columns.len() && columns.iter().all(|c| i[..columns.len()].contains(c)));
    if depth >= DEPTH_MAX {
        return Some(format!("more than {DEPTH_MAX} edges away"));
    }
    match table.rows_estimate {
        Some(rows) if rows > ROWS_MAX && !indexed => {
            Some(format!("about {rows} rows, and no index for this edge"))
        }
        _ => None,
    }
}

fn add<'a>(walk: &mut Walk<'a>, info: &'a TableInfo, edge: Edge<'a>, depth: usize) {
    let taken = |name: &String| walk.tables.iter().any(|t| t.name == *name);
    let mut name = info.table.name.clone();
    if taken(&name) {
        name = format!("{}_{}", info.table.schema, info.table.name);
    }
    while taken(&name) {
        name.push('_');
    }
    walk.tables.push(Included { info, name, edge, depth });
}

/// Tables with a column such as `user_id` and no foreign key: named, for a person to decide.
fn by_name_only(catalog: &Catalog, walk: &Walk<'_>, schema: &str) -> Vec<String> {
    let mut named = Vec::new();
    for table in catalog.tables.iter().filter(|t| can_be_written(t) && walk.position(&t.table).is_none()) {
        for column in &table.columns {
            let words = tokens(&column.name);
            let [thing @ .., last] = words.as_slice() else { continue };
            if last != "id"
                || thing.is_empty()
                || table.foreign_keys.iter().any(|fk| fk.columns.contains(&column.name))
            {
                continue;
            }
            let thing = thing.join("_");
            let target = walk.tables.iter().find(|t| {
                let name = tokens(&t.info.table.name).join("_");
                let [key] = t.info.primary_key.as_slice() else { return false };
                (name == thing || name == format!("{thing}s") || name == format!("{thing}es"))
                    && t.info
                        .column(key)
                        .is_some_and(|k| k.data_type.is_some() && k.data_type == column.data_type)
            });
            if let Some(target) = target {
                let fk = ForeignKey {
                    columns: vec![column.name.clone()],
                    references: target.info.table.clone(),
                    referenced: vec![],
                };
                let entry = entry(table, "parent", &target.name, "fk", &fk, schema);
                named.push(format!("{entry}: by its name only, no foreign key"));
            }
        }
    }
    named
}

fn entry(
    table: &TableInfo,
    key: &str,
    target: &str,
    columns_key: &str,
    fk: &ForeignKey,
    schema: &str,
) -> String {
    let name = super::render::source_name(&table.table, schema);
    format!("{{name: {name}, {key}: {target}, {columns_key}: {}}}", super::render::columns(&fk.columns))
}

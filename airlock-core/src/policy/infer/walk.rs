//! Follows foreign keys from the root: which tables, by which edges, and what was not followed.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;

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
    /// The same for tables whose rows hang on rows that subjects share.
    pub(super) shared: Vec<String>,
    /// Other tables and views of the source, by name.
    pub(super) unreached: Vec<String>,
}

/// A table found.
pub(super) struct Included<'a> {
    pub(super) info: &'a TableInfo,
    /// Its name in the snapshot.
    pub(super) name: String,
    pub(super) edge: Edge<'a>,
    /// For a lookup: the other tables found that point at the same key.
    pub(super) also: Vec<(usize, &'a ForeignKey)>,
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

    /// Foreign keys of a table by which rows of the subject may be missing: other ways to the root, trees, and
    /// lookups that could not be added.
    pub(super) fn not_followed(&self, index: usize) -> Vec<&'a ForeignKey> {
        let is_followed = |fk: &ForeignKey| {
            self.tables.iter().any(|t| {
                let first = match t.edge {
                    Edge::Child(_, e) | Edge::Lookup(_, e) => Some(e),
                    Edge::Root => None,
                };
                first.into_iter().chain(t.also.iter().map(|(_, e)| *e)).any(|e| std::ptr::eq(e, fk))
            })
        };
        let matters = |fk: &&'a ForeignKey| {
            self.position(&fk.references)
                .is_some_and(|to| to == index || to == 0 || matches!(self.tables[to].edge, Edge::Lookup(..)))
        };
        self.tables[index].info.foreign_keys.iter().filter(|fk| !is_followed(fk)).filter(matters).collect()
    }

    /// The table that an edge leads from, and all others.
    fn dependencies(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let first = match self.tables[index].edge {
            Edge::Child(at, _) | Edge::Lookup(at, _) => Some(at),
            Edge::Root => None,
        };
        first.into_iter().chain(self.tables[index].also.iter().map(|(at, _)| *at))
    }

    /// Whether rows of `index` are found from rows of `other`, over any number of edges.
    fn depends(&self, index: usize, other: usize) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![index]);
        while let Some(at) = open.pop() {
            if at == other {
                return true;
            }
            if seen.insert(at) {
                open.extend(self.dependencies(at));
            }
        }
        false
    }
}

/// Follows foreign keys from `root`.
pub(super) fn from<'a>(catalog: &'a Catalog, root: &'a TableInfo, schema: &str) -> Walk<'a> {
    let root =
        Included { info: root, name: root.table.name.clone(), edge: Edge::Root, also: vec![], depth: 0 };
    let mut walk = Walk { tables: vec![root], left_out: vec![], shared: vec![], unreached: vec![] };
    owned(catalog, &mut walk, schema);
    lookups(catalog, &mut walk, schema);
    more_lookups(&mut walk);
    walk.shared = shared(catalog, &walk, schema);
    let named = by_name_only(catalog, &walk, schema);
    walk.left_out.extend(named);
    walk.left_out.sort();
    walk.left_out.dedup();
    walk.left_out.retain(|text| !text.contains(char::is_control));
    let mentioned = |t: &TableInfo| {
        let start = format!("{{name: {},", super::render::source_name(&t.table, schema));
        walk.left_out.iter().chain(&walk.shared).any(|text| text.starts_with(&start))
    };
    let unreached = catalog.tables.iter().filter(|t| walk.position(&t.table).is_none() && !mentioned(t));
    walk.unreached = unreached.map(|t| super::render::source_name(&t.table, schema)).collect();
    walk
}

/// What belongs to the subject: rows that point at rows already found, surest edges first.
///
/// A key that is never NULL says whose a row is; one that may be NULL is often somebody who merely touched it. So
/// keys that are never NULL are followed as far as they lead, then one that may be NULL, and so on; and a table that
/// still waits for a surer way is taken last.
fn owned<'a>(catalog: &'a Catalog, walk: &mut Walk<'a>, schema: &str) {
    let tables: Vec<&TableInfo> = catalog.tables.iter().filter(|t| can_be_written(t)).collect();
    let reachable = reachable(&tables, walk.tables[0].info);
    let mut refusals = BTreeSet::new();
    loop {
        let is_open = |t: &TableInfo| walk.position(&t.table).is_none();
        let mut next: Option<(Rank, &'a ForeignKey)> = None;
        for (order, table) in tables.iter().enumerate().filter(|(_, t)| is_open(t)) {
            let waits = table.foreign_keys.iter().any(|fk| {
                let to = tables.iter().position(|t| t.table == fk.references);
                !may_be_null(table, fk)
                    && to.is_some_and(|to| to != order && reachable.contains(&to) && is_open(tables[to]))
            });
            for (at, fk) in table.foreign_keys.iter().enumerate() {
                let Some(to) = walk.position(&fk.references) else { continue };
                if refusals.contains(&(order, at)) || !comparable(table, walk.tables[to].info, fk) {
                    continue;
                }
                let rank = u8::from(may_be_null(table, fk)) * (1 + u8::from(waits));
                let key = (rank, walk.tables[to].depth, to, order);
                if next.is_none_or(|(best, _)| key < best) {
                    next = Some((key, fk));
                }
            }
        }
        let Some(((_, depth, to, order), fk)) = next else { return };
        let table = tables[order];
        if let Some(why) = refused(table, &fk.columns, depth) {
            let entry = entry(table, "parent", &walk.tables[to].name, "fk", fk, schema);
            walk.left_out.push(format!("{entry}: {why}"));
            refusals
                .extend(table.foreign_keys.iter().position(|f| std::ptr::eq(f, fk)).map(|at| (order, at)));
        } else {
            add(walk, table, Edge::Child(to, fk), depth + 1);
        }
    }
}

/// How good an edge is, least first: may it be NULL, how far from the root, the table it points at, its own table.
type Rank = (u8, usize, usize, usize);

/// Positions of the tables whose rows point at rows of `root`, over any number of keys.
fn reachable(tables: &[&TableInfo], root: &TableInfo) -> BTreeSet<usize> {
    let mut found: BTreeSet<usize> = tables.iter().position(|t| t.table == root.table).into_iter().collect();
    loop {
        let more: Vec<usize> = (0..tables.len())
            .filter(|i| !found.contains(i))
            .filter(|&i| {
                let mut keys = tables[i].foreign_keys.iter();
                keys.any(|fk| found.iter().any(|&f| tables[f].table == fk.references))
            })
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn may_be_null(table: &TableInfo, fk: &ForeignKey) -> bool {
    fk.columns.iter().any(|c| table.column(c).is_none_or(|c| c.nullable))
}

/// Then what those rows point at. It brings no rows of its own, or shared rows would bring everybody's.
fn lookups<'a>(catalog: &'a Catalog, walk: &mut Walk<'a>, schema: &str) {
    let mut at = 0;
    while at < walk.tables.len() {
        let (info, depth) = (walk.tables[at].info, walk.tables[at].depth);
        for fk in &info.foreign_keys {
            let Some(table) = catalog.table(&fk.references).filter(|t| can_be_written(t)) else { continue };
            if walk.position(&table.table).is_some() || !comparable(info, table, fk) {
                continue;
            }
            if let Some(why) = refused(table, &fk.referenced, depth) {
                let entry = entry(table, "via", &walk.tables[at].name, "via_fk", fk, schema);
                walk.left_out.push(format!("{entry}: {why}"));
            } else {
                add(walk, table, Edge::Lookup(at, fk), depth + 1);
            }
        }
        at += 1;
    }
}

/// The other tables that point at a lookup: without them, rows that they point at would be missing.
fn more_lookups(walk: &mut Walk<'_>) {
    for to in 0..walk.tables.len() {
        let Edge::Lookup(_, first) = walk.tables[to].edge else { continue };
        for from in 0..walk.tables.len() {
            let info = walk.tables[from].info;
            for fk in &info.foreign_keys {
                let known = walk.tables[to].also.iter().any(|(_, e)| std::ptr::eq(*e, fk));
                let fits = fk.references == walk.tables[to].info.table
                    && fk.referenced == first.referenced
                    && !std::ptr::eq(fk, first)
                    && types(info, fk) == types_of(walk, to);
                // A table that is itself found from this one must be read later.
                if !known && fits && !walk.depends(from, to) {
                    walk.tables[to].also.push((from, fk));
                }
            }
        }
    }
}

/// The types of the columns that point.
fn types<'a>(table: &'a TableInfo, fk: &ForeignKey) -> Vec<Option<&'a DataType>> {
    fk.columns.iter().map(|c| table.column(c).and_then(|c| c.data_type.as_ref())).collect()
}

/// The types of the columns that point at the lookup at `to`, in its first edge.
fn types_of<'a>(walk: &Walk<'a>, to: usize) -> Vec<Option<&'a DataType>> {
    match walk.tables[to].edge {
        Edge::Lookup(via, fk) => types(walk.tables[via].info, fk),
        Edge::Root | Edge::Child(..) => vec![],
    }
}

/// Tables whose rows hang on looked-up rows: a person decides whether those are the subject's to see.
fn shared(catalog: &Catalog, walk: &Walk<'_>, schema: &str) -> Vec<String> {
    let outside = catalog.tables.iter().filter(|t| can_be_written(t) && walk.position(&t.table).is_none());
    outside
        .filter_map(|table| {
            let lookup = |fk: &&ForeignKey| {
                let to = walk.position(&fk.references)?;
                let is_lookup = matches!(walk.tables[to].edge, Edge::Lookup(..));
                (is_lookup && comparable(table, walk.tables[to].info, fk)).then_some(to)
            };
            let keys = || table.foreign_keys.iter().filter(|fk| lookup(fk).is_some());
            let fk = keys().find(|fk| !may_be_null(table, fk)).or_else(|| keys().next())?;
            Some(entry(table, "parent", &walk.tables[lookup(&fk)?].name, "fk", fk, schema))
        })
        .filter(|text| !text.contains(char::is_control))
        .collect()
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

/// Whether both sides can be read, and have the same type.
fn comparable(from: &TableInfo, to: &TableInfo, fk: &ForeignKey) -> bool {
    let numbers = |t: &DataType| t.is_integer();
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
    walk.tables.push(Included { info, name, edge, also: vec![], depth });
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

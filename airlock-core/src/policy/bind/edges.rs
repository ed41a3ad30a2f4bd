//! Edges between tables, and the columns on both sides.

use arrow::datatypes::DataType;

use super::columns::{Draft, missing_column};
use crate::policy::RowsPolicy;
use crate::policy::finding::{Finding, LintCode};

/// Columns of one table that point at columns of another; tables by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Link {
    pub(in crate::policy) from: usize,
    pub(in crate::policy) from_columns: Vec<String>,
    pub(in crate::policy) to: usize,
    pub(in crate::policy) to_columns: Vec<String>,
}

impl Link {
    /// Pairs of columns, each as table and name.
    pub(super) fn pairs(&self) -> impl Iterator<Item = ((usize, &str), (usize, &str))> {
        self.from_columns
            .iter()
            .zip(&self.to_columns)
            .map(|(f, t)| ((self.from, f.as_str()), (self.to, t.as_str())))
    }

    /// Whether both say the same, whatever the order of the columns.
    pub(in crate::policy) fn same(&self, other: &Link) -> bool {
        self.from == other.from
            && self.to == other.to
            && self.from_columns.len() == other.from_columns.len()
            && self.pairs().all(|p| other.pairs().any(|q| p == q))
    }
}

/// The edges of the table at `index`, with all their columns known.
pub(super) fn links(tables: &[Draft<'_>], index: usize, out: &mut Vec<Finding>) -> Vec<Link> {
    let table = &tables[index];
    let find = |name: &str| tables.iter().position(|t| t.policy.name == name);
    match &table.policy.rows {
        RowsPolicy::Root | RowsPolicy::Global => vec![],
        RowsPolicy::Child { parent, fk, parent_key } => {
            let ends = (parent.as_str(), Some(index), find(parent));
            link(tables, index, ends, fk, parent_key.as_deref(), ("fk", "parent_key"), out)
                .into_iter()
                .collect()
        }
        RowsPolicy::Lookup { via, via_fk, also } => {
            let given = table.policy.key.as_deref();
            let first =
                link(tables, index, (via, find(via), Some(index)), via_fk, given, ("via_fk", "key"), out);
            let mut links: Vec<Link> = first.into_iter().collect();
            for (via, via_fk) in also {
                let ends = (via.as_str(), find(via), Some(index));
                let Some(link) = link(tables, index, ends, via_fk, given, ("edges", "key"), out) else {
                    continue;
                };
                if links.first().is_none_or(|first| alike(tables, first, &link)) {
                    links.push(link);
                } else {
                    let message = format!(
                        "`{via}.{}` must point at the same key as `via_fk` does, with the same type",
                        via_fk.join(", ")
                    );
                    out.push(Finding::new(LintCode::E103, table.path("edges"), message));
                }
            }
            links
        }
    }
}

/// Whether keys of both can be put together: they point at the same columns, and are of the same types.
fn alike(tables: &[Draft<'_>], a: &Link, b: &Link) -> bool {
    let data_type = |l: &Link, i: usize| {
        tables[l.from].column(&l.from_columns[i]).and_then(|c| c.info.data_type.as_ref()).cloned()
    };
    a.to_columns == b.to_columns && (0..a.from_columns.len()).all(|i| data_type(a, i) == data_type(b, i))
}

/// One edge: `ends` is the table named, the one that points, and the one pointed at.
fn link(
    tables: &[Draft<'_>],
    index: usize,
    (target, from, to): (&str, Option<usize>, Option<usize>),
    from_columns: &[String],
    given: Option<&[String]>,
    keys: (&str, &str),
    out: &mut Vec<Finding>,
) -> Option<Link> {
    let table = &tables[index];
    let (Some(from), Some(to)) = (from, to) else {
        let message = format!("`{}` names `{target}`, which is not in `tables`", table.policy.name);
        out.push(Finding::new(LintCode::E103, format!("tables[{}]", table.policy.name), message));
        return None;
    };
    let before = out.len();
    for column in from_columns {
        out.extend(missing_column(&tables[from], table.path(keys.0), column));
    }
    let to_columns = match given {
        Some(columns) => columns.to_vec(),
        None => referenced(&tables[from], from_columns, &tables[to]),
    };
    for column in &to_columns {
        out.extend(missing_column(&tables[to], table.path(keys.1), column));
    }
    if out.len() > before {
        return None;
    }
    if to_columns.len() != from_columns.len() {
        let message = if to_columns.is_empty() {
            format!("`{}` has no primary key; say `{}`", tables[to].policy.name, keys.1)
        } else {
            format!(
                "`{}` has {} column(s), the key of `{}` has {}",
                keys.0,
                from_columns.len(),
                tables[to].policy.name,
                to_columns.len()
            )
        };
        out.push(Finding::new(LintCode::E103, table.path(keys.0), message));
        return None;
    }
    let link = Link { from, from_columns: from_columns.to_vec(), to, to_columns };
    comparable(tables, &link, &table.path(keys.0), out).then_some(link)
}

/// What a foreign key of the source says these columns point at; else the table's own key.
fn referenced(from: &Draft<'_>, columns: &[String], to: &Draft<'_>) -> Vec<String> {
    let declared = from.info.foreign_keys.iter().find(|fk| {
        fk.references == to.policy.source
            && fk.columns.len() == columns.len()
            && columns.iter().all(|c| fk.columns.contains(c))
    });
    match declared {
        Some(fk) => columns
            .iter()
            .filter_map(|c| fk.columns.iter().position(|f| f == c).and_then(|i| fk.referenced.get(i)))
            .cloned()
            .collect(),
        None => to.key().to_vec(),
    }
}

/// Keys are compared in the source, so both sides must be readable and of one family.
fn comparable(tables: &[Draft<'_>], link: &Link, path: &str, out: &mut Vec<Finding>) -> bool {
    let mut fine = true;
    for (from, to) in link.pairs() {
        let column = |(t, c): (usize, &str)| tables[t].column(c).map(|c| c.info);
        let (Some(a), Some(b)) = (column(from), column(to)) else { continue };
        let name = |(t, c): (usize, &str)| format!("`{}.{c}`", tables[t].policy.name);
        let finding = match (&a.data_type, &b.data_type) {
            (Some(x), Some(y)) if family(x) == family(y) => continue,
            (Some(_), Some(_)) => {
                let message = format!(
                    "{} ({}) cannot be compared with {} ({})",
                    name(from),
                    a.source_type,
                    name(to),
                    b.source_type
                );
                Finding::new(LintCode::E103, path, message)
            }
            _ => {
                let (which, info) = if a.data_type.is_none() { (from, a) } else { (to, b) };
                let message =
                    format!("{} has the type {}, which cannot be read", name(which), info.source_type);
                Finding::new(LintCode::E302, path, message)
            }
        };
        out.push(finding);
        fine = false;
    }
    fine
}

fn same_family(tables: &[Draft<'_>], a: (usize, &str), b: (usize, &str)) -> bool {
    let of = |(t, c): (usize, &str)| tables[t].column(c).and_then(|c| c.info.data_type.as_ref()).map(family);
    of(a) == of(b)
}

/// Types whose values compare as keys.
fn family(data_type: &DataType) -> String {
    match data_type {
        t if t.is_integer() => "number".into(),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _) => "number".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) => {
            "text".into()
        }
        other => other.to_string(),
    }
}

/// The source's foreign keys between tables of the policy. A source table may stand in the policy more than once.
pub(super) fn declared(tables: &[Draft<'_>]) -> Vec<Link> {
    let mut links = Vec::new();
    for (from, table) in tables.iter().enumerate() {
        for fk in &table.info.foreign_keys {
            for (to, target) in tables.iter().enumerate() {
                let known =
                    |d: &Draft<'_>, columns: &[String]| columns.iter().all(|c| d.position(c).is_some());
                if target.policy.source != fk.references
                    || fk.columns.len() != fk.referenced.len()
                    || !known(table, &fk.columns)
                    || !known(target, &fk.referenced)
                {
                    continue;
                }
                let link =
                    Link { from, from_columns: fk.columns.clone(), to, to_columns: fk.referenced.clone() };
                // SQLite lets a key point at a column of another type. Such values never join.
                if link.pairs().all(|(a, b)| same_family(tables, a, b)) {
                    links.push(link);
                }
            }
        }
    }
    links
}

/// A key that another exported table points at must be in the snapshot, or the pointer points nowhere.
pub(super) fn check_keys(tables: &[Draft<'_>], links: &[Vec<Link>], out: &mut Vec<Finding>) {
    for link in links.iter().flatten() {
        for ((from, column), (to, key)) in link.pairs() {
            let exported = |t: usize, c: &str| tables[t].column(c).is_some_and(|c| c.exported);
            if exported(from, column) && !exported(to, key) {
                let listed = tables[to].policy.exclude_columns.iter().any(|c| c == key);
                let place = if listed { "exclude_columns" } else { "columns" };
                let message = format!(
                    "`{}.{key}` is not exported, but `{}.{column}` points at it",
                    tables[to].policy.name, tables[from].policy.name
                );
                out.push(
                    Finding::new(LintCode::E205, tables[to].path(place), message)
                        .advise("mask it with hash or hash_int instead, or exclude both"),
                );
            }
        }
    }
}

/// Marks the columns whose raw values the export needs beside those it stores.
pub(super) fn mark_traversal(tables: &mut [Draft<'_>], links: &[Vec<Link>], out: &mut Vec<Finding>) {
    let mut needed: Vec<(usize, String)> = Vec::new();
    for (i, link) in links.iter().enumerate().flat_map(|(i, links)| links.iter().map(move |l| (i, l))) {
        // The other side's rows are exported first; their values are the keys for this side.
        let (other, columns) =
            if link.from == i { (link.to, &link.to_columns) } else { (link.from, &link.from_columns) };
        needed.extend(columns.iter().map(|c| (other, c.clone())));
    }
    for (i, table) in tables.iter().enumerate() {
        needed.extend(table.order_by().into_iter().map(|(c, _)| (i, c)));
    }
    for (table, column) in needed {
        if let Some(at) = tables[table].position(&column) {
            tables[table].columns[at].traversed = true;
        }
    }
    for table in tables.iter_mut() {
        for column in table.columns.iter().filter(|c| c.traversed && c.info.data_type.is_none()) {
            let message = format!(
                "`{}.{}` has the type {}, which cannot be read",
                table.policy.name, column.info.name, column.info.source_type
            );
            out.push(Finding::new(LintCode::E302, table.path("order_by"), message));
        }
        // A table whose columns are all hidden still has rows to count: read something that says so.
        if !table.columns.iter().any(|c| c.read())
            && let Some(column) =
                table.columns.iter_mut().find(|c| c.info.granted && c.info.data_type.is_some())
        {
            column.traversed = true;
        }
    }
}

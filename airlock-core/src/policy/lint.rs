//! What is wrong or doubtful about a policy: errors of binding, and what names, types and keys give away.

use std::collections::BTreeSet;

use super::bind::{Bound, Draft, DraftColumn, Link, is_clear, resolve};
use super::finding::{Finding, Findings, LintCode};
use super::pii::{Score, Shape, Suggestion, look};
use super::{ColumnPattern, Policy, RowsPolicy};
use crate::mask::MaskKind;
use crate::snapshot::Catalog;
use crate::snapshot::source::TableKind;

/// Everything found about a policy; with a catalog, also what only the source can tell.
///
/// A policy that binds has no finding of level error here.
pub fn lint(policy: &Policy, catalog: Option<&Catalog>) -> Findings {
    let mut out = Vec::new();
    masked_and_excluded(policy, &mut out);
    if let Some(bound) = catalog.and_then(|c| resolve(policy, c, &mut out)) {
        for index in 0..bound.tables.len() {
            personal(&bound, index, &mut out);
            types(&bound.tables[index], &mut out);
            edge(&bound, index, &mut out);
        }
        if let Some(catalog) = catalog {
            uncovered(&bound, catalog, &mut out);
        }
    }
    Findings::from(out)
}

fn masked_and_excluded(policy: &Policy, out: &mut Vec<Finding>) {
    for table in &policy.tables {
        for (pattern, _) in &table.masks {
            let ColumnPattern::Exact(name) = pattern else { continue };
            if table.exclude_columns.contains(name) {
                let path = format!("tables[{}].mask_columns.{name}", table.name);
                let message = format!("`{name}` is excluded as well, so its mask does nothing");
                out.push(Finding::new(LintCode::I102, path, message));
            }
        }
    }
}

/// Whether the snapshot shows something of the column's values.
fn shows(column: &DraftColumn<'_>) -> bool {
    let kind = column.mask.as_ref().and_then(|m| m.steps.last()).map(|s| s.kind());
    column.exported && !matches!(kind, Some(MaskKind::Null | MaskKind::Redact | MaskKind::Constant))
}

fn is_in_clear(column: &DraftColumn<'_>) -> bool {
    column.exported && column.mask.is_none()
}

fn acknowledged(column: &DraftColumn<'_>) -> bool {
    column.declared.as_ref().is_some_and(is_clear)
}

fn personal(bound: &Bound<'_>, index: usize, out: &mut Vec<Finding>) {
    let table = &bound.tables[index];
    let hits: Vec<_> = table
        .columns
        .iter()
        .filter_map(|c| Some((c, look(table.info, c.info).filter(|h| h.score >= Score::MASK)?)))
        .collect();
    for (column, hit) in hits.iter().filter(|(c, _)| is_in_clear(c) && !acknowledged(c)) {
        let name = &column.info.name;
        let message =
            format!("`{name}` looks personal and is not masked (rule {}, score {})", hit.rule, hit.score);
        let advice = match hit.suggestion {
            Suggestion::Exclude => format!("add `{name}` to exclude_columns"),
            other => {
                format!("mask it, for example with {}, or write {{kind: clear, reason: …}}", other.yaml())
            }
        };
        out.push(Finding::new(LintCode::W101, table.mask_path(name), message).advise(advice));
    }
    let shown: Vec<&str> = hits
        .iter()
        .filter(|(c, _)| shows(c) && !acknowledged(c))
        .map(|(c, _)| c.info.name.as_str())
        .collect();
    let place = format!("tables[{}]", table.policy.name);
    if table.policy.rows == RowsPolicy::Global && !shown.is_empty() {
        let message = format!(
            "`{}` is exported whole, and has columns that look personal: {}",
            table.policy.name,
            names(&shown)
        );
        out.push(
            Finding::new(LintCode::W105, &place, message)
                .advise("exclude them, or reach the table by an edge"),
        );
    }
    if shared(bound, index) && !shown.is_empty() {
        let message = format!(
            "rows of `{}` can belong to more than one root row, and columns that look personal are shown: {}",
            table.policy.name,
            names(&shown)
        );
        out.push(
            Finding::new(LintCode::W110, &place, message)
                .advise("redact or exclude what is about other people"),
        );
    }
    let quasi: BTreeSet<&str> = hits
        .iter()
        .filter(|(c, h)| is_in_clear(c) && matches!(h.rule, "zip" | "dob" | "gender"))
        .map(|(_, h)| h.rule)
        .collect();
    if quasi.len() == 3 {
        let message = format!(
            "`{}` shows zip, birth and gender in clear: together they name a person",
            table.policy.name
        );
        out.push(
            Finding::new(LintCode::W108, place, message)
                .advise("cut the date to its year, and the zip to 3 digits"),
        );
    }
}

fn names(names: &[&str]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

/// Whether the way to the root goes through a lookup: such rows are shared between subjects.
fn shared(bound: &Bound<'_>, index: usize) -> bool {
    let mut at = index;
    while let Some(link) = bound.links[at].first() {
        if link.from != at {
            return true;
        }
        at = link.to;
    }
    false
}

fn types(table: &Draft<'_>, out: &mut Vec<Finding>) {
    if table.info.kind == TableKind::ForeignTable {
        let message = format!("`{}` is a foreign table: reading it reaches another server", table.info.table);
        out.push(Finding::new(LintCode::W111, format!("tables[{}]", table.policy.name), message));
    }
    for column in table.columns.iter().filter(|c| c.exported) {
        let name = &column.info.name;
        let source = column.info.source_type.to_ascii_lowercase();
        let shape = Shape::of(column.info);
        let as_text = shape == Shape::Text && (source.ends_with("[]") || source.starts_with("numeric"));
        if as_text && column.mask.is_none() {
            let message = format!("`{name}` ({source}) is exported as text");
            out.push(Finding::new(LintCode::W112, format!("tables[{}]", table.policy.name), message));
        }
        let hashed = column
            .mask
            .as_ref()
            .is_some_and(|m| m.steps.iter().any(|s| matches!(s.kind(), MaskKind::Hash | MaskKind::HashInt)));
        let few = shape == Shape::Label
            || column
                .info
                .data_type
                .as_ref()
                .is_some_and(|t| t.is_integer() && t.primitive_width() == Some(2));
        if hashed && few && column.declared.is_some() {
            let message = format!("`{name}` ({source}) has few values: a hash can be guessed by frequency");
            out.push(
                Finding::new(LintCode::W107, table.mask_path(name), message).advise("use redact or \"null\""),
            );
        }
    }
}

/// What the source offers for following an edge.
fn edge(bound: &Bound<'_>, index: usize, out: &mut Vec<Finding>) {
    let Some(link) = bound.links[index].first() else { return };
    let table = &bound.tables[index];
    let place = format!("tables[{}]", table.policy.name);
    let columns = if link.from == index { &link.from_columns } else { &link.to_columns };
    let supports = |index: &Vec<String>| {
        index.len() >= columns.len() && columns.iter().all(|c| index[..columns.len()].contains(c))
    };
    if !table.info.indexes.iter().any(supports) && table.info.kind != TableKind::View {
        let message = format!(
            "no index of `{}` supports its edge by {}",
            table.info.table,
            names(&columns.iter().map(String::as_str).collect::<Vec<_>>())
        );
        out.push(Finding::new(LintCode::W103, &place, message).advise(format!(
            "CREATE INDEX ON {} ({})",
            super::grants::qualified(&table.info.table),
            super::grants::list(columns)
        )));
    }
    for link in bound.links[index].iter().filter(|l| !bound.declared.iter().any(|d| d.same(l))) {
        let message = format!("the source has no foreign key {}", described(bound, link));
        out.push(
            Finding::new(LintCode::W109, &place, message).advise("check that the columns mean the same"),
        );
    }
}

fn described(bound: &Bound<'_>, link: &Link) -> String {
    let name = |t: usize| &bound.tables[t].policy.name;
    format!(
        "{}({}) → {}({})",
        name(link.from),
        link.from_columns.join(", "),
        name(link.to),
        link.to_columns.join(", ")
    )
}

/// Foreign keys that the agent sees, to tables it does not.
fn uncovered(bound: &Bound<'_>, catalog: &Catalog, out: &mut Vec<Finding>) {
    for table in &bound.tables {
        for fk in &table.info.foreign_keys {
            let known = bound.tables.iter().any(|t| t.policy.source == fk.references);
            let seen = fk.columns.iter().all(|c| table.column(c).is_some_and(shows));
            if !known && seen && catalog.table(&fk.references).is_some() {
                let message = format!(
                    "`{}` points at `{}`, which is not in `tables`",
                    fk.columns.join(", "),
                    fk.references
                );
                out.push(
                    Finding::new(LintCode::W109, format!("tables[{}]", table.policy.name), message)
                        .advise("add the table with via and via_fk, or exclude the column"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::test_catalog::catalog;

    /// The codes found, each once, and that nothing in them is an error.
    #[track_caller]
    fn check(source: &str, tables: &str, expected: &[LintCode]) {
        let policy =
            Policy::parse(&format!("tables: [{{name: users}}, {tables}]")).unwrap_or_else(|f| panic!("{f}"));
        let findings = lint(&policy, Some(&catalog(&format!("users: id int8 pk\n{source}"))));
        let found: BTreeSet<LintCode> = findings.iter().map(|f| f.code).collect();
        assert_eq!(found, expected.iter().copied().collect(), "{findings}");
    }

    #[test]
    fn each_doubt_has_its_code() {
        use LintCode::{I102, W101, W103, W105, W107, W108, W109, W110, W111, W112};
        let orders = "orders: id int8 pk, user_id int8 index -> users.id";
        let entry = "{name: orders, parent: users, fk: user_id}";
        check(orders, entry, &[]);
        check("orders: id int8 pk, user_id int8 -> users.id", entry, &[W103]);
        check("orders: id int8 pk, user_id int8 index", entry, &[W109]);
        check("orders: id int8 pk, user_id int8; (user_id) -> users(id); index (user_id, id)", entry, &[]);
        check(
            "orders: id int8 pk, user_id int8; (user_id) -> users(id); index (id, user_id)",
            entry,
            &[W103],
        );
        check(&format!("{orders}, shop_id int8 -> shops.id\nshops: id int8 pk"), entry, &[W109]);
        check(&format!("{orders}, email text"), entry, &[W101]);
        check(&format!("{orders}, tags int8[]"), entry, &[W112]);
        check(&format!("{orders}; foreign"), entry, &[W111]);
        check("countries: code text pk, phone text", "{name: countries, scope: global}", &[W101, W105]);
        let masked =
            |masks: &str| format!("{{name: orders, parent: users, fk: user_id, mask_columns: {{{masks}}}}}");
        check(&format!("{orders}, plan enum"), &masked("plan: hash"), &[W107]);
        check(&format!("{orders}, email text"), &masked("email: hash"), &[]);
        check(&format!("{orders}, email text"), &masked("email: {kind: clear, reason: public}"), &[]);
        check(
            &format!("{orders}, zip text, dob date, gender text"),
            &masked(
                "zip: {kind: clear, reason: r}, dob: {kind: clear, reason: r}, gender: {kind: clear, reason: r}",
            ),
            &[W108],
        );
        check(
            &format!("{orders}, email text"),
            "{name: orders, parent: users, fk: user_id, mask_columns: {email: hash}, exclude_columns: [email]}",
            &[I102],
        );
        check(
            &format!("{orders}, peer_id int8 -> peers.id\npeers: id int8 pk, email text"),
            "{name: orders, parent: users, fk: user_id}, {name: peers, via: orders, via_fk: peer_id, mask_columns: {email: hash}}",
            &[W110],
        );
    }

    #[test]
    fn without_a_catalog_the_policy_speaks_for_itself() {
        let policy =
            Policy::parse("tables: [{name: users, mask_columns: {a: hash}, exclude_columns: [a]}]").unwrap();
        let codes: Vec<_> = lint(&policy, None).iter().map(|f| f.code).collect();
        assert_eq!(codes, [LintCode::I102]);
    }
}

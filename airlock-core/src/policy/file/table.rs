//! One entry of `tables:`.

use std::collections::BTreeMap;

use super::fields::{Fields, wrong};
use super::keys::{EDGE, TABLE};
use super::mask::{self, Named};
use super::node::{Node, Value, join};
use crate::mask::Masking;
use crate::policy::finding::{Finding, LintCode};
use crate::policy::{ColumnPattern, Include, OnLimit, RowsPolicy, TablePolicy, TableRef};

/// A table as written; which of its rows are meant is settled when all tables are known.
pub(super) struct TableFile {
    pub(super) policy: TablePolicy,
    pub(super) rows: RowsFile,
    /// The name as written, for `parent: sales.orders`.
    pub(super) written: String,
    pub(super) path: String,
    pub(super) line: u64,
}

/// The keys that say which rows are meant.
#[derive(Default)]
pub(super) struct RowsFile {
    pub(super) parent: Option<String>,
    pub(super) fk: Option<Vec<String>>,
    pub(super) parent_key: Option<Vec<String>>,
    pub(super) via: Option<String>,
    pub(super) via_fk: Option<Vec<String>>,
    /// More tables that point here, each with its columns.
    pub(super) edges: Vec<(String, Vec<String>)>,
    pub(super) global: bool,
}

/// What entries take from the rest of the file.
pub(super) struct Around<'a> {
    pub(super) schema: &'a str,
    pub(super) masks: &'a Named,
    pub(super) global_rows_max: u64,
}

/// Reads one entry.
pub(super) fn read(
    node: &Node,
    index: usize,
    around: &Around<'_>,
    out: &mut Vec<Finding>,
) -> Option<TableFile> {
    let path = format!("tables[{}]", node.label(index));
    let fields = Fields::open(node, &path, TABLE, out)?;
    let rows = RowsFile {
        parent: fields.name("parent", out),
        fk: columns(&fields, "fk", out),
        parent_key: columns(&fields, "parent_key", out),
        via: fields.name("via", out),
        via_fk: columns(&fields, "via_fk", out),
        edges: edges(&fields, out),
        global: fields.choice("scope", &[("subject", false), ("global", true)], &[], out).unwrap_or(false),
    };
    let on_limit =
        fields.choice("on_limit", &[("truncate", OnLimit::Truncate), ("fail", OnLimit::Fail)], &[], out);
    // A reference table is exported whole, so it is not cut silently.
    let (rows_max, default_on_limit) =
        if rows.global { (around.global_rows_max, OnLimit::Fail) } else { (ROWS_MAX, OnLimit::default()) };
    let name = fields.name("as", out);
    let masks = masks(&fields, around.masks, out);
    let exclude_columns = fields.names("exclude_columns", out).unwrap_or_default();
    let allowed = fields.names("columns", out);
    let key = columns(&fields, "key", out);
    let order_by = order_by(&fields, out);
    let max_rows = fields.number("max_rows", 1..=rows_max, out);
    let include = fields.choice("include", &[("rows", Include::Rows), ("none", Include::None)], &[], out);
    let description = described(&fields, "description", out);
    let column_descriptions = column_descriptions(&fields, out);
    if fields.node("name").is_none() {
        out.push(Finding::new(LintCode::E100, fields.at("name"), "`name` is missing").at(fields.line));
    }
    let written = fields.name("name", out)?;
    let source = table_ref(&written, around.schema).or_else(|| {
        out.push(
            Finding::new(LintCode::E100, fields.at("name"), "must be `table` or `schema.table`")
                .at(fields.line_of("name")),
        );
        None
    })?;
    let policy = TablePolicy {
        name: name.unwrap_or_else(|| source.name.clone()),
        source,
        rows: RowsPolicy::Global,
        masks,
        exclude_columns,
        columns: allowed,
        key,
        order_by,
        max_rows,
        on_limit: on_limit.unwrap_or(default_on_limit),
        include: include.unwrap_or_default(),
        description,
        column_descriptions,
    };
    Some(TableFile { policy, rows, written, path, line: fields.line })
}

/// `edges`: a list of `{via, via_fk}`.
fn edges(fields: &Fields<'_>, out: &mut Vec<Finding>) -> Vec<(String, Vec<String>)> {
    let Some(node) = fields.node("edges") else { return vec![] };
    let path = fields.at("edges");
    let Value::List(items) = &node.value else {
        out.push(wrong(&path, node, "a list of {via: table, via_fk: column}"));
        return vec![];
    };
    let mut edges = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(fields) = Fields::open(item, &path, EDGE, out) else { continue };
        let before = out.len();
        match (fields.name("via", out), columns(&fields, "via_fk", out)) {
            (Some(via), Some(via_fk)) => edges.push((via, via_fk)),
            _ if out.len() > before => {}
            _ => out.push(Finding::new(LintCode::E103, path, "needs both via and via_fk").at(item.line)),
        }
    }
    edges
}

/// More rows than this in one table is no snapshot of one subject.
const ROWS_MAX: u64 = 1_000_000_000;
/// Longest description, characters.
const DESCRIPTION_CHARS_MAX: usize = 2_000;

/// `table` or `schema.table`.
pub(super) fn table_ref(written: &str, schema: &str) -> Option<TableRef> {
    let (schema, name) = written.split_once('.').unwrap_or((schema, written));
    let whole = !schema.is_empty() && !name.is_empty() && !name.contains('.');
    whole.then(|| TableRef { schema: schema.to_owned(), name: name.to_owned() })
}

/// Columns of a key: at least one.
fn columns(fields: &Fields<'_>, key: &str, out: &mut Vec<Finding>) -> Option<Vec<String>> {
    let names = fields.names(key, out)?;
    if names.is_empty() {
        out.push(
            Finding::new(LintCode::E100, fields.at(key), "names at least one column").at(fields.line_of(key)),
        );
        return None;
    }
    Some(names)
}

fn masks(fields: &Fields<'_>, named: &Named, out: &mut Vec<Finding>) -> Vec<(ColumnPattern, Masking)> {
    let path = fields.at("mask_columns");
    let mut masks = Vec::new();
    for (key, node) in fields.entries("mask_columns", out) {
        let path = join(&path, &key.name);
        let pattern = ColumnPattern::read(&key.name);
        if let Err(why) = pattern.compile() {
            out.push(Finding::new(LintCode::E204, &path, why.to_string()).at(key.line));
        }
        if let Some(masking) = mask::read(node, &path, named, out) {
            masks.push((pattern, masking));
        }
    }
    masks
}

/// `created_at DESC, id`, or a list of such.
fn order_by(fields: &Fields<'_>, out: &mut Vec<Finding>) -> Vec<(String, bool)> {
    let Some(node) = fields.node("order_by") else { return vec![] };
    let texts: Vec<&Node> = match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut order = Vec::new();
    for text in texts {
        let Value::Text(written) = &text.value else {
            out.push(wrong(&fields.at("order_by"), text, "text such as `created_at DESC`"));
            continue;
        };
        for part in written.split(',') {
            let mut words = part.split_whitespace();
            let direction = |w: &str| match w.to_ascii_lowercase().as_str() {
                "asc" => Some(false),
                "desc" => Some(true),
                _ => None,
            };
            match (words.next(), words.next().map(direction), words.next()) {
                (Some(column), None, _) => order.push((column.to_owned(), false)),
                (Some(column), Some(Some(descending)), None) => order.push((column.to_owned(), descending)),
                _ => out.push(
                    Finding::new(
                        LintCode::E100,
                        fields.at("order_by"),
                        "must be columns, each with ASC, DESC or nothing",
                    )
                    .at(text.line),
                ),
            }
        }
    }
    order
}

fn described(fields: &Fields<'_>, key: &str, out: &mut Vec<Finding>) -> Option<String> {
    let text = fields.text(key, out)?;
    check_description(&fields.at(key), &text, fields.line_of(key), out);
    Some(text)
}

fn check_description(path: &str, text: &str, line: u64, out: &mut Vec<Finding>) {
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        let message = format!("has at most {DESCRIPTION_CHARS_MAX} characters");
        out.push(Finding::new(LintCode::E204, path, message).at(line));
    }
}

fn column_descriptions(fields: &Fields<'_>, out: &mut Vec<Finding>) -> BTreeMap<String, String> {
    let path = fields.at("column_descriptions");
    let mut all = BTreeMap::new();
    for (key, node) in fields.entries("column_descriptions", out) {
        let path = join(&path, &key.name);
        match &node.value {
            Value::Text(text) => {
                check_description(&path, text, node.line, out);
                all.insert(key.name.clone(), text.clone());
            }
            _ => out.push(wrong(&path, node, "text")),
        }
    }
    all
}

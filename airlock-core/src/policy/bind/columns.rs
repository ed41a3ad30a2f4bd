//! The columns of one table: which are exported, and which mask was written for each.

use arrow::datatypes::DataType;

use crate::mask::{MaskSpec, Masking};
use crate::policy::finding::{Finding, LintCode};
use crate::policy::nearest::nearest;
use crate::policy::{ColumnPattern, Include, TablePolicy};
use crate::snapshot::source::{ColumnInfo, TableInfo};

/// A table on its way into a plan.
pub(in crate::policy) struct Draft<'a> {
    pub(in crate::policy) policy: &'a TablePolicy,
    pub(in crate::policy) info: &'a TableInfo,
    /// Every column of the source, in its order.
    pub(in crate::policy) columns: Vec<DraftColumn<'a>>,
}

/// A column on its way into a plan.
pub(in crate::policy) struct DraftColumn<'a> {
    pub(in crate::policy) info: &'a ColumnInfo,
    /// Whether it enters the snapshot.
    pub(in crate::policy) exported: bool,
    /// The mask written for it, `clear` included.
    pub(in crate::policy) declared: Option<Masking>,
    /// The mask it gets; never `clear`.
    pub(in crate::policy) mask: Option<Masking>,
    /// Names its key.
    pub(in crate::policy) domain: String,
    /// Its type in the snapshot.
    pub(in crate::policy) output: DataType,
    /// Whether following edges or ordering needs its raw values.
    pub(in crate::policy) traversed: bool,
}

impl DraftColumn<'_> {
    /// Whether the raw value stays in the source as far as the snapshot is concerned.
    pub(in crate::policy) fn hidden(&self) -> bool {
        self.mask.as_ref().and_then(|m| m.steps.last()).is_some_and(|s| s.kind().hides_source())
    }
    /// Whether its raw values are read at all.
    pub(in crate::policy) fn read(&self) -> bool {
        self.traversed || (self.exported && !self.hidden())
    }
}

impl Draft<'_> {
    /// The column of this name.
    pub(in crate::policy) fn column(&self, name: &str) -> Option<&DraftColumn<'_>> {
        self.position(name).map(|i| &self.columns[i])
    }
    /// The position of the column of this name.
    pub(in crate::policy) fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.info.name == name)
    }
    /// A place in the policy.
    pub(in crate::policy) fn path(&self, key: &str) -> String {
        format!("tables[{}].{key}", self.policy.name)
    }
    /// Where a column's mask stands, or would.
    pub(in crate::policy) fn mask_path(&self, column: &str) -> String {
        self.path(&format!("mask_columns.{column}"))
    }
    /// By which columns a row is known: those written, else the primary key.
    pub(in crate::policy) fn key(&self) -> &[String] {
        self.policy.key.as_deref().unwrap_or(&self.info.primary_key)
    }
    /// The same where all of it can be read; else nothing.
    pub(in crate::policy) fn readable_key(&self) -> &[String] {
        let readable =
            |c: &String| self.column(c).is_some_and(|c| c.info.granted && c.info.data_type.is_some());
        if self.key().iter().all(readable) { self.key() } else { &[] }
    }
    /// Which rows survive a limit: as written, else by primary key where that can be read.
    pub(in crate::policy) fn order_by(&self) -> Vec<(String, bool)> {
        if !self.policy.order_by.is_empty() {
            return self.policy.order_by.clone();
        }
        self.readable_key().iter().map(|c| (c.clone(), false)).collect()
    }
}

/// Resolves names against the source.
pub(super) fn resolve<'a>(policy: &'a TablePolicy, info: &'a TableInfo, out: &mut Vec<Finding>) -> Draft<'a> {
    let allowed = |name: &String| policy.columns.as_ref().is_none_or(|c| c.contains(name));
    let columns = info
        .columns
        .iter()
        .map(|c| DraftColumn {
            info: c,
            exported: allowed(&c.name) && !policy.exclude_columns.contains(&c.name),
            declared: None,
            mask: None,
            domain: format!("{}.{}", policy.name, c.name),
            output: c.data_type.clone().unwrap_or(DataType::Utf8View),
            traversed: false,
        })
        .collect();
    let mut draft = Draft { policy, info, columns };
    missing(&draft, out);
    declare(&mut draft, out);
    denied(&mut draft);
    if !draft.columns.iter().any(|c| c.exported) {
        let message = format!("no column of `{}` is exported", policy.name);
        out.push(
            Finding::new(LintCode::E201, format!("tables[{}]", policy.name), message)
                .advise("leave the table out"),
        );
    }
    draft
}

/// Every column whose values the export needs must be the role's to read.
pub(super) fn may_be_read(tables: &[Draft<'_>], out: &mut Vec<Finding>) {
    for table in tables {
        let rows = table.policy.include == Include::Rows;
        let needed = |c: &&DraftColumn<'_>| c.traversed || (rows && c.read());
        for column in table.columns.iter().filter(needed).filter(|c| !c.info.granted) {
            let name = &column.info.name;
            let message = format!("the role may not read `{}.{name}`", table.info.table);
            out.push(
                Finding::new(LintCode::E201, table.mask_path(name), message)
                    .advise("run `airlock init --print-grants` as the owner again, or exclude the column"),
            );
        }
    }
}

/// A name that the source does not have usually means a rename that unmasked the data.
fn missing(draft: &Draft<'_>, out: &mut Vec<Finding>) {
    let policy = draft.policy;
    let exact = policy.masks.iter().filter_map(|(p, _)| match p {
        ColumnPattern::Exact(name) => Some((draft.mask_path(name), name)),
        _ => None,
    });
    let list = |key: &'static str, names: &'_ [String]| {
        names.iter().map(|n| (draft.path(key), n.clone())).collect::<Vec<_>>()
    };
    let named = exact
        .map(|(path, name)| (path, name.clone()))
        .chain(list("exclude_columns", &policy.exclude_columns))
        .chain(list("columns", policy.columns.as_deref().unwrap_or_default()))
        .chain(list("key", policy.key.as_deref().unwrap_or_default()))
        .chain(policy.order_by.iter().map(|(n, _)| (draft.path("order_by"), n.clone())))
        .chain(
            policy
                .column_descriptions
                .keys()
                .map(|n| (draft.path(&format!("column_descriptions.{n}")), n.clone())),
        );
    for (path, name) in named {
        out.extend(missing_column(draft, path, &name));
    }
}

/// A finding when the table has no such column.
pub(super) fn missing_column(draft: &Draft<'_>, path: String, name: &str) -> Option<Finding> {
    if draft.position(name).is_some() {
        return None;
    }
    let names = draft.columns.iter().map(|c| c.info.name.as_str());
    let message = format!("`{}` has no column `{name}`", draft.info.table);
    Some(Finding::new(LintCode::E201, path, message).suggest(nearest(name, names)))
}

/// Gives each column the mask written for it: an exact name wins, wildcards must agree.
fn declare(draft: &mut Draft<'_>, out: &mut Vec<Finding>) {
    let mut compiled = Vec::new();
    for (pattern, masking) in &draft.policy.masks {
        match pattern.compile() {
            Ok(compiled_pattern) => compiled.push((pattern, compiled_pattern, masking)),
            Err(why) => {
                out.push(Finding::new(LintCode::E204, draft.mask_path(&pattern.written()), why.to_string()));
            }
        }
    }
    for at in 0..draft.columns.len() {
        let name = draft.columns[at].info.name.as_str();
        let matching: Vec<_> = compiled.iter().filter(|(_, c, _)| c.matches(name)).collect();
        let exact = matching.iter().find(|(p, _, _)| matches!(p, ColumnPattern::Exact(_)));
        let Some(chosen) = exact.or(matching.first()) else { continue };
        if exact.is_none()
            && let Some(other) = matching.iter().find(|(_, _, m)| m != &chosen.2)
        {
            let message = format!(
                "`{}` and `{}` both match `{name}`, with different masks",
                chosen.0.written(),
                other.0.written()
            );
            out.push(
                Finding::new(LintCode::E203, draft.mask_path(&chosen.0.written()), message)
                    .advise(format!("write a mask for `{name}` itself")),
            );
        }
        let masking = chosen.2.clone();
        draft.columns[at].declared = Some(masking);
    }
}

/// A column that the role may not read and nobody names is as good as absent: a column that is new in the source stays
/// out until it is granted. One that is named stays, and is told if its value is needed.
fn denied(draft: &mut Draft<'_>) {
    let policy = draft.policy;
    if policy.include == Include::None {
        return;
    }
    for column in draft.columns.iter_mut().filter(|c| !c.info.granted) {
        let name = &column.info.name;
        let masked = policy.masks.iter().any(|(p, _)| matches!(p, ColumnPattern::Exact(n) if n == name));
        let listed = policy.columns.as_ref().is_some_and(|c| c.contains(name));
        column.exported &= masked || listed;
    }
}

/// Whether a mask only says that there is none.
pub(in crate::policy) fn is_clear(masking: &Masking) -> bool {
    matches!(masking.steps.as_slice(), [] | [MaskSpec::Clear { .. }])
}

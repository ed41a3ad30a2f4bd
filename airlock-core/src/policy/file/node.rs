//! YAML as a tree that knows its lines, so that every problem can be told with its place.
//!
//! Reading into a tree first, and into types after, is what lets one run report all problems: serde's own structs
//! stop at the first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Spanned, Tagged};

use crate::policy::finding::{Finding, LintCode};

/// Longest file, bytes.
pub(crate) const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Most aliases in a file.
const ALIASES_MAX: usize = 100;
/// Nothing we read nests deeper than a handful of levels.
const DEPTH_MAX: usize = 32;
/// Nodes that aliases may repeat.
const REPLAYED_MAX: usize = 100_000;

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: u64,
    /// Whether it carries a YAML tag, which is always refused.
    pub(super) tagged: bool,
    pub(super) value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    /// As written: duplicates included, so that they can be told.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) line: u64,
    pub(super) tagged: bool,
    pub(super) name: String,
}

impl Node {
    /// Reads a whole file.
    pub(super) fn read(yaml: &str) -> Result<Node, Finding> {
        if yaml.len() > FILE_BYTES_MAX {
            return Err(Finding::new(LintCode::E100, "", "the file is longer than 1 MiB"));
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_aliases: ALIASES_MAX, max_depth: DEPTH_MAX, enforce_alias_anchor_ratio: false },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPLAYED_MAX },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            merge_keys: MergeKeyPolicy::Error,
            strict_booleans: true,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options(yaml, options) {
            Ok(Node { value: Value::Null, .. }) => {
                Err(Finding::new(LintCode::E100, "", "the file is empty").at(1))
            }
            read => read.map_err(|e| syntax(&e)),
        }
    }

    /// What an element of a list is called in paths: its name in the snapshot, or its number.
    pub(super) fn label(&self, index: usize) -> String {
        let text = |wanted: &str| {
            let Value::Map(entries) = &self.value else { return None };
            entries.iter().find(|(k, _)| k.name == wanted).and_then(|(_, n)| match &n.value {
                Value::Text(text) => Some(text.as_str()),
                _ => None,
            })
        };
        match text("as").or_else(|| text("name").map(|n| n.rsplit('.').next().unwrap_or(n))) {
            Some(name) => short(name),
            None => index.to_string(),
        }
    }

    /// The value's kind in words.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Calls `see` for each node below, with its path and, in a map, its key.
    pub(super) fn walk<'a>(&'a self, path: &str, see: &mut impl FnMut(&str, Option<&'a Key>, &'a Node)) {
        match &self.value {
            Value::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{}]", item.label(i));
                    see(&path, None, item);
                    item.walk(&path, see);
                }
            }
            Value::Map(entries) => {
                for (key, item) in entries {
                    let path = join(path, &key.name);
                    see(&path, Some(key), item);
                    item.walk(&path, see);
                }
            }
            _ => {}
        }
    }
}

/// The path of a key below a path.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { short(key) } else { format!("{path}.{}", short(key)) }
}

/// A name as messages show it: bounded, on one line.
pub(super) fn short(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Spanned { value: Tagged(value, tag), referenced, .. } = Spanned::deserialize(from)?;
        Ok(Self { line: referenced.line(), tagged: tag.is_some(), value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Spanned { value: Tagged(name, tag), referenced, .. } = Spanned::deserialize(from)?;
        Ok(Self { line: referenced.line(), tagged: tag.is_some(), name })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        // No key takes a number this large; as a float it is out of every range.
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

/// The reader's error reduced to its kind: its own text may quote the file.
fn syntax(error: &Error) -> Finding {
    let message = match error {
        Error::AliasError { error, .. } => return syntax(error),
        Error::Budget { breach: BudgetBreach::Aliases { .. }, .. } => "more than 100 aliases".into(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => "nested too deep".into(),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } => {
            "the file expands to too much".into()
        }
        Error::Eof { .. } => "the file ends early".into(),
        Error::MultipleDocuments { .. } => "more than one YAML document".into(),
        Error::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not supported; write the keys out".into(),
        Error::UnknownAnchor { .. } => "an alias names no anchor".into(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => "an alias refers to itself".into(),
        Error::NonFiniteFloat { .. } => "a number is not finite".into(),
        Error::NullIntoString { .. } => "a key must be text; quote it".into(),
        _ => String::from("not valid YAML"),
    };
    let finding = Finding::new(LintCode::E100, "", &message).at(error.location().map_or(0, |l| l.line()));
    match message.as_str() {
        "not valid YAML" => {
            finding.advise("look at the indentation, colons and quotes of this line and the one above")
        }
        _ => finding,
    }
}

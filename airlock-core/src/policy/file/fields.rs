//! Reads the keys of one map into typed values, and tells every problem with its place.

use std::ops::RangeInclusive;

use super::keys::{Built, Keys};
use super::node::{Key, Node, Value, join, short};
use super::scan::names_database_url;
use crate::policy::finding::{Finding, LintCode};
use crate::policy::nearest::nearest;

/// One map of the file whose keys are known.
pub(super) struct Fields<'a> {
    pub(super) path: String,
    pub(super) line: u64,
    entries: Vec<(&'a Key, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// Takes a map apart. Keys that are unknown or not built are told and dropped; so is what is no map.
    pub(super) fn open(node: &'a Node, path: &str, keys: Keys, out: &mut Vec<Finding>) -> Option<Self> {
        Self::open_with(node, path, &[keys], out)
    }

    /// The same with several lists of keys.
    pub(super) fn open_with(
        node: &'a Node,
        path: &str,
        keys: &[Keys],
        out: &mut Vec<Finding>,
    ) -> Option<Self> {
        let Value::Map(all) = &node.value else {
            out.push(wrong(path, node, "a map"));
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in all {
            let path = join(path, &key.name);
            let known = keys.iter().flat_map(|k| k.iter()).find(|(name, _)| *name == key.name);
            match known {
                Some((_, Built::Yes)) => entries.push((key, value)),
                Some((_, Built::NullOnly)) if matches!(value.value, Value::Null) => {}
                Some((name, _)) => out.push(not_built(&path, name).at(key.line)),
                // Told by its own finding.
                None if names_database_url(&key.name) => {}
                None => out.push(
                    Finding::new(LintCode::E100, path, format!("unknown key `{}`", short(&key.name)))
                        .at(key.line)
                        .suggest(nearest(&key.name, keys.iter().flat_map(|k| k.iter()).map(|(n, _)| *n))),
                ),
            }
        }
        Some(Self { path: path.to_owned(), line: node.line, entries })
    }

    /// The path of one of its keys.
    pub(super) fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// The value of a key, null included.
    pub(super) fn raw(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(k, _)| k.name == key).map(|(_, n)| *n)
    }

    /// The value of a key; null is as good as absent.
    pub(super) fn node(&self, key: &str) -> Option<&'a Node> {
        self.raw(key).filter(|n| !matches!(n.value, Value::Null))
    }

    /// The line of a key's value, or of the map.
    pub(super) fn line_of(&self, key: &str) -> u64 {
        self.raw(key).map_or(self.line, |n| n.line)
    }

    /// A text.
    pub(super) fn text(&self, key: &str, out: &mut Vec<Finding>) -> Option<String> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => {
                out.push(wrong(&self.at(key), node, "text"));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn required(&self, key: &str, out: &mut Vec<Finding>) -> Option<String> {
        if self.node(key).is_none() {
            out.push(Finding::new(LintCode::E100, self.at(key), format!("`{key}` is missing")).at(self.line));
        }
        self.text(key, out)
    }

    /// The name of a table or column.
    pub(super) fn name(&self, key: &str, out: &mut Vec<Finding>) -> Option<String> {
        let text = self.text(key, out)?;
        self.check_name(key, text, self.line_of(key), out)
    }

    /// Several names: a list, or one text.
    pub(super) fn names(&self, key: &str, out: &mut Vec<Finding>) -> Option<Vec<String>> {
        let node = self.node(key)?;
        let items = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut names = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => names.extend(self.check_name(key, text.clone(), item.line, out)),
                _ => out.push(wrong(&self.at(key), item, "a name; quote it")),
            }
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                out.push(
                    Finding::new(LintCode::E100, self.at(key), format!("`{}` stands twice", short(name)))
                        .at(node.line),
                );
            }
        }
        Some(names)
    }

    fn check_name(&self, key: &str, text: String, line: u64, out: &mut Vec<Finding>) -> Option<String> {
        if text.is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            out.push(
                Finding::new(
                    LintCode::E204,
                    self.at(key),
                    "a name has 1-128 bytes and no control characters",
                )
                .at(line),
            );
            return None;
        }
        Some(text)
    }

    /// A whole number within a range.
    pub(super) fn number(
        &self,
        key: &str,
        range: RangeInclusive<u64>,
        out: &mut Vec<Finding>,
    ) -> Option<u64> {
        let node = self.node(key)?;
        let found = match node.value {
            Value::Int(n) => u64::try_from(n).ok().filter(|n| range.contains(n)),
            Value::Float(_) => None,
            _ => {
                out.push(wrong(&self.at(key), node, "a whole number"));
                return None;
            }
        };
        if found.is_none() {
            let message = match (range.start(), range.end()) {
                (min, max) if min == max => format!("must be {min}"),
                (min, max) => format!("must be a whole number from {min} to {max}"),
            };
            out.push(Finding::new(LintCode::E204, self.at(key), message).at(node.line));
        }
        found
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str, out: &mut Vec<Finding>) -> Option<bool> {
        let node = self.node(key)?;
        match node.value {
            Value::Bool(flag) => Some(flag),
            _ => {
                out.push(wrong(&self.at(key), node, "true or false"));
                None
            }
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        words: &[(&'static str, T)],
        not_built: &[&'static str],
        out: &mut Vec<Finding>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let word = match &node.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        if let Some((_, value)) = words.iter().find(|(w, _)| *w == word) {
            return Some(*value);
        }
        if let Some(word) = not_built.iter().find(|w| **w == word) {
            out.push(self::not_built(&self.at(key), word).at(node.line));
            return None;
        }
        let list: Vec<_> = words.iter().map(|(w, _)| *w).collect();
        out.push(
            Finding::new(LintCode::E204, self.at(key), format!("must be one of {}", list.join(", ")))
                .at(node.line)
                .suggest(nearest(word, list)),
        );
        None
    }

    /// The entries of a map whose keys are the writer's own.
    pub(super) fn entries(&self, key: &str, out: &mut Vec<Finding>) -> &'a [(Key, Node)] {
        match self.node(key) {
            None => &[],
            Some(Node { value: Value::Map(entries), .. }) => entries,
            Some(node) => {
                out.push(wrong(&self.at(key), node, "a map"));
                &[]
            }
        }
    }

    /// The items of a list.
    pub(super) fn items(&self, key: &str, out: &mut Vec<Finding>) -> &'a [Node] {
        match self.node(key) {
            None => &[],
            Some(Node { value: Value::List(items), .. }) => items,
            Some(node) => {
                out.push(wrong(&self.at(key), node, "a list"));
                &[]
            }
        }
    }
}

/// Longest name of a table or column, bytes. Postgres has 63.
const NAME_BYTES_MAX: usize = 128;

/// A value of the wrong kind. The value itself is not told: it may be a secret in the wrong place.
pub(super) fn wrong(path: &str, node: &Node, expected: &str) -> Finding {
    Finding::new(LintCode::E100, path, format!("must be {expected}, not {}", node.kind())).at(node.line)
}

/// A key or word of the specification that this version does not build.
pub(super) fn not_built(path: &str, name: &str) -> Finding {
    Finding::new(LintCode::E100, path, format!("`{name}` is not supported by this version"))
}

//! Who asks, and how far their credential reaches.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{SubjectId, ToolName};

/// Which kind of credential an actor showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActorKind {
    /// An `ak_live_…` key.
    ApiKey,
    /// A person's access token.
    User,
    /// The operator token.
    Operator,
    /// A worker's signature.
    Worker,
    /// An embedder's own process.
    Embedded,
    /// The control plane itself.
    System,
    /// Nobody we know.
    Anonymous,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// Kind of credential.
    pub kind: ActorKind,
    /// Key id, user id or worker id.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
}

/// Who asks, and what they may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub actor: Actor,
    /// How far.
    pub scope: Scope,
}

/// How far a credential reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Which snapshots.
    pub snapshots: SnapshotScope,
    /// Which tools.
    pub tools: ToolScope,
    /// Most rows an answer may have; the policy's limit when smaller or absent.
    pub max_rows: Option<u32>,
}

impl Scope {
    /// Everything the worker exposes: what an API key without scopes has, as documented.
    pub const EVERYTHING: Scope =
        Scope { snapshots: SnapshotScope::All, tools: ToolScope::All, max_rows: None };
}

/// Which tools a credential reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolScope {
    /// Every tool.
    All,
    /// These and no others; empty reaches none.
    Only(BTreeSet<ToolName>),
}

impl ToolScope {
    /// May this tool be called?
    pub fn allows(&self, tool: &ToolName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(tool),
        }
    }
}

/// Which snapshots a credential reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotScope {
    /// Every snapshot of the tenant: what an API key without a list has, as documented.
    All,
    /// Ids matching one of these; empty reaches none.
    Only(Vec<SnapshotPattern>),
}

impl SnapshotScope {
    /// May this subject's snapshot be asked for?
    pub fn allows(&self, subject: &SubjectId) -> bool {
        match self {
            Self::All => true,
            Self::Only(patterns) => patterns.iter().any(|p| p.matches(subject.expose())),
        }
    }
}

/// An exact snapshot id, or a prefix ending in `*`: `u_42`, `u_4*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotPattern(String);

impl SnapshotPattern {
    /// Takes an exact id or a prefix with one `*` at its end.
    ///
    /// # Errors
    /// When the text is empty or has `*` elsewhere.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.find('*') {
            _ if text.is_empty() => Err("a snapshot pattern must not be empty"),
            Some(at) if at + 1 != text.len() => Err("`*` may stand at the end of a snapshot pattern only"),
            _ => Ok(Self(text.to_owned())),
        }
    }
    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    fn matches(&self, id: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => id.starts_with(prefix),
            None => id == self.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], id: &str, allowed: bool) {
        let scope =
            SnapshotScope::Only(patterns.iter().map(|p| SnapshotPattern::parse(p).unwrap()).collect());
        assert_eq!(scope.allows(&id.parse().unwrap()), allowed);
    }

    #[test]
    fn a_pattern_is_an_exact_id_or_a_prefix() {
        check(&["u_42"], "u_42", true);
        check(&["u_42"], "u_421", false);
        check(&["u_4*"], "u_421", true);
        check(&["u_4*"], "u_5", false);
        check(&[], "u_42", false);
        check(&["*"], "anything", true);
        assert!(SnapshotPattern::parse("u_*4").is_err());
        assert!(SnapshotPattern::parse("").is_err());
    }
}

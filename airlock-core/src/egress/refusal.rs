//! Why a statement may not run, in words an agent can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! details {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// The reason's name, as in audit rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Detail { $($(#[doc = $doc])+ $variant,)+ }

        impl Detail {
            /// Every reason.
            pub const ALL: &'static [Detail] = &[$(Detail::$variant,)+];
            /// The name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Detail::$variant => $name,)+ }
            }
        }
    };
}

details! {
    /// No SELECT, WITH or VALUES, or a form of query that is not known.
    NotAQuery = "not_a_query";
    /// More than one statement.
    MultipleStatements = "multiple_statements";
    /// A function in FROM that is not allowed there.
    TableFunctionNotAllowed = "table_function_not_allowed";
    /// A function outside the allowlist.
    FunctionNotAllowed = "function_not_allowed";
    /// A relation that is no table of the snapshot.
    RelationNotInSnapshot = "relation_not_in_snapshot";
    /// A relation named like a file or an address.
    PathRelation = "path_relation";
    /// A system catalog.
    SystemRelation = "system_relation";
    /// FOR UPDATE, FOR SHARE.
    LockingClause = "locking_clause";
    /// SELECT INTO.
    SelectInto = "select_into";
    /// WITH RECURSIVE.
    RecursiveCte = "recursive_cte";
    /// EXPLAIN.
    Explain = "explain";
    /// Nested too deeply, or a chain of too many operators.
    TooDeep = "too_deep";
    /// Too many bytes, tokens, relations, columns, arms or literals.
    TooLarge = "too_large";
    /// A size argument that is not a small literal.
    UnboundedSizeArgument = "unbounded_size_argument";
    /// A join that could give too many rows.
    JoinExplosion = "join_explosion";
    /// Control, bidirectional or look-alike white space outside a literal.
    UnicodeControl = "unicode_control";
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a statement may not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason.
    pub detail: Detail,
    /// One sentence; quotes at most 64 characters of the statement's own words, never a literal.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl Refusal {
    pub(crate) fn new(detail: Detail, message: impl Into<String>) -> Self {
        Self { detail, message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A word of the statement, fit to be quoted back: at most 64 characters, none of them a control or format character.
pub(crate) fn quoted(word: &str) -> String {
    let mut shown: String =
        word.chars().filter(|&c| !super::size::is_hidden(c)).take(WORD_CHARS_MAX).collect();
    if word.chars().count() > WORD_CHARS_MAX {
        shown.pop();
        shown.push('…');
    }
    format!("\"{shown}\"")
}

const WORD_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_short_and_visible() {
        assert_eq!(quoted("ab\u{202e}c\u{7}"), "\"abc\"");
        assert_eq!(quoted(&"x".repeat(70)).chars().count(), 66);
        assert_eq!(quoted(&"x".repeat(64)), format!("\"{}\"", "x".repeat(64)));
    }
}

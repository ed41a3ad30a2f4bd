//! What is wrong or doubtful about a policy: where, why, and what to do.

mod render;

use std::fmt;

pub use render::{FindingsFormat, UnknownFormat};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The policy is refused.
    Error,
    /// The policy works; a person should look.
    Warning,
    /// Worth knowing.
    Info,
}

impl Level {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

macro_rules! codes {
    ($($code:ident = $level:ident, $summary:literal;)+) => {
        /// A stable name for a kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "`summary` says it")]
        pub enum LintCode { $($code,)+ }

        impl LintCode {
            /// Every code.
            pub const ALL: &'static [LintCode] = &[$(LintCode::$code,)+];
            /// `E101` and so on.
            pub const fn as_str(self) -> &'static str {
                match self { $(LintCode::$code => stringify!($code),)+ }
            }
            /// How bad it is.
            pub const fn level(self) -> Level {
                match self { $(LintCode::$code => Level::$level,)+ }
            }
            /// What it means, in one line.
            pub const fn summary(self) -> &'static str {
                match self { $(LintCode::$code => $summary,)+ }
            }
        }
    };
}

codes! {
    E100 = Error, "the YAML is malformed, has a duplicate or unknown key, or a value of the wrong kind";
    E101 = Error, "credentials stand in the YAML";
    E102 = Error, "root_filter_col is missing or not unique on root_table";
    E103 = Error, "a table is unreachable from the root";
    E104 = Error, "the root table is not in tables";
    E105 = Error, "parent and via form a cycle";
    E201 = Error, "a column or table is named that the source does not have";
    E202 = Error, "a mask does not apply to the column's type";
    E203 = Error, "columns that are joined are masked differently";
    E204 = Error, "a value is out of range, or a pattern does not compile";
    E205 = Error, "a key column is excluded while another exported table references it";
    E301 = Error, "the database role can write, is a superuser, or passes row level security by";
    E302 = Error, "a column's type cannot be exported";
    E401 = Error, "a sample query is refused or does not plan";
    W101 = Warning, "an unmasked column looks personal";
    W103 = Warning, "no index supports an edge";
    W105 = Warning, "a global table has columns that look personal";
    W107 = Warning, "a hashed column has few values, which can be guessed by their frequency";
    W108 = Warning, "place, birth and gender are exported in clear together";
    W109 = Warning, "edges of the policy and foreign keys of the source differ";
    W110 = Warning, "rows of a table can belong to more than one root row";
    W111 = Warning, "a foreign table is read";
    W112 = Warning, "a type is exported as text";
    I101 = Info, "a table has row level security";
    I102 = Info, "a column is both masked and not exported";
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing to change or to look at. Names keys, tables and columns; never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: LintCode,
    /// Where in the policy: `tables[users].mask_columns.email`. Empty for the whole.
    pub path: String,
    /// Where in the text, from 1, when known.
    pub line: Option<u64>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding at a place of the policy.
    pub fn new(code: LintCode, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), line: None, message: message.into(), advice: None }
    }

    /// The same with its line.
    #[must_use]
    pub fn at(mut self, line: u64) -> Self {
        self.line = (line > 0).then_some(line);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same with "did you mean", when there is a guess.
    #[must_use]
    pub(crate) fn suggest(self, guess: Option<&str>) -> Self {
        match guess {
            Some(guess) => self.advise(format!("did you mean `{guess}`?")),
            None => self,
        }
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.code.level()
    }
}

/// Everything found, in the order of the text: by line, then path, then code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// In their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }
    /// The worst level among them.
    pub fn worst(&self) -> Option<Level> {
        self.0.iter().map(Finding::level).min()
    }
    /// How many there are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.0.iter().filter(|f| f.level() == level).count()
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| {
            let key = |f: &Finding| (f.line.unwrap_or(u64::MAX), f.path.clone(), f.code, f.message.clone());
            key(a).cmp(&key(b))
        });
        findings.dedup();
        Self(findings)
    }
}

impl IntoIterator for Findings {
    type Item = Finding;
    type IntoIter = std::vec::IntoIter<Finding>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Findings {
    type Item = &'a Finding;
    type IntoIter = std::slice::Iter<'a, Finding>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(FindingsFormat::Text, "airlock.yaml"))
    }
}

impl std::error::Error for Findings {}

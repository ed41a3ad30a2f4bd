//! Keys of `mask_columns`: names, `*` and regular expressions.

use regex::{Regex, RegexBuilder};

use super::ColumnPattern;

/// The pattern does not compile, or is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern does not compile")]
pub struct BadPattern;

/// Largest compiled pattern, bytes.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

impl ColumnPattern {
    /// The pattern that a key stands for: `/regex/`, a name with `*`, or a plain name.
    pub fn read(key: &str) -> Self {
        match key.strip_prefix('/').and_then(|k| k.strip_suffix('/')) {
            Some(regex) => Self::Regex(regex.to_owned()),
            None if key.contains('*') => Self::Glob(key.to_owned()),
            None => Self::Exact(key.to_owned()),
        }
    }

    /// The pattern for one column, even when its name reads as a pattern.
    pub fn naming(column: &str) -> Self {
        match Self::read(column) {
            Self::Exact(name) => Self::Exact(name),
            Self::Glob(_) | Self::Regex(_) => Self::Regex(regex::escape(column)),
        }
    }

    /// The text as written as a key.
    pub fn written(&self) -> String {
        match self {
            Self::Exact(name) | Self::Glob(name) => name.clone(),
            Self::Regex(regex) => format!("/{regex}/"),
        }
    }

    /// The pattern, ready to be asked.
    ///
    /// # Errors
    /// [`BadPattern`] if it does not compile.
    pub fn compile(&self) -> Result<CompiledPattern, BadPattern> {
        let whole = match self {
            Self::Exact(name) => return Ok(CompiledPattern::Exact(name.clone())),
            Self::Glob(glob) => glob.split('*').map(regex::escape).collect::<Vec<_>>().join(".*"),
            // Compiled alone first: `a)|(b` must not become a whole by what is put around it.
            Self::Regex(regex) => {
                build(regex)?;
                regex.clone()
            }
        };
        build(&format!("^(?s:{whole})$")).map(CompiledPattern::Regex)
    }
}

fn build(regex: &str) -> Result<Regex, BadPattern> {
    RegexBuilder::new(regex).size_limit(COMPILED_BYTES_MAX).build().map_err(|_| BadPattern)
}

/// A pattern that can be asked.
#[derive(Clone, Debug)]
pub enum CompiledPattern {
    /// One name.
    Exact(String),
    /// Every name that matches as a whole.
    Regex(Regex),
}

impl CompiledPattern {
    /// Whether a column's name matches.
    pub fn matches(&self, column: &str) -> bool {
        match self {
            Self::Exact(name) => name == column,
            Self::Regex(regex) => regex.is_match(column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, matching: &[&str], other: &[&str]) {
        let pattern = ColumnPattern::read(key);
        assert_eq!(pattern.written(), key);
        let compiled = pattern.compile().unwrap();
        for name in matching {
            assert!(compiled.matches(name), "{key} should match {name}");
        }
        for name in other {
            assert!(!compiled.matches(name), "{key} should not match {name}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        check("token", &["token"], &["tokens", "Token"]);
        check("*_token", &["api_token", "_token"], &["token", "api_tokens"]);
        check("a.*", &["a.b"], &["axb"]);
        check("/addr_[0-9]/", &["addr_1"], &["addr_12", "xaddr_1"]);
        check("/a|b/", &["a", "b"], &["ax", "xb"]);
        check("/(?i)mail/", &["MAIL"], &["mails"]);
    }

    #[test]
    fn every_column_can_be_named() {
        for name in ["plain", "a*b", "*", "/x/", "//", "/a|b/", "/"] {
            let key = ColumnPattern::naming(name).written();
            let read = ColumnPattern::read(&key).compile().unwrap();
            assert!(read.matches(name) && !read.matches("x"), "{name} as {key}");
        }
    }

    #[test]
    fn what_does_not_compile_is_told() {
        for bad in ["/(/", "/a)|(b/", "/[/", "/(a{1000}){1000}/"] {
            assert!(ColumnPattern::read(bad).compile().is_err(), "{bad}");
        }
    }
}

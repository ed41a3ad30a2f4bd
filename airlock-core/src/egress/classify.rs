//! Tells an attempt from a mistake in a text that does not parse.
//!
//! Both are refused; the difference is what the agent is told, and what the audit row says.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::functions;
use super::names::{is_path_like, is_system};
use super::refusal::quoted;
use super::tokens::{is_significant, keyword};
use super::{Detail, Refusal};

/// The refusal that the tokens earn, `None` when they look like a mere mistake.
pub(super) fn classify(tokens: &[TokenWithSpan]) -> Option<Refusal> {
    let tokens: Vec<&Token> = tokens.iter().map(|t| &t.token).filter(|t| is_significant(t)).collect();
    let mut depth = 0_usize;
    // Brackets in whose FROM list we stand.
    let mut from_at: Vec<usize> = Vec::new();
    for (i, &token) in tokens.iter().enumerate() {
        let word = keyword(token);
        let next = tokens.get(i + 1).copied();
        let before = i.checked_sub(1).and_then(|i| tokens.get(i)).map_or(Keyword::NoKeyword, |t| keyword(t));
        match token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.saturating_sub(1);
                from_at.retain(|&at| at <= depth);
            }
            Token::Placeholder(_) => {
                return Some(
                    Refusal::new(Detail::NotAQuery, "placeholders are not available")
                        .with_hint("write the value into the statement"),
                );
            }
            Token::SemiColon if next.is_some() => {
                return Some(Refusal::new(Detail::MultipleStatements, "more than one statement"));
            }
            _ => {}
        }
        match word {
            Keyword::INTO if depth == 0 => {
                return Some(Refusal::new(Detail::SelectInto, "INTO writes; only reading is possible"));
            }
            Keyword::FOR if next.is_some_and(|t| is_lock(keyword(t))) => {
                return Some(Refusal::new(Detail::LockingClause, "locking clauses are not available"));
            }
            _ if changes_data(word)
                && i > 1
                && *tokens[i - 1] == Token::LParen
                && opens_with_body(&tokens[..i - 1]) =>
            {
                return Some(Refusal::new(
                    Detail::NotAQuery,
                    "a WITH entry changes data; only reading is possible",
                ));
            }
            Keyword::FROM if before != Keyword::DISTINCT => from_at.push(depth),
            Keyword::WHERE
            | Keyword::GROUP
            | Keyword::ORDER
            | Keyword::HAVING
            | Keyword::SELECT
            | Keyword::LIMIT
            | Keyword::UNION => from_at.retain(|&at| at != depth),
            _ => {}
        }
        let relation_follows = matches!(word, Keyword::FROM if before != Keyword::DISTINCT)
            || matches!(word, Keyword::JOIN)
            || (*token == Token::Comma && from_at.contains(&depth));
        if relation_follows && let Some(refusal) = next.and_then(relation) {
            return Some(refusal);
        }
        if let (Token::Word(name), Some(Token::LParen)) = (token, next)
            && is_dangerous(name)
        {
            let detail = if matches!(before, Keyword::FROM | Keyword::JOIN) {
                Detail::TableFunctionNotAllowed
            } else {
                Detail::FunctionNotAllowed
            };
            return Some(Refusal::new(detail, format!("function {} is not available", quoted(&name.value))));
        }
    }
    None
}

fn relation(token: &Token) -> Option<Refusal> {
    match token {
        Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_) => {
            Some(Refusal::new(
                Detail::PathRelation,
                "a string cannot be a table; only the snapshot's tables can be read",
            ))
        }
        Token::Word(word) if word.quote_style.is_some() && is_path_like(&word.value) => Some(Refusal::new(
            Detail::PathRelation,
            format!(
                "{} looks like a file or an address; only the snapshot's tables can be read",
                quoted(&word.value)
            ),
        )),
        Token::Word(word) if is_system(&word.value) => Some(
            Refusal::new(Detail::SystemRelation, format!("{} is a system catalog", quoted(&word.value)))
                .with_hint("use the get_schema tool"),
        ),
        _ => None,
    }
}

fn is_lock(word: Keyword) -> bool {
    matches!(word, Keyword::UPDATE | Keyword::SHARE | Keyword::NO | Keyword::KEY)
}

fn changes_data(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::INSERT
            | Keyword::UPDATE
            | Keyword::DELETE
            | Keyword::MERGE
            | Keyword::TRUNCATE
            | Keyword::CREATE
            | Keyword::DROP
            | Keyword::ALTER
            | Keyword::COPY
            | Keyword::SET
            | Keyword::CALL
    )
}

/// Whether the tokens before a bracket end in `AS`, `AS MATERIALIZED` or `AS NOT MATERIALIZED`.
fn opens_with_body(before: &[&Token]) -> bool {
    before
        .iter()
        .rev()
        .map(|t| keyword(t))
        .find(|w| !matches!(w, Keyword::MATERIALIZED | Keyword::NOT))
        .is_some_and(|w| w == Keyword::AS)
}

/// Families of functions of other engines that read files, networks, catalogs or settings.
fn is_dangerous(word: &Word) -> bool {
    let name = word.value.to_ascii_lowercase();
    if functions::is_allowed(&name) {
        return false;
    }
    const PREFIXES: &[&str] = &[
        "read_",
        "sniff_",
        "pg_",
        "lo_",
        "dblink",
        "http",
        "s3",
        "duckdb_",
        "pragma_",
        "xml",
        "load_",
        "xp_",
        "sys_",
        "utl_",
        "dbms_",
        "sqlite_",
        "query_to_",
        "table_to_",
        "database_to_",
        "schema_to_",
        "cursor_to_",
        "iceberg_",
        "delta_",
        "open",
        "file_",
        "cluster_",
    ];
    const SUFFIXES: &[&str] = &["_scan", "_metadata", "_to_xml", "_cache"];
    const NAMES: &[&str] = &[
        "glob",
        "query",
        "query_table",
        "url",
        "s3",
        "file",
        "readfile",
        "writefile",
        "getenv",
        "getvariable",
        "set_config",
        "current_setting",
        "nextval",
        "setval",
        "currval",
        "lastval",
        "inet_server_addr",
        "version",
        "sleep",
        "benchmark",
        "extractvalue",
        "updatexml",
        "which_secret",
        "remote",
        "mysql",
        "postgresql",
        "hdfs",
        "executable",
        "jdbc",
        "odbc",
        "mongodb",
        "redis",
        "dictionary",
        "numbers",
        "system",
        "shell",
        "eval",
        "exec",
    ];
    PREFIXES.iter().any(|p| name.starts_with(p))
        || SUFFIXES.iter().any(|s| name.ends_with(s))
        || NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::tokens::lex;

    #[track_caller]
    fn check(sql: &str, expected: Option<Detail>) {
        assert_eq!(classify(&lex(sql).tokens).map(|r| r.detail), expected, "{sql}");
    }

    #[test]
    fn attempts_are_told_from_mistakes() {
        check("SELECT * INTO OUTFILE 'x' FROM t", Some(Detail::SelectInto));
        check("SELECT * FROM t FOR NO KEY UPDATE OF", Some(Detail::LockingClause));
        check("WITH a AS NOT MATERIALIZED (DELETE t) SELECT", Some(Detail::NotAQuery));
        check("SELECT * FROM a, 'x.csv' y z", Some(Detail::PathRelation));
        check("SELECT * FROM \"/etc/passwd\" y z", Some(Detail::PathRelation));
        check("SELECT * FROM a JOIN pg_class x y", Some(Detail::SystemRelation));
        check("SELECT * FROM read_csv('x', a = ) y", Some(Detail::TableFunctionNotAllowed));
        check("SELECT pg_read_file('x' 1)", Some(Detail::FunctionNotAllowed));
        check("SELECT a b c FROM t", None);
        check("SELECT (1, 'x.csv' FROM t", None);
        check("SELECT count(*) FROM t WHERE a IN (1, 'x.csv') AND", None);
        check("SELECT a IS DISTINCT FROM 'x' y z", None);
    }
}

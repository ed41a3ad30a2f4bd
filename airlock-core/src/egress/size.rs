//! L0 and L1: bytes, characters and tokens, before anything is parsed.

use std::sync::Arc;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::refusal::quoted;
use super::tokens::{self, Lexed, is_significant, keyword};
use super::{Detail, Refusal};
use crate::policy::limits::Limits;

/// A statement's text whose bytes, characters and tokens are within bounds. Not yet admitted.
#[derive(Clone)]
pub struct Checked {
    text: Arc<str>,
    lexed: Arc<Lexed>,
}

impl Checked {
    /// Checks size, characters and tokens, and that the text begins like one query.
    ///
    /// A text that cannot be read as tokens to its end passes when what was read is within bounds: parsing reports
    /// where it breaks.
    ///
    /// # Errors
    /// The [`Refusal`] that says which bound it passed.
    pub fn new(sql: &str, limits: &Limits) -> Result<Self, Refusal> {
        if sql.len() as u64 > limits.max_sql_bytes {
            return Err(Refusal::new(
                Detail::TooLarge,
                format!("the statement has more than {} bytes", limits.max_sql_bytes),
            ));
        }
        if sql.contains('\0') {
            return Err(hidden());
        }
        let lexed = tokens::lex(sql);
        check_characters(sql, &lexed)?;
        tokens::check(&lexed.tokens, limits)?;
        check_gate(&lexed.tokens)?;
        check_one_statement(&lexed.tokens)?;
        Ok(Self { text: sql.into(), lexed: Arc::new(lexed) })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its tokens.
    pub(super) fn lexed(&self) -> &Lexed {
        &self.lexed
    }
}

impl PartialEq for Checked {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Checked {}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checked({} bytes)", self.text.len())
    }
}

/// Whether a reader would not see the character, or see it as something else: controls, format characters
/// (bidirectional overrides, joiners, byte order mark, tags) and white space that is not ASCII.
pub(super) fn is_hidden(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        _ if c.is_ascii() => c.is_control(),
        _ => c.is_control() || c.is_whitespace() || is_format(c),
    }
}

/// Unicode's general category Cf, and the invisible fillers outside it.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Hidden characters may stand inside string literals only. Where the text could not be read, they may stand nowhere.
fn check_characters(sql: &str, lexed: &Lexed) -> Result<(), Refusal> {
    if !sql.chars().any(is_hidden) {
        return Ok(());
    }
    let mut literals = lexed.tokens.iter().filter(|t| is_string(&t.token)).peekable();
    let mut at = Location { line: 1, column: 1 };
    for c in sql.chars() {
        while literals.next_if(|t| t.span.end <= at).is_some() {}
        let inside = literals.peek().is_some_and(|t| t.span.start <= at);
        if is_hidden(c) && !inside {
            return Err(hidden());
        }
        at = match c {
            '\n' => Location { line: at.line + 1, column: 1 },
            _ => Location { line: at.line, column: at.column + 1 },
        };
    }
    Ok(())
}

fn is_string(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::DollarQuotedString(_)
    )
}

fn hidden() -> Refusal {
    Refusal::new(
        Detail::UnicodeControl,
        "the statement has a control, bidirectional, invisible or look-alike white space character outside a string",
    )
    .with_hint("write plain ASCII white space; hidden characters are allowed inside '…' only")
}

/// The first word says that it is a query. Never enough to let anything through: only to refuse early and by name,
/// also what the parser does not know.
fn check_gate(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let first = tokens.iter().map(|t| &t.token).find(|t| is_significant(t) && !matches!(t, Token::LParen));
    let Some(first) = first else {
        return Err(Refusal::new(Detail::NotAQuery, "the statement is empty").with_hint(WRITE_SELECT));
    };
    match (first, keyword(first)) {
        (_, Keyword::SELECT | Keyword::WITH | Keyword::VALUES) => Ok(()),
        (_, Keyword::EXPLAIN | Keyword::ANALYZE) => {
            Err(Refusal::new(Detail::Explain, "EXPLAIN is not available").with_hint(WRITE_SELECT))
        }
        (_, Keyword::DESCRIBE | Keyword::DESC | Keyword::SHOW) => {
            Err(Refusal::new(Detail::NotAQuery, format!("{} is not a query", quoted(&first.to_string())))
                .with_hint("use the get_schema tool"))
        }
        (Token::Word(word), _) => {
            Err(Refusal::new(Detail::NotAQuery, format!("{} does not begin a query", quoted(&word.value)))
                .with_hint(WRITE_SELECT))
        }
        _ => Err(Refusal::new(Detail::NotAQuery, "the statement does not begin like a query")
            .with_hint(WRITE_SELECT)),
    }
}

/// After the first `;` nothing may follow but comments.
fn check_one_statement(tokens: &[TokenWithSpan]) -> Result<(), Refusal> {
    let mut rest =
        tokens.iter().map(|t| &t.token).filter(|t| is_significant(t)).skip_while(|t| **t != Token::SemiColon);
    rest.next();
    match rest.next() {
        None => Ok(()),
        Some(_) => Err(Refusal::new(Detail::MultipleStatements, "more than one statement")
            .with_hint("send one statement per call")),
    }
}

const WRITE_SELECT: &str = "write one SELECT; schema questions go to the get_schema tool";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: Option<Detail>) {
        assert_eq!(Checked::new(sql, &Limits::default()).err().map(|r| r.detail), expected, "{sql:?}");
    }

    #[test]
    fn ordinary_queries_pass() {
        check("SELECT 1", None);
        check(" -- note\n /* a /* nested */ note */ ((SELECT 1));  -- done", None);
        check("WITH a AS (SELECT 1) SELECT * FROM a;", None);
        check("VALUES (1), (2)", None);
        check("SELECT 'a\u{202e}b', E'\u{200b}', $$\u{feff}$$", None);
        check("SELECT\r\n\t1", None);
        check("SELECT 'größe' AS größe, '日本'", None);
    }

    #[test]
    fn hidden_characters_are_refused_outside_strings() {
        for c in [
            '\u{202e}',
            '\u{200b}',
            '\u{a0}',
            '\u{feff}',
            '\u{2028}',
            '\u{7}',
            '\u{3000}',
            '\u{e0041}',
            '\u{85}',
        ] {
            check(&format!("SELECT{c}1"), Some(Detail::UnicodeControl));
            check(&format!("SELECT 1 -- {c}"), Some(Detail::UnicodeControl));
            check(&format!("SELECT 1 /* {c} */"), Some(Detail::UnicodeControl));
            check(&format!("SELECT 1 AS \"a{c}b\""), Some(Detail::UnicodeControl));
            check(&format!("SELECT '{c}', 'x' AS a{c}"), Some(Detail::UnicodeControl));
            check(&format!("SELECT\n 'é\n{c}',\n 1"), None);
            check(&format!("SELECT '{c}"), Some(Detail::UnicodeControl));
        }
        check("SELECT 'a\0b'", Some(Detail::UnicodeControl));
        check("\u{feff}SELECT 1", Some(Detail::UnicodeControl));
    }

    #[test]
    fn only_queries_pass_the_gate() {
        for sql in [
            "",
            "  -- x",
            ";",
            "COPY t TO 'x'",
            "FROM t SELECT 1",
            "\"SELECT\" 1",
            "1",
            "SUMMARIZE t",
            "(SHOW x)",
        ] {
            check(sql, Some(Detail::NotAQuery));
        }
        check("EXPLAIN SELECT 1", Some(Detail::Explain));
        check("COPY t TO 'x", Some(Detail::NotAQuery));
    }

    #[test]
    fn one_statement_only() {
        check("SELECT 1; SELECT 2", Some(Detail::MultipleStatements));
        check("SELECT 1;;", Some(Detail::MultipleStatements));
        check("SELECT ';'; -- ;", None);
    }

    #[test]
    fn bombs_are_refused_before_parsing() {
        check(&format!("SELECT {}1{}", "(".repeat(65), ")".repeat(65)), Some(Detail::TooDeep));
        check(&format!("SELECT {}1{}", "(".repeat(64), ")".repeat(64)), None);
        check(&format!("SELECT {} TRUE", "NOT ".repeat(65)), Some(Detail::TooDeep));
        check(&format!("SELECT {}1", "- ".repeat(65)), Some(Detail::TooDeep));
        check(
            &format!("SELECT {} 1 {}", "CASE WHEN ".repeat(65), "THEN 1 END".repeat(65)),
            Some(Detail::TooDeep),
        );
        check(&format!("SELECT 1{}", "+1".repeat(2_001)), Some(Detail::TooDeep));
        check(&format!("SELECT 1{}", "+1".repeat(2_000)), None);
        check(&format!("SELECT 1{}", " IS DISTINCT FROM 1".repeat(2_001)), Some(Detail::TooDeep));
        check(&format!("SELECT 1{}", "::int".repeat(2_001)), Some(Detail::TooDeep));
        check(&format!("SELECT a{} FROM t", "[1]".repeat(2_001)), Some(Detail::TooDeep));
        check(&format!("SELECT 1{}", ",1".repeat(10_000)), Some(Detail::TooLarge));
        check(&format!("SELECT 1{}", " UNION SELECT 1".repeat(200)), Some(Detail::TooLarge));
        check(&format!("SELECT 1 {}{}", "/*".repeat(100), "*/".repeat(100)), Some(Detail::TooDeep));
        check(&format!("SELECT '{}'", "x".repeat(70_000)), Some(Detail::TooLarge));
        check(&format!("SELECT {}1{}", "position(".repeat(20), ")".repeat(20)), Some(Detail::TooDeep));
    }
}

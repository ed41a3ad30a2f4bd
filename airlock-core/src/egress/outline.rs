//! A statement without its literals: what repeats of one question have in common.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Checked;
use super::tokens::is_significant;

/// The statement's words in lower case with `?` for every literal; no comments, one space between tokens.
///
/// For grouping repeats under a keyed digest. Not SQL, and never shown.
pub fn outline(sql: &Checked) -> String {
    let mut out = String::with_capacity(sql.as_str().len());
    for token in sql.lexed().tokens.iter().map(|t| &t.token).filter(|t| is_significant(t)) {
        if !out.is_empty() {
            out.push(' ');
        }
        match token {
            Token::Word(word) if word.quote_style.is_none() => out.push_str(&word.value.to_lowercase()),
            Token::Word(word) => out.push_str(&word.to_string()),
            Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_) => out.push('?'),
            other => out.push_str(&other.to_string()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::Limits;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        assert_eq!(outline(&Checked::new(sql, &Limits::default()).unwrap()), expected);
    }

    #[test]
    fn literals_comments_case_and_space_do_not_count() {
        check("SELECT  a, 'x' FROM T -- secret\nWHERE b = 42", "select a , ? from t where b = ?");
        check("select A,'y' from t where B=7", "select a , ? from t where b = ?");
        check(
            "SELECT \"Id\" FROM t WHERE x IN ($$a$$, E'b', X'00')",
            "select \"Id\" from t where x in ( ? , ? , ? )",
        );
    }
}

//! L1: bounds on the token stream. Flat chains slip past the parser's recursion limit and then end the process in
//! recursive passes over the tree (DataFusion 22229, 11102, 22936), so they are counted before anything is parsed.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

use super::dialect::AgentDialect;
use super::{Detail, Refusal};
use crate::policy::limits::Limits;

/// The tokens of a text, and why there are no more when it could not be read to its end.
pub(super) struct Lexed {
    pub(super) tokens: Vec<TokenWithSpan>,
    pub(super) error: Option<TokenizerError>,
}

/// Reads the text as tokens.
pub(super) fn lex(sql: &str) -> Lexed {
    let mut tokens = Vec::with_capacity(sql.len() / 4);
    let error = Tokenizer::new(&AgentDialect, sql).tokenize_with_location_into_buf(&mut tokens).err();
    Lexed { tokens, error }
}

/// Whether the token means something: no white space, no comment.
pub(super) fn is_significant(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_) | Token::EOF)
}

/// The keyword that an unquoted word is.
pub(super) fn keyword(token: &Token) -> Keyword {
    match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    }
}

/// Bounds on count, depth and flat length.
pub(super) fn check(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Refusal> {
    let significant = tokens.iter().filter(|t| is_significant(&t.token)).count() as u64;
    if significant > limits.max_sql_tokens {
        return Err(too_large(format!("the statement has more than {} tokens", limits.max_sql_tokens)));
    }
    for token in tokens {
        if let Token::Whitespace(Whitespace::MultiLineComment(text)) = &token.token
            && comment_depth(text) > limits.max_nesting
        {
            return Err(too_deep("comments are nested too deeply"));
        }
    }
    depth_and_chains(tokens, limits)
}

/// What is counted at one bracket level.
#[derive(Default)]
struct Level {
    is_case: bool,
    operators: u64,
    set_operators: u64,
}

fn depth_and_chains(tokens: &[TokenWithSpan], limits: &Limits) -> Result<(), Refusal> {
    let mut levels = vec![Level::default()];
    let mut prefix_run = 0_u64;
    // Words whose special form the parser tries first and, when that fails, reads again as a call: nested, each
    // doubles the work.
    let mut retried: Vec<usize> = Vec::new();
    let mut before = Keyword::NoKeyword;
    let mut significant = tokens.iter().map(|t| &t.token).filter(|t| is_significant(t)).peekable();
    while let Some(token) = significant.next() {
        let word = keyword(token);
        if is_prefix(token, word) {
            prefix_run += 1;
        } else {
            prefix_run = 0;
        }
        if is_retried(word) && significant.peek().is_some_and(|t| opens(t)) {
            retried.push(levels.len());
            if retried.len() > RETRIED_DEPTH_MAX {
                return Err(too_deep("calls of special functions are nested too deeply"));
            }
        }
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                // `a[1][1]…` and `f()[1]…` are chains as well as brackets.
                bump(&mut levels, limits)?;
                levels.push(Level::default());
            }
            Token::RParen | Token::RBracket | Token::RBrace => {
                while levels.len() > 1 && levels.pop().is_some_and(|l| l.is_case) {}
                while retried.last().is_some_and(|&depth| depth >= levels.len()) {
                    retried.pop();
                }
            }
            Token::Comma | Token::SemiColon => reset(&mut levels),
            Token::Word(_) => match word {
                Keyword::CASE => levels.push(Level { is_case: true, ..Level::default() }),
                Keyword::END if levels.len() > 1 && levels.last().is_some_and(|l| l.is_case) => {
                    levels.pop();
                }
                Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::MINUS => {
                    if let Some(level) = levels.last_mut() {
                        level.set_operators += 1;
                        if level.set_operators >= limits.max_union_branches {
                            return Err(too_large(format!(
                                "more than {} queries are combined by UNION, INTERSECT or EXCEPT",
                                limits.max_union_branches
                            )));
                        }
                    }
                }
                // IS DISTINCT FROM is an operator, not a clause.
                Keyword::FROM if before == Keyword::DISTINCT => bump(&mut levels, limits)?,
                _ if ends_chain(word) => reset(&mut levels),
                _ if is_word_operator(word) => bump(&mut levels, limits)?,
                _ => {}
            },
            _ if is_value(token) => {}
            _ => bump(&mut levels, limits)?,
        }
        if (levels.len() - 1) as u64 + prefix_run > limits.max_nesting {
            return Err(too_deep(format!("the statement is nested more than {} deep", limits.max_nesting))
                .with_hint("use WITH to name the inner queries"));
        }
        before = word;
    }
    Ok(())
}

fn bump(levels: &mut [Level], limits: &Limits) -> Result<(), Refusal> {
    let Some(level) = levels.last_mut() else { return Ok(()) };
    level.operators += 1;
    if level.operators > limits.max_expr_terms {
        return Err(too_deep(format!("one expression has more than {} operators", limits.max_expr_terms))
            .with_hint("use IN (…) instead of a chain of OR"));
    }
    Ok(())
}

fn reset(levels: &mut [Level]) {
    if let Some(level) = levels.last_mut() {
        level.operators = 0;
    }
}

fn is_prefix(token: &Token, word: Keyword) -> bool {
    matches!(
        token,
        Token::Minus
            | Token::Plus
            | Token::Tilde
            | Token::AtSign
            | Token::ExclamationMark
            | Token::DoubleExclamationMark
            | Token::PGSquareRoot
            | Token::PGCubeRoot
    ) || matches!(word, Keyword::NOT | Keyword::PRIOR)
}

fn ends_chain(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::SELECT
            | Keyword::FROM
            | Keyword::WHERE
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::ORDER
            | Keyword::LIMIT
            | Keyword::WINDOW
            | Keyword::QUALIFY
            | Keyword::WHEN
            | Keyword::THEN
            | Keyword::ELSE
            | Keyword::ON
    )
}

fn is_word_operator(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::IS
            | Keyword::NOTNULL
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::SIMILAR
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT
            | Keyword::OVERLAPS
            | Keyword::OPERATOR
            | Keyword::DIV
            | Keyword::MEMBER
            | Keyword::JOIN
    )
}

fn opens(token: &Token) -> bool {
    matches!(token, Token::LParen | Token::LBracket | Token::LBrace)
}

fn is_retried(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::POSITION
            | Keyword::SUBSTRING
            | Keyword::SUBSTR
            | Keyword::TRIM
            | Keyword::OVERLAY
            | Keyword::EXTRACT
            | Keyword::CEIL
            | Keyword::FLOOR
            | Keyword::CAST
            | Keyword::TRY_CAST
            | Keyword::SAFE_CAST
            | Keyword::CONVERT
            | Keyword::TRY_CONVERT
            | Keyword::INTERVAL
            | Keyword::STRUCT
            | Keyword::MAP
            | Keyword::ARRAY
            | Keyword::EXISTS
            | Keyword::MATCH
            | Keyword::LAMBDA
            | Keyword::CASE
            | Keyword::NOT
            | Keyword::GROUPING
            | Keyword::ROLLUP
            | Keyword::CUBE
    )
}

fn is_value(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Placeholder(_)
    )
}

fn comment_depth(text: &str) -> u64 {
    let (mut depth, mut deepest) = (1_u64, 1_u64);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                deepest = deepest.max(depth);
                at += 2;
            }
            b"*/" => {
                depth = depth.saturating_sub(1);
                at += 2;
            }
            _ => at += 1,
        }
    }
    deepest
}

fn too_deep(message: impl Into<String>) -> Refusal {
    Refusal::new(Detail::TooDeep, message)
}

fn too_large(message: impl Into<String>) -> Refusal {
    Refusal::new(Detail::TooLarge, message)
}

/// A parser that retries doubles its work per level: 2^8 readings of a statement of at most 64 KiB.
const RETRIED_DEPTH_MAX: usize = 8;

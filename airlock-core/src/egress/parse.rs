//! L2: exactly one statement, and it is a query.

use datafusion::sql::sqlparser::ast::{Query, Statement};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::classify::classify;
use super::dialect::AgentDialect;
use super::refusal::quoted;
use super::{Checked, Detail, Refusal, Verdict, marks};
use crate::policy::limits::Limits;

/// Parses the text as one query.
pub(super) fn parse(sql: &Checked, limits: &Limits) -> Result<Box<Query>, Verdict> {
    let lexed = sql.lexed();
    if let Some(error) = &lexed.error {
        return Err(Verdict::sql(format!(
            "syntax error at {}: the text ends inside a literal, a name or a comment, or has a \
                 character that SQL does not know",
            place(error.location)
        )));
    }
    let depth = usize::try_from(limits.max_nesting).unwrap_or(usize::MAX).min(PARSER_DEPTH_MAX);
    let mut tokens = lexed.tokens.clone();
    marks::mark(&mut tokens);
    let mut parser =
        Parser::new(&AgentDialect).with_recursion_limit(depth).with_tokens_with_locations(tokens);
    match parser.parse_statements() {
        Ok(mut statements) => match (statements.pop(), statements.is_empty()) {
            (Some(Statement::Query(query)), true) => Ok(query),
            (Some(_), true) => Err(Refusal::new(Detail::NotAQuery, "the statement is not a query")
                .with_hint("write one SELECT")
                .into()),
            (Some(_), false) => {
                Err(Refusal::new(Detail::MultipleStatements, "more than one statement").into())
            }
            (None, _) => Err(Refusal::new(Detail::NotAQuery, "the statement is empty").into()),
        },
        Err(ParserError::RecursionLimitExceeded) => {
            Err(Refusal::new(Detail::TooDeep, format!("the statement is nested more than {depth} deep"))
                .with_hint("use WITH to name the inner queries")
                .into())
        }
        Err(ParserError::ParserError(message) | ParserError::TokenizerError(message)) => {
            if let Some(refusal) = classify(&lexed.tokens) {
                return Err(refusal.into());
            }
            Err(syntax_error(&message, &lexed.tokens))
        }
    }
}

/// The parser's own sentence may quote literals, so only its place is kept, with the word that stands there.
fn syntax_error(message: &str, tokens: &[TokenWithSpan]) -> Verdict {
    let found = location(message);
    let token = found.and_then(|at| tokens.iter().find(|t| t.span.start == at)).map(|t| &t.token);
    let near = match token {
        Some(Token::Word(word)) => format!(" near {}", quoted(&word.value)),
        Some(Token::EOF) | None => " at the end of the statement".to_owned(),
        Some(token) if is_symbol(token) => format!(" near {}", quoted(&token.to_string())),
        Some(_) => " near a literal".to_owned(),
    };
    let at = found.map(|at| format!(" at {}", place(at))).unwrap_or_default();
    Verdict::Sql {
        message: format!("syntax error{at}{near}"),
        hint: Some("the dialect is PostgreSQL's; names that are keywords need \"quotes\"".to_owned()),
    }
}

fn is_symbol(token: &Token) -> bool {
    let text = token.to_string();
    text.len() <= 4 && text.chars().all(|c| c.is_ascii_punctuation()) && !text.contains(['\'', '"', '$'])
}

fn place(at: Location) -> String {
    format!("line {}, column {}", at.line, at.column)
}

/// Reads `… at Line: 1, Column: 8` back.
fn location(message: &str) -> Option<Location> {
    let (_, tail) = message.rsplit_once("at Line: ")?;
    let (line, column) = tail.split_once(", Column: ")?;
    Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
}

/// The parser's frames are large; its own default is 50.
const PARSER_DEPTH_MAX: usize = 64;

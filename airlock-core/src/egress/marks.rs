//! Tells the `->` that reads JSON from the `->` of a lambda, and the operator `?` from a placeholder.
//!
//! The parser takes every `name -> …` for a lambda. A lambda can stand only as a whole argument of a function that takes
//! one, which tokens alone show: every other arrow is given to the parser as an operator of PostgreSQL's precedence. So is
//! every `?` between two operands.

use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::functions::{self, Kind};
use super::tokens::is_significant;

/// What stands between brackets, from the last comma on.
#[derive(Clone, Copy)]
struct Level {
    takes_lambda: bool,
    begun: Argument,
}

/// How an argument began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    Nothing,
    /// One word, or one list in brackets: what can be a lambda's parameters.
    Parameters,
    More,
}

/// Marks what is an operator. `CustomBinaryOperator` and `Question` come from nowhere else: the dialect has neither.
pub(super) fn mark(tokens: &mut [TokenWithSpan]) {
    // Most statements have neither.
    if tokens.iter().any(|t| t.token == Token::Arrow) {
        mark_arrows(tokens);
    }
    if tokens.iter().any(|t| is_question(&t.token)) {
        mark_questions(tokens);
    }
}

fn is_question(token: &Token) -> bool {
    matches!(token, Token::Placeholder(text) if text == "?")
}

fn mark_questions(tokens: &mut [TokenWithSpan]) {
    let significant: Vec<usize> = (0..tokens.len()).filter(|&i| is_significant(&tokens[i].token)).collect();
    for at in significant.windows(3) {
        let [before, here, after] = [at[0], at[1], at[2]];
        let is_operator = is_question(&tokens[here].token)
            && (is_operand(&tokens[before].token)
                || matches!(tokens[before].token, Token::RParen | Token::RBracket))
            && (is_operand(&tokens[after].token) || tokens[after].token == Token::LParen);
        if is_operator {
            tokens[here].token = Token::Question;
        }
    }
}

fn is_operand(token: &Token) -> bool {
    matches!(token, Token::Word(_) | Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_))
}

fn mark_arrows(tokens: &mut [TokenWithSpan]) {
    let mut levels = vec![Level { takes_lambda: false, begun: Argument::Nothing }];
    let mut takes_lambda = false;
    for token in tokens.iter_mut().map(|t| &mut t.token).filter(|t| is_significant(t)) {
        let is_inner = levels.len() > 1;
        let Some(level) = levels.last_mut() else { return };
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                let opened = takes_lambda && *token == Token::LParen;
                level.begun = level.begun.then(*token == Token::LParen);
                levels.push(Level { takes_lambda: opened, begun: Argument::Nothing });
            }
            Token::RParen | Token::RBracket | Token::RBrace if is_inner => {
                levels.pop();
            }
            Token::Comma => level.begun = Argument::Nothing,
            Token::Arrow => {
                if !(level.takes_lambda && level.begun == Argument::Parameters) {
                    *token = Token::CustomBinaryOperator(ARROW.to_owned());
                }
                level.begun = Argument::More;
            }
            _ => level.begun = level.begun.then(matches!(token, Token::Word(_))),
        }
        takes_lambda = match token {
            Token::Word(word) => functions::kind(&word.value.to_lowercase()) == Some(Kind::HigherOrder),
            _ => false,
        };
    }
}

/// The operator that a marked arrow was parsed to, as the engine knows it.
pub(super) fn unmark(op: &mut BinaryOperator) {
    if matches!(op, BinaryOperator::Custom(text) if text == ARROW) {
        *op = BinaryOperator::Arrow;
    }
}

impl Argument {
    fn then(self, may_be_parameters: bool) -> Self {
        if self == Self::Nothing && may_be_parameters { Self::Parameters } else { Self::More }
    }
}

const ARROW: &str = "->";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::tokens::lex;

    /// The arrows of a text, `>` for those of lambdas and `j` for those that read JSON.
    fn arrows(sql: &str) -> String {
        let mut tokens = lex(sql).tokens;
        mark(&mut tokens);
        let arrow = |t: &TokenWithSpan| match &t.token {
            Token::Arrow => Some('>'),
            Token::CustomBinaryOperator(_) => Some('j'),
            _ => None,
        };
        tokens.iter().filter_map(arrow).collect()
    }

    #[test]
    fn an_arrow_is_a_lambda_only_as_a_whole_argument_of_what_takes_one() {
        for (sql, expected) in [
            ("data -> 'a'", "j"),
            ("f(data -> 'a')", "j"),
            ("(data -> 'a')", "j"),
            ("array_filter(xs, x -> x > 1)", ">"),
            ("ARRAY_FILTER(xs, /* c */ (x) -> x > 1)", ">"),
            ("list_transform(xs, x -> x -> 'a' -> 'b')", ">jj"),
            ("array_transform(xs, x -> array_filter(x, y -> y -> 'a' = '1'))", ">>j"),
            ("array_transform(data -> 'xs', x -> x)", ">>"),
            ("array_transform(t.data -> 'xs', x -> x)", "j>"),
            ("array_transform((data -> 'xs'), x -> x)", "j>"),
            ("array_filter[x -> 1]", "j"),
            ("array_filter (x -> 1)", ">"),
            ("a, b -> 'c'", "j"),
            (")) -> 'x'", "j"),
        ] {
            assert_eq!(arrows(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_question_mark_between_operands_is_an_operator() {
        for (sql, expected) in [
            ("data ? 'a'", true),
            ("(data)?'a'", true),
            ("t.tags[1] ? (k)", true),
            ("id = ?", false),
            ("id IN (?, ?)", false),
            ("LIMIT ?", false),
            ("data ?1", false),
        ] {
            let mut tokens = lex(sql).tokens;
            mark(&mut tokens);
            assert_eq!(tokens.iter().any(|t| t.token == Token::Question), expected, "{sql}");
        }
    }
}

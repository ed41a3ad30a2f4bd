//! L3 over operators, literals, date fields and patterns: which of them are known.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DateTimeField, Expr, UnaryOperator, Value, ValueWithSpan,
};

use super::cost::{self, unbounded};
use super::walk::unknown_form;
use super::{Detail, Refusal, Verdict};

pub(super) fn literal(value: &ValueWithSpan) -> Result<(), Verdict> {
    match &value.value {
        Value::Number(_, _)
        | Value::SingleQuotedString(_)
        | Value::DollarQuotedString(_)
        | Value::EscapedStringLiteral(_)
        | Value::HexStringLiteral(_)
        | Value::Boolean(_)
        | Value::Null => Ok(()),
        Value::Placeholder(_) => Err(Refusal::new(Detail::NotAQuery, "placeholders are not available")
            .with_hint("write the value into the statement")
            .into()),
        Value::TripleSingleQuotedString(_)
        | Value::TripleDoubleQuotedString(_)
        | Value::UnicodeStringLiteral(_)
        | Value::SingleQuotedByteStringLiteral(_)
        | Value::DoubleQuotedByteStringLiteral(_)
        | Value::TripleSingleQuotedByteStringLiteral(_)
        | Value::TripleDoubleQuotedByteStringLiteral(_)
        | Value::SingleQuotedRawStringLiteral(_)
        | Value::DoubleQuotedRawStringLiteral(_)
        | Value::TripleSingleQuotedRawStringLiteral(_)
        | Value::TripleDoubleQuotedRawStringLiteral(_)
        | Value::NationalStringLiteral(_)
        | Value::QuoteDelimitedStringLiteral(_)
        | Value::NationalQuoteDelimitedStringLiteral(_)
        | Value::DoubleQuotedString(_) => Err(unknown_form("this kind of literal")),
    }
}

pub(super) fn binary_operator(op: &BinaryOperator, right: &Expr) -> Result<(), Verdict> {
    match op {
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo
        | BinaryOperator::StringConcat
        | BinaryOperator::Gt
        | BinaryOperator::Lt
        | BinaryOperator::GtEq
        | BinaryOperator::LtEq
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Xor
        | BinaryOperator::BitwiseOr
        | BinaryOperator::BitwiseAnd
        | BinaryOperator::BitwiseXor
        | BinaryOperator::PGBitwiseXor
        | BinaryOperator::PGBitwiseShiftLeft
        | BinaryOperator::PGBitwiseShiftRight
        | BinaryOperator::PGExp
        | BinaryOperator::PGLikeMatch
        | BinaryOperator::PGILikeMatch
        | BinaryOperator::PGNotLikeMatch
        | BinaryOperator::PGNotILikeMatch
        | BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::Arrow
        | BinaryOperator::LongArrow
        | BinaryOperator::Question
        | BinaryOperator::Spaceship => Ok(()),
        BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGRegexNotMatch
        | BinaryOperator::PGRegexNotIMatch => check_pattern(right),
        BinaryOperator::HashArrow
        | BinaryOperator::HashLongArrow
        | BinaryOperator::HashMinus
        | BinaryOperator::AtAt
        | BinaryOperator::AtQuestion
        | BinaryOperator::QuestionAnd
        | BinaryOperator::QuestionPipe => Err(no_json(&format!("the JSON operator {op}"))),
        BinaryOperator::DuckIntegerDivide
        | BinaryOperator::MyIntegerDivide
        | BinaryOperator::Match
        | BinaryOperator::Regexp
        | BinaryOperator::Custom(_)
        | BinaryOperator::PGOverlap
        | BinaryOperator::PGStartsWith
        | BinaryOperator::PGCustomBinaryOperator(_)
        | BinaryOperator::Overlaps
        | BinaryOperator::DoubleHash
        | BinaryOperator::LtDashGt
        | BinaryOperator::AndLt
        | BinaryOperator::AndGt
        | BinaryOperator::LtLtPipe
        | BinaryOperator::PipeGtGt
        | BinaryOperator::AndLtPipe
        | BinaryOperator::PipeAndGt
        | BinaryOperator::LtCaret
        | BinaryOperator::GtCaret
        | BinaryOperator::QuestionHash
        | BinaryOperator::QuestionDash
        | BinaryOperator::QuestionDashPipe
        | BinaryOperator::QuestionDoublePipe
        | BinaryOperator::At
        | BinaryOperator::TildeEq
        | BinaryOperator::Assignment => Err(unknown_form("this operator")),
    }
}

pub(super) fn unary_operator(op: &UnaryOperator) -> Result<(), Verdict> {
    match op {
        UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not => Ok(()),
        UnaryOperator::AtDashAt
        | UnaryOperator::BangNot
        | UnaryOperator::BitwiseNot
        | UnaryOperator::DoubleAt
        | UnaryOperator::Hash
        | UnaryOperator::PGAbs
        | UnaryOperator::PGCubeRoot
        | UnaryOperator::PGPostfixFactorial
        | UnaryOperator::PGPrefixFactorial
        | UnaryOperator::PGSquareRoot
        | UnaryOperator::QuestionDash
        | UnaryOperator::QuestionPipe => Err(unknown_form("this operator")),
    }
}

pub(super) fn date_time_field(field: &DateTimeField) -> Result<(), Verdict> {
    match field {
        DateTimeField::Year
        | DateTimeField::Years
        | DateTimeField::Month
        | DateTimeField::Months
        | DateTimeField::Week(None)
        | DateTimeField::Weeks
        | DateTimeField::Day
        | DateTimeField::DayOfWeek
        | DateTimeField::DayOfYear
        | DateTimeField::Days
        | DateTimeField::Date
        | DateTimeField::Datetime
        | DateTimeField::Hour
        | DateTimeField::Hours
        | DateTimeField::Minute
        | DateTimeField::Minutes
        | DateTimeField::Second
        | DateTimeField::Seconds
        | DateTimeField::Century
        | DateTimeField::Decade
        | DateTimeField::Dow
        | DateTimeField::Doy
        | DateTimeField::Epoch
        | DateTimeField::Isodow
        | DateTimeField::Isoyear
        | DateTimeField::IsoWeek
        | DateTimeField::Julian
        | DateTimeField::Microsecond
        | DateTimeField::Microseconds
        | DateTimeField::Millenium
        | DateTimeField::Millennium
        | DateTimeField::Millisecond
        | DateTimeField::Milliseconds
        | DateTimeField::Nanosecond
        | DateTimeField::Nanoseconds
        | DateTimeField::Quarter
        | DateTimeField::Time
        | DateTimeField::Timezone
        | DateTimeField::TimezoneAbbr
        | DateTimeField::TimezoneHour
        | DateTimeField::TimezoneMinute
        | DateTimeField::TimezoneRegion
        | DateTimeField::NoDateTime
        | DateTimeField::Custom(_) => Ok(()),
        DateTimeField::Week(Some(_)) => Err(unknown_form("WEEK with a day")),
    }
}

/// A regular expression must be written down, so that its size is known.
pub(super) fn check_pattern(pattern: &Expr) -> Result<(), Verdict> {
    match cost::text(pattern) {
        Some(text) if text.len() <= PATTERN_BYTES_MAX => match compile(text) {
            Ok(_) => Ok(()),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(unbounded("a regular expression is too large once compiled"))
            }
            Err(_) => Err(Verdict::sql_hint(
                "a regular expression cannot be read",
                "the syntax is RE2's: no look-around, no back-references, no \\m and \\M",
            )),
        },
        Some(_) => Err(unbounded(format!("a regular expression has more than {PATTERN_BYTES_MAX} bytes"))),
        None => Err(unbounded("a regular expression must be written down as one literal")),
    }
}

fn compile(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(PATTERN_COMPILED_BYTES_MAX).build()
}

pub(super) fn no_json(what: &str) -> Verdict {
    Refusal::new(Detail::FunctionNotAllowed, format!("{what} is not available")).with_hint(JSON_HINT).into()
}

/// How JSON is read.
pub(super) const JSON_HINT: &str =
    "read JSON with ->, ->> and ?, or with json_get_str, json_get_int, json_length and the like";
pub(super) const PATTERN_BYTES_MAX: usize = 1_000;
const PATTERN_COMPILED_BYTES_MAX: usize = 1024 * 1024;

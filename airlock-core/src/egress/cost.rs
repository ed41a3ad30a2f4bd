//! Bounds on what a small text can make large: repeated text, series, grouping sets, WITH entries used twice each.
//!
//! They hold before planning, because the planner evaluates constant expressions outside every deadline and memory
//! pool (DataFusion 12919, 22217, 22228, 5415).

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Interval, TypedString, UnaryOperator, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::refusal::quoted;
use super::walk::Cost;
use super::{Detail, Refusal, Verdict};
use crate::policy::limits::Limits;

pub(super) fn too_large(message: impl Into<String>) -> Verdict {
    Refusal::new(Detail::TooLarge, message).into()
}

/// Bounds a query's tree with its WITH entries written out.
pub(super) fn check(cost: Cost) -> Result<(), Verdict> {
    if cost.relations > RELATIONS_MAX {
        return Err(too_large(format!(
            "the query reads more than {RELATIONS_MAX} relations once WITH is written out"
        )));
    }
    check_copies(cost.copies, 1)
}

/// Bounds the terms of so many output expressions, each of which may hold a column so many times.
pub(super) fn check_copies(copies: u64, expressions: u64) -> Result<(), Verdict> {
    if copies > COPIES_MAX || copies.saturating_mul(expressions) > COPIES_MAX * 4 {
        return Err(too_large("nested queries repeat one column too often once they are written out"));
    }
    Ok(())
}

/// GROUP BY: at most six columns in CUBE, and a bounded number of grouping sets.
pub(super) fn check_grouping(exprs: &[Expr]) -> Result<(), Verdict> {
    let (mut sets, mut cubed) = (1_u64, 0_usize);
    for expr in exprs {
        match expr {
            Expr::Cube(columns) => {
                cubed += columns.len();
                if cubed > CUBE_COLUMNS_MAX {
                    return Err(too_large(format!("CUBE takes at most {CUBE_COLUMNS_MAX} columns")));
                }
                sets = sets.saturating_mul(1 << columns.len());
            }
            Expr::Rollup(columns) => sets = sets.saturating_mul(columns.len() as u64 + 1),
            Expr::GroupingSets(each) => sets = sets.saturating_mul(each.len() as u64),
            _ => {}
        }
    }
    if sets > GROUPING_SETS_MAX {
        return Err(too_large(format!("more than {GROUPING_SETS_MAX} grouping sets")));
    }
    Ok(())
}

/// How much larger a call's value can be than its arguments, given how large each of those can be. Additive unless the
/// function multiplies.
pub(super) fn growth_of_call(
    name: &str,
    args: &[&Expr],
    grown: &[u64],
    limits: &Limits,
) -> Result<u64, Verdict> {
    let sum = grown.iter().fold(1_u64, |a, b| a.saturating_add(*b));
    let of = |i: usize| grown.get(i).copied().unwrap_or(1).max(1);
    let product = match name {
        "repeat" => of(0).saturating_mul(size_argument(name, args, 1, limits)?),
        "lpad" | "rpad" => of(0).max(of(2)).saturating_add(size_argument(name, args, 1, limits)?),
        "array_repeat" | "list_repeat" => of(0).saturating_mul(size_argument(name, args, 1, limits)?),
        "array_resize" | "list_resize" => {
            of(0).saturating_add(of(2).saturating_mul(size_argument(name, args, 1, limits)?))
        }
        "generate_series" | "range" => check_series(name, args, limits)?,
        "replace" => of(0).saturating_mul(ratio(args, of(2))),
        "regexp_replace" => of(0).saturating_mul(of(2)),
        "translate" | "overlay" => sum,
        "array_to_string" | "list_to_string" | "array_join" | "list_join" | "array_transform"
        | "list_transform" | "concat_ws" | "string_agg" => of(0).saturating_mul(of(1)).max(sum),
        _ => return Ok(sum),
    };
    if product > GROWTH_MAX {
        return Err(unbounded(format!("calls of {} multiply to too large a value", quoted(name))));
    }
    Ok(product)
}

/// How many texts of the third argument one of the second makes room for.
fn ratio(args: &[&Expr], to: u64) -> u64 {
    match args.get(1).and_then(|e| text(e)) {
        Some(from) if !from.is_empty() => to.div_ceil(from.len() as u64).max(1),
        _ => to,
    }
}

/// The size argument: a whole number, written down, within the limit.
fn size_argument(name: &str, args: &[&Expr], at: usize, limits: &Limits) -> Result<u64, Verdict> {
    // A call with too few arguments is the planner's to report.
    let Some(size) = args.get(at) else { return Ok(1) };
    match integer(size) {
        Some(n) if n <= 0 => Ok(1),
        Some(n) if n <= i128::from(limits.max_repeat) => Ok(n as u64),
        Some(_) => Err(unbounded(format!("{} takes at most {}", quoted(name), limits.max_repeat))),
        None => Err(unbounded(format!(
            "the size argument of {} must be a whole number, written down",
            quoted(name)
        ))),
    }
}

/// How many values a series has: bounds and step must be written down, numbers or dates.
pub(super) fn check_series(name: &str, args: &[&Expr], limits: &Limits) -> Result<u64, Verdict> {
    let count = match args {
        [] => Some(0),
        [to] => integer(to).map(|to| to.max(0)),
        [from, to] => span(from, to).map(|(_, span)| span + i128::from(name != "range")),
        [from, to, step, ..] => span(from, to).and_then(|(unit, span)| {
            let step = match unit {
                Unit::Numbers => integer(step)?.checked_abs()?,
                Unit::Days => i128::from(interval_seconds(step)?),
            };
            // Months are counted as 28 days, so this rounds up.
            let span = if unit == Unit::Days { span.checked_mul(SECONDS_PER_DAY)? } else { span };
            (step > 0).then(|| span / step + 1)
        }),
    };
    match count {
        Some(n) if n <= i128::from(limits.max_series) => Ok(n.max(1) as u64),
        Some(_) => Err(unbounded(format!("{} gives more than {} values", quoted(name), limits.max_series))),
        None => Err(unbounded(format!(
            "the bounds and the step of {} must be whole numbers or dates, written down",
            quoted(name)
        ))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Numbers,
    Days,
}

fn span(from: &Expr, to: &Expr) -> Option<(Unit, i128)> {
    if let (Some(from), Some(to)) = (integer(from), integer(to)) {
        return Some((Unit::Numbers, to.checked_sub(from)?.checked_abs()?));
    }
    let (from, to) = (day(from)?, day(to)?);
    Some((Unit::Days, i128::from(to - from).abs()))
}

/// The whole number that a literal, or sums and products of literals, stand for.
pub(super) fn integer(expr: &Expr) -> Option<i128> {
    fn fold(expr: &Expr, depth: u8) -> Option<i128> {
        let depth = depth.checked_sub(1)?;
        match expr {
            Expr::Value(ValueWithSpan { value: Value::Number(digits, false), span: _ }) => {
                digits.replace('_', "").parse().ok()
            }
            Expr::Nested(inner) => fold(inner, depth),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => fold(expr, depth)?.checked_neg(),
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => fold(expr, depth),
            Expr::BinaryOp { left, op, right } => {
                let (left, right) = (fold(left, depth)?, fold(right, depth)?);
                match op {
                    BinaryOperator::Plus => left.checked_add(right),
                    BinaryOperator::Minus => left.checked_sub(right),
                    BinaryOperator::Multiply => left.checked_mul(right),
                    _ => None,
                }
            }
            _ => None,
        }
    }
    fold(expr, FOLD_DEPTH)
}

/// A literal text.
pub(super) fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value, span: _ }) => match value {
            Value::SingleQuotedString(text)
            | Value::EscapedStringLiteral(text)
            | Value::NationalStringLiteral(text) => Some(text),
            Value::DollarQuotedString(text) => Some(&text.value),
            _ => None,
        },
        Expr::Nested(inner) => text(inner),
        _ => None,
    }
}

/// Days since 1970 of a date or timestamp literal.
fn day(expr: &Expr) -> Option<i64> {
    let written = match expr {
        Expr::Nested(inner) => return day(inner),
        Expr::TypedString(TypedString { data_type, value, uses_odbc_syntax: _ }) if is_date(data_type) => {
            match &value.value {
                Value::SingleQuotedString(text) => text,
                _ => return None,
            }
        }
        Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr,
            data_type,
            array: false,
            format: None,
        } if is_date(data_type) => text(expr)?,
        _ => return None,
    };
    let date = chrono::NaiveDate::parse_from_str(written.trim().get(..10)?, "%Y-%m-%d").ok()?;
    Some((date - chrono::NaiveDate::default()).num_days())
}

fn is_date(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date | DataType::Timestamp(..) | DataType::TimestampNtz(_))
}

/// Least seconds of an interval literal: months as 28 days.
fn interval_seconds(expr: &Expr) -> Option<i64> {
    let Expr::Interval(Interval {
        value,
        leading_field,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }) = expr
    else {
        return match expr {
            Expr::Nested(inner) => interval_seconds(inner),
            _ => None,
        };
    };
    let written = match integer(value) {
        Some(number) => number.to_string(),
        None => text(value)?.to_owned(),
    };
    let mut words = written.split_whitespace();
    let count: i64 = words.next()?.parse().ok()?;
    let unit = match (words.next(), leading_field) {
        (Some(unit), None) => unit.to_lowercase(),
        (None, Some(field)) => field.to_string().to_lowercase(),
        _ => return None,
    };
    if words.next().is_some() {
        return None;
    }
    let seconds = match unit.trim_end_matches('s') {
        "second" | "sec" => 1,
        "minute" | "min" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 7 * 86_400,
        "month" | "mon" => 28 * 86_400,
        "year" => 365 * 86_400,
        _ => return None,
    };
    count.checked_mul(seconds)?.checked_abs()
}

/// The literal 1.
pub(super) fn one() -> Expr {
    Expr::Value(ValueWithSpan { value: Value::Number("1".to_owned(), false), span: Span::empty() })
}

pub(super) fn unbounded(message: impl Into<String>) -> Verdict {
    Refusal::new(Detail::UnboundedSizeArgument, message).into()
}

const CUBE_COLUMNS_MAX: usize = 6;
const GROUPING_SETS_MAX: u64 = 256;
/// Relations after each WITH entry is written out where it is used: what 64 KiB of honest SQL can reach.
const RELATIONS_MAX: u64 = 2_000;
/// Times that one column may stand in one expression once nested queries are merged into it.
const COPIES_MAX: u64 = 50_000;
/// Product of sizes along nested calls.
const GROWTH_MAX: u64 = 1_000_000;
const FOLD_DEPTH: u8 = 8;
const SECONDS_PER_DAY: i128 = 86_400;

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::egress::dialect::AgentDialect;

    fn expr(sql: &str) -> Expr {
        Parser::new(&AgentDialect)
            .try_with_sql(sql)
            .and_then(|mut p| p.parse_expr())
            .expect("test expression parses")
    }

    #[test]
    fn integers_are_folded() {
        for (sql, expected) in [
            ("12", Some(12)),
            ("-(3)", Some(-3)),
            ("2 * 3 + 1", Some(7)),
            ("1_000", Some(1_000)),
            ("1.5", None),
            ("a", None),
            ("10 / 2", None),
            ("9999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(integer(&expr(sql)), expected, "{sql}");
        }
    }

    #[track_caller]
    fn series(args: &[&str], expected: Option<u64>) {
        let args: Vec<Expr> = args.iter().map(|a| expr(a)).collect();
        let counted = check_series("range", &args.iter().collect::<Vec<_>>(), &Limits::default()).ok();
        assert_eq!(counted, expected, "{args:?}");
    }

    #[test]
    fn series_are_counted_before_they_are_made() {
        series(&["10"], Some(10));
        series(&["1", "10"], Some(9));
        series(&["10", "1", "-3"], Some(4));
        series(&["1", "1000000000000"], None);
        series(&["1", "10", "0"], None);
        series(&["1", "n"], None);
        series(&["-9223372036854775808", "9223372036854775807"], None);
        series(&["DATE '2024-01-01'", "DATE '2024-12-31'", "INTERVAL '1 day'"], Some(366));
        series(&["'2024-01-01'::date", "'2024-12-31'::date", "INTERVAL '1' MONTH"], Some(14));
        series(&["TIMESTAMP '2000-01-01 00:00:00'", "TIMESTAMP '2024-01-01'", "INTERVAL '1 second'"], None);
        series(&["DATE '2024-01-01'", "now()", "INTERVAL '1 day'"], None);
    }
}

//! The parameters of each mask kind: names, defaults, ranges.

use super::fields::{Fields, wrong};
use super::keys::{Built, Keys};
use super::node::Value;
use crate::mask::{ConstantValue, DateUnit, EmailDomain, Entity, MaskKind, MaskSpec};
use crate::policy::finding::{Finding, LintCode};

use Built::{No, Yes};

/// The keys that a kind takes, besides those of every mask.
pub(super) fn keys(kind: MaskKind) -> Keys {
    match kind {
        MaskKind::Null => &[],
        MaskKind::Redact => &[("text", Yes)],
        MaskKind::Hash => &[
            ("length", Yes),
            ("prefix", Yes),
            ("key", Yes),
            ("lower", Yes),
            ("trim", Yes),
            ("as", Yes),
            ("as_text", Yes),
        ],
        MaskKind::HashInt => &[("bits", Yes), ("key", Yes)],
        MaskKind::Email => &[("local", Yes), ("domain", Yes), ("length", Yes), ("key", Yes)],
        MaskKind::Partial => &[
            ("keep_first", Yes),
            ("keep_last", Yes),
            ("char", Yes),
            ("min_masked", Yes),
            ("keep_separators", Yes),
            ("fixed_length", Yes),
            ("as_text", No),
        ],
        MaskKind::Constant => &[("value", Yes), ("apply_to_null", Yes)],
        MaskKind::Truncate => &[("length", Yes), ("as_text", No)],
        MaskKind::DateTrunc => &[("unit", Yes)],
        MaskKind::Scrub => &[("entities", Yes), ("replacement", Yes), ("with_names_from", No)],
        MaskKind::Clear => &[("reason", Yes)],
    }
}

/// Reads the parameters of a kind. `None` when one is wrong beyond its default.
pub(super) fn read(kind: MaskKind, fields: &Fields<'_>, out: &mut Vec<Finding>) -> Option<MaskSpec> {
    Some(match kind {
        MaskKind::Null => MaskSpec::Null,
        MaskKind::Redact => {
            MaskSpec::Redact { text: words(fields, "text", out).unwrap_or_else(|| "***".into()) }
        }
        MaskKind::Hash => {
            let as_word = fields.choice("as", &[("text", true)], &[], out);
            MaskSpec::Hash {
                length: size(fields, "length", 8..=64, out).unwrap_or(16),
                prefix: words(fields, "prefix", out).unwrap_or_default(),
                key: key(fields, out),
                lower: fields.flag("lower", out).unwrap_or(false),
                trim: fields.flag("trim", out).unwrap_or(false),
                as_text: fields.flag("as_text", out).or(as_word).unwrap_or(false),
            }
        }
        MaskKind::HashInt => MaskSpec::HashInt {
            bits: u32::try_from(fields.number("bits", 8..=53, out).unwrap_or(53)).unwrap_or(53),
            key: key(fields, out),
        },
        MaskKind::Email => {
            fields.choice("local", &[("hash", ())], &[], out);
            MaskSpec::Email {
                domain: email_domain(fields, out),
                length: size(fields, "length", 8..=64, out).unwrap_or(10),
                key: key(fields, out),
            }
        }
        MaskKind::Partial => MaskSpec::Partial {
            keep_first: size(fields, "keep_first", 0..=1000, out).unwrap_or(0),
            keep_last: size(fields, "keep_last", 0..=1000, out).unwrap_or(4),
            char: one_char(fields, out),
            min_masked: size(fields, "min_masked", 0..=1000, out).unwrap_or(4),
            keep_separators: fields.flag("keep_separators", out).unwrap_or(true),
            fixed_length: fields.flag("fixed_length", out).unwrap_or(false),
        },
        MaskKind::Constant => MaskSpec::Constant {
            value: literal(fields, out)?,
            apply_to_null: fields.flag("apply_to_null", out).unwrap_or(false),
        },
        MaskKind::Truncate => {
            MaskSpec::Truncate { length: size(fields, "length", 1..=10_000, out).unwrap_or(3) }
        }
        MaskKind::DateTrunc => {
            MaskSpec::DateTrunc { unit: fields.choice("unit", UNITS, &[], out).unwrap_or(DateUnit::Year) }
        }
        MaskKind::Scrub => MaskSpec::Scrub {
            entities: entities(fields, out),
            replacement: words(fields, "replacement", out),
        },
        MaskKind::Clear => {
            let reason = fields.required("reason", out)?;
            if reason.trim().is_empty() {
                out.push(
                    Finding::new(LintCode::E204, fields.at("reason"), "say why the column is not masked")
                        .at(fields.line_of("reason")),
                );
                return None;
            }
            MaskSpec::Clear { reason }
        }
    })
}

const UNITS: &[(&str, DateUnit)] = &[
    ("year", DateUnit::Year),
    ("quarter", DateUnit::Quarter),
    ("month", DateUnit::Month),
    ("week", DateUnit::Week),
    ("day", DateUnit::Day),
    ("hour", DateUnit::Hour),
];

const ENTITIES: &[(&str, Entity)] = &[
    ("email", Entity::Email),
    ("phone", Entity::Phone),
    ("card", Entity::Card),
    ("iban", Entity::Iban),
    ("ssn", Entity::Ssn),
    ("ip", Entity::Ip),
    ("url", Entity::Url),
    ("crypto", Entity::Crypto),
];

/// Longest text put in the place of a value, or in front of it, characters.
const WORDS_CHARS_MAX: usize = 256;

fn words(fields: &Fields<'_>, name: &str, out: &mut Vec<Finding>) -> Option<String> {
    let text = fields.text(name, out)?;
    if text.chars().count() > WORDS_CHARS_MAX || text.chars().any(char::is_control) {
        let message = format!("has at most {WORDS_CHARS_MAX} characters, no control characters among them");
        out.push(Finding::new(LintCode::E204, fields.at(name), message).at(fields.line_of(name)));
        return None;
    }
    Some(text)
}

fn size(
    fields: &Fields<'_>,
    name: &str,
    range: std::ops::RangeInclusive<u64>,
    out: &mut Vec<Finding>,
) -> Option<usize> {
    fields.number(name, range, out).and_then(|n| usize::try_from(n).ok())
}

fn key(fields: &Fields<'_>, out: &mut Vec<Finding>) -> String {
    let Some(key) = fields.text("key", out) else { return "k1".into() };
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(1..=32).contains(&key.len()) || !key.bytes().all(word) {
        let message = "a key's name has 1-32 lower-case letters, digits and _";
        out.push(Finding::new(LintCode::E204, fields.at("key"), message).at(fields.line_of("key")));
    }
    key
}

fn one_char(fields: &Fields<'_>, out: &mut Vec<Finding>) -> char {
    let Some(text) = fields.text("char", out) else { return '*' };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() => c,
        _ => {
            out.push(
                Finding::new(LintCode::E204, fields.at("char"), "must be one character")
                    .at(fields.line_of("char")),
            );
            '*'
        }
    }
}

fn email_domain(fields: &Fields<'_>, out: &mut Vec<Finding>) -> EmailDomain {
    let Some(text) = fields.text("domain", out) else { return EmailDomain::Keep };
    let constant = text.strip_prefix("constant(").and_then(|t| t.strip_suffix(')'));
    match (text.as_str(), constant) {
        ("keep", _) => EmailDomain::Keep,
        ("hash", _) => EmailDomain::Hash,
        (_, Some(domain)) if is_domain(domain) => EmailDomain::Constant(domain.to_ascii_lowercase()),
        _ => {
            let message = "must be keep, hash or constant(example.com)";
            out.push(Finding::new(LintCode::E204, fields.at("domain"), message).at(fields.line_of("domain")));
            EmailDomain::Hash
        }
    }
}

/// Labels of letters, digits and inner dashes. Source: RFC 1123, section 2.1.
fn is_domain(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(label)
}

fn literal(fields: &Fields<'_>, out: &mut Vec<Finding>) -> Option<ConstantValue> {
    let Some(node) = fields.raw("value") else {
        out.push(Finding::new(LintCode::E100, fields.at("value"), "`value` is missing").at(fields.line));
        return None;
    };
    Some(match &node.value {
        Value::Null => ConstantValue::Null,
        Value::Bool(b) => ConstantValue::Bool(*b),
        Value::Int(n) => ConstantValue::Int(*n),
        Value::Float(n) => ConstantValue::Float(*n),
        Value::Text(_) => ConstantValue::Text(words(fields, "value", out)?),
        Value::List(_) | Value::Map(_) => {
            out.push(wrong(&fields.at("value"), node, "one value"));
            return None;
        }
    })
}

fn entities(fields: &Fields<'_>, out: &mut Vec<Finding>) -> Vec<Entity> {
    let all = || ENTITIES.iter().map(|(_, e)| *e).collect();
    let Some(names) = fields.names("entities", out) else { return all() };
    let mut found = Vec::new();
    for name in &names {
        match ENTITIES.iter().find(|(word, _)| word == name) {
            Some((_, entity)) => found.push(*entity),
            None => out.push(
                Finding::new(LintCode::E204, fields.at("entities"), "not one of what scrub looks for")
                    .at(fields.line_of("entities"))
                    .suggest(crate::policy::nearest::nearest(name, ENTITIES.iter().map(|(w, _)| *w))),
            ),
        }
    }
    if names.is_empty() {
        out.push(
            Finding::new(LintCode::E204, fields.at("entities"), "scrub must look for something")
                .at(fields.line_of("entities")),
        );
    }
    found.sort_unstable();
    found
}

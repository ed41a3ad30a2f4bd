//! The policy hash: which tables, rows and masks were in force.

use serde_json::{Value, json};

use super::{ColumnPattern, Include, OnLimit, Policy, RowsPolicy, TablePolicy};
use crate::crypto::{canonical_json, sha256};
use crate::id::PolicyHash;
use crate::mask::{ConstantValue, EmailDomain, MaskSpec, Masking, OnMaskError};

/// SHA-256 over the canonical JSON of all that decides what an agent sees of a row.
///
/// Left out: texts for the agent, limits, storage, the control plane, where files live. Each structure is taken apart
/// by name, so that a new field does not compile until it is decided here.
pub(crate) fn of(policy: &Policy) -> PolicyHash {
    let Policy {
        schema: _, // stands in each table's name
        root_table,
        root_filter_col,
        tables,
        data_dir: _,
        snapshot_ttl: _,
        hints: _,
        sample_queries: _,
        limits: _,
        source: _,
        storage: _,
        control_plane: _,
        hash: _,
    } = policy;
    let mut tables: Vec<(&str, Value)> = tables.iter().map(|t| (t.name.as_str(), table(t))).collect();
    tables.sort_by_key(|(name, _)| *name);
    let tables: Vec<Value> = tables.into_iter().map(|(_, t)| t).collect();
    let whole = json!({
        "format": "airlock/policy/v1",
        "root": [root_table, root_filter_col],
        "tables": tables,
    });
    let bytes = canonical_json(&whole)
        .expect("whole numbers are written as text, so every value has a canonical form");
    PolicyHash(sha256(&[&bytes]))
}

fn table(table: &TablePolicy) -> Value {
    let TablePolicy {
        source,
        name,
        rows,
        masks,
        exclude_columns,
        columns,
        key,
        order_by,
        max_rows,
        on_limit,
        include,
        description: _,
        column_descriptions: _,
    } = table;
    let mut masks: Vec<(Value, Value)> = masks.iter().map(|(p, m)| (pattern(p), masking(m))).collect();
    masks.sort_by_key(|(p, _)| p.to_string());
    json!({
        "source": [source.schema, source.name],
        "name": name,
        "rows": match rows {
            RowsPolicy::Root => json!({"root": true}),
            RowsPolicy::Global => json!({"global": true}),
            RowsPolicy::Child { parent, fk, parent_key } => json!({"parent": parent, "fk": fk, "key": parent_key}),
            RowsPolicy::Lookup { via, via_fk, also } if also.is_empty() => json!({"via": via, "fk": via_fk}),
            RowsPolicy::Lookup { via, via_fk, also } => {
                let mut all: Vec<_> = also.iter().map(|(via, fk)| (via, fk)).chain([(via, via_fk)]).collect();
                all.sort_unstable();
                json!({"via": all})
            }
        },
        "masks": masks,
        "exclude": sorted(exclude_columns),
        "columns": columns.as_deref().map(sorted),
        "key": key,
        "order_by": order_by,
        "max_rows": max_rows.map(|n| n.to_string()),
        "on_limit": match on_limit { OnLimit::Truncate => "truncate", OnLimit::Fail => "fail" },
        "include": match include { Include::Rows => "rows", Include::None => "none" },
    })
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}

fn pattern(pattern: &ColumnPattern) -> Value {
    match pattern {
        ColumnPattern::Exact(name) => json!({"exact": name}),
        ColumnPattern::Glob(text) => json!({"glob": text}),
        ColumnPattern::Regex(text) => json!({"regex": text}),
    }
}

fn masking(masking: &Masking) -> Value {
    let Masking { steps, on_error, domain, same_as } = masking;
    json!({
        "steps": steps.iter().map(step).collect::<Vec<_>>(),
        "on_error": match on_error { OnMaskError::Null => "null", OnMaskError::Fail => "fail" },
        "domain": domain,
        "same_as": same_as,
    })
}

fn step(spec: &MaskSpec) -> Value {
    let kind = spec.kind().as_str();
    match spec {
        MaskSpec::Null => json!({"kind": kind}),
        MaskSpec::Redact { text } => json!({"kind": kind, "text": text}),
        MaskSpec::Hash { length, prefix, key, lower, trim, as_text } => {
            json!({"kind": kind, "length": length, "prefix": prefix, "key": key, "lower": lower, "trim": trim, "as_text": as_text})
        }
        MaskSpec::HashInt { bits, key } => json!({"kind": kind, "bits": bits, "key": key}),
        MaskSpec::Email { domain, length, key } => {
            let domain = match domain {
                EmailDomain::Keep => json!("keep"),
                EmailDomain::Hash => json!("hash"),
                EmailDomain::Constant(name) => json!({"constant": name}),
            };
            json!({"kind": kind, "domain": domain, "length": length, "key": key})
        }
        MaskSpec::Partial { keep_first, keep_last, char, min_masked, keep_separators, fixed_length } => {
            json!({
                "kind": kind, "keep_first": keep_first, "keep_last": keep_last, "char": char, "min_masked": min_masked,
                "keep_separators": keep_separators, "fixed_length": fixed_length,
            })
        }
        MaskSpec::Constant { value, apply_to_null } => {
            json!({"kind": kind, "value": literal(value), "apply_to_null": apply_to_null})
        }
        MaskSpec::Truncate { length } => json!({"kind": kind, "length": length}),
        MaskSpec::DateTrunc { unit } => json!({"kind": kind, "unit": format!("{unit:?}")}),
        MaskSpec::Scrub { entities, replacement } => {
            let entities: Vec<String> = entities.iter().map(|e| format!("{e:?}")).collect();
            json!({"kind": kind, "entities": entities, "replacement": replacement})
        }
        // The reason is for people: a better wording is no other policy.
        MaskSpec::Clear { reason: _ } => json!({"kind": kind}),
    }
}

/// Numbers as text: JSON's canonical form keeps doubles only.
fn literal(value: &ConstantValue) -> Value {
    match value {
        ConstantValue::Null => Value::Null,
        ConstantValue::Bool(b) => json!({"bool": b}),
        ConstantValue::Int(n) => json!({"int": n.to_string()}),
        ConstantValue::Float(n) => json!({"float": n.to_bits().to_string()}),
        ConstantValue::Text(text) => json!({"text": text}),
    }
}

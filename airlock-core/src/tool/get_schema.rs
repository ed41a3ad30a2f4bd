//! Tells an agent what it can read. Excluded columns and tables that are not exported have no name here, only a count.

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::result::ToolResult;
use super::{GetSchema, SchemaDetail};
use crate::error::{CallError, Code};
use crate::id::TraceId;
use crate::plane::Revision;
use crate::policy::Policy;
use crate::snapshot::{ColumnPlan, EdgePlan, ExportPlan, Manifest, TablePlan};
use crate::tool::execute_sql::Freshness;

/// Above so many tables the text part is one line a table.
const COMPACT_ABOVE_TABLES: usize = 30;

#[derive(Serialize)]
struct Schema<'a> {
    root_table: &'a str,
    root_filter_col: &'a str,
    dialect: &'static str,
    policy_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<Freshness<'a>>,
    tables: Vec<Table<'a>>,
    excluded_columns_count: usize,
    hints: &'a [String],
    sample_queries: Vec<serde_json::Value>,
    limits: serde_json::Value,
    not_supported: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
    primary_key: Vec<&'a str>,
    columns: Vec<Column<'a>>,
    foreign_keys: Vec<serde_json::Value>,
    edge: serde_json::Value,
}

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    data_type: String,
    source_type: &'a str,
    nullable: bool,
    mask: Option<serde_json::Value>,
    #[serde(rename = "enum", skip_serializing_if = "<[String]>::is_empty")]
    labels: &'a [String],
    description: Option<&'a str>,
    quote: bool,
}

/// Renders get_schema: policy level without a manifest, with row counts when there is one.
///
/// # Errors
/// `invalid_arguments` when a table of that name is not in the snapshot.
pub fn render(
    args: &GetSchema,
    policy: &Policy,
    plan: &ExportPlan,
    snapshot: Option<(&Manifest, bool)>,
    trace: &TraceId,
    revision: Revision,
) -> Result<Bytes, CallError> {
    let wanted = select(args, plan)?;
    let root = &plan.tables[0];
    let filter_masked = root.columns.iter().any(|c| c.name == policy.root_filter_col && c.mask.is_some());
    let schema = Schema {
        root_table: &root.name,
        root_filter_col: &policy.root_filter_col,
        dialect: "postgresql-like (DataFusion)",
        policy_hash: plan.policy_hash.to_string(),
        snapshot: snapshot.map(|(manifest, cold)| Freshness::of(manifest, cold)),
        tables: wanted.iter().map(|&at| table(plan, at, snapshot.map(|s| s.0))).collect(),
        excluded_columns_count: plan.tables.iter().map(|t| t.excluded_columns).sum(),
        hints: &policy.hints,
        sample_queries: policy
            .sample_queries
            .iter()
            .map(|q| json!({"name": q.name, "sql": q.sql, "description": q.description}))
            .collect(),
        limits: json!({
            "max_result_rows": policy.limits.max_result_rows,
            "max_result_bytes": policy.limits.max_result_bytes,
            "query_timeout_ms": policy.limits.query_timeout_ms,
        }),
        not_supported: &["recursive CTE", "information_schema", "EXPLAIN", "statements other than SELECT"],
        note: filter_masked.then_some(
            "The snapshot id is masked inside the snapshot: address the snapshot by the real id, do not compare with it in SQL.",
        ),
    };
    let compact = match args.detail {
        Some(detail) => detail == SchemaDetail::Compact,
        None => wanted.len() > COMPACT_ABOVE_TABLES,
    };
    let text = if compact {
        compact_text(plan, &wanted)
    } else {
        serde_json::to_string(&schema).expect("a schema is made of strings and numbers")
    };
    Ok(ToolResult { text, structured: schema, is_error: false, trace }.write(revision))
}

fn select(args: &GetSchema, plan: &ExportPlan) -> Result<Vec<usize>, CallError> {
    let Some(names) = &args.tables else { return Ok((0..plan.tables.len()).collect()) };
    names
        .iter()
        .map(|name| {
            plan.tables.iter().position(|t| t.name == *name).ok_or_else(|| {
                CallError::new(
                    Code::InvalidArguments,
                    "argument `tables` names a table that is not in the snapshot",
                )
                .with_hint("call get_schema without `tables`")
            })
        })
        .collect()
}

fn table<'a>(plan: &'a ExportPlan, at: usize, manifest: Option<&Manifest>) -> Table<'a> {
    let table = &plan.tables[at];
    let counted = manifest.and_then(|m| m.tables.get(at));
    Table {
        name: &table.name,
        description: table.description.as_deref(),
        rows: counted.map(|t| t.rows),
        truncated: counted.map(|t| t.truncated),
        primary_key: exported_key(table),
        columns: table.columns.iter().map(column).collect(),
        foreign_keys: table
            .foreign_keys
            .iter()
            .enumerate()
            .map(|(at, fk)| {
                let mut told = json!({
                    "columns": fk.columns,
                    "references": {"table": fk.references, "columns": fk.referenced},
                    "in_snapshot": true,
                    "kind": if fk.declared { "catalog" } else { "policy" },
                });
                // Rows whose other end is not in the snapshot, so that a join loses them.
                if let Some(rows) = counted.and_then(|t| t.dangling.get(at)) {
                    told["dangling_fk"] = json!(rows);
                }
                told
            })
            .collect(),
        edge: edge(plan, &table.edge),
    }
}

/// The key, if all of it is exported: an excluded column's name is not told.
fn exported_key(table: &TablePlan) -> Vec<&str> {
    let exported = |name: &String| table.columns.iter().any(|c| c.name == *name);
    if table.key.iter().all(exported) { table.key.iter().map(String::as_str).collect() } else { vec![] }
}

fn column(column: &ColumnPlan) -> Column<'_> {
    Column {
        name: &column.name,
        data_type: type_name(&column.data_type),
        source_type: &column.source_type,
        nullable: column.nullable,
        mask: column.mask.as_ref().map(|mask| {
            let kind = mask.kind();
            json!({"kind": kind.as_str(), "label": kind.label(), "joinable": kind.joinable()})
        }),
        labels: if column.mask.is_none() { &column.labels } else { &[] },
        description: column.description.as_deref(),
        quote: needs_quotes(&column.name),
    }
}

fn edge(plan: &ExportPlan, edge: &EdgePlan) -> serde_json::Value {
    match edge {
        EdgePlan::Root { .. } => json!({"kind": "root"}),
        EdgePlan::Child { parent, .. } => json!({"kind": "child", "table": plan.tables[*parent].name}),
        EdgePlan::Lookup { via, also, .. } if also.is_empty() => {
            json!({"kind": "lookup", "table": plan.tables[*via].name})
        }
        EdgePlan::Lookup { via, also, .. } => {
            let also: Vec<&str> = also.iter().map(|(at, _)| plan.tables[*at].name.as_str()).collect();
            json!({"kind": "lookup", "table": plan.tables[*via].name, "also": also})
        }
        EdgePlan::Global => json!({"kind": "global"}),
    }
}

fn compact_text(plan: &ExportPlan, wanted: &[usize]) -> String {
    let mut out = String::new();
    for &at in wanted {
        let table = &plan.tables[at];
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|c| {
                let key = if table.key.len() == 1 && table.key[0] == c.name { " pk" } else { "" };
                let mask = c.mask.as_ref().map(|m| format!(" [{}]", m.kind())).unwrap_or_default();
                format!("{} {}{key}{mask}", quoted(&c.name), type_name(&c.data_type))
            })
            .collect();
        out.push_str(&format!("{}({})\n", quoted(&table.name), columns.join(", ")));
    }
    out
}

fn quoted(name: &str) -> String {
    if needs_quotes(name) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

fn needs_quotes(name: &str) -> bool {
    !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        || name.bytes().next().is_none_or(|b| b.is_ascii_digit())
}

/// An Arrow type in the words of PostgreSQL.
pub fn type_name(data_type: &arrow::datatypes::DataType) -> String {
    use arrow::datatypes::DataType as T;
    match data_type {
        T::Boolean => "bool".into(),
        T::Int8 | T::Int16 | T::UInt8 => "int2".into(),
        T::Int32 | T::UInt16 => "int4".into(),
        T::Int64 | T::UInt32 | T::UInt64 => "int8".into(),
        T::Float16 | T::Float32 => "float4".into(),
        T::Float64 => "float8".into(),
        T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s) => {
            format!("numeric({p},{s})")
        }
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "text".into(),
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "bytea".into(),
        T::Date32 | T::Date64 => "date".into(),
        T::Time32(_) | T::Time64(_) => "time".into(),
        T::Timestamp(_, None) => "timestamp".into(),
        T::Timestamp(_, Some(_)) => "timestamptz".into(),
        T::Interval(_) | T::Duration(_) => "interval".into(),
        T::Dictionary(_, value) => type_name(value),
        T::List(item)
        | T::LargeList(item)
        | T::FixedSizeList(item, _)
        | T::ListView(item)
        | T::LargeListView(item) => {
            format!("{}[]", type_name(item.data_type()))
        }
        T::Struct(_) => "record".into(),
        T::Map(_, _) => "map".into(),
        T::Null => "unknown".into(),
        other => other.to_string().to_lowercase(),
    }
}

//! Tells how often columns are NULL, from counts taken at export: nothing is scanned.

use bytes::Bytes;
use serde::Serialize;

use super::NullRates;
use super::result::ToolResult;
use crate::error::{CallError, Code};
use crate::id::TraceId;
use crate::mask::MaskKind;
use crate::plane::Revision;
use crate::snapshot::{ExportPlan, Manifest, TableManifest, TablePlan};
use crate::tool::execute_sql::Freshness;

#[derive(Serialize)]
struct Rates<'a> {
    snapshot: Freshness<'a>,
    tables: Vec<Table<'a>>,
}

#[derive(Serialize)]
struct Table<'a> {
    table: &'a str,
    rows: u64,
    columns: Vec<Column<'a>>,
}

#[derive(Serialize)]
struct Column<'a> {
    column: &'a str,
    nulls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_strings: Option<u64>,
    null_rate: Option<f64>,
    masked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_null_rate: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// Renders null_rates for a snapshot.
///
/// # Errors
/// `invalid_arguments` when a table or column of that name is not in the snapshot.
pub fn render(
    args: &NullRates,
    plan: &ExportPlan,
    manifest: &Manifest,
    cold: bool,
    trace: &TraceId,
    revision: Revision,
) -> Result<Bytes, CallError> {
    let unknown = |argument: &str| {
        CallError::new(Code::InvalidArguments, format!("argument `{argument}` names nothing in the snapshot"))
            .with_hint("call get_schema for the names")
    };
    let tables: Vec<Table<'_>> = plan
        .tables
        .iter()
        .zip(&manifest.tables)
        .filter(|(t, _)| args.table.as_ref().is_none_or(|name| t.name == *name))
        .map(|(plan, counts)| Table {
            table: &plan.name,
            rows: counts.rows,
            columns: columns(plan, counts, args.columns.as_deref()),
        })
        .collect();
    if tables.is_empty() {
        return Err(unknown("table"));
    }
    let named = args.columns.as_deref().unwrap_or_default();
    if named.iter().any(|name| !tables.iter().any(|t| t.columns.iter().any(|c| c.column == name))) {
        return Err(unknown("columns"));
    }
    let structured = Rates { snapshot: Freshness::of(manifest, cold), tables };
    let text = serde_json::to_string(&structured).expect("rates are made of strings and numbers");
    Ok(ToolResult { text, structured, is_error: false, trace }.write(revision))
}

fn columns<'a>(plan: &'a TablePlan, counts: &TableManifest, only: Option<&[String]>) -> Vec<Column<'a>> {
    plan.columns
        .iter()
        .enumerate()
        .filter(|(_, c)| only.is_none_or(|names| names.contains(&c.name)))
        .map(|(at, column)| {
            let nulls = counts.nulls.get(at).copied().unwrap_or(0);
            let nulled = column.mask.as_ref().is_some_and(|m| {
                m.kind() == MaskKind::Null
                    || (m.kind() == MaskKind::Redact && nulls == counts.rows && counts.rows > 0)
            });
            Column {
                column: &column.name,
                nulls,
                empty_strings: counts.empty.get(at).copied().flatten().filter(|n| *n > 0),
                null_rate: rate(nulls, counts.rows),
                masked: column.mask.is_some(),
                source_null_rate: nulled.then_some(serde_json::Value::Null),
                note: nulled.then_some("nulled by mask policy"),
            }
        })
        .collect()
}

/// Share of nulls, four decimals; `None` for a table without rows.
fn rate(nulls: u64, rows: u64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "row counts are far below 2^53")]
    (rows > 0).then(|| (nulls as f64 / rows as f64 * 10_000.0).round() / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_have_four_decimals_and_none_without_rows() {
        assert_eq!(rate(14, 812), Some(0.0172));
        assert_eq!(rate(0, 5), Some(0.0));
        assert_eq!(rate(5, 5), Some(1.0));
        assert_eq!(rate(0, 0), None);
    }
}

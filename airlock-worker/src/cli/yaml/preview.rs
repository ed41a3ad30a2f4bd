//! `airlock yaml preview`: exports one subject into memory and shows the masked shape. Raw values never come this far.

use std::process::ExitCode;
use std::sync::Arc;

use airlock_core::Host;
use airlock_core::id::SubjectId;
use airlock_core::mask::MaskKeys;
use airlock_core::snapshot::{
    EdgePlan, ExportError, ExportPlan, Manifest, MemorySnapshots, MemoryTable, Snapshots, SnapshotsSetup,
    Source, TablePlan,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};

use super::super::args::Preview;
use super::explain::Explaining;
use crate::config::Settings;
use crate::error::WorkerError;
use crate::{mask_key, worker};

/// Exports the subject as a worker would, and prints what came out.
pub(in crate::cli) async fn preview(
    settings: &Settings,
    args: &Preview,
    host: Arc<dyn Host>,
) -> Result<ExitCode, WorkerError> {
    let subject: SubjectId = args
        .subject
        .parse()
        .map_err(|_| WorkerError::Missing("--subject is 1-256 bytes without control characters"))?;
    let worker::Bound { policy, plan, source } = worker::bind(settings).await?;
    let (root, _) = mask_key::load_or_create(&settings.mask_key, &*host)?;
    // Before there is a control plane there is no tenant; values are then masked under a name of their own.
    let tenant = policy.control_plane.as_ref().map(|cp| cp.tenant_id.clone());
    let tenant = tenant.unwrap_or_else(|| "t_preview".parse().expect("a constant tenant id is valid"));
    let explaining = args.explain.then(|| Arc::new(Explaining::new(source.clone())));
    let source: Arc<dyn Source> = match &explaining {
        Some(explaining) => explaining.clone(),
        None => source,
    };
    let snapshots = Snapshots::new(SnapshotsSetup {
        plan: plan.clone(),
        source,
        keys: MaskKeys::new(root, tenant),
        limits: policy.limits.clone(),
        ttl: policy.snapshot_ttl,
        store: MemorySnapshots,
        host,
    });
    let snapshot = match snapshots.get(&subject).await {
        Ok((snapshot, _)) => snapshot,
        Err(ExportError::Source(error)) => return Err(error.into()),
        Err(error) => {
            eprintln!("error: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let shown = describe(&plan, &snapshot.manifest, snapshot.data.tables(), explaining.as_deref());
    match args.json {
        true => println!("{shown:#}"),
        false => print!("{}", text(&shown)),
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(
    plan: &ExportPlan,
    manifest: &Manifest,
    tables: &[MemoryTable],
    explaining: Option<&Explaining>,
) -> Value {
    let one = |((table, counts), data): ((&TablePlan, _), &MemoryTable)| {
        let counts: &airlock_core::snapshot::TableManifest = counts;
        let columns: Vec<Value> = table
            .columns
            .iter()
            .enumerate()
            .map(|(i, column)| {
                json!({
                    "name": column.name,
                    "mask": column.mask.as_ref().map(|m| m.kind().to_string()),
                    "nulls": counts.nulls.get(i),
                    "samples": samples(data, i),
                })
            })
            .collect();
        let mut shown = json!({
            "name": table.name,
            "rows": counts.rows,
            "bytes": counts.bytes,
            "truncated": counts.truncated,
            "excluded_columns": table.excluded_columns,
            "mask_errors": counts.mask_errors,
            "columns": columns,
        });
        if let Some(explaining) = explaining {
            shown["found_by"] = json!(found_by(plan, table));
            let statements = explaining.of(&table.source).into_iter();
            shown["statements"] = statements.map(|e| json!({"sql": e.sql, "plan": e.plan})).collect();
        }
        shown
    };
    let tables: Vec<Value> = plan.tables.iter().zip(&manifest.tables).zip(tables).map(one).collect();
    json!({
        "policy_hash": manifest.policy_hash.to_string(),
        "duration_ms": manifest.duration_ms,
        "bytes": manifest.bytes(),
        "tables": tables,
    })
}

/// The first masked values of a column, cut short.
fn samples(table: &MemoryTable, column: usize) -> Vec<String> {
    let options = FormatOptions::default();
    let mut shown = Vec::new();
    for batch in table.batches() {
        let array = batch.column(column);
        let Ok(formatter) = ArrayFormatter::try_new(array, &options) else { continue };
        for row in (0..array.len()).filter(|&row| array.is_valid(row)) {
            let text: String = formatter.value(row).to_string().chars().take(SAMPLE_CHARS).collect();
            if !shown.contains(&text) {
                shown.push(text);
            }
            if shown.len() == SAMPLES {
                return shown;
            }
        }
    }
    shown
}

/// Which rows of the source are read for a table, in words.
fn found_by(plan: &ExportPlan, table: &TablePlan) -> String {
    let name = |at: usize| plan.tables.get(at).map_or("?", |t| t.name.as_str());
    match &table.edge {
        EdgePlan::Root { filter } => format!("{} where {filter} = the subject", table.source),
        EdgePlan::Child { parent, parent_columns, columns } => format!(
            "{} where ({}) in ({}) of exported {}",
            table.source,
            columns.join(", "),
            parent_columns.join(", "),
            name(*parent)
        ),
        EdgePlan::Lookup { via, via_columns, columns, also } => {
            let first =
                std::iter::once((via, via_columns)).chain(also.iter().map(|(at, columns)| (at, columns)));
            let found: Vec<String> = first
                .map(|(at, columns)| format!("({}) of exported {}", columns.join(", "), name(*at)))
                .collect();
            format!("{} where ({}) in {}", table.source, columns.join(", "), found.join(" or "))
        }
        EdgePlan::Global => format!("{}, every row", table.source),
    }
}

fn text(shown: &Value) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut out = format!(
        "policy {}, {} bytes, {} ms\n",
        word(&shown["policy_hash"]),
        shown["bytes"],
        shown["duration_ms"]
    );
    for table in shown["tables"].as_array().into_iter().flatten() {
        let cut = if table["truncated"] == true { ", truncated" } else { "" };
        out += &format!(
            "\n{}: {}, {} bytes{cut}, {} excluded\n",
            word(&table["name"]),
            counted(&table["rows"], "row"),
            table["bytes"],
            counted(&table["excluded_columns"], "column")
        );
        if let Some(found_by) = table["found_by"].as_str() {
            out += &format!("  from {found_by}\n");
        }
        for statement in table["statements"].as_array().into_iter().flatten() {
            out += &format!("    {}\n", word(&statement["sql"]));
            for line in statement["plan"].as_array().into_iter().flatten() {
                out += &format!("      {}\n", word(line));
            }
        }
        // Of an empty table nothing is to be seen but the names, and those stand in the policy.
        let columns = table["columns"].as_array().filter(|_| table["rows"] != 0);
        for column in columns.into_iter().flatten() {
            let mask = column["mask"].as_str().unwrap_or("clear");
            let samples: Vec<String> = column["samples"].as_array().into_iter().flatten().map(word).collect();
            out += &format!("  {:<24} {mask:<12} {}\n", word(&column["name"]), samples.join(" | "));
        }
    }
    out
}

/// `1 row`, `2 rows`.
fn counted(number: &Value, thing: &str) -> String {
    format!("{number} {thing}{}", if *number == 1 { "" } else { "s" })
}

/// Masked values shown per column.
const SAMPLES: usize = 3;
/// Characters shown of each.
const SAMPLE_CHARS: usize = 48;

//! `airlock-cp audit …`: follow the log, take it out, check what was taken out.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use airlock_core::crypto::PublicKey;
use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Value, json};

use super::door::{Door, pieces};
use super::error::CliError;
use super::output::Output;
use crate::audit::{ChainCheck, ExportHeader, ExportLine};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Print the last rows
    Tail {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// How many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Go on with rows as they happen
        #[arg(long)]
        follow: bool,
    },
    /// Write the log out
    Export {
        /// The tenant's id
        #[arg(long)]
        tenant: String,
        /// The form; only jsonl can be verified
        #[arg(long, value_enum, default_value = "jsonl")]
        format: Format,
        /// Rows from this time on
        #[arg(long)]
        from: Option<String>,
        /// Rows before this time
        #[arg(long)]
        to: Option<String>,
        /// A file; stdout when absent
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Check an exported file: hashes, order, signatures. Needs nothing but the file
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The file, in jsonl
    file: PathBuf,
    /// The control plane's public key, base64, known from elsewhere; else the one named in the file is taken
    #[arg(long)]
    key: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    Jsonl,
    Csv,
}

const COLUMNS: &[&str] = &[
    "ts",
    "action",
    "actor_kind",
    "actor_id",
    "tool",
    "snapshot_id",
    "outcome",
    "error_class",
    "latency_ms",
];

pub(super) async fn run(command: AuditCommand, door: &Door, output: &Output) -> Result<(), CliError> {
    match command {
        AuditCommand::Tail { tenant, limit, follow } => tail(door, &tenant, limit, follow, output).await,
        AuditCommand::Export { tenant, format, from, to, out } => {
            let format = match format {
                Format::Jsonl => "jsonl",
                Format::Csv => "csv",
            };
            let mut path = format!("/api/v1/tenants/{tenant}/audit/export?format={format}");
            for (name, value) in [("from", from), ("to", to)] {
                if let Some(value) = value {
                    path.push_str(&format!("&{name}={value}"));
                }
            }
            export(door, &path, out.as_deref(), output).await
        }
        AuditCommand::Verify(args) => verify(&args, output),
    }
}

async fn tail(door: &Door, tenant: &str, limit: u32, follow: bool, output: &Output) -> Result<(), CliError> {
    let page = door.call(Method::GET, &format!("/api/v1/tenants/{tenant}/audit?limit={limit}"), None).await?;
    let mut rows = page["items"].as_array().cloned().unwrap_or_default();
    rows.reverse();
    let last = rows.last().and_then(|r| r["seq"].as_u64()).unwrap_or(0);
    if !output.is_json() {
        output.say(&COLUMNS.join("\t"));
    }
    rows.iter().for_each(|row| print(row, output));
    if !follow {
        return Ok(());
    }
    let stream =
        door.open(Method::GET, &format!("/api/v1/tenants/{tenant}/audit/stream?after={last}"), None).await?;
    let mut left = Vec::new();
    pieces(stream, |piece| {
        left.extend_from_slice(piece);
        while let Some(end) = left.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = left.drain(..=end).collect();
            if let Some(data) = line.strip_prefix(b"data: ")
                && let Ok(row) = serde_json::from_slice::<Value>(data)
                && row.get("seq").is_some()
            {
                print(&row, output);
            }
        }
        Ok(true)
    })
    .await
}

fn print(row: &Value, output: &Output) {
    if output.is_json() {
        output.line(&row.to_string());
        return;
    }
    let cell = |name: &&str| match &row[*name] {
        Value::Null => "-".to_owned(),
        // A name in a row must not write on somebody's terminal. T-146.
        Value::String(text) => text.chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
        other => other.to_string(),
    };
    output.line(&COLUMNS.iter().map(cell).collect::<Vec<_>>().join("\t"));
}

async fn export(door: &Door, path: &str, out: Option<&Path>, output: &Output) -> Result<(), CliError> {
    let response = door.open(Method::GET, path, None).await?;
    let Some(out) = out else {
        return pieces(response, |piece| Ok(output.bytes(piece))).await;
    };
    let mut file = File::create_new(out).map_err(|e| CliError::file(out, &e))?;
    let write = |piece: &[u8]| file.write_all(piece).map(|()| true).map_err(|e| CliError::file(out, &e));
    pieces(response, write).await?;
    file.sync_all().map_err(|e| CliError::file(out, &e))?;
    output.value("file", &out.display().to_string());
    Ok(())
}

/// Checks an exported file.
pub(super) fn verify(args: &Verify, output: &Output) -> Result<(), CliError> {
    let no_key = || CliError::Usage("--key: base64 of an Ed25519 public key".to_owned());
    let known = args.key.as_deref().map(PublicKey::from_base64).transpose().map_err(|_| no_key())?;
    let file = File::open(&args.file).map_err(|e| CliError::file(&args.file, &e))?;
    let broken = |why: &str| CliError::Broken(format!("{}: {why}", args.file.display()));
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().ok_or_else(|| broken("empty"))?.map_err(|e| CliError::file(&args.file, &e))?;
    let header: ExportHeader =
        serde_json::from_str(&first).map_err(|_| broken("the first line is no header"))?;
    if header.airlock_audit_export != 1 {
        return Err(broken("written in a form that this program does not know"));
    }
    let named = PublicKey::from_base64(&header.signing_key).map_err(|_| broken("the header names no key"))?;
    if known.is_some_and(|known| known != named) {
        return Err(broken("signed by another key than the one given"));
    }
    let mut check = ChainCheck::new(Some(known.unwrap_or(named)));
    for (i, line) in lines.enumerate() {
        let line = line.map_err(|e| CliError::file(&args.file, &e))?;
        let line: ExportLine =
            serde_json::from_str(&line).map_err(|_| broken(&format!("line {} is unknown", i + 2)))?;
        check.export_line(line, &header.org_id).map_err(|mismatch| broken(&mismatch.to_string()))?;
    }
    let report = check.report();
    output.say(&match (report.signed_seq == report.last_seq, known.is_some()) {
        (true, true) => "the log holds, and is signed to its last line".to_owned(),
        (true, false) => {
            format!("the log holds, and is signed to its last line by the key in it: {}", named.fingerprint())
        }
        (false, _) => "the log holds; its last lines are not yet under a signature".to_owned(),
    });
    let mut value = json!(report);
    value["ok"] = Value::from(true);
    value["signing_key"] = Value::from(named.to_base64());
    output.object(&value, "ok");
    Ok(())
}

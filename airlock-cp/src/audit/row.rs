//! A record as people and programs read it: flat, with the names of data.md 11.

use airlock_core::audit::{Action, Event, Record};
use airlock_core::principal::ActorKind;
use serde::Serialize;
use serde_json::{Map, Value};

/// The key id of an event, when a key was shown.
pub(super) fn kid(event: &Event) -> Option<&str> {
    (event.actor.kind == ActorKind::ApiKey).then_some(event.actor.id.as_str())
}

/// A record, flat. Every column is there in JSON, `null` where nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Row(Map<String, Value>);

/// The columns, in the order of an export.
pub(super) const COLUMNS: [&str; 38] = [
    "seq",
    "id",
    "ts",
    "kind",
    "action",
    "tenant_id",
    "worker_id",
    "session_id",
    "trace_id",
    "actor_kind",
    "actor_id",
    "kid",
    "key_name",
    "tool",
    "snapshot_id",
    "resource",
    "outcome",
    "error_class",
    "error_code",
    "detail_code",
    "latency_ms",
    "worker_ms",
    "queue_ms",
    "cold",
    "rows",
    "bytes",
    "truncated",
    "generation",
    "policy_hash",
    "sql_fingerprint",
    "client_name",
    "client_version",
    "protocol",
    "ip",
    "user_agent",
    "prev_hash",
    "hash",
    "org_id",
];

impl Row {
    /// The row of a record.
    pub fn of(record: &Record) -> Self {
        let e = &record.event;
        let (context, counts, target) = (&e.context, &e.counts, &e.target);
        let call = matches!(e.action, Action::ToolsCall | Action::ToolsList | Action::McpDenied);
        let key_name = if e.actor.kind == ActorKind::ApiKey { e.actor.name.as_deref() } else { None };
        let value = |name: &str| match name {
            "seq" => json(record.seq),
            "id" => json(&e.id),
            "ts" => json(e.ts),
            "kind" => json(if call { "call" } else { "admin" }),
            "action" => json(e.action),
            "org_id" => json(&e.org_id),
            "tenant_id" => json(&e.tenant_id),
            "worker_id" => json(&context.worker_id),
            "session_id" => json(&context.session_id),
            "trace_id" => json(&e.trace_id),
            "actor_kind" => json(e.actor.kind),
            "actor_id" => json(&e.actor.id),
            "kid" => json(kid(e)),
            "key_name" => json(key_name),
            "tool" => json(&target.tool),
            "snapshot_id" => json(&target.snapshot_id),
            "resource" => json(&target.resource),
            "outcome" => json(e.outcome),
            "error_class" => json(&e.error_class),
            "error_code" => json(e.error_code),
            "detail_code" => json(&e.detail_code),
            "latency_ms" => json(counts.latency_ms),
            "worker_ms" => json(counts.worker_ms),
            "queue_ms" => json(counts.queue_ms),
            "cold" => json(counts.cold),
            "rows" => json(counts.rows),
            "bytes" => json(counts.bytes),
            "truncated" => json(counts.truncated),
            "generation" => json(counts.generation),
            "policy_hash" => json(&counts.policy_hash),
            "sql_fingerprint" => json(&counts.sql_fingerprint),
            "client_name" => json(&context.client_name),
            "client_version" => json(&context.client_version),
            "protocol" => json(&context.protocol),
            "ip" => json(&context.ip),
            "user_agent" => json(&context.user_agent),
            "prev_hash" => json(&record.prev_hash),
            "hash" => json(&record.hash),
            _ => Value::Null,
        };
        Self(COLUMNS.iter().map(|name| ((*name).to_owned(), value(name))).collect())
    }

    /// The row as a line of CSV. A cell that a spreadsheet would run as a formula begins with `'`. T-144.
    pub fn csv(&self) -> String {
        let cell = |name: &&str| match self.0.get(*name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => csv_cell(text),
            Some(other) => csv_cell(&other.to_string()),
        };
        let mut line = COLUMNS.iter().map(cell).collect::<Vec<_>>().join(",");
        line.push_str("\r\n");
        line
    }

    /// The first line of CSV.
    pub fn csv_header() -> String {
        format!("{}\r\n", COLUMNS.join(","))
    }
}

fn json<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

// RFC 4180, and OWASP's list of first characters that begin a formula.
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    // A number of ours is no formula.
    let guarded = formula && text.parse::<i64>().is_err();
    let quote = text.contains([',', '"', '\n', '\r']);
    match (guarded, quote) {
        (false, false) => text.to_owned(),
        (true, false) => format!("'{text}"),
        (g, true) => format!("\"{}{}\"", if g { "'" } else { "" }, text.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, cell: &str) {
        assert_eq!(csv_cell(text), cell);
    }

    #[test]
    fn no_cell_is_a_formula() {
        check("u_42", "u_42");
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("+1+1", "'+1+1");
        check("-2+3", "'-2+3");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\tx", "'\tx");
        check("\r=1", "\"'\r=1\"");
        check("=1,\"2\"", "\"'=1,\"\"2\"\"\"");
        check("a\nb", "\"a\nb\"");
        check("-32010", "-32010");
    }
}

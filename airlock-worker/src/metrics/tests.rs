use airlock_core::plane::ContentType;
use airlock_core::snapshot::TableManifest;
use airlock_core::{Head, Timestamp};
use bytes::Bytes;

use super::*;

fn metrics(needs_tunnel: bool) -> Metrics {
    Metrics::new(&PolicyHash([0; 32]), needs_tunnel)
}

fn rendered(head: Head) -> Result<Rendered, CallError> {
    Ok(Rendered { head, content_type: ContentType::McpResult, body: Bytes::new() })
}

#[track_caller]
fn check(text: &str, line: &str) {
    assert!(text.lines().any(|l| l == line), "no line {line} in:\n{text}");
}

#[test]
fn calls_are_counted_by_how_they_ended() {
    let metrics = metrics(false);
    let took = Duration::from_millis(3);
    let blocked = Head {
        outcome: Outcome::Error,
        error_class: Some("egress_blocked".into()),
        detail_code: Some("explain".into()),
        ..Head::ok()
    };
    metrics.observe("execute_sql", took, &rendered(Head::ok()));
    metrics.observe("execute_sql", took, &rendered(blocked));
    metrics.observe("execute_sql", took, &Err(CallError::new(Code::QueryTimeout, "x")));
    metrics.observe("execute_sql", took, &Err(CallError::new(Code::QueryCrashed, "x")));
    let text = metrics.render();
    check(&text, r#"airlock_calls_total{tool="execute_sql",outcome="ok",error_class=""} 1"#);
    check(&text, r#"airlock_calls_total{tool="execute_sql",outcome="error",error_class="egress_blocked"} 1"#);
    check(&text, r#"airlock_egress_blocked_total{detail="explain"} 1"#);
    check(&text, "airlock_query_timeouts_total 1");
    check(&text, "airlock_query_crashes_total 1");
    check(&text, r#"airlock_call_duration_seconds_count{tool="execute_sql",cold="false"} 4"#);
}

#[test]
fn snapshots_and_build_are_told() {
    let metrics = metrics(false);
    metrics.snapshots(2, 1024, 5, 1);
    let text = metrics.render();
    check(&text, "airlock_snapshots 2");
    check(&text, "airlock_snapshot_bytes 1024");
    check(&text, r#"airlock_exports_total{outcome="ok"} 5"#);
    check(&text, r#"airlock_exports_total{outcome="error"} 1"#);
    assert!(text.contains("airlock_build_info{version="), "{text}");
}

#[test]
fn exports_are_counted_by_table() {
    let metrics = metrics(false);
    let table = |name: &str, rows, mask_errors| TableManifest {
        name: name.to_owned(),
        rows,
        bytes: 1,
        truncated: false,
        nulls: vec![],
        empty: vec![],
        mask_errors,
        dangling: vec![],
    };
    let manifest = Manifest {
        handle: SubjectHandle::derive(&[7; 32], "t_acme", &PolicyHash([0; 32]), &"u_42".parse().unwrap()),
        generation: Generation(1),
        policy_hash: PolicyHash([0; 32]),
        exported_at: Timestamp::default(),
        expires_at: Timestamp::default(),
        duration_ms: 20,
        tables: vec![table("users", 1, 0), table("orders", 5, 2)],
    };
    metrics.exported(&manifest);
    metrics.exported(&manifest);
    let text = metrics.render();
    check(&text, r#"airlock_export_rows_total{table="orders"} 10"#);
    check(&text, r#"airlock_mask_errors_total{table="orders"} 4"#);
    check(&text, r#"airlock_mask_errors_total{table="users"} 0"#);
    check(&text, "airlock_export_duration_seconds_sum 0.04");
}

#[test]
fn ready_means_that_source_and_tunnel_answer() {
    let metrics = metrics(true);
    assert!(!metrics.is_ready());
    metrics.tunnel(true);
    assert!(metrics.is_ready());
    metrics.observe("get_schema", Duration::ZERO, &Err(CallError::new(Code::SourceUnavailable, "x")));
    assert!(!metrics.is_ready());
    metrics.observe("get_schema", Duration::ZERO, &rendered(Head { cold: true, ..Head::ok() }));
    assert!(metrics.is_ready());
    assert!(self::metrics(false).is_ready());
}

#[test]
fn only_later_tunnels_are_reconnects() {
    let metrics = metrics(true);
    for up in [true, true, false, true] {
        metrics.tunnel(up);
    }
    check(&metrics.render(), "airlock_tunnel_reconnects_total 1");
    check(&metrics.render(), "airlock_tunnel_up 1");
}

//! What is left in the audit log.

use std::sync::atomic::Ordering;

use super::harness::*;
use airlock_core::audit::{Action, ENUMERATION_SUSPECTED};
use airlock_core::plane::Outcome;
use airlock_core::principal::ActorKind;
use airlock_core::{CallError, Code};

#[tokio::test]
async fn a_call_leaves_who_what_and_how_much_and_no_sql() {
    let e = endpoint();
    e.post(
        call("execute_sql", r#"{"snapshot_id":"u_42","sql":"select 'canary-7f'"}"#),
        &[("user-agent", "agent\u{200b}/1\u{202e}")],
    )
    .await;
    let row = e.audit.row();
    assert_eq!((row.action, row.outcome), (Action::ToolsCall, Outcome::Ok));
    assert_eq!((row.org_id.as_str(), row.tenant_id.as_ref().unwrap().as_str()), ("default", "t_acme"));
    assert_eq!((row.actor.kind, row.actor.id.as_str()), (ActorKind::ApiKey, "a1b2c3d4"));
    assert_eq!(
        (row.target.tool.as_deref(), row.target.snapshot_id.as_deref()),
        (Some("execute_sql"), Some("u_42"))
    );
    assert_eq!(row.context.worker_id.as_ref().unwrap().as_str(), "w_acme_prod");
    assert!(row.context.session_id.is_some());
    assert_eq!(
        (row.context.ip.as_deref(), row.context.user_agent.as_deref()),
        (Some("10.1.2.3"), Some("agent/1"))
    );
    assert_eq!(
        (row.counts.rows, row.counts.bytes, row.counts.worker_ms),
        (Some(1), Some(RESULT.len() as u64), Some(3))
    );
    assert_eq!(row.counts.policy_hash.as_deref(), Some("9f1c"));
    let text = serde_json::to_string(&row).unwrap();
    assert!(!text.contains("canary") && !text.contains(ALL), "{text}");
    assert_eq!(e.audit.opens.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_caller_that_goes_through_all_customers_is_told_of_by_name() {
    let e = answering(|_| {
        let refused = CallError::new(Code::RateLimited, "too many").with_detail(ENUMERATION_SUSPECTED);
        Box::pin(async { Err(refused) })
    });
    let got = e.post(query(), &[]).await;
    assert_eq!(got.json()["error"]["data"]["error_class"], "rate_limited");
    let rows = e.audit.rows();
    let seen: Vec<_> = rows.iter().map(|row| (row.action, row.outcome, row.actor.id.as_str())).collect();
    assert_eq!(
        seen,
        [
            (Action::ToolsCall, Outcome::Error, "a1b2c3d4"),
            (Action::EnumerationSuspected, Outcome::Denied, "a1b2c3d4"),
        ]
    );
    // Which of them it asked for stands in the call's own row.
    assert_eq!((rows[1].target.snapshot_id.as_ref(), rows[1].counts.rows), (None, None));
}

#[tokio::test]
async fn without_a_row_there_is_no_answer() {
    let e = endpoint();
    e.audit.no_open.store(true, Ordering::Relaxed);
    let got = e.post(query(), &[]).await;
    assert_eq!(got.json()["error"]["data"]["error_class"], "audit_unavailable");
    assert!(got.json().get("result").is_none());

    let e = endpoint();
    e.audit.no_close.store(true, Ordering::Relaxed);
    for body in [query(), ask("tools/list", "{}"), call("nonsense", "{}")] {
        let got = e.post(body, &[]).await;
        assert_eq!(got.json()["error"]["data"]["error_class"], "audit_unavailable");
    }
    // The door still says no.
    assert_eq!(e.post(query(), &[("authorization", "-")]).await.status, 401);
}

#[tokio::test]
async fn a_listing_leaves_a_row_and_a_ping_none() {
    let e = endpoint();
    e.post(ask("tools/list", "{}"), &[]).await;
    assert_eq!(e.audit.row().action, Action::ToolsList);
    e.post(ask("ping", "{}"), &[]).await;
    e.post(ask("initialize", "{}"), &[]).await;
    assert_eq!(e.audit.rows().len(), 1);
}

#[tokio::test]
async fn refusals_at_the_door_leave_one_row_a_kind() {
    let e = endpoint();
    for _ in 0..100 {
        e.post(query(), &[("authorization", "Bearer ak_live_wrong")]).await;
        e.post(query(), &[("authorization", &format!("Bearer {REVOKED}"))]).await;
        e.post(query(), &[("authorization", &format!("Bearer {BUSY}"))]).await;
        e.post(query(), &[("origin", "https://evil.com")]).await;
        e.send(post("/mcp/other", query(), &[])).await;
    }
    let rows = e.audit.rows();
    assert!(rows.iter().all(|row| row.action == Action::McpDenied && row.outcome == Outcome::Denied));
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row.detail_code.as_deref().unwrap(),
                row.tenant_id.as_ref().map(|t| t.as_str()),
                row.target.resource.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("key_unknown", Some("t_acme"), Some("acme")),
            ("key_revoked", Some("t_acme"), Some("acme")),
            ("rate_limited", Some("t_acme"), Some("acme")),
            ("origin_denied", None, Some("acme")),
            ("key_unknown", None, Some("other")),
        ]
    );
    assert!(rows.iter().all(|row| row.org_id.as_str() == "default"));
}

#[tokio::test]
async fn a_flood_over_many_tenants_cannot_fill_the_log() {
    let e = endpoint();
    for n in 0..1000 {
        e.send(post(&format!("/mcp/tenant-{n}"), query(), &[])).await;
    }
    assert_eq!(e.audit.rows().len(), 200);
}

//! The log: one chain, whatever happens at once; what was altered shows.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Action, AuditSink, Context, Counts, Event, Target};
use airlock_core::id::AuditId;
use airlock_core::principal::{Actor, ActorKind};
use airlock_core::{Host, Outcome};
use airlock_cp::audit::{ChainCheck, ExportHeader, Mismatch};
use serde_json::{Value, json};

use crate::harness::{Cp, TestStore, on_both};

/// A tool call of a tenant's key.
pub(crate) fn call(host: &dyn Host, tenant: &str, tool: &str) -> Event {
    Event {
        id: AuditId::new(host),
        ts: host.now(),
        org_id: "default".parse().unwrap(),
        tenant_id: Some(tenant.parse().unwrap()),
        trace_id: Some("tr_one".parse().unwrap()),
        actor: Actor { kind: ActorKind::ApiKey, id: "a1b2c3d4".into(), name: Some("litellm".into()) },
        action: Action::ToolsCall,
        target: Target { tool: Some(tool.into()), snapshot_id: Some("u_42".into()), resource: None },
        outcome: Outcome::Ok,
        error_class: None,
        error_code: None,
        detail_code: None,
        context: Context { worker_id: Some("w_acme_prod".parse().unwrap()), ..Context::default() },
        counts: Counts { latency_ms: 41, rows: Some(12), ..Counts::default() },
    }
}

async fn verified(cp: &Cp) -> Value {
    cp.get("/api/v1/tenants/t_acme/audit/verify").await.body
}

on_both! {
    what_is_old_goes_and_the_rest_still_verifies(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let log = || async { cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap() };
        for _ in 0..4 {
            log().await;
        }
        cp.app.audit_log().checkpoint(&"default".parse().unwrap()).await.unwrap();
        cp.clock.advance(Duration::from_hours(24 * 399));
        log().await;
        assert_eq!(cp.app.prune_audit().await.unwrap(), 0);
        cp.clock.advance(Duration::from_hours(48));
        log().await;
        assert_eq!(pruned(&cp, &test).await, "5");
        let report = verified(&cp).await;
        // Two calls, and the row that tells of it.
        assert_eq!((&report["ok"], &report["report"]["pruned_seq"]), (&json!(true), &json!(5)), "{report}");
        assert_eq!((&report["report"]["first_seq"], &report["report"]["last_seq"]), (&json!(6), &json!(8)));
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_checkpoints WHERE seq <= 5").await, "0");
        assert_eq!(test.text("SELECT action FROM audit WHERE seq = 8").await, "audit.pruned");
        // Nothing is left to take out, and no row tells of that.
        assert_eq!(cp.app.prune_audit().await.unwrap(), 0);
        let text = cp.get("/api/v1/tenants/t_acme/audit/export").await.body;
        let mut check = ChainCheck::new(Some(cp.app.public_key()));
        for line in text.as_str().unwrap().lines().skip(1) {
            check.export_line(serde_json::from_str(line).unwrap(), &"default".parse().unwrap()).unwrap();
        }
        assert_eq!(check.report().pruned_seq, Some(5));
        // Everything may be old: the row that tells of it stays.
        cp.clock.advance(Duration::from_hours(24 * 500));
        assert_eq!(pruned(&cp, &test).await, "9", "the export left a row as well");
        assert_eq!(verified(&cp).await["report"]["pruned_seq"], 9);
    }

    parallel_calls_of_two_processes_make_one_chain_without_gaps(test) {
        let here = Cp::on(test.store.clone()).await;
        let there = Cp::with_clock(test.again().await, here.clock.clone()).await;
        here.tenant("acme").await;
        let mut all = tokio::task::JoinSet::new();
        for n in 0..120 {
            let cp = if n % 2 == 0 { &here } else { &there };
            let (sink, event): (Arc<dyn AuditSink>, _) = (cp.app.audit(), call(&*cp.clock, "t_acme", "execute_sql"));
            all.spawn(async move {
                sink.open(&event).await.unwrap();
                sink.close(event).await.unwrap();
            });
        }
        all.join_all().await;
        let report = verified(&here).await;
        assert_eq!(report["ok"], true, "{report}");
        assert_eq!(report["report"]["last_seq"], 121);
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_open").await, "0");
    }

    an_intent_is_durable_before_the_call_and_gone_after_it(test) {
        let cp = Cp::on(test.store.clone()).await;
        let (sink, event) = (cp.app.audit(), call(&*cp.clock, "t_acme", "execute_sql"));
        sink.open(&event).await.unwrap();
        assert_eq!(test.text("SELECT id FROM audit_open").await, event.id.as_str());
        sink.close(event.clone()).await.unwrap();
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_open").await, "0");
        assert!(sink.close(event).await.is_err(), "an event stands in the log once");
        let other = call(&*cp.clock, "t_acme", "execute_sql");
        sink.open(&other).await.unwrap();
        sink.abandon(&other.id).await.unwrap();
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_open").await, "0");
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit").await, "1");
    }

    one_event_that_cannot_be_written_does_not_take_the_others_with_it(test) {
        let cp = Cp::on(test.store.clone()).await;
        let sink = cp.app.audit();
        let (good, mut lost) = (call(&*cp.clock, "t_acme", "a"), call(&*cp.clock, "t_acme", "b"));
        lost.org_id = "no_such_org".parse().unwrap();
        let twice = call(&*cp.clock, "t_acme", "c");
        let (a, b, c, d) = tokio::join!(
            sink.close(good), sink.close(lost), sink.close(twice.clone()), sink.close(twice)
        );
        assert!(a.is_ok() && b.is_err());
        assert_eq!([c.is_ok(), d.is_ok()].iter().filter(|ok| **ok).count(), 1);
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit").await, "2");
    }

    what_a_dead_process_left_open_is_closed_as_unknown_by_the_next(test) {
        let dead = Cp::on(test.store.clone()).await;
        dead.tenant("acme").await;
        let alive = call(&*dead.clock, "t_acme", "get_schema");
        dead.app.audit().open(&alive).await.unwrap();
        // A second process begins while the first lives: its intents are not touched.
        let next = Cp::with_clock(test.again().await, dead.clock.clone()).await;
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_open").await, "1");
        dead.app.shut_down(Duration::from_secs(5)).await;
        let third = Cp::with_clock(test.again().await, next.clock.clone()).await;
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM audit_open").await, "0");
        let rows = third.get("/api/v1/tenants/t_acme/audit?outcome=unknown").await.body;
        assert_eq!(rows["items"][0]["id"], alive.id.as_str());
        assert_eq!(verified(&third).await["ok"], true);
    }

    filters_and_pages_find_what_is_there(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let sink = cp.app.audit();
        for n in 0..5 {
            let mut event = call(&*cp.clock, "t_acme", if n == 3 { "get_schema" } else { "execute_sql" });
            if n == 4 {
                event.outcome = Outcome::Error;
                event.error_class = Some("egress_blocked".into());
                event.trace_id = Some("tr_two".parse().unwrap());
            }
            sink.close(event).await.unwrap();
        }
        let count = async |query: &str| {
            let page = cp.get(&format!("/api/v1/tenants/t_acme/audit?{query}")).await;
            assert_eq!(page.status.as_u16(), 200, "{query}");
            page.body["items"].as_array().unwrap().len()
        };
        assert_eq!(count("").await, 6);
        assert_eq!(count("tool=get_schema").await, 1);
        assert_eq!(count("error_class=egress_blocked&outcome=error").await, 1);
        assert_eq!(count("trace_id=tr_one").await, 4);
        assert_eq!(count("kid=a1b2c3d4").await, 5);
        assert_eq!(count("worker_id=w_acme_prod").await, 5);
        assert_eq!(count("snapshot_id=u_42").await, 5);
        assert_eq!(count("action=tenant.created").await, 1);
        assert_eq!(count("from=2100-01-01T00:00:00.000Z").await, 0);
        let misspelt = cp.get("/api/v1/tenants/t_acme/audit?outcomes=error").await;
        assert_eq!((misspelt.status.as_u16(), &misspelt.body["code"]), (422, &json!("invalid_arguments")));
        let first = cp.get("/api/v1/tenants/t_acme/audit?limit=4").await.body;
        let next = first["next_cursor"].as_str().unwrap();
        assert_eq!(count(&format!("limit=4&before={next}")).await, 2);
        let row = &first["items"][0];
        assert_eq!((&row["seq"], &row["kid"], &row["key_name"]), (&json!(6), &json!("a1b2c3d4"), &json!("litellm")));
        for name in ["sql_fingerprint", "policy_hash", "client_name", "detail_code", "prev_hash", "hash"] {
            assert!(row.get(name).is_some(), "{name}");
        }
    }

    an_export_verifies_by_itself_and_shows_what_was_done_to_it(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        cp.tenant("other").await;
        for n in 0..6 {
            let tenant = if n % 2 == 0 { "t_acme" } else { "t_other" };
            cp.app.audit().close(call(&*cp.clock, tenant, "execute_sql")).await.unwrap();
        }
        let text = cp.get("/api/v1/tenants/t_acme/audit/export").await.body;
        let lines: Vec<&str> = text.as_str().unwrap().lines().collect();
        let check = |lines: &[&str]| {
            let header: ExportHeader = serde_json::from_str(lines[0]).unwrap();
            assert_eq!(header.signing_key, cp.app.public_key().to_base64());
            let mut check = ChainCheck::new(Some(cp.app.public_key()));
            for line in &lines[1..] {
                check.export_line(serde_json::from_str(line).unwrap(), &header.org_id)?;
            }
            Ok::<_, Mismatch>(check.report().clone())
        };
        let report = check(&lines).unwrap();
        assert_eq!((report.records, report.omitted), (5, 4), "{report:?}");
        assert_eq!(report.signed_seq, report.last_seq, "it ends under a signature");

        let record = lines.iter().position(|l| l.contains("\"event\"") && l.contains("execute_sql")).unwrap();
        let with = |line: String| {
            let mut lines: Vec<&str> = lines.clone();
            let line = line.leak();
            lines[record] = line;
            check(&lines)
        };
        assert!(with(lines[record].replace("execute_sql", "get_schema")).is_err());
        assert!(with(lines[record].replace("\"rows\":12", "\"rows\":13")).is_err());
        let without: Vec<&str> = lines.iter().enumerate().filter(|(i, _)| *i != record).map(|(_, l)| *l).collect();
        assert!(check(&without).is_err());
        let checkpoint = lines.iter().rposition(|l| l.contains("signature")).unwrap();
        let mut forged: Value = serde_json::from_str(lines[checkpoint]).unwrap();
        forged["checkpoint"]["ts"] = json!("2026-01-01T00:00:00.000Z");
        let forged = forged.to_string();
        let mut lines: Vec<&str> = lines.clone();
        lines[checkpoint] = &forged;
        assert!(check(&lines).is_err());
    }
}

#[tokio::test]
async fn a_false_tombstone_shows() {
    for (what, sql) in [
        ("none", "DELETE FROM audit_tombstones"),
        ("one that goes further", "UPDATE audit_tombstones SET to_seq = 6; DELETE FROM audit WHERE seq = 6"),
        ("another hash", "UPDATE audit_tombstones SET last_hash = (SELECT hash FROM audit WHERE seq = 6)"),
        ("another signature", "UPDATE audit_tombstones SET signature = 'AAAA'"),
        ("a record after it is gone", "DELETE FROM audit WHERE seq = 6"),
    ] {
        let test = TestStore::sqlite().await;
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        for _ in 0..4 {
            cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        }
        cp.clock.advance(Duration::from_hours(24 * 401));
        cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        assert_eq!(pruned(&cp, &test).await, "5");
        assert_eq!(verified(&cp).await["ok"], true);
        test.raw(sql).await;
        let report = verified(&cp).await;
        assert_eq!(report["ok"], false, "{what}: {report}");
    }
}

#[tokio::test]
async fn every_way_of_altering_the_store_shows() {
    // A12
    for (what, sql) in [
        ("an event", "UPDATE audit SET event = replace(event, 'execute_sql', 'get_schema') WHERE seq = 3"),
        ("a filter's column", "UPDATE audit SET tool = 'get_schema' WHERE seq = 3"),
        ("whose it is", "UPDATE audit SET tenant_id = 't_other' WHERE seq = 3"),
        ("a hash", "UPDATE audit SET hash = prev_hash WHERE seq = 3"),
        ("a record in the middle", "DELETE FROM audit WHERE seq = 3"),
        ("the first record", "DELETE FROM audit WHERE seq = 1"),
        ("the last record", "DELETE FROM audit WHERE seq = 5"),
        (
            "the end, with the org's row",
            "DELETE FROM audit WHERE seq = 5; UPDATE orgs SET audit_seq = 4, \
             audit_head = (SELECT hash FROM audit WHERE seq = 4)",
        ),
        ("a checkpoint", "UPDATE audit_checkpoints SET root = replace(root, substr(root, 1, 1), 'z')"),
        ("a checkpoint's signature", "UPDATE audit_checkpoints SET signature = 'AAAA'"),
        ("all of it", "DELETE FROM audit"),
    ] {
        let test = TestStore::sqlite().await;
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        for _ in 0..4 {
            cp.app.audit().close(call(&*cp.clock, "t_acme", "execute_sql")).await.unwrap();
        }
        cp.app.audit_log().checkpoint(&"default".parse().unwrap()).await.unwrap();
        assert_eq!(verified(&cp).await["ok"], true);
        test.raw(sql).await;
        let report = verified(&cp).await;
        assert_eq!(report["ok"], false, "{what}: {report}");
    }
}

#[tokio::test]
async fn a_spreadsheet_runs_nothing_of_an_export() {
    // T-144
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let mut event = call(&*cp.clock, "t_acme", "execute_sql");
    event.context.client_name = Some("=cmd|' /C calc'!A0".into());
    event.context.user_agent = Some("a,\"b\"".into());
    cp.app.audit().close(event).await.unwrap();
    let answer = cp.get("/api/v1/tenants/t_acme/audit/export?format=csv").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let text = answer.body.as_str().unwrap().to_owned();
    assert!(text.starts_with("seq,id,ts,"));
    assert!(text.contains("'=cmd|' /C calc'!A0"), "{text}");
    assert!(text.contains("\"a,\"\"b\"\"\""), "{text}");
    assert!(!text.split([',', '\n']).any(|cell| cell.starts_with('=')));
}

#[tokio::test]
async fn when_the_log_cannot_be_written_nothing_is_done() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    test.raw("ALTER TABLE audit_open RENAME TO audit_open_gone").await;
    let refused = cp.post("/api/v1/tenants", json!({"slug": "acme"})).await;
    assert_eq!((refused.status.as_u16(), refused.body["code"].as_str()), (503, Some("audit_unavailable")));
    assert_eq!(cp.get("/api/v1/tenants/t_acme").await.status.as_u16(), 404);
    test.raw("ALTER TABLE audit_open_gone RENAME TO audit_open").await;
    cp.tenant("acme").await;
}

/// Prunes, unless the control plane did it by itself just now: up to which record the log is gone.
async fn pruned(cp: &Cp, test: &TestStore) -> String {
    cp.app.prune_audit().await.unwrap();
    test.text("SELECT CAST(MAX(to_seq) AS TEXT) FROM audit_tombstones").await
}

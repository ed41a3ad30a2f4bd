//! What is kept, for how long, and that a restart loses nothing.

use std::time::Duration;

use airlock_core::approval::Verdict;
use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, on_both};

const HOUR: Duration = Duration::from_secs(3_600);

on_both! {
    payloads_go_first_then_the_rest(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        me.initiate("enf-2").await;
        for request in ["req-yes", "req-late"] {
            ok(me.submit(request, Some(&paired.token)).await, 202);
        }
        decide(&me, &paired.keys, "req-yes", Verdict::Approve).await;
        let left = async |table: &str| test.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await;
        let sealed = async || left("exchanges WHERE ciphertext IS NOT NULL").await;
        cp.app.approvals().clear_old().await.unwrap();
        assert_eq!(sealed().await, "2");
        cp.clock.advance(HOUR * 23);
        cp.app.approvals().clear_old().await.unwrap();
        assert_eq!(sealed().await, "0");
        cp.app.approvals().sweep().await.unwrap();
        // The decision is still there for who comes back.
        assert_eq!(ok(me.wait("req-yes", 1).await, 200)["body"]["decision"], "approve");
        let past = ok(me.get("/v1/approvers/me/inbox/expired").await, 200);
        assert!(past["body"]["items"][0]["body"].get("ciphertext").is_none());
        cp.clock.advance(HOUR * 24 * 8);
        cp.app.approvals().clear_old().await.unwrap();
        assert_eq!((left("inbox").await.as_str(), left("exchanges").await.as_str()), ("0", "2"));
        assert_eq!(left("pairings").await, "1");
        cp.clock.advance(HOUR * 24 * 90);
        cp.app.approvals().clear_old().await.unwrap();
        for table in ["exchanges", "decision_nonces", "approval_news"] {
            assert_eq!(left(table).await, "0", "{table}");
        }
        // A pairing stands until it is ended.
        assert_eq!(left("pairings").await, "1");
    }

    what_was_answered_is_there_after_a_restart(test) {
        let me_there;
        let paired;
        {
            let cp = Cp::on(test.store.clone()).await;
            let me = Side::new(&cp, &test, "default", "member").await;
            paired = pair(&me, &me).await;
            ok(me.submit("req-1", Some(&paired.token)).await, 202);
            me_there = (me.person, me.pat);
        }
        let cp = Cp::on(test.again().await).await;
        let (person, pat) = me_there;
        let me = Side { cp: &cp, person, pat, app: None };
        let status = ok(me.get(&format!("/v1/pairing/{}/status", paired.nonce)).await, 200);
        assert_eq!(status["routingToken"], paired.token.as_str(), "told again, although only its digest is kept");
        assert_eq!(inbox(&me).await, ["req-1"]);
        decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
        assert_eq!(ok(me.wait("req-1", 1).await, 200)["body"]["decision"], "approve");
    }

    an_inbox_is_read_page_by_page_and_dismissed_without_a_decision(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        for n in 0..7 {
            cp.clock.advance(Duration::from_millis(1));
            ok(me.submit(&format!("req-{n}"), Some(&paired.token)).await, 202);
        }
        let mut seen = Vec::new();
        let mut path = "/v1/approvers/me/inbox?limit=3".to_owned();
        loop {
            let page = ok(me.get(&path).await, 200);
            let items = page["body"]["items"].as_array().unwrap();
            seen.extend(items.iter().map(|item| item["requestId"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["body"]["nextCursor"].as_str() else { break };
            path = format!("/v1/approvers/{}/inbox?limit=3&cursor={cursor}", paired.approver_id);
        }
        let expected: Vec<_> = (0..7).rev().map(|n| format!("req-{n}")).collect();
        assert_eq!(seen, expected, "newest first");
        assert_eq!(verdict(&me.get("/v1/approvers/me/inbox?cursor=nonsense").await), (400, "bad_request"));
        assert_eq!(me.delete("/v1/approvers/me/inbox/req-3").await.status.as_u16(), 204);
        assert_eq!(verdict(&me.delete("/v1/approvers/me/inbox/req-3").await), (404, "NotFound"));
        assert_eq!(inbox(&me).await.len(), 6);
        assert_eq!(me.state("req-3").await, "PendingApproval");
        decide(&me, &paired.keys, "req-3", Verdict::Reject).await;
    }
}

/// Every act leaves its row, and the rows verify.
#[tokio::test]
async fn every_act_is_in_the_log() {
    let test = crate::harness::TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    ok(me.submit("req-2", Some(&paired.token)).await, 202);
    decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
    ok(me.post("/v1/exchanges/req-2/withdraw", json!(null)).await, 200);
    ok(me.post("/v1/pairing/revoke", json!({"routingToken": paired.token})).await, 200);
    let org = "default".parse().unwrap();
    cp.app.audit_log().verify(&org).await.unwrap().unwrap();
    for (action, n) in [
        ("pairing.initiated", "1"),
        ("pairing.completed", "1"),
        ("exchange.submitted", "2"),
        ("exchange.decided", "1"),
        ("exchange.withdrawn", "1"),
        ("pairing.revoked", "1"),
    ] {
        let rows = test
            .text(&format!(
                "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE action = '{action}' AND outcome = 'ok'"
            ))
            .await;
        assert_eq!(rows, n, "{action}");
    }
}

//! Who waits is woken: here, in another process, by an end, by a stop; and costs nothing while nothing happens.

use std::time::Duration;

use airlock_core::approval::Verdict;
use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, TestStore, on_both};

/// Until somebody waits in this process.
async fn waiting(cp: &Cp, n: usize) {
    while cp.app.approvals().waiting() < n {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

on_both! {
    a_decision_at_one_process_wakes_a_waiter_at_another(test) {
        let (one, two) = (Cp::on(test.store.clone()).await, Cp::on(test.again().await).await);
        let me = Side::new(&one, &test, "default", "member").await;
        let there = me.at(&two);
        let paired = pair(&me, &me).await;
        for request in ["req-yes", "req-withdrawn"] {
            ok(me.submit(request, Some(&paired.token)).await, 202);
        }
        let (yes, withdrawn, ()) = tokio::join!(
            there.wait("req-yes", 60),
            there.wait("req-withdrawn", 60),
            async {
                waiting(&two, 2).await;
                decide(&me, &paired.keys, "req-yes", Verdict::Approve).await;
                ok(me.ask(http::Method::POST, "/v1/exchanges/req-withdrawn/withdraw", None).await, 200);
            },
        );
        assert_eq!(ok(yes, 200)["body"]["decision"], "approve");
        assert_eq!(verdict(&withdrawn), (404, "withdrawn"));
        // Who hung up or was answered is forgotten.
        assert_eq!(two.app.approvals().waiting(), 0);
    }

    fifty_wait_at_once_and_each_gets_its_own(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        let names: Vec<_> = (0..50).map(|n| format!("req-{n}")).collect();
        for name in &names {
            ok(me.submit(name, Some(&paired.token)).await, 202);
        }
        let waits = futures::future::join_all(names.iter().map(|name| me.wait(name, 60)));
        let decides = async {
            waiting(&cp, 50).await;
            for (n, name) in names.iter().enumerate() {
                let verdict = if n % 2 == 0 { Verdict::Approve } else { Verdict::Reject };
                decide(&me, &paired.keys, name, verdict).await;
            }
        };
        let (answers, ()) = tokio::join!(waits, decides);
        for (n, answer) in answers.into_iter().enumerate() {
            let body = ok(answer, 200);
            assert_eq!(body["requestId"], names[n].as_str());
            assert_eq!(body["body"]["decision"], if n % 2 == 0 { "approve" } else { "reject" });
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifth_waiter_for_the_same_is_told_to_come_again_and_a_stop_answers_all() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    let (four, ()) = tokio::join!(futures::future::join_all((0..4).map(|_| me.wait("req-1", 60))), async {
        waiting(&cp, 4).await;
        assert_eq!(verdict(&me.wait("req-1", 60).await), (429, "rate_limited"));
        cp.app.tasks().stop().cancel();
    });
    assert!(four.iter().all(|answer| answer.status.as_u16() == 204), "{four:?}");
}

#[tokio::test]
async fn whatever_timeout_is_said_is_taken_for_a_number_of_seconds_in_bounds() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    for query in ["?timeout=0", "?timeout=-5", "?timeout=1"] {
        assert_eq!(me.get(&format!("/v1/exchanges/req-1/wait{query}")).await.status.as_u16(), 204, "{query}");
    }
    decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
    for query in ["", "?timeout=", "?timeout=soon", "?timeout=999999999999999999999", "?timeout=200&x=%ZZ"] {
        ok(me.get(&format!("/v1/exchanges/req-1/wait{query}")).await, 200);
    }
}

#[tokio::test]
async fn a_report_of_a_standing_decision_is_history_and_nothing_to_wait_for() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let report = |request: &str, token: Option<&str>| {
        let mut sent = artifact(request, "enf-1", "h", token);
        sent["body"]["metadata"]["dndAudit"] = json!("true");
        sent["body"]["metadata"]["dndDecision"] = json!("approve");
        sent
    };
    let taken = ok(me.post("/v1/artifacts", report("req-1", Some(&paired.token))).await, 202);
    assert_eq!(taken["body"]["state"], "Decided");
    assert!(inbox(&me).await.is_empty());
    let past = ok(me.get("/v1/approvers/me/inbox/expired").await, 200);
    assert_eq!(past["body"]["items"][0]["body"]["metadata"]["dndDecision"], "approve");
    let status = ok(me.get("/v1/exchanges/req-1").await, 200);
    assert_eq!((&status["body"]["state"], status["body"].get("decision")), (&json!("Decided"), None));
    assert_eq!(verdict(&me.wait("req-1", 1).await), (404, "NotFound"));
    // Nobody to tell: taken, and forgotten.
    let stranger = Side::new(&cp, &test, "default", "member").await;
    ok(stranger.post("/v1/artifacts", report("req-2", None)).await, 202);
    assert_eq!(verdict(&stranger.get("/v1/exchanges/req-2").await), (404, "NotFound"));
    // A report that says no verdict is a question like any other.
    let mut question = report("req-3", Some(&paired.token));
    question["body"]["metadata"]["dndDecision"] = json!("maybe");
    assert_eq!(ok(me.post("/v1/artifacts", question).await, 202)["body"]["state"], "PendingApproval");
}

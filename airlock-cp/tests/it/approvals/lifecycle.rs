//! The whole life of a question, both ways of pairing, over both stores.

use airlock_core::approval::{
    KnownSigner, KnownSigners, NonceJournal, PairingAnswer, Verdict, verify_decision,
};
use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, TestStore, on_both};

on_both! {
    a_question_is_asked_decided_and_believed(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;

        let accepted = ok(me.submit("req-1", Some(&paired.token)).await, 202);
        assert_eq!(accepted["msgType"], "artifact.accepted");
        assert_eq!((&accepted["requestId"], &accepted["body"]["state"]), (&json!("req-1"), &json!("PendingApproval")));
        assert_eq!(me.state("req-1").await, "PendingApproval");
        assert_eq!(me.wait("req-1", 1).await.status.as_u16(), 204);

        let page = ok(me.get("/v1/approvers/me/inbox").await, 200);
        let item = &page["body"]["items"][0];
        assert_eq!(page["body"]["nextCursor"], serde_json::Value::Null);
        assert_eq!(item["msgType"], "approval.request");
        assert_eq!(item["recipient"]["approverId"], paired.approver_id.as_str());
        let body = &item["body"];
        assert_eq!(body["pairingNonce"], paired.nonce.as_str());
        assert_eq!(body["enforcerLabel"], "Build agent");
        assert_eq!(body["ciphertextRef"], json!({"kind": "inline", "data": "c2VhbGVk"}));
        assert_eq!(body["metadata"], json!({"workspaceName": "shop", "requestLabel": "deploy"}));
        assert!(!page.to_string().contains(&paired.token), "a routing token is never forwarded");

        cp.clock.advance(std::time::Duration::from_secs(1));
        let from = airlock_core::Host::now(&*cp.clock).to_string();
        decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
        let delivered = ok(me.wait("req-1", 30).await, 200);
        let again = ok(me.wait("req-1", 30).await, 200);
        assert_eq!(delivered, again, "the same message each time");
        assert_eq!(delivered["recipient"]["enforcerId"], "enf-1");
        assert!(delivered["createdAt"].as_str().unwrap() >= from.as_str(), "a message is as old as the decision");
        let status = ok(me.get("/v1/exchanges/req-1").await, 200);
        assert_eq!((&status["body"]["state"], &status["body"]["decision"]), (&json!("Decided"), &delivered["body"]));
        assert!(inbox(&me).await.is_empty());
        let past = ok(me.get("/v1/approvers/me/inbox/expired").await, 200);
        assert_eq!(past["body"]["items"][0]["body"]["state"], "Decided");

        // The enforcer believes it by what the pairing brought, and the gateway changed no byte.
        let answer = ok(me.get(&format!("/v1/pairing/{}/status", paired.nonce)).await, 200);
        let answer: PairingAnswer = serde_json::from_str(answer["responseJson"].as_str().unwrap()).unwrap();
        let signer: KnownSigner = answer.verify(&paired.nonce).unwrap().signer().clone();
        let decision = serde_json::from_value(delivered["body"].clone()).unwrap();
        let mut journal = NonceJournal::new(NonceJournal::DEFAULT_TTL);
        let signers: KnownSigners = [signer].into_iter().collect();
        let believed = verify_decision(&decision, &hash_of("req-1"), &signers, &mut journal, None, airlock_core::Host::now(&*cp.clock));
        assert!(believed.unwrap().is_approved());

        // Acknowledging something else moves nothing; the message itself does, once.
        let ack = |id: &str| json!({
            "msgType": "ack.submit", "requestId": id, "createdAt": "2026-01-01T00:00:00Z", "sender": {},
            "body": {"msgId": id, "status": "delivered", "ackAt": "2026-01-01T00:00:00Z"},
        });
        ok(me.post("/v1/acks", ack("msg-1")).await, 200);
        assert_eq!(me.state("req-1").await, "Decided");
        let deliver_id = delivered["msgId"].as_str().unwrap();
        for _ in 0..2 {
            ok(me.post("/v1/acks", ack(deliver_id)).await, 200);
            assert_eq!(me.state("req-1").await, "Delivered");
        }
        assert_eq!(ok(me.wait("req-1", 1).await, 200), delivered);

        ok(me.delete("/v1/approvers/me/inbox/req-1").await, 204);
        let event = test.text("SELECT event FROM audit WHERE action = 'exchange.submitted'").await;
        let event: serde_json::Value = serde_json::from_str(&event).unwrap();
        let id = event["target"]["resource"].as_str().unwrap();
        assert!(id.starts_with("xc_"), "{id}");
        for action in ["exchange.decided", "exchange.delivered", "exchange.dismissed"] {
            let event = test.text(&format!("SELECT event FROM audit WHERE action = '{action}'")).await;
            assert!(event.contains(id), "every row of one exchange names it alike: {event}");
        }
    }

    an_approver_may_begin_and_may_be_somebody_else(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = Side::new(&cp, &test, "default", "member").await;
        let bob = Side::new(&cp, &test, "default", "approver").await;
        let made = ok(bob.post("/v1/pairing/pre-generate", json!({"workspaceName": "shop"})).await, 201);
        let (code, nonce) = (made["pairingCode"].as_str().unwrap(), made["pairingNonce"].as_str().unwrap());
        let keys = Keys::new();
        let complete = json!({"nonce": nonce, "responseJson": keys.answer(nonce, airlock_core::Host::now(&*cp.clock))});
        assert_eq!(verdict(&bob.post("/v1/pairing/complete", complete.clone()).await), (409, "not_claimed"));
        // As people type it.
        let typed = format!(" {}-{} ", &code[..3].to_lowercase(), &code[3..]);
        let claim = json!({
            "pairingCode": typed, "deviceId": "d", "enforcerId": "enf-1", "enforcerLabel": "", "workspaceName": "shop",
            "x25519PublicKey": ENFORCER_KEY,
        });
        let claimed = ok(ada.post("/v1/pairing/claim", claim.clone()).await, 200);
        assert_eq!(claimed["pairingNonce"], nonce);
        assert!(claimed.get("routingToken").is_none());
        assert_eq!(verdict(&ada.post("/v1/pairing/claim", claim).await), (409, "already_claimed"));
        // Ada cannot complete Bob's session; Bob sees her key by resolving his own code.
        assert_eq!(verdict(&ada.post("/v1/pairing/complete", complete.clone()).await), (404, "NotFound"));
        let seen = ok(bob.get(&format!("/v1/pairing/resolve/{code}")).await, 200);
        assert_eq!(seen["x25519PublicKey"], ENFORCER_KEY);
        ok(bob.post("/v1/pairing/complete", complete.clone()).await, 200);
        assert_eq!(verdict(&bob.post("/v1/pairing/complete", complete).await), (409, "already_completed"));
        let status = ok(ada.get(&format!("/v1/pairing/{nonce}/status")).await, 200);
        let token = status["routingToken"].as_str().unwrap().to_owned();
        ok(ada.submit("req-1", Some(&token)).await, 202);
        assert!(inbox(&ada).await.is_empty());
        assert_eq!(inbox(&bob).await, ["req-1"]);
        // It is not hers to decide, although it is hers.
        let own = keys.decision("req-1", &hash_of("req-1"), Verdict::Approve);
        assert_eq!(verdict(&ada.post("/v1/decisions", own).await), (403, "access_denied"));
        decide(&bob, &keys, "req-1", Verdict::Reject).await;
        assert_eq!(ok(ada.wait("req-1", 1).await, 200)["body"]["decision"], "reject");
        // Bob cannot use her token, nor see her exchange.
        assert_eq!(verdict(&bob.submit("req-2", Some(&token)).await), (422, "no_approver"));
        assert_eq!(verdict(&bob.get("/v1/exchanges/req-1").await), (404, "NotFound"));
    }

    the_same_question_once_more_changes_nothing(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let other = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        let theirs = pair(&other, &other).await;
        let at_once = futures::future::join_all((0..8).map(|_| me.submit("req-1", Some(&paired.token)))).await;
        assert!(at_once.iter().all(|answer| answer.status.as_u16() == 202), "{at_once:?}");
        assert_eq!(inbox(&me).await, ["req-1"]);
        let reused = me.post("/v1/artifacts", artifact("req-1", "enf-1", "other", Some(&paired.token))).await;
        assert_eq!(verdict(&reused), (409, "AlreadyExistsConflict"));
        assert_eq!(reused.body["requestId"], "req-1");
        // Another person's question of the same name is another question.
        ok(other.post("/v1/artifacts", artifact("req-1", "enf-1", "other", Some(&theirs.token))).await, 202);
        decide(&me, &paired.keys, "req-1", Verdict::Approve).await;
        let repeated = ok(me.submit("req-1", Some(&paired.token)).await, 202);
        assert_eq!(repeated["body"]["state"], "Decided");
        assert_eq!(other.state("req-1").await, "PendingApproval");
        let rows = test.text("SELECT CAST(COUNT(*) AS TEXT) FROM inbox").await;
        assert_eq!(rows, "2");
    }

    the_first_decision_stays(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
        let yes = paired.keys.decision("req-1", &hash_of("req-1"), Verdict::Approve);
        let no = paired.keys.decision("req-1", &hash_of("req-1"), Verdict::Reject);
        let answers = futures::future::join_all([
            me.post("/v1/decisions", yes.clone()), me.post("/v1/decisions", no.clone()), me.post("/v1/decisions", yes.clone()),
        ]).await;
        let stored = ok(me.wait("req-1", 1).await, 200)["body"]["decision"].clone();
        let (winner, loser) = if stored == "approve" { (yes, no) } else { (no, yes) };
        assert!(answers.iter().any(|answer| answer.status.as_u16() == 409), "{answers:?}");
        ok(me.post("/v1/decisions", winner).await, 200);
        assert_eq!(verdict(&me.post("/v1/decisions", loser).await), (409, "AlreadyDecidedConflict"));
        assert_eq!(ok(me.wait("req-1", 1).await, 200)["body"]["decision"], stored);
    }

    what_is_withdrawn_expired_or_unpaired_takes_no_decision(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        for request in ["req-w", "req-x", "req-c"] {
            ok(me.submit(request, Some(&paired.token)).await, 202);
        }
        let withdrawn = ok(me.ask(http::Method::POST, "/v1/exchanges/req-w/withdraw", None).await, 200);
        assert_eq!(withdrawn["body"]["state"], "Withdrawn");
        assert_eq!(verdict(&me.post("/v1/exchanges/req-w/withdraw", json!(null)).await), (409, "already_resolved"));
        ok(me.post("/v1/pairing/revoke", json!({"routingToken": paired.token})).await, 200);
        let again = ok(me.post("/v1/pairing/revoke", json!({"pairingNonce": paired.nonce})).await, 200);
        assert_eq!(again, json!({"status": "revoked", "enforcerId": "enf-1"}));
        assert_eq!(me.state("req-x").await, "Cancelled");
        assert_eq!(verdict(&me.submit("req-n", Some(&paired.token)).await), (403, "pairing_revoked"));
        let status = ok(me.get(&format!("/v1/pairing/{}/status", paired.nonce)).await, 200);
        assert_eq!((&status["state"], status.get("routingToken")), (&json!("Revoked"), None));

        let paired = pair(&me, &me).await;
        ok(me.submit("req-e", Some(&paired.token)).await, 202);
        cp.clock.advance(std::time::Duration::from_secs(601));
        assert_eq!(me.state("req-e").await, "Expired");
        assert!(inbox(&me).await.is_empty());
        for (request, code) in [("req-w", "withdrawn"), ("req-c", "cancelled"), ("req-e", "expired")] {
            assert_eq!(verdict(&me.wait(request, 1).await), (404, code), "{request}");
            let late = paired.keys.decision(request, &hash_of(request), Verdict::Approve);
            assert_eq!(verdict(&me.post("/v1/decisions", late).await), (409, "already_resolved"), "{request}");
        }
        // Written down once, whoever looks: both of these, and the control plane itself every second.
        let (a, b) = tokio::join!(cp.app.approvals().sweep(), cp.app.approvals().sweep());
        assert!(a.unwrap() + b.unwrap() <= 1);
        while count(&test, "exchange.expired").await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(cp.app.approvals().sweep().await.unwrap(), 0);
        assert_eq!(count(&test, "exchange.expired").await, 1);
        assert_eq!(count(&test, "exchange.cancelled").await, 2);
    }
}

async fn count(test: &TestStore, action: &str) -> usize {
    test.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE action = '{action}'"))
        .await
        .parse()
        .unwrap()
}

#[tokio::test]
async fn times_of_published_sdks_are_read_as_they_are_meant() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let now = airlock_core::Host::now(&*cp.clock);
    let at = |seconds: i64| airlock_core::Timestamp::from_millis(now.as_millis() + seconds * 1000);
    let offset = |t: airlock_core::Timestamp| t.to_string().replace('Z', "456+00:00");
    let naive = |t: airlock_core::Timestamp| t.to_string().replace('Z', "");
    for (n, (created, expires, expected)) in [
        // "now", taken just before: unspecified.
        (offset(now), Some(offset(airlock_core::Timestamp::from_millis(now.as_millis() - 1))), Ok(600)),
        (offset(now), None, Ok(600)),
        (offset(now), Some(offset(at(120))), Ok(120)),
        (naive(now), Some(naive(at(120))), Ok(120)),
        (offset(now), Some(offset(at(100_000))), Ok(86_400)),
        (offset(at(-300)), Some(offset(at(-61))), Err((422, "expired"))),
        // Within the skew of a slow clock.
        (offset(at(-300)), Some(offset(at(-30))), Ok(60)),
        ("yesterday".to_owned(), None, Err((400, "bad_request"))),
        (offset(now), Some("soon".to_owned()), Err((400, "bad_request"))),
    ]
    .into_iter()
    .enumerate()
    {
        let mut sent = artifact(&format!("req-{n}"), "enf-1", "h", Some(&paired.token));
        (sent["createdAt"], sent["body"]["expiresAt"]) = (json!(created), json!(expires));
        let answer = me.post("/v1/artifacts", sent).await;
        match expected {
            Ok(seconds) => {
                let until = ok(answer, 202)["body"]["expiresAt"].as_str().unwrap().to_owned();
                let until: airlock_core::Timestamp = until.parse().unwrap();
                let left = until.since(now).as_millis().div_ceil(1000);
                assert_eq!(left, seconds, "{n} {created} {expires:?}");
            }
            Err(refused) => assert_eq!(verdict(&answer), refused, "{n}"),
        }
    }
}

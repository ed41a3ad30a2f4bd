//! Pairing: codes, guesses, answers that prove nothing.

use std::time::Duration;

use airlock_core::Host as _;
use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, TestStore, on_both};

on_both! {
    a_code_has_one_winner_and_a_life(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let begun = me.initiate("enf-1").await;
        let (code, nonce) = (begun["pairingCode"].as_str().unwrap(), begun["pairingNonce"].as_str().unwrap());
        assert!(code.len() == 6 && nonce.len() == 32, "{begun}");
        assert_eq!(begun["deviceId"], "laptop");
        // An initiated session is nothing to claim.
        let claim = json!({"pairingCode": code, "deviceId": "d", "enforcerId": "e", "enforcerLabel": "l", "workspaceName": "w"});
        assert_eq!(verdict(&me.post("/v1/pairing/claim", claim).await), (404, "NotFound"));
        cp.clock.advance(Duration::from_secs(600));
        assert_eq!(verdict(&me.get(&format!("/v1/pairing/resolve/{code}")).await), (410, "expired"));
        let late = json!({"pairingNonce": nonce, "responseJson": Keys::new().answer(nonce, cp.clock.now())});
        assert_eq!(verdict(&me.post("/v1/pairing/complete", late).await), (410, "expired"));
        assert_eq!(ok(me.get(&format!("/v1/pairing/{nonce}/status")).await, 200)["state"], "Expired");

        let begun = me.initiate("enf-1").await;
        let nonce = begun["pairingNonce"].as_str().unwrap();
        let answers: Vec<_> = (0..6)
            .map(|_| json!({"pairingNonce": nonce, "responseJson": Keys::new().answer(nonce, cp.clock.now())}))
            .collect();
        let tried = futures::future::join_all(answers.into_iter().map(|a| me.post("/v1/pairing/complete", a))).await;
        let won = tried.iter().filter(|answer| answer.status.as_u16() == 200).count();
        assert_eq!(won, 1, "{tried:?}");
        assert!(tried.iter().all(|a| matches!(verdict(a), (200, "") | (409, "already_completed"))));
        // Used, it is as good as none.
        let code = begun["pairingCode"].as_str().unwrap();
        assert_eq!(verdict(&me.get(&format!("/v1/pairing/resolve/{code}")).await), (404, "NotFound"));
    }

    five_wrong_answers_end_a_session(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let begun = me.initiate("enf-1").await;
        let nonce = begun["pairingNonce"].as_str().unwrap();
        let keys = Keys::new();
        let good = keys.answer(nonce, cp.clock.now());
        let mut forged: serde_json::Value = serde_json::from_str(&good).unwrap();
        forged["x25519PublicKey"] = json!(ENFORCER_KEY);
        for wrong in [
            forged.to_string(),
            keys.answer("another-session-of-somebody-else", cp.clock.now()),
            good.replace("\"signature\":\"", "\"signature\":\"AA"),
            json!({"signature": 7}).to_string(),
            json!({"signature": "", "publicKey": "", "signerKeyId": "", "pairingNonce": nonce, "timestamp": ""}).to_string(),
        ] {
            let answer = me.post("/v1/pairing/complete", json!({"pairingNonce": nonce, "responseJson": wrong})).await;
            assert_eq!(verdict(&answer), (422, "HARP_ERR_SIGNATURE_INVALID"));
        }
        let now_good = me.post("/v1/pairing/complete", json!({"pairingNonce": nonce, "responseJson": good})).await;
        assert_eq!(verdict(&now_good), (409, "already_completed"));
        assert_eq!(ok(me.get(&format!("/v1/pairing/{nonce}/status")).await, 200)["state"], "Revoked");
        assert_eq!(test.text("SELECT CAST(COUNT(*) AS TEXT) FROM approver_devices").await, "0");
    }
}

#[tokio::test]
async fn who_guesses_codes_is_slowed_by_person_and_by_address() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let victim = me.initiate("enf-1").await;
    let code = victim["pairingCode"].as_str().unwrap();
    for _ in 0..10 {
        assert_eq!(verdict(&me.get("/v1/pairing/resolve/ZZZZZZ").await), (404, "NotFound"));
    }
    let right = format!("/v1/pairing/resolve/{code}");
    assert_eq!(verdict(&me.get(&right).await), (429, "rate_limited"), "the right one is no way around");
    // Another person at the same address.
    let other = Side::new(&cp, &test, "default", "member").await;
    assert_eq!(verdict(&other.get(&right).await), (429, "rate_limited"));
    cp.clock.advance(Duration::from_secs(60));
    assert_eq!(ok(other.get(&right).await, 200)["enforcerId"], "enf-1");
}

#[tokio::test]
async fn the_oldest_sdk_pairs_without_keys_and_decides_without_a_check() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let begun = me.initiate("enf-1").await;
    let nonce = begun["pairingNonce"].as_str().unwrap();
    let done = ok(me.post("/v1/pairing/complete", json!({"pairingNonce": nonce})).await, 200);
    let token = done["routingToken"].as_str().unwrap();
    ok(me.submit("req-1", Some(token)).await, 202);
    decide(&me, &Keys::new(), "req-1", airlock_core::approval::Verdict::Approve).await;
    // From the first key on, only keys count; also after it was taken back.
    let keyed = pair(&me, &me).await;
    ok(me.submit("req-2", Some(token)).await, 202);
    let stranger = Keys::new().decision("req-2", &hash_of("req-2"), airlock_core::approval::Verdict::Approve);
    let refused = me.post("/v1/decisions", stranger.clone()).await;
    assert_eq!(verdict(&refused), (422, "HARP_ERR_SIGNATURE_INVALID"));
    ok(me.delete(&format!("/v1/approvers/me/devices/{}", keyed.keys.id())).await, 200);
    assert_eq!(verdict(&me.post("/v1/decisions", stranger).await), (422, "HARP_ERR_SIGNATURE_INVALID"));
}

#[tokio::test]
async fn a_batch_of_tokens_tells_of_ones_own_only() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let (me, other) =
        (Side::new(&cp, &test, "default", "member").await, Side::new(&cp, &test, "default", "member").await);
    let (mine, over, theirs) = (pair(&me, &me).await, pair(&me, &me).await, pair(&other, &other).await);
    ok(me.post("/v1/pairing/revoke", json!({"routingToken": over.token})).await, 200);
    let asked = json!({"routingTokens": [mine.token, over.token, theirs.token, "rt-abc"]});
    let statuses = ok(me.post("/v1/pairing/status-batch", asked).await, 200)["statuses"].clone();
    assert_eq!(statuses, json!({&mine.token: "Completed", &over.token: "Revoked"}));
    let many = json!({"routingTokens": vec!["rt-x"; 201]});
    assert_eq!(verdict(&me.post("/v1/pairing/status-batch", many).await), (400, "bad_request"));
    let list = ok(me.get("/v1/pairings").await, 200);
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
    assert!(!list.to_string().contains("rt-"));
    assert_eq!(
        verdict(&other.post("/v1/pairing/revoke", json!({"routingToken": mine.token})).await),
        (404, "NotFound")
    );
}

#[tokio::test]
async fn a_person_rejects_and_has_ten_codes_at_most() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let begun = me.initiate("enf-1").await;
    let nonce = begun["pairingNonce"].as_str().unwrap();
    ok(me.post("/v1/pairing/reject", json!({"pairingNonce": nonce})).await, 200);
    ok(me.post("/v1/pairing/reject", json!({"pairingNonce": nonce})).await, 200);
    assert_eq!(ok(me.get(&format!("/v1/pairing/{nonce}/status")).await, 200)["state"], "Revoked");
    for _ in 0..10 {
        me.initiate("enf-1").await;
    }
    let one_more = me.post("/v1/pairing/initiate", json!({"deviceId": "d", "enforcerId": "e"})).await;
    assert_eq!(verdict(&one_more), (429, "quota_exceeded"));
    for odd in [
        json!({"deviceId": "d"}),
        json!({"deviceId": "", "enforcerId": "e"}),
        json!({"deviceId": "d", "enforcerId": "e\n"}),
        json!({"deviceId": "d", "enforcerId": "e", "x25519PublicKey": "AAAA"}),
        json!({"deviceId": "d", "enforcerId": "x".repeat(257)}),
    ] {
        assert_eq!(
            verdict(&me.post("/v1/pairing/initiate", odd.clone()).await),
            (400, "bad_request"),
            "{odd}"
        );
    }
}

on_both! {
    ten_codes_are_ten_also_when_asked_for_at_once(test) {
        let (one, two) = (Cp::on(test.store.clone()).await, Cp::on(test.again().await).await);
        let me = Side::new(&one, &test, "default", "member").await;
        let there = me.at(&two);
        let asked = (0..16).map(|n| {
            let side = if n % 2 == 0 { &me } else { &there };
            side.post("/v1/pairing/initiate", json!({"deviceId": "d", "enforcerId": "e"}))
        });
        let answers = futures::future::join_all(asked).await;
        assert_eq!(answers.iter().filter(|answer| answer.status.as_u16() == 201).count(), 10);
        for refused in answers.iter().filter(|answer| answer.status.as_u16() != 201) {
            assert_eq!(verdict(refused), (429, "quota_exceeded"));
        }
    }
}

#[tokio::test]
async fn what_opens_something_is_in_the_store_as_a_digest_only() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let begun = me.initiate("enf-2").await;
    ok(me.submit("req-1", Some(&paired.token)).await, 202);
    let files = test.files();
    let holds = |text: &str| files.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&paired.nonce), "the search finds what is there");
    assert!(!holds(&paired.token));
    assert!(!holds(begun["pairingCode"].as_str().unwrap()));
}

//! Standing decisions and presence.

use std::time::Duration;

use airlock_core::approval::dnd::{self, DndPolicy, believe};
use airlock_core::approval::{KnownSigner, KnownSigners};
use airlock_core::{Host as _, Timestamp};
use serde_json::{Map, Value, json};

use super::harness::*;
use crate::harness::{Cp, TestStore, on_both};

fn policy(id: &str, until: Timestamp) -> Map<String, Value> {
    let all = json!({
        "requestId": id, "objectType": "airlock.dnd.workspace", "workspaceId": "my shop", "enforcerId": "enf-1",
        "policyMode": "approve_all", "expiresAt": until.to_string(), "nonce": format!("n-{id}"), "vendor": {"kept": true},
    });
    all.as_object().unwrap().clone()
}

fn signed(keys: &Keys, mut all: Map<String, Value>) -> Value {
    all.insert("signerKeyId".into(), json!(keys.id()));
    dnd::sign(&keys.signing, &mut all).unwrap();
    Value::Object(all)
}

const EFFECTIVE: &str = "/v1/policy/dnd/effective?enforcerId=enf-1&workspaceId=my+shop&sessionId=s1";

on_both! {
    what_an_approver_signed_reaches_their_enforcer_and_nobody_elses(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = Side::new(&cp, &test, "default", "member").await;
        let bob = Side::new(&cp, &test, "default", "approver").await;
        let eve = Side::new(&cp, &test, "default", "member").await;
        // Ada's enforcer, Bob's decision.
        let paired = pair(&ada, &bob).await;
        let until = cp.clock.now().after(Duration::from_secs(3_600));
        let sent = signed(&paired.keys, policy("p-1", until));
        let taken = ok(bob.post("/v1/policy/dnd", sent.clone()).await, 201);
        assert_eq!(taken, json!({"status": "accepted", "requestId": "p-1"}));
        ok(bob.post("/v1/policy/dnd", sent.clone()).await, 201);
        let found = ok(ada.get(EFFECTIVE).await, 200);
        assert_eq!((&found["msgType"], &found["body"]), (&json!("dnd.policy.effective"), &json!([sent])));
        // The enforcer believes it by the pairing's key.
        let signer = KnownSigner { key_id: paired.keys.id(), public_key: paired.keys.signing.public() };
        let signers: KnownSigners = [signer].into_iter().collect();
        let read = found["body"][0].as_object().unwrap();
        assert!(believe(read, &signers, cp.clock.now()).is_some());
        for nobody in [
            "/v1/policy/dnd/effective?enforcerId=enf-2&workspaceId=my+shop",
            "/v1/policy/dnd/effective?enforcerId=enf-1&workspaceId=shop",
        ] {
            assert_eq!(ok(ada.get(nobody).await, 200)["body"], json!([]), "{nobody}");
        }
        assert_eq!(ok(eve.get(EFFECTIVE).await, 200)["body"], json!([]));
        assert_eq!(ok(bob.get("/v1/policy/dnd").await, 200)["items"], json!([sent]));
        assert_eq!(ok(ada.get("/v1/policy/dnd").await, 200)["items"], json!([]));
        // Taken back, it stays so although it is sent once more.
        assert_eq!(verdict(&ada.delete("/v1/policy/dnd/p-1").await), (404, "NotFound"));
        assert_eq!(bob.delete("/v1/policy/dnd/p-1").await.status.as_u16(), 204);
        ok(bob.post("/v1/policy/dnd", sent).await, 201);
        assert_eq!(ok(ada.get(EFFECTIVE).await, 200)["body"], json!([]));
        // With the pairing, or the device that signed, it ends as well.
        for id in ["p-2", "p-3"] {
            ok(bob.post("/v1/policy/dnd", signed(&paired.keys, policy(id, until))).await, 201);
        }
        assert_eq!(ok(ada.get(EFFECTIVE).await, 200)["body"].as_array().unwrap().len(), 2);
        ok(bob.delete(&format!("/v1/approvers/me/devices/{}", paired.keys.id())).await, 200);
        assert_eq!(ok(ada.get(EFFECTIVE).await, 200)["body"], json!([]));
    }
}

#[tokio::test]
async fn what_cannot_stand_is_refused_before_any_enforcer_reads_it() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let until = cp.clock.now().after(Duration::from_secs(3_600));
    let with = |name: &str, value: Value| {
        let mut all = policy("p-1", until);
        all.insert(name.to_owned(), value);
        signed(&paired.keys, all)
    };
    let bad = (400, "bad_request");
    let forged = (422, "HARP_ERR_SIGNATURE_INVALID");
    let mut tampered = signed(&paired.keys, policy("p-1", until));
    tampered["workspaceId"] = json!("another");
    let mut unsigned = policy("p-1", until);
    unsigned.remove("signature");
    let mut kind = policy("p-1", until);
    kind.insert("vendor".into(), json!({"kept": false}));
    kind.insert("signature".into(), signed(&paired.keys, policy("p-1", until))["signature"].clone());
    kind.insert("signerKeyId".into(), json!(paired.keys.id()));
    for (what, sent, expected) in [
        ("no enforcer", with("enforcerId", json!("")), bad),
        ("no workspace", with("workspaceId", Value::Null), bad),
        ("a mode that is none", with("policyMode", json!("ask_all")), bad),
        ("a type that is none", with("objectType", json!("airlock.dnd.world")), bad),
        (
            "for ever",
            with("expiresAt", json!(cp.clock.now().after(Duration::from_secs(90_000)).to_string())),
            bad,
        ),
        ("over", with("expiresAt", json!("2020-01-01T00:00:00Z")), bad),
        ("an action without a selector", with("objectType", json!("airlock.dnd.action")), bad),
        ("a selector's wrong hash", with("selectorHash", json!("00")), bad),
        ("tampered", tampered, forged),
        ("a member more", Value::Object(kind), forged),
        ("unsigned", Value::Object(unsigned), forged),
        ("a stranger's", signed(&Keys::new(), policy("p-1", until)), forged),
    ] {
        assert_eq!(verdict(&me.post("/v1/policy/dnd", sent).await), expected, "{what}");
    }
    for query in ["", "?enforcerId=enf-1", "?workspaceId=w", "?enforcerId=&workspaceId=w"] {
        assert_eq!(verdict(&me.get(&format!("/v1/policy/dnd/effective{query}")).await), bad, "{query}");
    }
    assert_eq!(ok(me.get(EFFECTIVE).await, 200)["body"], json!([]));
    ok(me.post("/v1/policy/dnd", signed(&paired.keys, policy("p-1", until))).await, 201);
    let other = signed(&paired.keys, policy("p-1", until.after(Duration::from_secs(1))));
    assert_eq!(verdict(&me.post("/v1/policy/dnd", other).await), (409, "conflict"));
    let found = ok(me.get(EFFECTIVE).await, 200);
    let _: DndPolicy = serde_json::from_value(found["body"][0].clone()).unwrap();
    cp.clock.advance(Duration::from_secs(3_600));
    assert_eq!(ok(me.get(EFFECTIVE).await, 200)["body"], json!([]));
}

#[tokio::test]
async fn presence_is_told_to_those_it_concerns() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let (ada, bob, eve) = (
        Side::new(&cp, &test, "default", "member").await,
        Side::new(&cp, &test, "default", "member").await,
        Side::new(&cp, &test, "default", "member").await,
    );
    pair(&ada, &bob).await;
    let beat = json!({"enforcerId": "enf-1", "workspaceName": "shop", "enforcerLabel": "Build agent"});
    assert_eq!(ok(ada.post("/v1/presence/heartbeat", beat).await, 200), json!({"status": "ok"}));
    // What is absent keeps its value.
    ok(ada.post("/v1/presence/heartbeat", json!({"enforcerId": "enf-1", "workspaceName": null})).await, 200);
    for side in [&ada, &bob] {
        let all = ok(side.get("/v1/presence/enforcers").await, 200);
        let one = ok(side.get("/v1/presence/enforcers/enf-1").await, 200);
        assert_eq!(all, json!([one]));
        assert_eq!(
            (&one["status"], &one["transport"], &one["workspaceName"]),
            (&json!("online"), &json!("poll"), &json!("shop"))
        );
    }
    assert_eq!(ok(eve.get("/v1/presence/enforcers").await, 200), json!([]));
    assert_eq!(verdict(&eve.get("/v1/presence/enforcers/enf-1").await), (404, "NotFound"));
    cp.clock.advance(Duration::from_secs(89));
    assert_eq!(ok(bob.get("/v1/presence/enforcers/enf-1").await, 200)["status"], "online");
    cp.clock.advance(Duration::from_secs(1));
    assert_eq!(ok(bob.get("/v1/presence/enforcers/enf-1").await, 200)["status"], "offline");
    assert_eq!(
        verdict(&ada.post("/v1/presence/heartbeat", json!({"enforcerId": ""})).await),
        (400, "bad_request")
    );
}

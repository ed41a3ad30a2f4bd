//! An approver's devices: registered, lost, replaced.

use airlock_core::approval::Verdict;
use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, TestStore};

#[tokio::test]
async fn a_lost_device_decides_nothing_and_its_pairings_end() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let (lost, kept) = (pair(&me, &me).await, pair(&me, &me).await);
    ok(me.submit("req-lost", Some(&lost.token)).await, 202);
    ok(me.submit("req-kept", Some(&kept.token)).await, 202);
    let done = ok(me.delete(&format!("/v1/approvers/me/devices/{}", lost.keys.id())).await, 200);
    assert_eq!(done["pairingsRevoked"], 1);
    assert_eq!(
        (me.state("req-lost").await.as_str(), me.state("req-kept").await.as_str()),
        ("Cancelled", "PendingApproval")
    );
    assert_eq!(verdict(&me.submit("req-2", Some(&lost.token)).await), (403, "pairing_revoked"));
    let by_lost = lost.keys.decision("req-kept", &hash_of("req-kept"), Verdict::Approve);
    assert_eq!(verdict(&me.post("/v1/decisions", by_lost).await), (422, "HARP_ERR_SIGNATURE_INVALID"));
    // It does not come back, neither by itself nor with a pairing.
    let back = json!({"deviceId": "phone", "signerKeyId": lost.keys.id(), "publicKey": lost.keys.signing.public().to_base64url()});
    assert_eq!(verdict(&me.post("/v1/approvers/me/devices", back).await), (409, "conflict"));
    let begun = me.initiate("enf-1").await;
    let nonce = begun["pairingNonce"].as_str().unwrap();
    let answer = lost.keys.answer(nonce, airlock_core::Host::now(&*cp.clock));
    let paired =
        me.post("/v1/pairing/complete", json!({"pairingNonce": nonce, "responseJson": answer})).await;
    assert_eq!(verdict(&paired), (422, "HARP_ERR_SIGNATURE_INVALID"));
    // Nor does a key that the enforcer was not paired with: it would believe none of it.
    let other = Keys::new();
    let device = json!({"deviceId": "laptop", "signerKeyId": other.id(), "publicKey": other.signing.public().to_base64url()});
    ok(me.post("/v1/approvers/me/devices", device).await, 200);
    let by_other = other.decision("req-kept", &hash_of("req-kept"), Verdict::Approve);
    assert_eq!(verdict(&me.post("/v1/decisions", by_other).await), (422, "HARP_ERR_SIGNATURE_INVALID"));
    decide(&me, &kept.keys, "req-kept", Verdict::Approve).await;
    let devices = ok(me.get("/v1/approvers/me/devices").await, 200);
    let items = devices["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    let of = |keys: &Keys| items.iter().find(|d| d["signerKeyId"] == keys.id()).unwrap();
    assert!(of(&lost.keys)["revokedAt"].is_string() && of(&kept.keys).get("revokedAt").is_none());
    assert_eq!(of(&kept.keys)["fingerprint"], kept.keys.signing.public().human_fingerprint());
    assert_eq!(verdict(&me.delete("/v1/approvers/me/devices/key-none").await), (404, "NotFound"));
}

#[tokio::test]
async fn a_device_registers_itself_and_takes_no_other_ones_name() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let keys = Keys::new();
    let device = |key: &Keys, name: &str| json!({"deviceId": "phone", "signerKeyId": name, "publicKey": key.signing.public().to_base64url(), "label": "My phone"});
    let registered = ok(me.post("/v1/approvers/me/devices", device(&keys, &keys.id())).await, 200);
    assert_eq!(registered["fingerprint"], keys.signing.public().human_fingerprint());
    ok(me.post("/v1/approvers/me/devices", device(&keys, &keys.id())).await, 200);
    let taken = me.post("/v1/approvers/me/devices", device(&Keys::new(), &keys.id())).await;
    assert_eq!(verdict(&taken), (409, "conflict"));
    for odd in [
        json!({"deviceId": "phone", "signerKeyId": "k", "publicKey": "AAAA"}),
        json!({"deviceId": "", "signerKeyId": "k", "publicKey": keys.signing.public().to_base64url()}),
        json!({"deviceId": "phone", "signerKeyId": "k\u{7}", "publicKey": keys.signing.public().to_base64url()}),
    ] {
        assert_eq!(verdict(&me.post("/v1/approvers/me/devices", odd).await), (400, "bad_request"));
    }
    // What is routed to nobody in particular comes to the person themselves.
    ok(me.submit("req-1", None).await, 202);
    assert_eq!(inbox(&me).await, ["req-1"]);
    decide(&me, &keys, "req-1", Verdict::Reject).await;
}

//! What is refused, and with which word; and that nothing was done.

use airlock_core::approval::{DecisionNonce, Verdict};
use http::Method;
use serde_json::{Value, json};

use super::harness::*;
use crate::harness::{Cp, TestStore};

#[tokio::test]
async fn malformed_questions_are_refused_by_the_name_of_what_is_wrong() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    let good = || artifact("req-1", "enf-1", "h", Some(&paired.token));
    let with = |at: &str, value: Value| {
        let mut sent = good();
        *sent.pointer_mut(at).unwrap() = value;
        sent
    };
    for (sent, named) in [
        (with("/msgType", json!("decision.submit")), "msgType"),
        (with("/requestId", json!("")), "requestId"),
        (with("/requestId", json!("a/b")), "requestId"),
        (with("/requestId", json!("..")), "requestId"),
        (with("/requestId", json!("x".repeat(129))), "requestId"),
        (with("/requestId", json!("req-\u{e9}")), "requestId"),
        (with("/sender/enforcerId", json!("")), "enforcerId"),
        (with("/sender", json!({})), "enforcerId"),
        (with("/body/artifactHash", json!("")), "artifactHash"),
        (with("/body/artifactHash", json!("x".repeat(257))), "artifactHash"),
        (with("/body/artifactHash", Value::Null), "artifactHash"),
        (with("/body/artifactType", json!("")), "artifactType"),
        (with("/body/ciphertext", json!("text")), ""),
        (with("/body/ciphertext", json!({"alg": "a"})), "data"),
        (with("/body/metadata", json!({"k": 7})), ""),
        (with("/body/metadata", json!({"k".repeat(129): "v"})), "metadata"),
        (with("/body", json!([])), ""),
    ] {
        let answer = me.post("/v1/artifacts", sent).await;
        assert_eq!(verdict(&answer), (400, "bad_request"), "{named}");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(named), "{message} does not name {named}");
    }
    let mut huge = good();
    huge["body"]["ciphertext"]["data"] = json!("A".repeat(2 * 1024 * 1024));
    assert_eq!(verdict(&me.post("/v1/artifacts", huge).await), (413, "payload_too_large"));
    let mut large = good();
    large["body"]["ciphertext"]["data"] = json!("A".repeat(1024 * 1024));
    ok(me.post("/v1/artifacts", large).await, 202);
    // Where nobody can be asked.
    for token in ["rt-abc", "", "' OR 1=1 --", &"x".repeat(4_000)] {
        let lonely = Side::new(&cp, &test, "default", "member").await;
        let answer = lonely.submit("req-1", Some(token)).await;
        assert_eq!(verdict(&answer), (422, "no_approver"), "{token}");
        assert_eq!(answer.body["message"], "No approver available.");
    }
    let rows = test.text("SELECT CAST(COUNT(*) AS TEXT) FROM exchanges").await;
    assert_eq!(rows, "1");
}

#[tokio::test]
async fn decisions_that_are_not_the_approvers_own_are_refused() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let other = Side::new(&cp, &test, "default", "approver").await;
    let (paired, theirs) = (pair(&me, &me).await, pair(&other, &other).await);
    for request in ["req-1", "req-2"] {
        ok(me.submit(request, Some(&paired.token)).await, 202);
    }
    let keys = &paired.keys;
    let good = keys.decision("req-1", &hash_of("req-1"), Verdict::Approve);
    let with = |at: &str, value: Value| {
        let mut sent = good.clone();
        *sent.pointer_mut(at).unwrap() = value;
        sent
    };
    let signature = good["body"]["signature"].as_str().unwrap().to_owned();
    let flipped = |n: usize| {
        let mut bytes = signature.clone().into_bytes();
        bytes[n] = if bytes[n] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let bad = (400, "bad_request");
    let forged = (422, "HARP_ERR_SIGNATURE_INVALID");
    let mut cases = vec![
        ("another verdict", with("/body/decision", json!("reject")), forged),
        ("upper case", with("/body/decision", json!("Approve")), bad),
        ("another word", with("/body/decision", json!("allow")), bad),
        ("no verdict", with("/body/decision", Value::Null), bad),
        ("another nonce", with("/body/nonce", json!("another")), forged),
        ("a nonce with |", with("/body/nonce", json!("a|b")), bad),
        ("no nonce", with("/body/nonce", Value::Null), bad),
        ("no signature", with("/body/signature", Value::Null), bad),
        ("a short signature", with("/body/signature", json!("AAAA")), forged),
        ("not base64", with("/body/signature", json!("!!!!")), forged),
        ("no signer", with("/body/signerKeyId", Value::Null), bad),
        ("an unknown signer", with("/body/signerKeyId", json!("key-0000000000000000")), forged),
        ("another's signer", with("/body/signerKeyId", json!(theirs.keys.id())), forged),
        ("another hash", with("/body/artifactHash", json!("h")), (422, "HARP_ERR_HASH_MISMATCH")),
        ("another request", with("/requestId", json!("req-2")), (422, "HARP_ERR_HASH_MISMATCH")),
        ("no such request", with("/requestId", json!("req-9")), (404, "NotFound")),
        ("a request that can be none", with("/requestId", json!("..")), bad),
        ("another approver", with("/sender/approverId", json!(theirs.approver_id)), (403, "access_denied")),
        ("no approver", with("/sender", json!({})), bad),
        ("another kind", with("/msgType", json!("artifact.submit")), bad),
        ("a long reason", with("/body/reason", json!("x".repeat(5_000))), bad),
        ("signed by a stranger", Keys::new().decision("req-1", &hash_of("req-1"), Verdict::Approve), forged),
        (
            "signed by another approver",
            theirs.keys.decision("req-1", &hash_of("req-1"), Verdict::Approve),
            forged,
        ),
    ];
    for n in [0, 20, 40, 60, 80] {
        cases.push(("a flipped signature", with("/body/signature", json!(flipped(n))), forged));
    }
    for (what, sent, expected) in cases {
        let answer = me.post("/v1/decisions", sent).await;
        assert_eq!(verdict(&answer), expected, "{what}");
        assert_eq!(me.state("req-1").await, "PendingApproval", "{what}");
    }
    assert_eq!(verdict(&other.post("/v1/decisions", good.clone()).await), (404, "NotFound"));
    ok(me.post("/v1/decisions", good.clone()).await, 200);
    ok(me.post("/v1/decisions", good).await, 200);
    // An old yes for an equal payload: the nonce was used.
    let nonce: DecisionNonce = "nonce-0001".parse().unwrap();
    let hash = "an equal payload".parse().unwrap();
    for request in ["same-1", "same-2"] {
        ok(
            me.post("/v1/artifacts", artifact(request, "enf-1", "an equal payload", Some(&paired.token)))
                .await,
            202,
        );
    }
    ok(me.post("/v1/decisions", keys.decision_with("same-1", &hash, Verdict::Approve, &nonce)).await, 200);
    for prefix in [true, false] {
        let mut again = keys.decision_with("same-2", &hash, Verdict::Approve, &nonce);
        if !prefix {
            let bare = keys.id().strip_prefix("key-").unwrap().to_owned();
            again["body"]["signerKeyId"] = json!(bare);
        }
        assert_eq!(verdict(&me.post("/v1/decisions", again).await), (422, "HARP_ERR_REPLAY"), "{prefix}");
    }
    let refused = test
        .text("SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE action = 'exchange.decision_refused'")
        .await;
    assert!(refused.parse::<usize>().unwrap() >= 15, "{refused}");
}

#[tokio::test]
async fn roles_that_ask_and_decide_nothing_are_told_so() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    for role in ["auditor", "billing"] {
        let side = match role {
            // Neither makes tokens, so one of better days is shown.
            "auditor" | "billing" => {
                let side = Side::new(&cp, &test, "default", "member").await;
                test.raw(&format!(
                    "UPDATE memberships SET role = '{role}' WHERE user_id = '{}'",
                    side.person.id
                ))
                .await;
                side
            }
            _ => unreachable!(),
        };
        for (method, path) in [
            (Method::POST, "/v1/artifacts"),
            (Method::GET, "/v1/exchanges/req-1"),
            (Method::GET, "/v1/approvers/me/inbox"),
            (Method::POST, "/v1/pairing/initiate"),
            (Method::GET, "/v1/presence/enforcers"),
        ] {
            let answer = side.ask(method, path, Some(json!({}))).await;
            let (status, code) = verdict(&answer);
            assert!(
                matches!((status, code), (403, "access_denied") | (401, "invalid_pat")),
                "{role} {path}: {status} {code}"
            );
        }
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_told() {
    let cp = Cp::fresh().await;
    for operation in cp.app.api().operations() {
        let is_ours = operation.path.starts_with("/v1/") && operation.person;
        if !is_ours {
            continue;
        }
        let path = operation.path.replace(['{', '}'], "x");
        let answer = cp.bare(operation.method.clone(), &path, Some(json!({})), &[]).await;
        assert_eq!(verdict(&answer), (401, "unauthorized"), "{} {path}", operation.method);
    }
}

//! Messages as the published SDKs send them decode, and ours have the members that their models insist on.

use airlock_proto::gateway::{
    AckSubmitBody, ArtifactSubmitEnvelope, DecisionBody, DecisionDeliverEnvelope, ExchangeStatusResponse,
    HarpEnvelope, PairingClaimRequest, PairingCompleteRequest, PairingInitiateRequest, PairingRevokeRequest,
    PresenceHeartbeatRequest, RecipientInfo, SenderInfo, msg_type, parse_time,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[track_caller]
fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

// Recorded from 0.3.5, ids shortened.
const PYTHON: &str = r#"{"msgId":"msg-0123456789abcdef0123456789abcdef","msgType":"artifact.submit","requestId":"req-0123456789abcdef0123456789abcdef","createdAt":"2026-11-22T01:57:18.932977+00:00","sender":{"enforcerId":"e"},"body":{"artifactType":"command-approval","artifactHash":"h","ciphertext":{"alg":"a","data":"d","nonce":null,"tag":null,"aad":null},"expiresAt":"2026-11-22T01:57:18.932956+00:00","metadata":null}}"#;

#[test]
fn the_recorded_python_artifact_decodes_and_expires_before_it_was_made() {
    let artifact: ArtifactSubmitEnvelope = read(PYTHON);
    assert_eq!(artifact.msg_type, msg_type::ARTIFACT_SUBMIT);
    assert_eq!(artifact.sender, Some(SenderInfo::enforcer("e")));
    let body = &artifact.body;
    assert_eq!((body.ciphertext.nonce.as_deref(), body.metadata.as_ref()), (None, None));
    assert!(body.ciphertext.other.is_empty());
    let (made, ends) = (artifact.created_at.as_deref().unwrap(), body.expires_at.as_deref().unwrap());
    assert!(ends < made, "the published default");
    assert_eq!(parse_time(made), parse_time("2026-11-22T01:57:18.932Z"));
    // Out again without a null.
    assert!(!serde_json::to_string(&artifact).unwrap().contains("null"));
}

#[test]
fn what_the_other_languages_send_decodes() {
    // Rust leaves out what is unset in the ciphertext and sends null metadata; Go leaves out both; .NET has its own words.
    for (ciphertext, more) in [
        (json!({"alg": "AES-256-GCM", "data": "AA=="}), json!({"metadata": null})),
        (json!({"alg": "none", "data": ""}), json!({})),
        (
            json!({"alg": "aes-256-gcm", "data": "AA==", "keyId": "k", "parts": [1]}),
            json!({"metadata": {"routingToken": "rt-x"}}),
        ),
    ] {
        let mut body =
            json!({"artifactType": "plan.review", "artifactHash": "sha256:00", "ciphertext": ciphertext});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let all = json!({"msgType": "artifact.submit", "requestId": "req-1", "createdAt": "2026-11-22T01:57:18",
            "sender": {"enforcerId": "e", "deviceName": "x"}, "trace": {"id": 1}, "body": body});
        let artifact: ArtifactSubmitEnvelope = read(&all.to_string());
        assert_eq!(artifact.msg_id, None);
        let other = &artifact.body.ciphertext.other;
        assert_eq!(
            other.contains_key("keyId"),
            other.contains_key("parts"),
            "unknown members are kept together"
        );
        assert_eq!(serde_json::to_value(&artifact.body.ciphertext).unwrap(), ciphertext);
    }
}

#[test]
fn the_other_recorded_bodies_decode() {
    assert_eq!(read::<PresenceHeartbeatRequest>(r#"{"enforcerId":"e"}"#).enforcer_id, "e");
    let initiate: PairingInitiateRequest = read(r#"{"deviceId":"d","enforcerId":"e"}"#);
    assert_eq!((initiate.device_id.as_str(), initiate.x25519_public_key), ("d", None));
    let draft: PairingInitiateRequest =
        read(r#"{"deviceId":"d","enforcerId":"e","publicKey":"k","gatewayUrl":null}"#);
    assert_eq!(draft.x25519_public_key.as_deref(), Some("k"));
    let ours: PairingInitiateRequest = read(r#"{"deviceId":"d","enforcerId":"e","x25519PublicKey":"k"}"#);
    assert_eq!(ours.x25519_public_key.as_deref(), Some("k"));
    assert_eq!(read::<PairingRevokeRequest>(r#"{"routingToken":"rt"}"#).routing_token, "rt");
    let claim: PairingClaimRequest = read(
        r#"{"pairingCode":"A3K9X2","deviceId":"d","enforcerId":"e","enforcerLabel":"l","workspaceName":"w"}"#,
    );
    assert_eq!(claim.pairing_code, "A3K9X2");
    // The oldest SDK completes without an answer; the draft calls the nonce something else.
    assert_eq!(read::<PairingCompleteRequest>(r#"{"pairingNonce":"n"}"#).response_json, None);
    assert_eq!(read::<PairingCompleteRequest>(r#"{"nonce":"n","responseJson":"{}"}"#).pairing_nonce, "n");
    // An acknowledgement of 0.4: an empty sender, the message's own id as the request's.
    let ack: HarpEnvelope<AckSubmitBody> = read(
        r#"{"msgId":"ack-1","msgType":"ack.submit","requestId":"msg-1","createdAt":"2026-11-22T01:57:18+00:00","sender":{},"body":{"msgId":"msg-1","status":"delivered","ackAt":"2026-11-22T01:57:18+00:00"}}"#,
    );
    assert_eq!(ack.body.msg_id, "msg-1");
}

#[test]
fn a_decision_is_relayed_as_it_was_said_and_without_nulls() {
    let said = json!({"artifactHash": "h", "decision": "approve", "reason": "fine \u{202e}", "signerKeyId": "key-1",
        "nonce": "n", "signature": "s", "decisionHash": null});
    let body: DecisionBody = serde_json::from_value(said).unwrap();
    assert!(body.is_approved() && !body.is_rejected());
    let deliver = DecisionDeliverEnvelope {
        expires_at: Some("2026-01-01T00:10:00.000Z".into()),
        recipient: Some(RecipientInfo { enforcer_id: Some("e".into()), approver_id: None }),
        ..HarpEnvelope::of_gateway(
            msg_type::DECISION_DELIVER,
            "req-1",
            "2026-01-01T00:00:00.000Z".into(),
            body,
        )
        .named("msg-1")
    };
    let out = serde_json::to_value(&deliver).unwrap();
    assert_eq!(
        out,
        json!({"msgId": "msg-1", "msgType": "decision.deliver", "requestId": "req-1",
            "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2026-01-01T00:10:00.000Z",
            "sender": {"gatewayId": "airlock"}, "recipient": {"enforcerId": "e"},
            "body": {"artifactHash": "h", "decision": "approve", "reason": "fine \u{202e}", "signerKeyId": "key-1",
                "nonce": "n", "signature": "s"}})
    );
}

#[test]
fn answers_of_other_gateways_with_nulls_are_read() {
    let status: ExchangeStatusResponse = read(
        r#"{"msgType":"exchange.status","requestId":"r","body":{"requestId":"r","state":"PendingApproval","createdAt":null,"expiresAt":null,"artifactHash":null,"decision":null,"new":1}}"#,
    );
    assert_eq!(status.body.unwrap().state, "PendingApproval");
    assert_eq!(
        read::<ExchangeStatusResponse>(r#"{"msgType":"exchange.status","requestId":"r","body":null}"#).body,
        None
    );
}

#[test]
fn what_lacks_a_member_is_named() {
    let without = |path: &[&str]| {
        let mut all: Value = read(PYTHON);
        let (last, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(&mut all, |value, name| &mut value[*name]);
        parent.as_object_mut().unwrap().remove(*last);
        serde_json::from_value::<ArtifactSubmitEnvelope>(all).unwrap_err().to_string()
    };
    for path in
        [&["msgType"][..], &["requestId"], &["body"], &["body", "artifactHash"], &["body", "ciphertext"]]
    {
        let error = without(path);
        assert!(error.contains(path.last().unwrap()), "{error}");
    }
}

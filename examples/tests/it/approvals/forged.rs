//! What nobody in between can make: decisions, pairings and requests that were tampered with, replayed, substituted or forged are refused by
//! the control plane, and where it is the one who lies, by the SDK.
//!
//! `AIRLOCK_SOAK_FORGERIES` sets how many (`make soak`), `AIRLOCK_FORGERY_SEED` repeats the same choices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use airlock_client::ClientError;
use airlock_client::approver::{ApproverKeys, Choice, HashCheck};
use airlock_core::approval::{ApprovalGate, DecisionNonce, GateError, RequestId, Verdict, sign_decision};
use airlock_core::crypto::{PrivateKey, b64url, decode_any};
use airlock_core::runtime::SystemHost;
use serde_json::{Value, json};

use super::rig::{LONG, Pair, Rig, ask};
use super::times;
use crate::kill::chance::Chance;
use crate::needs;

const FORGERIES: usize = 300;

fn chance() -> Chance {
    let seed = needs::optional("AIRLOCK_FORGERY_SEED").and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let random = DecisionNonce::random(&SystemHost::new());
        random.as_str().bytes().fold(0_u64, |seed, byte| seed.rotate_left(7) ^ u64::from(byte))
    });
    println!("AIRLOCK_FORGERY_SEED={seed}");
    Chance::new(seed)
}

/// One bit of a text that is base64, wherever it stands.
fn flip(text: &mut Value, chance: &mut Chance) {
    let mut bytes = decode_any(text.as_str().unwrap()).unwrap();
    let at = chance.below(bytes.len() * 8);
    bytes[at / 8] ^= 1 << (at % 8);
    *text = b64url(&bytes).into();
}

/// A true no of the person's, a request it is about, and material to forge a yes from.
struct Material {
    /// The person's signed no, as it is sent.
    no: Value,
    /// A yes of the same person's about something else, which was accepted.
    old_yes: Value,
    eve: PrivateKey,
}

const KINDS: usize = 12;

/// A forged yes (or a forgery of anything) about the request of `no`: the body of a decision.
fn forged(material: &Material, kind: usize, chance: &mut Chance) -> Value {
    let host = SystemHost::new();
    let mut body = material.no["body"].clone();
    let (no, old) = (&material.no["body"], &material.old_yes["body"]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match kind {
        // The person's own signature, put to another use.
        0 => body["decision"] = json!("approve"),
        1 => flip(&mut body["signature"], chance),
        2 => body["nonce"] = json!(DecisionNonce::random(&host).as_str()),
        3 => body = old.clone(),
        4 => {
            body = old.clone();
            body["artifactHash"] = no["artifactHash"].clone();
        }
        5 => {
            body["decision"] = json!("approve");
            body["signature"] = old["signature"].clone();
            body["nonce"] = old["nonce"].clone();
        }
        // Somebody else's signature, under the person's name and under its own.
        6 | 7 => {
            let (hash, nonce) = (text(&no["artifactHash"]).parse().unwrap(), DecisionNonce::random(&host));
            let name = if kind == 6 { text(&no["signerKeyId"]) } else { "key-of-eve".to_owned() };
            let decision = sign_decision(&material.eve, &name, &hash, Verdict::Approve, &nonce, None);
            body = serde_json::to_value(decision).unwrap();
        }
        // Signatures that are none.
        8 => {
            body["decision"] = json!("approve");
            body["signature"] = json!(b64url(&[0; 64]));
        }
        9 => {
            body["decision"] = json!("approve");
            let cut = chance.below(64);
            body["signature"] = json!(b64url(&decode_any(&text(&no["signature"])).unwrap()[..cut]));
        }
        // The announcement of another form does not make one hold.
        10 => {
            body["decision"] = json!("approve");
            body["decisionHash"] = no["artifactHash"].clone();
        }
        // The fields shifted, so that the same text would be signed.
        _ => {
            body["decision"] = json!("approve");
            body["nonce"] = json!(format!("x|reject|{}", text(&no["nonce"])));
        }
    }
    body
}

impl Material {
    /// The no is signed and not sent; the old yes was believed.
    async fn gather(pair: &Pair, request: &RequestId) -> Self {
        let host = SystemHost::new();
        let other = pair.gate.submit(ask("something else")).await.unwrap();
        let envelope = |request: &RequestId, decision: &airlock_core::approval::Decision| {
            json!({"msgId": "msg-1", "msgType": "decision.submit", "requestId": request.as_str(),
                "createdAt": "2026-01-01T00:00:00Z", "sender": {"approverId": "me"}, "body": decision})
        };
        let sign = async |request: &RequestId, verdict: Verdict| {
            let waiting = pair.waiting(request).await.unwrap();
            let opened = pair.approver.open(&waiting).unwrap();
            let choice = match verdict {
                Verdict::Approve => Choice::Approve(opened.verified().unwrap()),
                Verdict::Reject => Choice::Reject(&waiting),
            };
            pair.approver.with_keys(|keys: &ApproverKeys| keys.sign(choice, Some("no"), &host))
        };
        let yes = sign(&other, Verdict::Approve).await;
        pair.approver.send(&yes).await.unwrap();
        assert!(pair.gate.wait(&other, LONG).await.unwrap().unwrap().is_approved());
        let no = sign(request, Verdict::Reject).await;
        Self {
            no: envelope(request, no.decision()),
            old_yes: envelope(&other, yes.decision()),
            eve: PrivateKey::generate(&host),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_control_plane_refuses_decisions_that_the_approver_did_not_sign() {
    let (rig, mut chance) = (Rig::start().await, chance());
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("rm -rf /")).await.unwrap();
    let material = Material::gather(&pair, &request).await;
    let mut words = BTreeSet::new();
    for n in 0..times("AIRLOCK_SOAK_FORGERIES", FORGERIES) / 3 {
        let mut envelope = material.no.clone();
        envelope["body"] = forged(&material, n % KINDS, &mut chance);
        let (status, told) = rig.post("/v1/decisions", &envelope).await;
        assert!(matches!(status, 400 | 422), "kind {}: {status} {told}", n % KINDS);
        words.insert(told["error"].as_str().unwrap().to_owned());
        assert_eq!(told["error"], told["body"]["code"]);
    }
    let expected = ["HARP_ERR_HASH_MISMATCH", "HARP_ERR_SIGNATURE_INVALID", "bad_request"];
    assert!(words.iter().eq(expected), "{words:?}");

    // A nonce that was used, now truly signed again for this request by the same key: only a signer that does so can make it.
    let seed = pair.approver.with_keys(|keys| keys.to_secret_bytes());
    let seed: Value = serde_json::from_slice(&seed).unwrap();
    let seed = decode_any(seed["signingSeed"].as_str().unwrap()).unwrap();
    let signing = PrivateKey::from_seed(seed.as_slice().try_into().unwrap());
    let old = &material.old_yes["body"];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hash = text(&material.no["body"]["artifactHash"]).parse().unwrap();
    let (name, nonce) = (text(&old["signerKeyId"]), text(&old["nonce"]).parse().unwrap());
    let mut again = material.no.clone();
    again["body"] =
        serde_json::to_value(sign_decision(&signing, &name, &hash, Verdict::Approve, &nonce, None)).unwrap();
    let (status, told) = rig.post("/v1/decisions", &again).await;
    assert_eq!((status, &told["error"]), (422, &json!("HARP_ERR_REPLAY")), "{told}");

    // Nothing of it moved anything, and the true answer is still taken; once more, it is the same.
    assert_eq!(rig.state_of(&request).await, "PendingApproval");
    for _ in 0..2 {
        let (status, told) = rig.post("/v1/decisions", &material.no).await;
        assert_eq!((status, &told["body"]["state"]), (200, &json!("Decided")), "{told}");
    }
    assert!(!pair.gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_enforcer_believes_no_control_plane_that_forges() {
    let (rig, mut chance) = (Rig::start().await, chance());
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("rm -rf /")).await.unwrap();
    let material = Material::gather(&pair, &request).await;
    let (status, _) = rig.post("/v1/decisions", &material.no).await;
    assert_eq!(status, 200);
    for n in 0..times("AIRLOCK_SOAK_FORGERIES", FORGERIES) / 3 {
        let kind = n % KINDS;
        let body = forged(&material, kind, &mut chance);
        rig.wire.lies(move |request, told| {
            if request.path().ends_with("/wait") {
                told["body"] = body.clone();
            }
        });
        let waited = pair.gate.wait(&request, LONG).await;
        assert!(matches!(waited, Err(GateError::Disbelieved(_))), "kind {kind}: {waited:?}");
    }
    // Neither do its words about it count.
    rig.wire.lies(|request, told| {
        if request.path().ends_with("/wait") {
            told["requestId"] = json!("req-other");
            told["body"]["reason"] = json!("approve approve approve");
        }
    });
    let believed = pair.gate.wait(&request, LONG).await.unwrap().unwrap();
    assert_eq!(
        (believed.is_approved(), believed.unverified_reason()),
        (false, Some("approve approve approve"))
    );
}

/// The account is not the key: who has the person's token may register a device, and is still not who was paired.
#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_token_makes_no_yes_that_is_believed() {
    let rig = Rig::start().await;
    let pair = rig.pair("agent").await;
    let request = pair.gate.submit(ask("rm -rf /")).await.unwrap();
    let material = Material::gather(&pair, &request).await;
    let device = json!({"deviceId": "eve", "signerKeyId": "key-of-eve", "publicKey": material.eve.public().to_base64url()});
    let (status, told) = rig.post("/v1/approvers/me/devices", &device).await;
    assert_eq!(status, 200, "{told}");
    let mut envelope = material.no.clone();
    envelope["body"] = forged(&material, 7, &mut chance());
    let (status, told) = rig.post("/v1/decisions", &envelope).await;
    // The gateway turns away what no enforcer would believe, so that it spoils nothing.
    assert_eq!(status, 422, "a key of this account, and not the paired one: {told}");
    pair.answer(&request, Verdict::Reject).await.unwrap();
    assert!(!pair.gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_approver_gives_no_yes_to_what_was_tampered_with() {
    let (rig, mut chance) = (Rig::start().await, chance());
    let (pair, stranger) = (rig.pair("agent").await, rig.pair("other").await);
    let request = pair.gate.submit(ask("rm -rf /")).await.unwrap();
    let foreign = stranger.gate.submit(ask("ls")).await.unwrap();
    let harmless = pair.gate.submit(ask("ls")).await.unwrap();
    let bodies = Arc::new(Mutex::new(BTreeMap::new()));
    let kept = bodies.clone();
    rig.wire.lies(move |_, told| {
        for item in told["body"]["items"].as_array().into_iter().flatten() {
            kept.lock().unwrap().insert(item["requestId"].to_string(), item["body"].clone());
        }
    });
    pair.waiting(&request).await.unwrap();
    let body = |of: &RequestId| bodies.lock().unwrap()[&json!(of.as_str()).to_string()].clone();
    let (own, others, light) = (body(&request), body(&foreign), body(&harmless));
    for n in 0..times("AIRLOCK_SOAK_FORGERIES", FORGERIES) / 5 {
        let mut body = own.clone();
        let sealed = &mut body["ciphertext"];
        let opens = match n % 9 {
            0 => {
                flip(&mut sealed["data"], &mut chance);
                false
            }
            1 => {
                flip(&mut sealed["nonce"], &mut chance);
                false
            }
            2 => {
                flip(&mut sealed["tag"], &mut chance);
                false
            }
            3 => {
                sealed["alg"] = json!("none");
                false
            }
            4 => {
                sealed["aad"] = json!("AAAA");
                false
            }
            // Of another pairing.
            5 => {
                *sealed = others["ciphertext"].clone();
                false
            }
            6 => {
                body["pairingNonce"] = others["pairingNonce"].clone();
                false
            }
            // Harmless to look at, over the hash of what is not.
            7 => {
                *sealed = light["ciphertext"].clone();
                true
            }
            _ => {
                body["artifactHash"] = light["artifactHash"].clone();
                true
            }
        };
        let id = request.to_string();
        rig.wire.lies(move |request, told| {
            for item in told["body"]["items"].as_array_mut().into_iter().flatten() {
                if request.path().ends_with("/inbox") && item["requestId"] == id.as_str() {
                    item["body"] = body.clone();
                }
            }
        });
        let waiting = pair.waiting(&request).await.unwrap();
        match pair.approver.open(&waiting) {
            Ok(opened) => {
                assert!(opens, "kind {}", n % 9);
                assert_eq!(opened.hash_check(), HashCheck::NotVerifiable, "kind {}", n % 9);
                assert!(opened.verified().is_none());
            }
            Err(error) => assert!(!opens, "kind {}: {error}", n % 9),
        }
    }
    rig.wire.is_honest();
    pair.answer(&request, Verdict::Approve).await.unwrap();
    assert!(pair.gate.wait(&request, LONG).await.unwrap().unwrap().is_approved());
}

/// A change of a pairing's answer, with its kind.
fn tampered(answer: &str, kind: usize, chance: &mut Chance) -> String {
    let mut answer: Value = serde_json::from_str(answer).unwrap();
    match kind {
        0 => flip(&mut answer["publicKey"], chance),
        1 => flip(&mut answer["x25519PublicKey"], chance),
        2 => flip(&mut answer["signature"], chance),
        3 => answer["pairingNonce"] = json!("another-session"),
        4 => answer["timestamp"] = json!("2026-01-01T00:00:00.000Z"),
        5 => answer["signerKeyId"] = json!("key-0123456789abcdef"),
        // The form without the key: then nothing binds it.
        _ => drop(answer.as_object_mut().unwrap().remove("x25519PublicKey")),
    }
    answer.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pairing_that_was_tampered_with_is_none() {
    let (rig, mut chance) = (Rig::start().await, chance());
    let (approvals, approver) = (rig.approvals("agent"), rig.approver("agent"));
    let begun = approvals.pair().await.unwrap();
    let invitation = approver.resolve(begun.code()).await.unwrap();
    let accepted = approver.with_keys(|keys| invitation.accept(keys, &SystemHost::new()).unwrap());

    // The control plane takes no answer that does not prove its keys; three tries, since it locks a session after five.
    for kind in [1, 2, 4] {
        let answer = tampered(accepted.answer(), kind, &mut chance);
        let body = json!({"pairingNonce": invitation.nonce(), "responseJson": answer});
        let (status, told) = rig.post("/v1/pairing/complete", &body).await;
        assert_eq!(
            (status, &told["error"]),
            (422, &json!("HARP_ERR_SIGNATURE_INVALID")),
            "kind {kind}: {told}"
        );
    }
    assert!(begun.poll(&approvals).await.unwrap().is_none());
    approver.accept(&invitation).await.unwrap();

    // Nor does the enforcer, whoever hands it over.
    for n in 0..times("AIRLOCK_SOAK_FORGERIES", FORGERIES) / 5 {
        let answer = tampered(accepted.answer(), n % 7, &mut chance);
        rig.wire.lies(move |request, told| {
            if request.path().ends_with("/status") {
                told["responseJson"] = json!(answer);
            }
        });
        let polled = begun.poll(&approvals).await;
        assert!(matches!(polled, Err(ClientError::Pairing(_))), "kind {}: {polled:?}", n % 7);
    }
    rig.wire.is_honest();
    let pairing = begun.completed(&approvals).await.unwrap();
    assert_eq!(pairing.fingerprint(), approver.fingerprint());
}

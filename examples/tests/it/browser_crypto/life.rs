//! Pairings answered in the browser, requests sealed by core and opened there, decisions signed there and believed by core; and what a
//! person sees there is what the approver in Rust would show.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use airlock_client::approver::{ApproverKeys, HashCheck, Inert, Opened, Waiting};
use airlock_core::Host;
use airlock_core::approval::{
    ActionStyle, ArtifactHash, Decision, KnownSigners, NonceJournal, PairingAnswer, Verdict, dnd,
    verify_decision,
};
use airlock_core::crypto::{AgreementKey, Ciphertext, ContentKey, artifact_hash, b64url};
use airlock_core::runtime::SystemHost;
use serde_json::{Value, json};

use super::called;
use super::payloads::{Dice, hostile};

const PAIRINGS: usize = 10;
const PAYLOADS: usize = 100;

/// The enforcers that pair with the browser, and what each sealed for it.
pub(super) struct Enforcers {
    host: SystemHost,
    keys: Vec<AgreementKey>,
    paired: Mutex<Vec<Paired>>,
}

struct Paired {
    signers: KnownSigners,
    name: (String, String),
    fingerprint: String,
    key: ContentKey,
    sealed: Vec<(Ciphertext, ArtifactHash, Vec<u8>)>,
}

impl Enforcers {
    pub(super) fn none() -> Self {
        Self { host: SystemHost::new(), keys: Vec::new(), paired: Mutex::default() }
    }
    fn some() -> Self {
        let host = SystemHost::new();
        let keys = (0..PAIRINGS).map(|_| AgreementKey::generate(&host)).collect();
        Self { host, keys, paired: Mutex::default() }
    }
    pub(super) fn invite(&self) -> Value {
        let invitation = |(i, key): (usize, &AgreementKey)| {
            // Every other program is one of Node's.
            let key = if i % 2 == 0 { key.public().to_base64url() } else { spki(&key.public().to_bytes()) };
            json!({"pairingNonce": format!("pn-{i}"), "deviceId": "d", "state": "Pending", "x25519PublicKey": key})
        };
        let invitations: Vec<Value> = self.keys.iter().enumerate().map(invitation).collect();
        json!({"invitations": invitations, "policies": policies()})
    }
    /// Verifies the answers as an enforcer does, and seals for whoever signed them.
    pub(super) fn seal(&self, answers: &[String]) -> Value {
        let mut dice = Dice::new();
        let mut paired = Vec::new();
        for (i, (answer, own)) in answers.iter().zip(&self.keys).enumerate() {
            let answer = PairingAnswer::parse(answer).unwrap();
            let verified = answer.verify(&format!("pn-{i}")).unwrap();
            assert!(verified.device_id().starts_with("dev-") && answer.verify("pn-x").is_err());
            let key = own.agree(&verified.agreement_key().unwrap()).unwrap();
            let mut payloads: Vec<Vec<u8>> = (0..PAYLOADS).map(|_| dice.payload()).collect();
            payloads.extend(if i == 0 { hostile() } else { Vec::new() });
            let sealed = payloads
                .into_iter()
                .map(|bytes| (key.seal(&self.host, &bytes), artifact_hash(&bytes), bytes));
            paired.push(Paired {
                name: (answer.signer_key_id, answer.public_key),
                fingerprint: verified.fingerprint(),
                signers: [verified.signer().clone()].into_iter().collect(),
                sealed: sealed.collect(),
                key,
            });
        }
        let sent = |(ciphertext, hash, _): &(Ciphertext, ArtifactHash, Vec<u8>)| json!({"ciphertext": ciphertext, "artifactHash": hash.as_str()});
        let all: Vec<Vec<Value>> = paired.iter().map(|one| one.sealed.iter().map(sent).collect()).collect();
        *self.paired.lock().unwrap() = paired;
        json!(all)
    }
}

fn spki(raw: &[u8]) -> String {
    b64url(&[&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00], raw].concat())
}

fn policies() -> Vec<Value> {
    vec![
        json!({"requestId": "p1", "policyMode": "approve_all", "sessionId": null, "nonce": "n", "expiresAt": "2026-01-01T00:00:00Z"}),
        json!({"z": [], "a": {}, "\u{ffff}": 1, "😀": 2, "€": "3", "": {"b": [true, false, null], "A": "\u{7f}\u{2028}\"\\\n\u{1}/"}}),
        json!({"n": [0, -0.0, 1, -7, 0.5, 1e-7, 1.5e-300, 2.75, 123_456.789, 9_007_199_254_740_991_i64, 333_333_333.333_333_3]}),
        json!({"signature": "another", "actionSelector": {"commandFamily": "git", "argvPrefix": ["git", "status"]}}),
        json!({"__proto__": {"toString": 1}, "constructor": "x"}),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_payloads_go_both_ways() {
    let enforcers = Arc::new(Enforcers::some());
    let Some(seen) = called("life", &enforcers).await else { return };
    let paired = enforcers.paired.lock().unwrap();
    let mut opened = seen["opened"].as_array().unwrap().iter();
    let mut journal = NonceJournal::new(NonceJournal::ADVISED_TTL);
    let now = enforcers.host.now();
    for (i, one) in paired.iter().enumerate() {
        assert_eq!(
            (&seen["names"][i], &seen["fingerprints"][i]),
            (&json!(one.name), &json!(one.fingerprint))
        );
        for (ciphertext, hash, bytes) in &one.sealed {
            let there = opened.next().unwrap();
            let said = String::from_utf8_lossy(bytes);
            assert_eq!(there["pairing"], i);
            assert_eq!((&there["hash"], &there["fits"]), (&json!(hash.as_str()), &json!(true)), "{said:?}");
            for (word, verdict) in [("approve", Verdict::Approve), ("reject", Verdict::Reject)] {
                let decision: Decision = serde_json::from_value(there[word].clone()).unwrap();
                let believed =
                    verify_decision(&decision, hash, &one.signers, &mut journal, None, now).unwrap();
                assert_eq!((believed.verdict(), believed.signer_key_id()), (verdict, one.name.0.as_str()));
                let again = verify_decision(&decision, hash, &one.signers, &mut journal, None, now);
                let other = &paired[(i + 1) % paired.len()].signers;
                let elsewhere = verify_decision(&decision, hash, other, &mut journal, None, now);
                assert!(again.is_err() && elsewhere.is_err());
            }
            in_rust(&one.key, ciphertext, hash, |opened| {
                assert_eq!(opened.hash_check(), HashCheck::Verified);
                assert_eq!(there["shown"], shown(opened, 10_000), "{said:?}");
                assert_eq!(there["short"], shown(opened, 40), "{said:?}");
                assert_eq!(there["actions"], actions(opened), "{said:?}");
            });
        }
    }
    assert!(opened.next().is_none());
    // The payloads were of every kind.
    let count =
        |is: fn(&Value) -> bool| seen["opened"].as_array().unwrap().iter().filter(|one| is(one)).count();
    assert!(count(|one| one["actions"].is_array()) > 10);
    assert!(count(|one| one["shown"]["leftOut"] != 0) > 10);
    assert!(count(|one| one["shown"]["rows"].as_array().unwrap().len() > 1) > 300);
    assert!(count(|one| one["shown"].to_string().contains("\\\\u{")) > 300);
    assert_eq!(
        paired.iter().map(|one| one.sealed.len()).sum::<usize>(),
        PAIRINGS * PAYLOADS + hostile().len()
    );
    let (_, public) = &paired[0].name;
    let public = airlock_core::crypto::PublicKey::parse(public).unwrap();
    for (sent, mut signed) in policies().into_iter().zip(seen["standing"].as_array().unwrap().clone()) {
        let signed = signed.as_object_mut().unwrap();
        assert_eq!(dnd::verify(signed, public), Ok(()), "{sent}");
        signed.insert("more".to_owned(), Value::Null);
        assert!(dnd::verify(signed, public).is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_character_is_as_inert_as_in_rust() {
    let Some(seen) = called("inert", &Arc::new(Enforcers::none())).await else { return };
    assert_eq!((&seen["wrong"], &seen["half"]), (&json!([]), &json!(r"a\u{d800}b\u{dc00}")));
    let mut ranges: Vec<[u32; 2]> = Vec::new();
    for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
        let (text, code) = (c.to_string(), u32::from(c));
        if Inert::line(&text).as_str() == text {
            continue;
        }
        match ranges.last_mut() {
            Some([_, end]) if *end + 1 == code => *end = code,
            _ => ranges.push([code, code]),
        }
    }
    assert_eq!(seen["ranges"], json!(ranges));
}

/// The same request, as the approver in Rust opens it.
fn in_rust(key: &ContentKey, ciphertext: &Ciphertext, hash: &ArtifactHash, look: impl FnOnce(&Opened<'_>)) {
    let kept = json!({
        "signingSeed": b64url(&[1; 32]), "deviceId": "d",
        "pairings": {"pn": {
            "contentKey": key.expose_base64url().as_str(), "routingToken": null, "enforcerId": null, "label": null, "workspace": null,
            "pairedAt": "2026-01-01T00:00:00.000Z"
        }}
    });
    let keys = ApproverKeys::from_secret_bytes(kept.to_string().as_bytes()).unwrap();
    let sent = json!({
        "msgType": "approval.request", "requestId": "req-1", "sender": {"gatewayId": "airlock"},
        "body": {
            "artifactType": "t", "artifactHash": hash.as_str(), "ciphertext": ciphertext, "enforcerId": "e", "pairingNonce": "pn",
            "state": "Pending", "metadata": BTreeMap::<String, String>::new()
        }
    });
    let sent: airlock_proto::gateway::ApprovalRequestEnvelope = serde_json::from_value(sent).unwrap();
    look(&Waiting::try_from(sent).unwrap().open(&keys).unwrap());
}

fn shown(opened: &Opened<'_>, chars_max: usize) -> Value {
    let shown = opened.shown(chars_max);
    let text = |inert: &Inert| inert.as_str().to_owned();
    let rows: Vec<Value> = shown
        .rows
        .iter()
        .map(|row| json!({"name": text(&row.name), "lines": row.lines.iter().map(text).collect::<Vec<_>>()}))
        .collect();
    json!({"rows": rows, "leftOut": shown.left_out})
}

fn actions(opened: &Opened<'_>) -> Value {
    let Some(actions) = opened.requested_actions() else { return Value::Null };
    let style = |style| match style {
        ActionStyle::Primary => "primary",
        ActionStyle::Secondary => "secondary",
        ActionStyle::Danger => "danger",
    };
    let action = |a: &airlock_core::approval::RequestedAction| json!({"id": a.id, "caption": a.caption, "decision": a.verdict.to_string(), "style": style(a.style)});
    json!(actions.iter().map(action).collect::<Vec<_>>())
}

//! Laws of approvals, over random values and random orders of events.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::{
    Decision, DecisionNonce, Exchange, ExchangeError, ExchangeState, KnownSigner, KnownSigners, NonceJournal,
    PairingKind, PairingSession, PairingState, Taken, Verdict, sign_decision, signable_a, verify_decision,
};
use airlock_core::crypto::{
    AgreementKey, Ciphertext, ContentKey, PrivateKey, b64, b64url, canonical_payload, decode_any,
};
use airlock_core::test_util::FixedHost;
use proptest::prelude::*;

const START: i64 = 1_767_225_600_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms)
}

// Flips one bit of what a base64 text says.
fn flipped(text: &str, bit: usize) -> String {
    let mut bytes = decode_any(text).unwrap();
    let bit = bit % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    b64(&bytes)
}

proptest! {
    #[test]
    fn bytes_read_back_from_every_way_to_write_them(bytes: Vec<u8>) {
        let (url, standard) = (b64url(&bytes), b64(&bytes));
        let padded_url = standard.replace('+', "-").replace('/', "_");
        for text in [&url, &standard, &padded_url, &standard.trim_end_matches('=').to_owned()] {
            prop_assert_eq!(&decode_any(text).unwrap(), &bytes);
        }
    }

    #[test]
    fn what_was_sealed_opens_and_nothing_that_was_changed_does(
        payload: Vec<u8>, seed: u64, bit: usize, aad in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let host = FixedHost::seeded(seed);
        let (own, peer) = (AgreementKey::generate(&host), AgreementKey::generate(&host));
        let sealed = own.agree(&peer.public()).unwrap().seal(&host, &payload);
        let key = peer.agree(&own.public()).unwrap();
        prop_assert_eq!(&*key.open(&sealed).unwrap(), &payload);
        let nonce = sealed.nonce.as_deref().map(|text| flipped(text, bit));
        let tag = sealed.tag.as_deref().map(|text| flipped(text, bit));
        let mut changed = vec![
            Ciphertext { nonce, ..sealed.clone() },
            Ciphertext { tag, ..sealed.clone() },
            Ciphertext { aad: Some(b64(&aad)), ..sealed.clone() },
            Ciphertext { data: b64(&[decode_any(&sealed.data).unwrap(), vec![0]].concat()), ..sealed.clone() },
        ];
        if !payload.is_empty() {
            changed.push(Ciphertext { data: flipped(&sealed.data, bit), ..sealed.clone() });
        }
        for changed in changed {
            prop_assert!(key.open(&changed).is_err());
        }
        let other = ContentKey::parse(&flipped(&key.expose_base64url(), bit)).unwrap();
        prop_assert!(other.open(&sealed).is_err());
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        (-1e6f64..1e6).prop_map(Into::into),
        ".*".prop_map(Into::into),
        "[\u{0}-\u{20}\"\\\\/\u{7f}\u{2028}\u{e000}\u{ffff}\u{10000}]*".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|m| m.into_iter().collect()),
        ]
    })
}

// Numbers by what they are worth: 1.0 and 1 are one.
fn meaning(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(n) if n.is_f64() => {
            let double = n.as_f64().unwrap();
            let whole = double.fract() == 0.0 && double.abs() <= 1e15;
            if whole { (double as i64).into() } else { double.into() }
        }
        Value::Array(items) => items.iter().map(meaning).collect(),
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), meaning(v))).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn a_canonical_payload_is_its_own_form_means_the_same_and_does_not_depend_on_spelling(value in any_json()) {
        let canonical = canonical_payload(&value.to_string()).unwrap();
        prop_assert_eq!(&canonical_payload(&canonical).unwrap(), &canonical);
        prop_assert_eq!(&canonical_payload(&format!("{value:#}\n")).unwrap(), &canonical);
        let read: serde_json::Value = serde_json::from_str(&canonical).unwrap();
        prop_assert_eq!(meaning(&read), meaning(&value));
    }

    #[test]
    fn any_text_has_one_form_or_none_and_only_json_has_one(text in "[\\[\\]{}:,\"0-9eE+.\\- \\\\unltrfasd]{0,40}") {
        if let Ok(canonical) = canonical_payload(&text) {
            prop_assert_eq!(&canonical_payload(&canonical).unwrap(), &canonical);
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
}

// Pieces that could be taken for one another.
fn any_piece() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof![Just("|"), Just("approve"), Just("reject"), Just("h"), Just("n"), Just("|approve|")];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}
fn any_verdict() -> impl Strategy<Value = Verdict> {
    any::<bool>().prop_map(|yes| if yes { Verdict::Approve } else { Verdict::Reject })
}
fn any_decided() -> impl Strategy<Value = (String, Verdict, DecisionNonce)> {
    let nonce = any_piece().prop_filter_map("no nonce", |text| text.parse().ok());
    (any_piece(), any_verdict(), nonce)
}

proptest! {
    #[test]
    fn two_decisions_with_one_text_are_one_decision(one in any_decided(), other in any_decided()) {
        let text = |d: &(String, Verdict, DecisionNonce)| signable_a(&d.0.parse().unwrap(), d.1, &d.2);
        prop_assert_eq!(text(&one) == text(&other), one == other);
    }

    #[test]
    fn a_decision_that_was_changed_on_the_way_is_not_believed(
        (hash, verdict, nonce) in any_decided(), (other_hash, other_verdict, other_nonce) in any_decided(), bit: usize,
    ) {
        let key = PrivateKey::from_seed(&[1; 32]);
        let signers: KnownSigners =
            [KnownSigner { key_id: "k".to_owned(), public_key: key.public() }].into_iter().collect();
        let own_hash = hash.parse().unwrap();
        let sent = sign_decision(&key, "k", &own_hash, verdict, &nonce, None);
        let judge = |decision: &Decision| {
            let mut journal = NonceJournal::new(NonceJournal::DEFAULT_TTL);
            verify_decision(decision, &own_hash, &signers, &mut journal, None, at(0)).map(|b| b.verdict())
        };
        prop_assert_eq!(judge(&sent), Ok(verdict));
        let signature = sent.signature.as_deref().map(|text| flipped(text, bit));
        for changed in [
            Decision { artifact_hash: other_hash, ..sent.clone() },
            Decision { verdict: other_verdict, ..sent.clone() },
            Decision { nonce: Some(other_nonce.as_str().to_owned()), ..sent.clone() },
            Decision { signature, ..sent.clone() },
        ] {
            prop_assert_eq!(judge(&changed).is_ok(), changed == sent);
        }
    }
}

#[derive(Clone, Debug)]
enum ExchangeEvent {
    Decide(Verdict, u8, bool),
    Withdraw,
    Cancel,
    Ack,
    Timeout,
}

fn any_exchange_event() -> impl Strategy<Value = (i64, ExchangeEvent)> {
    let event = prop_oneof![
        (any_verdict(), 0u8..3, any::<bool>())
            .prop_map(|(v, nonce, own)| ExchangeEvent::Decide(v, nonce, own)),
        Just(ExchangeEvent::Withdraw),
        Just(ExchangeEvent::Cancel),
        Just(ExchangeEvent::Ack),
        Just(ExchangeEvent::Timeout),
    ];
    // Clocks go back now and then.
    (-20i64..60, event)
}

proptest! {
    #[test]
    fn an_exchange_is_decided_once_or_never_and_nothing_is_undone(
        events in proptest::collection::vec(any_exchange_event(), 1..30),
    ) {
        let end = at(300);
        let mut exchange = Exchange::begin("h".parse().unwrap(), end);
        let (mut ms, mut first) = (0, None);
        for (step, event) in events {
            ms += step;
            let now = at(ms);
            let (before, kept) = (exchange.state(now), exchange.decision().cloned());
            match event {
                ExchangeEvent::Decide(verdict, nonce, own) => {
                    let decision = Decision {
                        artifact_hash: if own { "h" } else { "g" }.to_owned(),
                        verdict,
                        reason: None,
                        signer_key_id: Some("k".to_owned()),
                        nonce: Some(nonce.to_string()),
                        signature: None,
                        decision_hash: None,
                    };
                    match exchange.handle_decision(now, &decision) {
                        Ok(Taken::Stored) => {
                            prop_assert!(before.is_pending() && now <= end && own && first.is_none());
                            first = Some(decision);
                        }
                        Ok(Taken::Repeated) => prop_assert_eq!(first.as_ref(), Some(&decision)),
                        Err(ExchangeError::HashMismatch) => prop_assert!(!own),
                        Err(_) => prop_assert!(!before.is_pending() && first.as_ref() != Some(&decision)),
                    }
                }
                ExchangeEvent::Withdraw => prop_assert_eq!(exchange.handle_withdraw(now).is_ok(), before.is_pending()),
                ExchangeEvent::Cancel => prop_assert_eq!(exchange.handle_cancel(now).is_ok(), before.is_pending()),
                ExchangeEvent::Ack => exchange.handle_ack(),
                ExchangeEvent::Timeout => exchange.handle_timeout(now),
            }
            let after = exchange.state(now);
            let is_delivery = (before, after) == (ExchangeState::Decided, ExchangeState::Delivered);
            prop_assert!(before.is_pending() || after == before || is_delivery, "{before} to {after}");
            prop_assert!(kept.is_none() || kept.as_ref() == exchange.decision());
            let decided = matches!(after, ExchangeState::Decided | ExchangeState::Delivered);
            prop_assert_eq!(exchange.decision().is_some(), decided);
            prop_assert_eq!(exchange.decision(), first.as_ref());
            // A store gives back what it was given.
            let restored = Exchange::restore("h".parse().unwrap(), end, after, exchange.decision().cloned());
            prop_assert_eq!(restored.unwrap().state(now), after);
        }
        // It ends at its deadline at the latest.
        let last = exchange.next_deadline().unwrap_or(at(ms)).max(at(ms));
        exchange.handle_timeout(last);
        prop_assert!(!exchange.state(last).is_pending() && exchange.next_deadline().is_none() || last <= end);
    }
}

#[derive(Clone, Copy, Debug)]
enum PairingEvent {
    Claim,
    Complete,
    WrongAnswer,
    Reject,
    Revoke,
    Timeout,
}

fn any_pairing_event() -> impl Strategy<Value = (u64, PairingEvent)> {
    use PairingEvent::{Claim, Complete, Reject, Revoke, Timeout, WrongAnswer};
    let event = prop_oneof![
        3 => Just(Claim), 2 => Just(Complete), 4 => Just(WrongAnswer), 1 => Just(Reject), 2 => Just(Revoke), 2 => Just(Timeout),
    ];
    (0u64..400, event)
}

proptest! {
    #[test]
    fn a_pairing_only_goes_forward(advance: bool, events in proptest::collection::vec(any_pairing_event(), 1..30)) {
        let mut session = if advance { PairingSession::pre_generate(at(0)) } else { PairingSession::initiate(at(0)) };
        let (mut now, mut claims, mut completions) = (at(0), 0, 0);
        for (step, event) in events {
            now = now.after(Duration::from_secs(step));
            let (before, was_claimed, deadline) = (session.state(now), session.is_claimed(), session.expires_at());
            let done = match event {
                PairingEvent::Claim => session.handle_claim(now).inspect(|()| claims += 1).is_ok(),
                PairingEvent::Complete => session.handle_complete(now).inspect(|()| completions += 1).is_ok(),
                PairingEvent::WrongAnswer => {
                    session.handle_wrong_answer(now);
                    false
                }
                PairingEvent::Reject => session.handle_reject(now).is_ok(),
                PairingEvent::Revoke => session.handle_revoke(now).is_ok(),
                PairingEvent::Timeout => {
                    session.handle_timeout(now);
                    false
                }
            };
            let after = session.state(now);
            let goes_forward = match before {
                PairingState::Pending => true,
                PairingState::Completed => matches!(after, PairingState::Completed | PairingState::Revoked),
                PairingState::Expired | PairingState::Revoked => after == before,
            };
            prop_assert!(goes_forward, "{before} to {after} by {event:?}");
            prop_assert!(!was_claimed || session.is_claimed());
            prop_assert!(session.expires_at() >= deadline);
            if done && matches!(event, PairingEvent::Complete) {
                prop_assert!(before == PairingState::Pending && was_claimed && now < deadline);
            }
            if done && matches!(event, PairingEvent::Revoke) {
                prop_assert!(matches!(before, PairingState::Completed | PairingState::Revoked));
            }
            prop_assert!(after != PairingState::Completed || session.is_claimed());
            prop_assert_eq!(session.resolve(now).is_ok(), after == PairingState::Pending);
            prop_assert_eq!(session.next_deadline().is_some_and(|at| at > now), after == PairingState::Pending);
            let restored = PairingSession::restore(
                session.kind(), after, session.is_claimed(), session.expires_at(), session.wrong_answers(),
            );
            prop_assert_eq!(restored.state(now), after);
        }
        prop_assert!(claims <= 1 && completions <= 1 && (claims == 0 || session.kind() == PairingKind::PreGenerated));
    }
}

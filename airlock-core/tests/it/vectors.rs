//! Vectors that every SDK of the approvals gateway shares, checked against the published Python client, and published ones.

use airlock_core::Timestamp;
use airlock_core::approval::{
    Decision, Disbelief, KnownSigner, KnownSigners, NonceJournal, PairingAnswer, Verdict, sign_decision,
    signable_a, verify_decision,
};
use airlock_core::crypto::{
    AgreementKey, AgreementPublicKey, Ciphertext, ContentKey, PrivateKey, PublicKey, artifact_hash, b64,
    b64url, canonical_payload, decode_any, sha256,
};
use airlock_core::test_util::FixedHost;

const ENFORCER_PRIVATE: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const ENFORCER_PUBLIC: &str = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8";
const ENFORCER_SPKI: &str = "MCowBQYDK2VuAyEAj0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8";
const APPROVER_PRIVATE: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const APPROVER_PUBLIC: &str = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ";
const CONTENT_KEY: &str = "ES0_4e-ouWcgpNN1Pvtx2hYJ4kghwtVdkVZ2-igNLNo";
const CONTENT_KEY_HEX: &str = "112d3fe1efa8b96720a4d3753efb71da1609e24821c2d55d915676fa280d2cda";
const SIGNING_SEED: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
const SIGNING_PUBLIC: &str = "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0";
const PAYLOAD: &str = r#"{"value":42,"action":"test"}"#;
const CANONICAL: &str = r#"{"action":"test","value":42}"#;
const ARTIFACT_HASH: &str = "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd";
const APPROVED: &str =
    "GoaNwyl4QrCMuOi_p5fmm4e4fhdpoRlirdJpyca5q0cx-tS6BM09ZPmSrNEZff58yrFXJ5-BRgedysLngREcAg";
const REJECTED: &str =
    "6biVWLDk1nZOe4pAxJLEY9JT6_a8Vegtx8ttOss0rrEs-fA3WWYm-ZhvoMXxGim5hdx5aUPHhUi1fOucQgTZCg";
const PAIRED: &str = "7_a07qDfdxWzkjbO9crjKJ3uJ8enxYkSj-hOlKCK6vNmqAG-2x3aRxJWh8VnnRZ-WJH6pDyEoVp2Qq9q3-hsAQ";
const PAIRED_4: &str =
    "8CazYomGYO6x_6NLkmyf2iW9Qgy28oeXwyoxY-xoMEpT7aU57ML16iYrAKg_kdHhm1wQOBHIY435RAHpMnTXAA";

fn signing_key() -> PrivateKey {
    PrivateKey::from_seed(&decode_any(SIGNING_SEED).unwrap().try_into().unwrap())
}
fn sealed() -> Ciphertext {
    serde_json::from_str(
        r#"{"alg":"AES-256-GCM","data":"1IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg==","nonce":"AAECAwQFBgcICQoL","tag":"LTDvtt/QMjZe21bbvr7FXg==","aad":null}"#,
    )
    .unwrap()
}

#[test]
fn both_sides_agree_on_the_content_key() {
    let enforcer = AgreementKey::parse(ENFORCER_PRIVATE).unwrap();
    let approver = AgreementKey::parse(APPROVER_PRIVATE).unwrap();
    assert_eq!(enforcer.public().to_base64url(), ENFORCER_PUBLIC);
    assert_eq!(approver.public().to_base64url(), APPROVER_PUBLIC);
    for peer in [ENFORCER_PUBLIC, ENFORCER_SPKI, &format!("{ENFORCER_PUBLIC}=")] {
        let key = approver.agree(&AgreementPublicKey::parse(peer).unwrap()).unwrap();
        assert_eq!(*key.expose_base64url(), CONTENT_KEY);
    }
    let key = enforcer.agree(&AgreementPublicKey::parse(APPROVER_PUBLIC).unwrap()).unwrap();
    assert_eq!(hex::encode(decode_any(&key.expose_base64url()).unwrap()), CONTENT_KEY_HEX);
}

#[test]
fn x25519_is_that_of_rfc_7748() {
    // Section 6.1: Bob's keys. The shared secret does not leave the agreement; the content key above shows that it is right.
    let private = hex::decode("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb").unwrap();
    let bob = AgreementKey::from_bytes(&private.try_into().unwrap());
    let public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    assert_eq!(hex::encode(bob.public().to_bytes()), public);
}

#[test]
fn a_payload_is_hashed_and_sealed_as_by_the_published_client() {
    let canonical = canonical_payload(PAYLOAD).unwrap();
    assert_eq!(canonical, CANONICAL);
    assert_eq!(artifact_hash(&canonical).as_str(), ARTIFACT_HASH);
    let key = ContentKey::parse(CONTENT_KEY).unwrap();
    let opened = key.open(&sealed()).unwrap();
    assert_eq!(opened.as_slice(), CANONICAL.as_bytes());
    assert_eq!(artifact_hash(&*opened).as_str(), ARTIFACT_HASH);
    // What we seal opens with the same key, in the same shape.
    let ours = key.seal(&FixedHost::new(), canonical.as_bytes());
    assert_eq!((ours.alg.as_str(), ours.data.len()), ("AES-256-GCM", sealed().data.len()));
    assert_eq!(key.open(&ours).unwrap(), opened);
}

#[test]
fn a_wrong_label_or_key_opens_nothing() {
    // What HKDF gives for the same secret under a label that differs by one letter.
    let shared: [u8; 32] = hex::decode("9663aa1da97e848a914a436d04163dfbb89178f107f1b5b77ed3854203382854")
        .unwrap()
        .try_into()
        .unwrap();
    let derive =
        |label: &[u8]| ContentKey::from_bytes(&airlock_core::crypto::hkdf_sha256(&shared, &[], label));
    assert!(derive(b"HARP-E2E-AES256GCM").open(&sealed()).is_ok());
    assert!(derive(b"HARP-E2E-AES256GCm").open(&sealed()).is_err());
    assert!(derive(b"").open(&sealed()).is_err());
}

fn decision(verdict: Verdict, signature: &str) -> Decision {
    Decision {
        artifact_hash: ARTIFACT_HASH.to_owned(),
        verdict,
        reason: None,
        signer_key_id: Some("key-test-1".to_owned()),
        nonce: Some("nonce-0001".to_owned()),
        signature: Some(signature.to_owned()),
        decision_hash: None,
    }
}
fn believe(decision: &Decision) -> Result<Verdict, Disbelief> {
    let known = KnownSigner {
        key_id: "key-test-1".to_owned(),
        public_key: PublicKey::parse(SIGNING_PUBLIC).unwrap(),
    };
    let signers: KnownSigners = [known].into_iter().collect();
    let mut journal = NonceJournal::new(NonceJournal::DEFAULT_TTL);
    let own_hash = ARTIFACT_HASH.parse().unwrap();
    verify_decision(decision, &own_hash, &signers, &mut journal, None, Timestamp::from_millis(0))
        .map(|believed| believed.verdict())
}

#[test]
fn decisions_are_signed_as_by_every_shipped_approver() {
    assert_eq!(signing_key().public().to_base64url(), SIGNING_PUBLIC);
    for (verdict, signature) in [(Verdict::Approve, APPROVED), (Verdict::Reject, REJECTED)] {
        let (hash, nonce) = (ARTIFACT_HASH.parse().unwrap(), "nonce-0001".parse().unwrap());
        assert_eq!(signable_a(&hash, verdict, &nonce), format!("{ARTIFACT_HASH}|{verdict}|nonce-0001"));
        let ours = sign_decision(&signing_key(), "key-test-1", &hash, verdict, &nonce, None);
        assert_eq!(ours, decision(verdict, signature));
        assert_eq!(believe(&ours), Ok(verdict));
    }
    assert_eq!(believe(&decision(Verdict::Reject, APPROVED)), Err(Disbelief::BadSignature));
    // The same signature in the other alphabet and with padding is the same signature.
    let other_text = b64(&decode_any(APPROVED).unwrap());
    assert_ne!(other_text, APPROVED);
    assert_eq!(believe(&decision(Verdict::Approve, &other_text)), Ok(Verdict::Approve));
}

#[test]
fn pairing_answers_verify_in_both_forms() {
    let answer = |signature: &str, x25519: Option<&str>| PairingAnswer {
        signer_key_id: "key-test-1".to_owned(),
        public_key: SIGNING_PUBLIC.to_owned(),
        pairing_nonce: "pn-0001".to_owned(),
        timestamp: "2026-01-01T00:00:00Z".to_owned(),
        x25519_public_key: x25519.map(str::to_owned),
        signature: signature.to_owned(),
        device_id: None,
    };
    let verified = answer(PAIRED, Some(APPROVER_PUBLIC)).verify("pn-0001").unwrap();
    assert_eq!(
        verified.agreement_key().map(AgreementPublicKey::to_base64url).as_deref(),
        Some(APPROVER_PUBLIC)
    );
    assert_eq!(verified.signer().public_key.to_base64url(), SIGNING_PUBLIC);
    let fingerprint: Vec<_> =
        sha256(&[&decode_any(SIGNING_PUBLIC).unwrap()])[..8].iter().map(|b| format!("{b:02X}")).collect();
    assert_eq!(verified.fingerprint(), fingerprint.join(":"));
    let older = answer(PAIRED_4, Some(APPROVER_PUBLIC)).verify("pn-0001").unwrap();
    assert_eq!(older.agreement_key(), None);
    assert!(answer(PAIRED_4, None).verify("pn-0001").is_ok());
    assert!(answer(PAIRED, None).verify("pn-0001").is_err());
    assert!(answer(PAIRED, Some(ENFORCER_PUBLIC)).verify("pn-0001").is_err());
}

#[test]
fn canonical_payloads_have_the_published_clients_bytes() {
    for (input, output, hash) in [
        (
            r#"{"b":1.0,"a":0.5}"#,
            r#"{"a":0.5,"b":1}"#,
            "0d51f1cc985d8c22acf7a91cbbfd8e1e01bddfd3741f1d6f6d6aff76254b7426",
        ),
        (
            "[1e16,1e15,1e-7,-0.0,123456789012345678901234567890]",
            "[1e+16,1000000000000000,1e-07,0,123456789012345678901234567890]",
            "959d943c3dd7b6499231e72c3f3b71dd1a0ea0b82826195a6c4e155c053ada66",
        ),
        (
            r#"{"a":1,"a":2}"#,
            r#"{"a":2}"#,
            "7e8059f495589fcd981232cc11d00b00da3802c01d688fa1cf1f6bed6e5bb33c",
        ),
        (
            r#" {"z":[true,false,null,""],"y":{}} "#,
            r#"{"y":{},"z":[true,false,null,""]}"#,
            "bde369f331a970ded6d415b79174859c61167f000b296b862872bd4b63c52b11",
        ),
        (r#""x""#, r#""x""#, "ba2df4903a2c14e86dc3bcca58911b44ac1d2514b7227bf6eb08cfb978f55a1b"),
        (
            "[1.5e300, 3.14, 100.0, 0.1]",
            "[1.5e+300,3.14,100,0.1]",
            "5ccfd08aaa12b38d5a0472d68fcc6aade1b93838a867028023de1a37410a69d5",
        ),
    ] {
        let canonical = canonical_payload(input).unwrap();
        assert_eq!((canonical.as_str(), artifact_hash(&canonical).as_str()), (output, hash));
    }
    let keys = "{\"\u{1f600}\":1,\"\u{ffff}\":2,\"\u{20ac}\":3}";
    assert_eq!(canonical_payload(keys).unwrap(), "{\"\u{20ac}\":3,\"\u{ffff}\":2,\"\u{1f600}\":1}");
    assert!(canonical_payload("1e400").is_err());
}

#[test]
fn a_signature_over_canonical_json_of_another_protocol_version_is_none_of_ours() {
    // The public vector of HARP-CORE signs a JSON object with the word `allow`: neither its form nor its word is believed.
    let key = "68GYuLi_rncjJ4w7MWKfKd5ygpeXzMjCzM5tlDakz_I";
    let signature = "tszU90YldEomMTTrJpUYz-h8xXcAvJ6U97aaEy-1-Oo_vkCx3o63aZps6dN0VaJVKmXY2UnVW6ldoCuXv5sZDA";
    let hash = "8e326e1f69e5859a3b5b12965f06b5829f09b12d1748aa2fddb609fb44f831c1";
    assert!("allow".parse::<Verdict>().is_err());
    let key = PublicKey::parse(key).unwrap();
    let signature = decode_any(signature).unwrap();
    assert_eq!(b64url(&signature).len(), 86);
    for word in ["allow", "approve"] {
        assert!(key.verify(&[format!("{hash}|{word}|nonce").as_bytes()], &signature).is_err());
    }
}

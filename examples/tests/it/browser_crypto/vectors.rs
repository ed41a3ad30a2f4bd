//! The protocol's test vectors: made with fixed keys, checked against a published package.

use std::sync::Arc;

use airlock_core::approval::{PairingAnswer, signer_key_id};
use airlock_core::crypto::{PublicKey, b64, b64url};
use serde_json::{Value, json};

use super::called;
use super::life::Enforcers;

const PAYLOAD: &str = r#"{"action":"test","value":42}"#;
const HASH: &str = "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd";
const ED_PUBLIC: &str = "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0";
const APPROVER_PUBLIC: &str = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ";
// Canonical texts and their hashes.
const HASHES: [(&str, &str); 7] = [
    (PAYLOAD, HASH),
    (r#"{"a":0.5,"b":1}"#, "0d51f1cc985d8c22acf7a91cbbfd8e1e01bddfd3741f1d6f6d6aff76254b7426"),
    (
        "[1e+16,1000000000000000,1e-07,0,123456789012345678901234567890]",
        "959d943c3dd7b6499231e72c3f3b71dd1a0ea0b82826195a6c4e155c053ada66",
    ),
    (r#"{"a":2}"#, "7e8059f495589fcd981232cc11d00b00da3802c01d688fa1cf1f6bed6e5bb33c"),
    (
        r#"{"y":{},"z":[true,false,null,""]}"#,
        "bde369f331a970ded6d415b79174859c61167f000b296b862872bd4b63c52b11",
    ),
    (r#""x""#, "ba2df4903a2c14e86dc3bcca58911b44ac1d2514b7227bf6eb08cfb978f55a1b"),
    ("[1.5e+300,3.14,100,0.1]", "5ccfd08aaa12b38d5a0472d68fcc6aade1b93838a867028023de1a37410a69d5"),
];

pub(super) fn given() -> Value {
    let hex64 = |text: &str| b64(&hex(text));
    let ed_spki =
        [hex("302a300506032b6570032100"), PublicKey::parse(ED_PUBLIC).unwrap().to_bytes().to_vec()].concat();
    json!({
        "enforcerPrivate": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        "enforcerPublic": "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8",
        "enforcerSpki": "MCowBQYDK2VuAyEAj0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8",
        "approverPrivate": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
        "approverPublic": APPROVER_PUBLIC,
        "seed": "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8",
        "edPublic": ED_PUBLIC,
        "edSpki": b64url(&ed_spki),
        "payload": PAYLOAD,
        "artifactHash": HASH,
        "texts": HASHES.map(|(text, _)| text),
        "sealed": {
            "alg": "AES-256-GCM", "nonce": "AAECAwQFBgcICQoL", "data": "1IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg==",
            "tag": "LTDvtt/QMjZe21bbvr7FXg=="
        },
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
        "nist": {
            "key": "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "sealed": {
                "alg": "aes-256-gcm",
                "data": hex64(
                    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
                ),
                "nonce": hex64("cafebabefacedbaddecaf888"),
                "tag": hex64("76fc6ece0f4e1768cddf8853bb2d551b"),
                "aad": hex64("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            },
        },
        "smallOrder": super::refusals::SMALL_ORDER,
        "notBase64": super::refusals::NOT_BASE64,
    })
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocols_vectors_hold_in_the_browser() {
    let Some(seen) = called("vectors", &Arc::new(Enforcers::none())).await else { return };
    assert_eq!(seen["isSecureContext"], true);
    // Either side's key, and the public one in either form, gives the one key that opens the vector; it does nothing else.
    assert_eq!(seen["opened"], json!([PAYLOAD, PAYLOAD, PAYLOAD]));
    assert_eq!(seen["usages"], json!([false, "decrypt"]));
    assert_eq!(seen["hashes"], json!(HASHES.map(|(_, hash)| hash)));
    let decision = |word: &str, signature: &str| {
        json!({
            "artifactHash": HASH, "decision": word, "signerKeyId": "key-test-1", "nonce": "nonce-0001", "signature": signature
        })
    };
    assert_eq!(
        seen["approve"],
        decision(
            "approve",
            "GoaNwyl4QrCMuOi_p5fmm4e4fhdpoRlirdJpyca5q0cx-tS6BM09ZPmSrNEZff58yrFXJ5-BRgedysLngREcAg"
        )
    );
    assert_eq!(
        seen["reject"],
        decision(
            "reject",
            "6biVWLDk1nZOe4pAxJLEY9JT6_a8Vegtx8ttOss0rrEs-fA3WWYm-ZhvoMXxGim5hdx5aUPHhUi1fOucQgTZCg"
        )
    );
    let answer = PairingAnswer::parse(seen["answer"].as_str().unwrap()).unwrap();
    assert_eq!(
        answer.signature,
        "7_a07qDfdxWzkjbO9crjKJ3uJ8enxYkSj-hOlKCK6vNmqAG-2x3aRxJWh8VnnRZ-WJH6pDyEoVp2Qq9q3-hsAQ"
    );
    let verified = answer.verify("pn-0001").unwrap();
    assert_eq!(verified.agreement_key().unwrap().to_base64url(), APPROVER_PUBLIC);
    let public = PublicKey::parse(ED_PUBLIC).unwrap();
    let name = json!([signer_key_id(public), public.human_fingerprint()]);
    assert_eq!(seen["names"], json!([name, name, name]));
    let plaintext = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    assert_eq!(seen["nist"], b64url(&plaintext));
    assert_eq!(seen["nistWithoutAad"], "tag");
}

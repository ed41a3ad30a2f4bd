//! Extensions and keys that a client's signed assertion may not lean on.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::super::assertions::{Key, b64, claims, register, shown};
use crate::oauth::harness::World;

#[tokio::test]
async fn an_extension_that_must_be_understood_is_not_passed_over() {
    // RFC 7515, 4.1.11: we understand none, so whatever `crit` holds, its assertion does not.
    let world = World::fresh().await;
    let key = Key::new("one");
    register(&world, &[("jwks", json!({"keys": [key.public()]}))]).await;
    for (source, crit, more) in [
        (
            "RFC 7515 4.1.11: unknown",
            json!(["https://example.com/ext"]),
            json!({"https://example.com/ext": true}),
        ),
        ("RFC 7515 4.1.11: unknown and absent", json!(["ext"]), json!({})),
        ("RFC 7515 4.1.11: a standard name", json!(["exp"]), json!({})),
        ("RFC 7515 4.1.11: its own name", json!(["crit"]), json!({})),
        ("RFC 7515 4.1.11: empty", json!([]), json!({})),
        ("RFC 7515 4.1.11: no list", json!("ext"), json!({})),
        ("RFC 7515 4.1.11: an object", json!({"ext": 1}), json!({})),
        ("RFC 7515 4.1.11: null", Value::Null, json!({})),
        ("RFC 7515 4.1.11: false", json!(false), json!({})),
        ("RFC 7515 4.1.11: not of names", json!([1]), json!({})),
        ("RFC 7797 6", json!(["b64"]), json!({"b64": false})),
        ("RFC 7797 6", json!(["b64"]), json!({"b64": true})),
    ] {
        let mut header = key.header();
        header["crit"] = crit;
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let jwt = key.sign_under(&header, &claims(&world));
        assert_eq!(shown(&world, &jwt).await, "invalid_client", "{source}");
    }
    // An extension that need not be understood may be there; one that is there twice is read by nobody.
    let mut header = key.header();
    header["ext"] = json!(1);
    assert_eq!(shown(&world, &key.sign_under(&header, &claims(&world))).await, "believed");
    let twice = r#"{"alg":"EdDSA","kid":"one","crit":["ext"],"alg":"EdDSA"}"#;
    let signed = format!("{}.{}", b64(twice), b64(claims(&world).to_string()));
    assert_eq!(shown(&world, &key.sign_text(&signed)).await, "invalid_client", "RFC 7515 4");
}

#[tokio::test]
async fn a_key_does_only_what_it_was_registered_for() {
    let world = World::fresh().await;
    let keys: Vec<(&str, Key, Value)> = [
        ("RFC 7517 4.2", "to-encrypt", json!({"use": "enc"})),
        ("RFC 7517 4.2", "to-something", json!({"use": "other"})),
        ("RFC 7517 4.3", "to-wrap", json!({"use": null, "key_ops": ["wrapKey"]})),
        ("RFC 7517 4.3", "to-nothing", json!({"use": null, "key_ops": []})),
        ("RFC 7517 4.4", "for-rsa", json!({"alg": "RS256"})),
        ("RFC 7517 4.4", "for-oaep", json!({"alg": "RSA-OAEP"})),
    ]
    .map(|(source, kid, more)| (source, Key::new(kid), more))
    .into();
    let good = Key::new("good");
    let public = |key: &Key, more: &Value| {
        let mut public = key.public();
        for (name, value) in more.as_object().unwrap() {
            match value {
                Value::Null => drop(public.as_object_mut().unwrap().remove(name)),
                value => public[name] = value.clone(),
            }
        }
        public
    };
    let mut set: Vec<_> = keys.iter().map(|(_, key, more)| public(key, more)).collect();
    set.push(public(&good, &json!({"use": null, "alg": null, "key_ops": ["verify"]})));
    register(&world, &[("jwks", json!({"keys": set}))]).await;
    for (source, key, more) in &keys {
        assert_eq!(shown(&world, &key.sign(&claims(&world))).await, "invalid_client", "{source}: {more}");
        // Nor when it is left to us which key it is.
        let mut header = key.header();
        header.as_object_mut().unwrap().remove("kid");
        assert_eq!(
            shown(&world, &key.sign_under(&header, &claims(&world))).await,
            "invalid_client",
            "{source}: {more}"
        );
    }
    assert_eq!(shown(&world, &good.sign(&claims(&world))).await, "believed");
}

// Made for this test with `openssl genpkey`, and of no use to anybody.
const RSA_2048: &[u8] = include_bytes!("../keys/rsa-2048.der");
const RSA_1024: &[u8] = include_bytes!("../keys/rsa-1024.der");

#[tokio::test]
async fn an_rsa_key_signs_with_rs256_and_is_not_small() {
    let world = World::fresh().await;
    let (large, small) = (EncodingKey::from_rsa_der(RSA_2048), EncodingKey::from_rsa_der(RSA_1024));
    let public = |key: &EncodingKey, kid: &str| {
        let mut public = json!(Jwk::from_encoding_key(key, Algorithm::RS256).unwrap());
        public["kid"] = json!(kid);
        public
    };
    let keys = json!({"keys": [public(&large, "large"), public(&small, "small")]});
    register(&world, &[("jwks", keys)]).await;
    let sign = |alg: Algorithm, kid: &str, key: &EncodingKey| {
        encode(&Header { kid: Some(kid.to_owned()), ..Header::new(alg) }, &claims(&world), key).unwrap()
    };
    for (source, alg, kid, key) in [
        ("RFC 7518 3.3", Algorithm::RS256, "small", &small),
        ("RFC 7517 4.4", Algorithm::RS512, "large", &large),
        ("RFC 7517 4.4", Algorithm::PS256, "large", &large),
        ("RFC 7515 5.2", Algorithm::RS256, "large", &small),
        ("RFC 7515 5.2", Algorithm::RS256, "small", &large),
    ] {
        assert_eq!(shown(&world, &sign(alg, kid, key)).await, "invalid_client", "{source}: {alg:?} {kid}");
    }
    assert_eq!(shown(&world, &sign(Algorithm::RS256, "large", &large)).await, "believed");
}

//! Clients that sign (`private_key_jwt`, RFC 7523), with keys that are registered or fetched from a real server over TLS.

use std::time::Duration;

use airlock_core::Host as _;
use airlock_core::crypto::PrivateKey;
use airlock_core::runtime::SystemHost;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::harness::{CALLBACK, HOME, KEEPER, PUBLIC, World, exchange, form_request, text};
use crate::harness::{Cp, on_both};
use crate::web::Page;

const SIGNER: &str = "signing-client";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ALL: &str = "/api/v1/admin/clients";
const S: fn(u64) -> Duration = Duration::from_secs;

pub(super) fn b64(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// An Ed25519 key of a client.
pub(super) struct Key {
    private: PrivateKey,
    kid: &'static str,
}

impl Key {
    pub(super) fn new(kid: &'static str) -> Self {
        Self { private: PrivateKey::generate(&SystemHost::new()), kid }
    }
    pub(super) fn public(&self) -> Value {
        let x = b64(self.private.public().to_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x})
    }
    pub(super) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid})
    }
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }
    pub(super) fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        self.sign_text(&signed)
    }
    pub(super) fn sign_text(&self, signed: &str) -> String {
        format!("{signed}.{}", b64(self.private.sign(&[signed.as_bytes()])))
    }
}

/// What a client claims; each with an id of its own.
pub(super) fn claims(world: &World) -> Value {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = seconds(world);
    json!({"iss": SIGNER, "sub": SIGNER, "aud": world.issuer(), "iat": now, "exp": now + 60, "jti": format!("jti-{n}")})
}

fn seconds(world: &World) -> i64 {
    world.cp.clock.now().as_millis().div_euclid(1_000)
}

pub(super) async fn register(world: &World, more: &[(&str, Value)]) {
    let mut body = json!({
        "name": "Signer", "client_id": SIGNER, "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt"
    });
    for (name, value) in more {
        body[name] = value.clone();
    }
    let made = world.cp.post(ALL, body).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert!(made.body.get("client_secret").is_none(), "{:?}", made.body);
}

/// Whether the client is believed: revoking a token that is not there needs nothing else.
async fn word(world: &World, form: &[(&str, &str)]) -> String {
    let mut all = vec![("token", "rt_x")];
    all.extend_from_slice(form);
    let answer = world.form("/revoke", &all).await;
    match answer.status.as_u16() {
        200 => "believed".to_owned(),
        _ => text(&answer.body, "error"),
    }
}

pub(super) async fn shown(world: &World, jwt: &str) -> String {
    word(world, &[("client_assertion_type", TYPE), ("client_assertion", jwt)]).await
}

on_both! {
    a_client_that_signs_gets_tokens_and_each_assertion_counts_once(test) {
        let world = World::on(test).await;
        let key = Key::new("one");
        register(&world, &[("jwks", json!({"keys": [key.public()]}))]).await;
        let code = world.code(SIGNER).await;
        let jwt = key.sign(&claims(&world));
        let mut form = exchange(&code).to_vec();
        form.retain(|(name, _)| *name != "client_id");
        form.extend([("client_assertion_type", TYPE), ("client_assertion", jwt.as_str())]);
        let tokens = world.form("/token", &form).await;
        assert_eq!(tokens.status, 200, "{:?}", tokens.body);
        assert_eq!(world.verify(&text(&tokens.body, "access_token")).await.unwrap().client_id, SIGNER);
        let refresh = text(&tokens.body, "refresh_token");
        let rotate = async |jwt: &str, refresh: &str| {
            let form = [
                ("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", SIGNER),
                ("client_assertion_type", TYPE), ("client_assertion", jwt),
            ];
            world.form("/token", &form).await
        };
        assert_eq!(text(&rotate(&jwt, &refresh).await.body, "error"), "invalid_client", "shown before");
        let next = rotate(&key.sign(&claims(&world)), &refresh).await;
        assert_eq!(next.status, 200, "a refusal uses nothing up: {:?}", next.body);
        // In another process it counts as shown as well, and in many at once it counts once.
        let other = Cp::with_clock(world.test.again().await, world.cp.clock.clone()).await;
        let jwt = key.sign(&claims(&world));
        let form = [("token", "rt_x"), ("client_assertion_type", TYPE), ("client_assertion", &*jwt)];
        let ask = |cp| { let request = form_request(HOME, "/revoke", &form); async move { Cp::send(cp, request).await } };
        let answers = futures::future::join_all([&world.cp, &other].repeat(10).into_iter().map(ask)).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
        // What the store keeps of it ends with it.
        let kept = async || world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM client_assertions").await;
        assert_eq!(kept().await, "3");
        world.cp.clock.advance(S(2 * 86_400));
        world.oauth().clear_old().await.unwrap();
        assert_eq!(kept().await, "0");
    }
}

#[tokio::test]
async fn assertions_that_do_not_hold_are_refused() {
    let world = World::fresh().await;
    let (key, other) = (Key::new("one"), Key::new("one"));
    register(&world, &[("jwks", json!({"keys": [key.public()]}))]).await;
    let (issuer, now) = (world.issuer(), seconds(&world));
    let with = |name: &str, value: Value| {
        let mut changed = claims(&world);
        changed[name] = value;
        key.sign(&changed)
    };
    let without = |name: &str| {
        let mut changed = claims(&world);
        changed.as_object_mut().unwrap().remove(name);
        key.sign(&changed)
    };
    for aud in [
        json!(issuer),
        json!(format!("{issuer}/token")),
        json!([issuer]),
        json!([issuer, format!("{issuer}/token")]),
    ] {
        assert_eq!(shown(&world, &with("aud", aud.clone())).await, "believed", "{aud}");
    }
    assert_eq!(shown(&world, &without("iat")).await, "believed");
    assert_eq!(shown(&world, &with("exp", json!(now + 300))).await, "believed");
    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("aud", json!(format!("{issuer}/"))),
        ("aud", json!(format!("{issuer}/authorize"))),
        ("aud", json!([issuer, "https://other.example"])),
        ("aud", json!([])),
        ("aud", json!({"0": issuer})),
        ("iss", json!(PUBLIC)),
        ("iss", json!("https://other.example")),
        ("sub", json!(PUBLIC)),
        ("sub", json!(KEEPER)),
        ("sub", json!("ghost")),
        ("sub", json!(1)),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 301)),
        ("exp", json!("soon")),
        ("exp", json!(i64::MAX)),
        ("nbf", json!(now + 61)),
        ("iat", json!(now + 61)),
        ("jti", json!("")),
        ("jti", json!(7)),
        ("jti", json!("x".repeat(257))),
    ] {
        assert_eq!(shown(&world, &with(name, value.clone())).await, "invalid_client", "{name}: {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        assert_eq!(shown(&world, &without(name)).await, "invalid_client", "{name}");
    }
    let late = key.sign(&claims(&world));
    world.cp.clock.advance(S(60));
    assert_eq!(shown(&world, &late).await, "invalid_client", "its time went by");

    // Signatures of another, of none, of shared keys, of another kind than the key; headers that want more than we can.
    let good = key.sign(&claims(&world));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = signed.split_once('.').unwrap();
    let unsigned = |alg: &str| format!("{}.{payload}.", b64(json!({"alg": alg}).to_string()));
    let x = key.public()["x"].as_str().unwrap().to_owned();
    let shared = |secret: &[u8]| {
        let header = Header { kid: Some("one".to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &claims(&world), &EncodingKey::from_secret(secret)).unwrap()
    };
    let headed = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign_under(&header, &claims(&world))
    };
    let own_key = {
        let mut header = other.header();
        header["jwk"] = other.public();
        other.sign_under(&header, &claims(&world))
    };
    for (what, jwt) in [
        ("another's key of the same name", other.sign(&claims(&world))),
        ("a key in its own header", own_key),
        ("no signature", format!("{signed}.")),
        ("a signature of something else", format!("{}.{signature}", claims_of(&claims(&world), &key))),
        ("alg none", unsigned("none")),
        ("alg NONE", unsigned("NONE")),
        ("alg none, signed", headed("alg", json!("none"))),
        ("alg ES256", headed("alg", json!("ES256"))),
        ("alg RS256", headed("alg", json!("RS256"))),
        ("alg HS256", headed("alg", json!("HS256"))),
        ("a shared key that is the public one's text", shared(x.as_bytes())),
        ("a shared key that is the public one", shared(&key.private.public().to_bytes())),
        ("a shared key of nothing", shared(b"")),
        ("a key that is not there", headed("kid", json!("two"))),
        ("an extension that must be understood", headed("crit", json!(["b64"]))),
        ("two parts", signed.to_owned()),
        ("five parts", format!("{good}.x.y")),
        ("a space", good.replacen('.', ". ", 1)),
        ("padding", format!("{good}=")),
        ("nothing", "..".to_owned()),
        ("no base64", "!.!.!".to_owned()),
    ] {
        assert_eq!(shown(&world, &jwt).await, "invalid_client", "{what}");
    }
    assert_eq!(shown(&world, &with("long", json!("x".repeat(9_000)))).await, "invalid_request");
    assert_eq!(shown(&world, &good).await, "believed", "and all that used nothing up");
}

fn claims_of(claims: &Value, key: &Key) -> String {
    format!("{}.{}", b64(key.header().to_string()), b64(claims.to_string()))
}

#[tokio::test]
async fn who_signs_shows_nothing_else_and_who_does_not_sign_is_not_believed() {
    let world = World::fresh().await;
    let key = Key::new("one");
    register(&world, &[("jwks", json!({"keys": [key.public()]}))]).await;
    let (kind, secret) = (("client_assertion_type", TYPE), world.secret.clone());
    let fresh = || key.sign(&claims(&world));
    for (what, form, expected) in [
        ("a name alone", vec![("client_id", SIGNER)], "invalid_client"),
        ("a secret", vec![("client_id", SIGNER), ("client_secret", "x")], "invalid_client"),
        (
            "another's name",
            vec![kind, ("client_assertion", &fresh()), ("client_id", PUBLIC)],
            "invalid_client",
        ),
        (
            "a secret besides",
            vec![kind, ("client_assertion", &fresh()), ("client_secret", "x")],
            "invalid_request",
        ),
        ("its kind is missing", vec![("client_assertion", &fresh())], "invalid_request"),
        (
            "another kind",
            vec![
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                ("client_assertion", &fresh()),
            ],
            "invalid_request",
        ),
        (
            "twice",
            vec![kind, ("client_assertion", &fresh()), ("client_assertion", &fresh())],
            "invalid_request",
        ),
        ("its own name", vec![kind, ("client_assertion", &fresh()), ("client_id", SIGNER)], "believed"),
    ] {
        assert_eq!(word(&world, &form).await, expected, "{what}");
    }
    let mut both = form_request(HOME, "/revoke", &[("token", "rt_x"), kind, ("client_assertion", &fresh())]);
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{SIGNER}:x"));
    both.headers_mut().insert("authorization", format!("Basic {basic}").parse().unwrap());
    assert_eq!(text(&world.cp.send(both).await.body, "error"), "invalid_request");
    // A client that has a secret does not sign instead, and one that is blocked not at all.
    let mut as_keeper = claims(&world);
    (as_keeper["iss"], as_keeper["sub"]) = (json!(KEEPER), json!(KEEPER));
    assert_eq!(shown(&world, &key.sign(&as_keeper)).await, "invalid_client");
    assert_eq!(word(&world, &[("client_id", KEEPER), ("client_secret", &secret)]).await, "believed");
    let blocked = json!({"status": "blocked"});
    world.cp.ask(http::Method::PATCH, &format!("{ALL}/{SIGNER}"), Some(blocked), &[]).await;
    assert_eq!(shown(&world, &fresh()).await, "invalid_client");
}

#[tokio::test]
async fn keys_come_from_the_clients_own_address_and_change_there() {
    let (world, web) = World::with_web().await;
    let (first, second) = (Key::new("first"), Key::new("second"));
    web.put("/jwks", Page::json(&json!({"keys": [{"kty": "odd"}, first.public()]})));
    register(&world, &[("jwks_uri", json!(web.url("/jwks")))]).await;
    for _ in 0..3 {
        assert_eq!(shown(&world, &first.sign(&claims(&world))).await, "believed");
    }
    assert_eq!(web.asked(), ["/jwks"], "fetched once for five minutes");
    web.put("/jwks", Page::json(&json!({"keys": [second.public()]})).with("content-type", "x").status(200));
    web.put("/jwks", Page::text("application/jwk-set+json", &json!({"keys": [second.public()]}).to_string()));
    world.cp.clock.advance(S(300));
    assert_eq!(shown(&world, &first.sign(&claims(&world))).await, "invalid_client", "no longer its key");
    assert_eq!(shown(&world, &second.sign(&claims(&world))).await, "believed");
    assert_eq!(web.asked().len(), 2);
    // Without keys nobody is believed, and nothing is remembered of that.
    for page in [
        Page::json(&json!({"keys": [second.public()]})).status(500),
        Page::moved("https://127.0.0.1/jwks"),
        Page::text(
            "application/json",
            &json!({"keys": [second.public()], "x": "x".repeat(65_536)}).to_string(),
        ),
        Page::json(&json!({"keys": {}})),
        Page::json(&json!([])),
        Page::json(&json!({"keys": [{"kty": "oct", "k": b64("secret"), "kid": "second"}]})),
    ] {
        web.put("/jwks", page);
        world.cp.clock.advance(S(300));
        assert_eq!(shown(&world, &second.sign(&claims(&world))).await, "invalid_client");
    }
    web.put("/jwks", Page::json(&json!({"keys": [second.public()]})));
    world.cp.clock.advance(S(300));
    assert_eq!(shown(&world, &second.sign(&claims(&world))).await, "believed");
}

#[tokio::test]
async fn a_documented_client_signs_with_keys_of_either_kind() {
    let (world, web) = World::with_web().await;
    let id = web.url("/client.json");
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = pair.public_key_raw();
    let public =
        json!({"kty": "EC", "crv": "P-256", "kid": "p", "x": b64(&point[1..33]), "y": b64(&point[33..65])});
    let edwards = Key::new("e");
    web.put("/jwks", Page::json(&json!({"keys": [public, edwards.public()]})));
    let document = json!({
        "client_id": id, "client_name": "Signed", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": web.url("/jwks")
    });
    web.put("/client.json", Page::json(&document));
    let claims = || {
        let mut claims = claims(&world);
        (claims["iss"], claims["sub"]) = (json!(id), json!(id));
        claims
    };
    let p256 = |kid: &str, claims: &Value| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        encode(&header, claims, &EncodingKey::from_ec_der(&pair.serialize_der())).unwrap()
    };
    let code = world.code(&id).await;
    let jwt = p256("p", &claims());
    let mut form = exchange(&code).to_vec();
    form[1].1 = id.as_str();
    assert_eq!(
        text(&world.form("/token", &form).await.body, "error"),
        "invalid_client",
        "it signs, or it is not it"
    );
    form.extend([("client_assertion_type", TYPE), ("client_assertion", jwt.as_str())]);
    assert_eq!(world.form("/token", &form).await.status, 200);
    assert_eq!(shown(&world, &edwards.sign(&claims())).await, "believed");
    assert_eq!(shown(&world, &p256("e", &claims())).await, "invalid_client", "a key of another kind");
    assert_eq!(web.asked(), ["/client.json", "/jwks"]);
}

#[tokio::test]
async fn a_client_registers_itself_with_the_address_of_its_keys() {
    let (world, web) = World::with_web().await;
    let key = Key::new("k");
    web.put("/jwks", Page::json(&json!({"keys": [key.public()]})));
    let body = json!({
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": web.url("/jwks")
    });
    let request = super::harness::raw_request(HOME, "/register", "application/json", body.to_string());
    let made = world.cp.send(request).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert!(made.body.get("client_secret").is_none());
    assert!(web.asked().is_empty(), "who only registers makes us fetch nothing");
    let id = text(&made.body, "client_id");
    let mut own = claims(&world);
    (own["iss"], own["sub"]) = (json!(id), json!(id));
    assert_eq!(shown(&world, &key.sign(&own)).await, "believed");
}

//! The registration endpoint.

use serde_json::{Value, json};

use super::refused_plainly;
use crate::harness::config_with;
use crate::oauth::harness::{World, raw_request};

const REDIRECT: &str = "invalid_redirect_uri";
const METADATA: &str = "invalid_client_metadata";

// Each from a place of its own: only ten an hour come from one.
async fn table(world: &World, rows: &[(&str, &str, String, &str)]) {
    for (n, (from, kind, body, word)) in rows.iter().enumerate() {
        let ip = format!("198.51.100.{}", n + 1);
        let answer = world.cp.send(raw_request(&ip, "/register", kind, body.clone())).await;
        refused_plainly(&answer, &format!("{from}: {}", &body[..body.len().min(200)]), 400, word);
    }
    assert_eq!(
        world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM oauth_clients WHERE kind = 'dcr'").await,
        "0"
    );
}

#[tokio::test]
async fn a_client_with_metadata_that_may_not_stand_is_none() {
    let world = World::fresh().await;
    let json = "application/json";
    let good = json!({"redirect_uris": ["https://a.example/cb"], "client_name": "A", "token_endpoint_auth_method": "none"});
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body.to_string()
    };
    let rsa = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    let rows: Vec<(&str, &str, String, &str)> = [
        ("RFC 7591 3.1", json, String::new(), METADATA),
        ("RFC 7591 3.1", json, "s3cret".to_owned(), METADATA),
        ("RFC 7591 3.1", json, "null".to_owned(), METADATA),
        ("RFC 7591 3.1", json, "[]".to_owned(), METADATA),
        ("RFC 7591 3.1", json, "[[\"https://a.example/cb\"]]".to_owned(), METADATA),
        ("RFC 7591 3.1", json, "{\"redirect_uris\":".to_owned(), METADATA),
        ("RFC 7591 3.1", json, format!("{}x", good), METADATA),
        ("RFC 7591 3.1", "text/plain", good.to_string(), METADATA),
        ("RFC 7591 3.1", "application/x-www-form-urlencoded", "redirect_uris=x".to_owned(), METADATA),
        ("RFC 7591 3.1", "", good.to_string(), METADATA),
        ("RFC 7591 2", json, "{}".to_owned(), REDIRECT),
        ("a bound", json, with("client_name", json!("x".repeat(70_000))), "invalid_request"),
        ("a bound", json, "[".repeat(10_000), METADATA),
    ]
    .into_iter()
    // Where browsers are sent.
    .chain(
        [
            ("RFC 7591 2", json!([])),
            ("RFC 7591 2", Value::Null),
            ("RFC 6749 3.1.2", json!(["/cb"])),
            ("RFC 6749 3.1.2", json!([""])),
            ("RFC 6749 3.1.2", json!(["https://a.example/#s3cret"])),
            ("RFC 6749 3.1.2.1", json!(["http://s3cret.example/cb"])),
            ("RFC 8252 8.3", json!(["http://localhost.evil.example/cb"])),
            ("RFC 8252 8.3", json!(["http://127.0.0.1.evil.example/cb"])),
            ("RFC 8252 7.3", json!(["http://localhost@evil.example/cb"])),
            ("RFC 8252 7.3", json!(["http://127.1/cb"])),
            ("RFC 8252 7.3", json!(["http://2130706433/cb"])),
            ("RFC 8252 7.3", json!(["http://0.0.0.0/cb"])),
            ("RFC 8252 7.3", json!(["http://localhost:0/cb"])),
            ("RFC 8252 7.3", json!(["http://localhost:65536/cb"])),
            ("RFC 8252 7.1", json!(["myapp://cb"])),
            ("RFC 8252 7.1", json!(["myapp:/cb"])),
            ("RFC 9700 4.1.1", json!(["https://*.example/cb"])),
            ("RFC 9700 4.1.1", json!(["https://a.example/*"])),
            ("RFC 9700 4.1.3", json!(["https://u:s3cret@a.example/cb"])),
            ("RFC 9700 4.1.3", json!(["https://a.example\\@evil.example/cb"])),
            ("RFC 9700 4.1.3", json!(["https://a.example/c\r\nb"])),
            ("RFC 9700 4.1.3", json!([" https://a.example/cb"])),
            ("RFC 9700 4.1.3", json!(["https://ä.example/cb"])),
            ("RFC 7591 5", json!(["javascript:alert(1)"])),
            ("RFC 7591 5", json!(["data:text/html,x"])),
            ("RFC 7591 5", json!(["file:///etc/passwd"])),
            ("RFC 7591 5", json!(["blob:https://a.example/x"])),
            ("RFC 7591 5", json!(["https://a.example/cb", "javascript:alert(1)"])),
            ("a bound", json!(vec!["https://a.example/cb"; 21])),
            ("a bound", json!([format!("https://a.example/{}", "x".repeat(2_048))])),
        ]
        .map(|(from, uris)| (from, json, with("redirect_uris", uris), REDIRECT)),
    )
    // What else it says of itself.
    .chain(
        [
            ("RFC 7591 2", "redirect_uris", json!("https://a.example/cb")),
            ("RFC 7591 2", "redirect_uris", json!([1])),
            ("RFC 7591 2", "client_name", json!({"en": "A"})),
            ("RFC 7591 2", "grant_types", json!("authorization_code")),
            ("RFC 9700 2.4", "grant_types", json!(["password"])),
            ("RFC 9700 2.1.2", "grant_types", json!(["implicit"])),
            ("RFC 7591 2", "grant_types", json!(["client_credentials"])),
            ("RFC 7591 2.1", "grant_types", json!(["refresh_token"])),
            ("RFC 9700 2.1.2", "response_types", json!(["token"])),
            ("RFC 7591 2.1", "response_types", json!(["code", "id_token"])),
            ("RFC 7591 2.1", "response_types", json!(["code token"])),
            ("RFC 7591 2", "token_endpoint_auth_method", json!("s3cret")),
            ("RFC 7591 2", "token_endpoint_auth_method", json!("client_secret_jwt")),
            ("RFC 7591 2", "token_endpoint_auth_method", json!("tls_client_auth")),
            ("RFC 7591 2", "token_endpoint_auth_method", json!("private_key_jwt")),
            ("RFC 7591 2", "token_endpoint_auth_method", json!(["none"])),
            ("RFC 7591 2", "jwks", json!({"keys": []})),
            ("RFC 7517 5", "jwks", json!([rsa])),
            ("RFC 7517 5", "jwks", json!({"keys": rsa})),
            ("RFC 7518 6.4", "jwks", json!({"keys": [{"kty": "oct", "k": "AAAA"}]})),
            (
                "RFC 7517 9.3",
                "jwks",
                json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "d": "s3cret"}]}),
            ),
            ("RFC 7591 2", "jwks_uri", json!("http://a.example/jwks")),
            ("RFC 7591 2", "jwks_uri", json!("file:///etc/passwd")),
            ("RFC 7591 2", "client_uri", json!("javascript:alert(1)")),
            ("OIDC Registration 2", "application_type", json!("desktop")),
            ("a bound", "scope", json!("x".repeat(513))),
            ("a bound", "software_id", json!("a\u{0}b")),
        ]
        .map(|(from, name, value)| (from, json, with(name, value), METADATA)),
    )
    .collect();
    table(&world, &rows).await;
    let both = json!({"redirect_uris": ["https://a.example/cb"], "jwks": {"keys": [rsa]}, "jwks_uri": "https://a.example/jwks"});
    table(&world, &[("RFC 7591 2", json, both.to_string(), METADATA)]).await;
    let made = world.cp.send(raw_request("203.0.113.1", "/register", json, good.to_string())).await;
    assert_eq!(made.status, 201);
}

#[tokio::test]
async fn where_clients_do_not_register_themselves_none_does() {
    // RFC 7591, 1.3: a server may keep registration to itself; then it does not offer it either.
    let world =
        World::configured(crate::harness::TestStore::sqlite().await, config_with(&[("OAUTH_DCR", "off")]))
            .await;
    let body = json!({"redirect_uris": ["https://a.example/cb"]}).to_string();
    table(&world, &[("RFC 7591 1.3", "application/json", body, "access_denied")]).await;
    let document = world
        .cp
        .send(crate::harness::request(http::Method::GET, "/.well-known/oauth-authorization-server", None))
        .await;
    assert!(document.body.get("registration_endpoint").is_none());
}

//! What clients find us by.

use http::Method;
use serde_json::json;

use crate::harness::request;
use crate::oauth::harness::World;

const SERVERS: &[&str] = &[
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/realms/airlock/.well-known/openid-configuration",
];

#[tokio::test]
async fn the_server_says_what_it_is_on_every_path_alike() {
    let world = World::fresh().await;
    let issuer = world.issuer();
    for path in SERVERS {
        let answer = world.cp.send(request(Method::GET, path, None)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert_eq!(answer.headers["cache-control"], "max-age=300");
        let body = answer.body;
        assert_eq!(body["issuer"], issuer);
        for (member, path) in [
            ("authorization_endpoint", "/authorize"),
            ("token_endpoint", "/token"),
            ("registration_endpoint", "/register"),
            ("revocation_endpoint", "/revoke"),
            ("device_authorization_endpoint", "/device_authorization"),
            ("jwks_uri", "/jwks"),
        ] {
            assert_eq!(body[member], format!("{issuer}{path}"));
        }
        assert_eq!(body["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(body["response_types_supported"], json!(["code"]));
        assert_eq!(body["client_id_metadata_document_supported"], true);
        assert_eq!(body["authorization_response_iss_parameter_supported"], true);
        assert!(body.get("introspection_endpoint").is_none());
        assert!(!body["grant_types_supported"].to_string().contains("client_credentials"));
    }
}

#[tokio::test]
async fn a_path_is_inserted_only_for_an_issuer_that_has_it() {
    let world = World::fresh().await;
    for path in SERVERS[..2]
        .iter()
        .flat_map(|p| ["/mcp/acme", "/realms/airlock", "/x"].map(|below| format!("{p}{below}")))
    {
        assert_eq!(world.cp.send(request(Method::GET, &path, None)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn nothing_of_a_request_gets_into_the_documents() {
    // T-104
    let world = World::fresh().await;
    let paths = SERVERS
        .iter()
        .copied()
        .chain(["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp/acme"]);
    for path in paths {
        let plain = world.cp.send(request(Method::GET, path, None)).await;
        let mut spoofed = request(Method::GET, path, None);
        for (name, value) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "10.0.0.1"),
            ("forwarded", "host=evil.example;proto=https"),
            ("x-original-url", "/evil"),
            ("x-rewrite-url", "/evil"),
            ("origin", "https://evil.example"),
        ] {
            spoofed.headers_mut().insert(name, value.parse().unwrap());
        }
        let spoofed = world.cp.send(spoofed).await;
        assert_eq!(spoofed.body, plain.body, "{path}");
        assert!(!format!("{:?}", spoofed.headers).contains("evil"));
    }
}

#[tokio::test]
async fn a_resource_says_who_gives_tokens_for_it_and_not_whether_it_exists() {
    let world = World::fresh().await;
    let issuer = world.issuer();
    for below in
        ["", "/mcp", "/mcp/acme", "/mcp/ghost", "/mcp/acme/s/u_1", "/mcp/org/default", "/mcp/org/ghost"]
    {
        let path = format!("/.well-known/oauth-protected-resource{below}");
        let answer = world.cp.send(request(Method::GET, &path, None)).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body["resource"], format!("{issuer}{below}"));
        assert_eq!(answer.body["authorization_servers"], json!([issuer]));
        assert_eq!(answer.body["scopes_supported"], json!(["mcp:read", "mcp:call"]));
        assert!(!answer.body.to_string().contains("offline_access"));
    }
    for below in ["/", "/mcp/", "/mcp/acme/", "/mcp/ACME", "/mcp/org", "/mcp/%2e%2e", "/v1", "/mcp/acme/x"] {
        let path = format!("/.well-known/oauth-protected-resource{below}");
        assert_eq!(world.cp.send(request(Method::GET, &path, None)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_key_set_is_the_key_that_signs() {
    let world = World::fresh().await;
    let keys = world.cp.send(request(Method::GET, "/jwks", None)).await.body;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let key = &keys["keys"][0];
    assert_eq!((&key["kty"], &key["crv"], &key["alg"]), (&json!("OKP"), &json!("Ed25519"), &json!("EdDSA")));
    assert!(key.get("d").is_none());
}

#[tokio::test]
async fn a_browsers_program_may_ask_first() {
    let world = World::fresh().await;
    for path in ["/token", "/register", "/revoke", "/device_authorization", "/jwks", SERVERS[0]] {
        let answer = world.cp.send(request(Method::OPTIONS, path, None)).await;
        assert_eq!(answer.status, 204, "{path}");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    }
}

//! The token endpoint: parameters.

use serde_json::json;

use super::{Change, Row, borrowed, changed, refused_plainly};
use crate::oauth::harness::{
    CALLBACK, CHALLENGE, DEVICE_GRANT, KEEPER, PUBLIC, VERIFIER, World, exchange, text, with,
};

const SDK: &str = "airlock-integrations";
const ASSERTION: &str = "client_assertion_type";
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn table(world: &World, form: &[(&str, &str)], rows: &[Row<'_>]) {
    for (from, change, status, word) in rows {
        let form = changed(form, change);
        let answer = world.form("/token", &borrowed(&form)).await;
        refused_plainly(&answer, &format!("{from}: {change:?}"), *status, word);
    }
}

#[tokio::test]
async fn a_code_is_exchanged_by_its_client_as_it_was_asked_for_and_not_otherwise() {
    let world = World::fresh().await;
    let code = world.code(PUBLIC).await;
    let (issuer, secret) = (world.issuer(), world.secret.clone());
    let at = |path: &str| format!("{issuer}{path}");
    let (upper, spaced, nul) = (code.to_uppercase(), format!("{code} "), format!("{code}\0"));
    let (as_refresh, as_access) = (code.replace("ac_", "rt_"), code.replace("ac_", "at_"));
    let (long, far_too_long) = ("a".repeat(129), "a".repeat(9_000));
    let (other, padded, spaced_verifier) =
        (VERIFIER.replace('d', "e"), format!("{VERIFIER}="), format!(" {VERIFIER}"));
    let with_slash = format!("{CALLBACK}/");
    let (bolt, ghost, beta) = (at("/mcp/bolt"), at("/mcp/ghost"), at("/mcp/org/beta"));
    world.cp.tenant("second").await;
    let (org, acme, second) = (at("/mcp/org/default"), at("/mcp/acme"), at("/mcp/second"));
    let (slashed, upper_resource, fragment) = (at("/mcp/acme/"), at("/mcp/ACME"), at("/mcp/acme#x"));
    let rows: &[Row<'_>] = &[
        // The grant.
        ("RFC 6749 4.1.3", &[("-grant_type", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("grant_type", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+grant_type", "authorization_code")], 400, "invalid_request"),
        ("RFC 6749 5.2", &[("grant_type", "AUTHORIZATION_CODE")], 400, "unsupported_grant_type"),
        ("RFC 6749 5.2", &[("grant_type", "authorization_code ")], 400, "unsupported_grant_type"),
        ("RFC 6749 5.2", &[("grant_type", "authorization_code\0")], 400, "unsupported_grant_type"),
        ("RFC 6749 5.2", &[("grant_type", "s3cret")], 400, "unsupported_grant_type"),
        (
            "RFC 9700 2.4",
            &[("grant_type", "password"), ("username", "ada"), ("password", "s3cret")],
            400,
            "unsupported_grant_type",
        ),
        ("RFC 9700 2.1.2", &[("grant_type", "implicit")], 400, "unsupported_grant_type"),
        ("RFC 6749 4.4", &[("grant_type", "client_credentials")], 400, "unsupported_grant_type"),
        (
            "RFC 7523 2.1",
            &[("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "s3cret")],
            400,
            "unsupported_grant_type",
        ),
        (
            "RFC 7522 2.1",
            &[("grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer")],
            400,
            "unsupported_grant_type",
        ),
        (
            "RFC 8693 2.1",
            &[("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")],
            400,
            "unsupported_grant_type",
        ),
        // The code (T-096).
        ("RFC 6749 4.1.3", &[("-code", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("code", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+code", &code)], 400, "invalid_request"),
        ("RFC 6749 5.2", &[("code", "ac_x")], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", "s3cret")], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", "' OR 1=1 --")], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &upper)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &spaced)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &nul)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &as_refresh)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &as_access)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("code", &far_too_long)], 400, "invalid_request"),
        // Its client.
        ("RFC 6749 4.1.3", &[("client_id", SDK)], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("-client_id", "")], 401, "invalid_client"),
        ("RFC 6749 3.2", &[("client_id", "")], 401, "invalid_client"),
        ("RFC 6749 3.2", &[("+client_id", PUBLIC)], 400, "invalid_request"),
        ("RFC 6749 5.2", &[("client_id", "s3cret")], 401, "invalid_client"),
        ("RFC 6749 5.2", &[("client_id", "PUBLIC-CLIENT")], 401, "invalid_client"),
        ("RFC 6749 5.2", &[("client_id", KEEPER)], 401, "invalid_client"),
        ("RFC 6749 5.2", &[("client_id", KEEPER), ("client_secret", "s3cret")], 401, "invalid_client"),
        ("RFC 6749 4.1.3", &[("client_id", KEEPER), ("client_secret", &secret)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("client_secret", "s3cret")], 401, "invalid_client"),
        ("RFC 6749 3.2", &[("+client_secret", "a"), ("+client_secret", "a")], 400, "invalid_request"),
        ("RFC 7521 4.2", &[("client_assertion", "s3cret")], 400, "invalid_request"),
        ("RFC 7521 4.2", &[(ASSERTION, JWT_BEARER)], 400, "invalid_request"),
        ("RFC 7523 2.2", &[(ASSERTION, JWT_BEARER), ("client_assertion", "s3cret")], 401, "invalid_client"),
        (
            "RFC 7523 3.9",
            &[
                (ASSERTION, JWT_BEARER),
                ("client_assertion", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwdWJsaWMtY2xpZW50In0."),
            ],
            401,
            "invalid_client",
        ),
        (
            "RFC 7522 2.2",
            &[
                (ASSERTION, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
                ("client_assertion", "x"),
            ],
            400,
            "invalid_request",
        ),
        (
            "RFC 6749 2.3",
            &[(ASSERTION, JWT_BEARER), ("client_assertion", "x"), ("client_secret", "x")],
            400,
            "invalid_request",
        ),
        // Its redirect address.
        ("RFC 6749 4.1.3", &[("-redirect_uri", "")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", &with_slash)], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "https://APP.example/cb")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "https://app.example:443/cb")], 400, "invalid_grant"),
        ("RFC 6749 10.6", &[("redirect_uri", "https://evil.example/cb")], 400, "invalid_grant"),
        ("RFC 6749 3.2", &[("+redirect_uri", CALLBACK)], 400, "invalid_request"),
        // Its verifier (T-095).
        ("RFC 7636 4.5", &[("-code_verifier", "")], 400, "invalid_request"),
        ("RFC 7636 4.5", &[("code_verifier", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+code_verifier", VERIFIER)], 400, "invalid_request"),
        ("RFC 7636 4.6", &[("code_verifier", &other)], 400, "invalid_grant"),
        ("RFC 9700 4.8.2", &[("code_verifier", CHALLENGE)], 400, "invalid_grant"),
        ("RFC 7636 4.1", &[("code_verifier", &VERIFIER[..42])], 400, "invalid_grant"),
        ("RFC 7636 4.1", &[("code_verifier", &long)], 400, "invalid_grant"),
        ("RFC 7636 4.1", &[("code_verifier", &padded)], 400, "invalid_grant"),
        ("RFC 7636 4.1", &[("code_verifier", &spaced_verifier)], 400, "invalid_grant"),
        (
            "RFC 9700 4.8.2",
            &[("-code_verifier", ""), ("code_challenge", CHALLENGE), ("code_challenge_method", "plain")],
            400,
            "invalid_request",
        ),
        // What it is for.
        ("RFC 8707 2.2", &[("resource", "https://evil.example")], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", "s3cret")], 400, "invalid_target"),
        ("RFC 8707 2", &[("resource", &fragment)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &slashed)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &upper_resource)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &bolt)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &ghost)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &beta)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("+resource", &org), ("+resource", &bolt)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("+resource", &acme), ("+resource", &second)], 400, "invalid_target"),
        // Anything at all twice.
        ("RFC 6749 3.2", &[("+unknown", "1"), ("+unknown", "2")], 400, "invalid_request"),
    ];
    table(&world, &exchange(&code), rows).await;
    assert_eq!(world.exchange(&code).await.status, 200, "and none of it used the code up");
    table(&world, &exchange(&code), &[("RFC 6749 4.1.2", &[], 400, "invalid_grant")]).await;
}

#[tokio::test]
async fn on_loopback_the_port_that_was_asked_for_is_the_port_of_the_exchange() {
    // RFC 8252, 7.3 frees the port of the request; RFC 6749, 4.1.3 binds the exchange to it.
    let world = World::fresh().await;
    let asked = with(&world.request(SDK), "redirect_uri", Some("http://127.0.0.1:49152/callback"));
    let code = world.code_for(&asked, crate::oauth::harness::ADA).await;
    let right = [
        ("grant_type", "authorization_code"),
        ("client_id", SDK),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:49152/callback"),
        ("code_verifier", VERIFIER),
    ];
    let rows: &[Row<'_>] = &[
        ("RFC 6749 4.1.3", &[("redirect_uri", "http://127.0.0.1:49153/callback")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "http://127.0.0.1/callback")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "http://localhost:49152/callback")], 400, "invalid_grant"),
        ("RFC 6749 4.1.3", &[("redirect_uri", "http://[::1]:49152/callback")], 400, "invalid_grant"),
    ];
    table(&world, &right, rows).await;
    assert_eq!(world.form("/token", &right).await.status, 200);
}

#[tokio::test]
async fn a_refresh_token_gives_its_client_no_more_than_it_has() {
    let world = World::fresh().await;
    let issuer = world.issuer();
    let acme = format!("{issuer}/mcp/acme");
    let asked = with(&with(&world.request(PUBLIC), "resource", Some(&acme)), "scope", Some("mcp:read"));
    let code = world.code_for(&asked, crate::oauth::harness::ADA).await;
    let tokens = world.exchange(&code).await.body;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let right = [("grant_type", "refresh_token"), ("client_id", PUBLIC), ("refresh_token", refresh.as_str())];
    let (org, bolt, secret) =
        (format!("{issuer}/mcp/org/default"), format!("{issuer}/mcp/bolt"), world.secret.clone());
    let (upper, spaced) = (refresh.to_uppercase(), format!("{refresh}\n"));
    let rows: &[Row<'_>] = &[
        ("RFC 6749 6", &[("-refresh_token", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("refresh_token", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+refresh_token", &refresh)], 400, "invalid_request"),
        ("RFC 6749 5.2", &[("refresh_token", "s3cret")], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("refresh_token", "rt_x")], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("refresh_token", &access)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("refresh_token", &code)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("refresh_token", &upper)], 400, "invalid_grant"),
        ("RFC 6749 5.2", &[("refresh_token", &spaced)], 400, "invalid_grant"),
        ("RFC 6749 10.4", &[("client_id", SDK)], 400, "invalid_grant"),
        ("RFC 6749 10.4", &[("client_id", KEEPER), ("client_secret", &secret)], 400, "invalid_grant"),
        ("RFC 6749 6", &[("client_id", KEEPER)], 401, "invalid_client"),
        ("RFC 6749 6", &[("-client_id", "")], 401, "invalid_client"),
        ("RFC 6749 6", &[("scope", "mcp:read mcp:call")], 400, "invalid_scope"),
        ("RFC 6749 6", &[("scope", "openid")], 400, "invalid_scope"),
        ("RFC 6749 6", &[("scope", "s3cret")], 400, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "mcp:read \u{e9}")], 400, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "mcp:read\tmcp:call")], 400, "invalid_scope"),
        ("RFC 8707 2.2", &[("resource", &org)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &issuer)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &bolt)], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", "s3cret")], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("+resource", &acme), ("+resource", &org)], 400, "invalid_target"),
    ];
    table(&world, &right, rows).await;
    assert_eq!(world.rotate(&refresh).await.status, 200);
    // Any of them that is shown once more ends all of them (RFC 9700, 4.14.2).
    let again = world.form_from("192.0.2.99", "/token", &right).await;
    refused_plainly(&again, "RFC 9700 4.14.2", 400, "invalid_grant");
    assert!(world.verify(&access).await.is_none());
}

#[tokio::test]
async fn a_device_code_is_asked_about_by_its_own_client() {
    let world = World::fresh().await;
    let device_client = json!({"name": "D", "client_id": "device-client", "grant_types": [DEVICE_GRANT]});
    assert_eq!(world.cp.post("/api/v1/admin/clients", device_client).await.status, 201);
    let started = world.form("/device_authorization", &[("client_id", SDK)]).await.body;
    let (device, user) = (text(&started, "device_code"), text(&started, "user_code"));
    world.oauth().devices().allow(&user, &world.person(crate::oauth::harness::ADA)).await.unwrap();
    let right = [("grant_type", DEVICE_GRANT), ("client_id", SDK), ("device_code", device.as_str())];
    let as_code = device.replace("dc_", "ac_");
    let rows: &[Row<'_>] = &[
        ("RFC 8628 3.4", &[("-device_code", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("device_code", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+device_code", &device)], 400, "invalid_request"),
        ("RFC 8628 3.5", &[("device_code", "dc_x")], 400, "invalid_grant"),
        ("RFC 8628 3.5", &[("device_code", &user)], 400, "invalid_grant"),
        ("RFC 8628 3.5", &[("device_code", &as_code)], 400, "invalid_grant"),
        ("RFC 8628 3.5", &[("device_code", "' OR 1=1 --")], 400, "invalid_grant"),
        ("RFC 8628 3.4", &[("client_id", "device-client")], 400, "invalid_grant"),
        ("RFC 8628 3.4", &[("-client_id", "")], 401, "invalid_client"),
        ("RFC 8628 3.4", &[("client_id", "ghost")], 401, "invalid_client"),
        ("RFC 6749 5.2", &[("client_id", PUBLIC)], 400, "unauthorized_client"),
        ("RFC 6749 5.2", &[("grant_type", "device_code")], 400, "unsupported_grant_type"),
    ];
    table(&world, &right, rows).await;
    assert_eq!(world.form("/token", &right).await.status, 200);
    refused_plainly(&world.form("/token", &right).await, "RFC 8628 3.5: twice", 400, "invalid_grant");
}

#[tokio::test]
async fn a_client_that_was_blocked_or_deleted_or_lacks_the_grant_gets_nothing() {
    let world = World::fresh().await;
    let client = |id: &str| json!({"name": id, "client_id": id, "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"]});
    for id in ["to-block", "to-delete"] {
        assert_eq!(world.cp.post("/api/v1/admin/clients", client(id)).await.status, 201);
    }
    let (blocked, deleted) = (world.code("to-block").await, world.code("to-delete").await);
    let one = |id: &str| format!("/api/v1/admin/clients/{id}");
    let block = Some(json!({"status": "blocked"}));
    world.cp.ask(http::Method::PATCH, &one("to-block"), block, &[]).await;
    world.cp.ask(http::Method::DELETE, &one("to-delete"), None, &[]).await;
    let as_client = |id| -> [(&str, &str); 1] { [("client_id", id)] };
    let (to_block, to_delete) = (as_client("to-block"), as_client("to-delete"));
    let rows: [(&str, &str, Change<'_>); 2] =
        [("RFC 6749 5.2", &blocked, &to_block), ("RFC 6749 5.2", &deleted, &to_delete)];
    for (from, code, change) in rows {
        table(&world, &exchange(code), &[(from, change, 401, "invalid_client")]).await;
    }
    let refresh = [("grant_type", "refresh_token"), ("client_id", "no-refresh"), ("refresh_token", "rt_x")];
    assert_eq!(world.cp.post("/api/v1/admin/clients", client("no-refresh")).await.status, 201);
    table(&world, &refresh, &[("RFC 6749 5.2", &[], 400, "unauthorized_client")]).await;
}

#[tokio::test]
async fn no_token_of_ours_passes_for_another_kind() {
    // RFC 9700, 4.10 and RFC 9068, 5: what opens a resource is an access token and nothing else.
    let world = World::fresh().await;
    let asked = with(&world.request(PUBLIC), "scope", Some("openid mcp:read"));
    let code = world.code_for(&asked, crate::oauth::harness::ADA).await;
    let tokens = world.exchange(&code).await.body;
    for name in ["refresh_token", "id_token"] {
        assert!(world.verify(&text(&tokens, name)).await.is_none(), "{name}");
    }
    assert!(world.verify(&code).await.is_none());
    assert!(world.verify(&world.secret).await.is_none());
    assert!(world.verify(&text(&tokens, "access_token").replace("at_", "")).await.is_none());
    assert!(world.verify(&text(&tokens, "access_token")).await.is_some());
}

//! The authorization endpoint, as browsers reach it. Until client and address are known to belong together nothing is sent
//! anywhere; from then on the client is told, with `state` and `iss`.

use std::time::Duration;

use airlock_core::Host as _;
use airlock_cp::oauth::{PageError, Step};
use http::Method;

use super::{Row, borrowed, changed};
use crate::harness::Answer;
use crate::oauth::harness::{ADA, BOB, CALLBACK, KEEPER, NOBODY, PUBLIC, Pairs, World, one, query};

const SDK: &str = "airlock-integrations";

fn pairs(form: &[(&str, &str)], row: &Row<'_>) -> Pairs {
    changed(form, row.1)
}

/// As a browser asks in which this person is signed in.
async fn browse(world: &World, request: &Pairs, cookie: Option<&str>) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(request).finish();
    let mut request = crate::harness::request(Method::GET, &format!("/authorize?{query}"), None);
    request.headers_mut().insert("accept", "text/html".parse().unwrap());
    if let Some(cookie) = cookie {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    world.cp.send(request).await
}

/// Shown on a page of ours, whoever asks and even if they say yes; sent nowhere, and no words of the request on it.
async fn shown(world: &World, form: &[(&str, &str)], row: &Row<'_>, page: PageError) {
    let what = format!("{}: {:?}", row.0, row.1);
    let request = pairs(form, row);
    let cookie = world.browser(ADA).await;
    for cookie in [None, Some(cookie.as_str())] {
        let answer = browse(world, &request, cookie).await;
        assert_eq!(answer.status, row.2, "{what}");
        assert!(!answer.headers.contains_key("location"), "{what}");
        assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
        let html = answer.body.as_str().unwrap();
        assert!(html.contains("Nothing was given to anybody"), "{what}");
        assert!(!html.contains("evil") && !html.contains("alert("), "{what}");
    }
    let (authorize, ada) = (world.oauth().authorize(), world.person(ADA));
    for step in [authorize.allow(&request, &ada).await, authorize.deny(&request, &ada).await] {
        assert!(matches!(step.unwrap(), Step::Page(found) if found == page), "{what}");
    }
}

/// Sent back to the client, with the word, the state as it came if one came, and who says it; a yes leads to the same.
async fn told(world: &World, form: &[(&str, &str)], row: &Row<'_>, person: &str, state: Option<&str>) {
    let what = format!("{}: {:?}", row.0, row.1);
    let request = pairs(form, row);
    let cookie = world.browser(person).await;
    let answer = browse(world, &request, Some(&cookie)).await;
    assert_eq!(answer.status, row.2, "{what}: {:?}", answer.body);
    let to = answer.headers["location"].to_str().unwrap();
    assert!(to.starts_with(&format!("{CALLBACK}?")) && !to.contains('#'), "{what}: {to}");
    let back = query(to);
    assert_eq!(one(&back, "error"), row.3, "{what}");
    assert_eq!(one(&back, "iss"), world.issuer(), "RFC 9207 2: {what}");
    let states: Vec<_> = back.iter().filter(|(n, _)| n == "state").map(|(_, v)| v.as_str()).collect();
    assert_eq!(states, state.into_iter().collect::<Vec<_>>(), "{what}");
    assert!(
        one(&back, "error_description").bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\'),
        "{what}"
    );
    assert_eq!(back.len(), 3 + states.len(), "{what}: and nothing else");
    assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
    // That no page may be shown is no matter once one was.
    if !request.iter().any(|(name, value)| name == "prompt" && value == "none") {
        let step = world.oauth().authorize().allow(&request, &world.person(person)).await.unwrap();
        assert!(matches!(&step, Step::Redirect(yes) if yes.as_str() == to), "{what}: {step:?}");
    }
}

#[tokio::test]
async fn who_asks_for_an_unknown_client_or_address_is_sent_nowhere() {
    let world = World::fresh().await;
    let request = world.request(PUBLIC);
    let form = borrowed(&request);
    let long = "x".repeat(5_000);
    let clients: &[Row<'_>] = &[
        ("RFC 6749 4.1.2.1", &[("client_id", "ghost")], 400, ""),
        ("RFC 6749 4.1.2.1", &[("client_id", "PUBLIC-CLIENT")], 400, ""),
        ("RFC 6749 4.1.2.1", &[("client_id", "public-client ")], 400, ""),
        ("RFC 6749 4.1.2.1", &[("client_id", "public-client\0")], 400, ""),
        ("RFC 6749 4.1.2.1", &[("client_id", "public-client'--")], 400, ""),
        ("RFC 6749 4.1.2.1", &[("client_id", "<script>alert(1)</script>")], 400, ""),
        ("a bound", &[("client_id", &long)], 400, ""),
        ("Client ID Metadata 3", &[("client_id", "https://a.example/client.json")], 400, ""),
        ("Client ID Metadata 6", &[("client_id", "https://169.254.169.254/latest")], 400, ""),
        ("Client ID Metadata 3", &[("client_id", "http://a.example/client.json")], 400, ""),
    ];
    for row in clients {
        shown(&world, &form, row, PageError::UnknownClient).await;
    }
    let unreadable: &[Row<'_>] = &[
        ("RFC 6749 4.1.2.1", &[("-client_id", "")], 400, ""),
        ("RFC 6749 3.1", &[("client_id", "")], 400, ""),
        ("RFC 6749 3.1", &[("+client_id", PUBLIC)], 400, ""),
        ("RFC 6749 3.1", &[("+client_id", KEEPER)], 400, ""),
        ("RFC 6749 3.1", &[("+redirect_uri", "https://evil.example/cb")], 400, ""),
        ("RFC 6749 3.1", &[("+redirect_uri", CALLBACK)], 400, ""),
    ];
    for row in unreadable {
        shown(&world, &form, row, PageError::Unreadable).await;
    }
    for (from, address) in [
        ("RFC 6749 3.1.2.4", "https://evil.example/cb"),
        ("RFC 6749 3.1.2.3", ""),
        ("RFC 6749 3.1.2.3", "/cb"),
        ("RFC 6749 3.1.2.3", "//app.example/cb"),
        ("RFC 9700 4.1.3", "https://app.example/cb/"),
        ("RFC 9700 4.1.3", "https://app.example/cb/.."),
        ("RFC 9700 4.1.3", "https://app.example/cb/../cb"),
        ("RFC 9700 4.1.3", "https://app.example/CB"),
        ("RFC 9700 4.1.3", "https://app.example/%63b"),
        ("RFC 9700 4.1.3", "https://app.example/cb?x=1"),
        ("RFC 9700 4.1.3", "https://app.example/cb?"),
        ("RFC 9700 4.1.3", "https://app.example/cb#"),
        ("RFC 9700 4.1.3", "https://app.example/cb;x"),
        ("RFC 9700 4.1.3", "https://app.example:443/cb"),
        ("RFC 9700 4.1.3", "https://app.example./cb"),
        ("RFC 9700 4.1.3", "https://APP.example/cb"),
        ("RFC 9700 4.1.3", "HTTPS://app.example/cb"),
        ("RFC 9700 4.1.3", "http://app.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example@evil.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example:x@evil.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example.evil.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example\\@evil.example/cb"),
        ("RFC 9700 4.1.1", "https:\\\\app.example\\cb"),
        ("RFC 9700 4.1.1", "https://app.example%2eevil.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example\t/cb"),
        ("RFC 9700 4.1.1", " https://app.example/cb"),
        ("RFC 9700 4.1.1", "https://app.example/cb\0"),
        ("RFC 9700 4.11", "https://app.example/cb\r\nlocation: https://evil.example"),
        ("RFC 9700 4.11", "https://app.example/cb%0d%0a"),
        ("RFC 9700 4.11", "javascript:alert(1)"),
        ("RFC 9700 4.11", "data:text/html,<script>alert(1)</script>"),
        ("RFC 8252 7.3", "http://localhost/cb"),
    ] {
        shown(&world, &form, &(from, &[("redirect_uri", address)], 400, ""), PageError::UnknownRedirect)
            .await;
    }
    // Two are registered: which one is meant is not guessed.
    let keeper = world.request(KEEPER);
    shown(
        &world,
        &borrowed(&keeper),
        &("RFC 6749 3.1.2.3", &[("-redirect_uri", "")], 400, ""),
        PageError::UnknownRedirect,
    )
    .await;
    assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM auth_codes").await, "0");
}

#[tokio::test]
async fn the_port_is_all_that_a_loopback_address_may_change() {
    let world = World::fresh().await;
    let request = world.request(SDK);
    let form = borrowed(&request);
    for (from, address) in [
        ("RFC 8252 7.3", "http://localhost:49152/other"),
        ("RFC 8252 7.3", "http://localhost:49152/callback/"),
        ("RFC 8252 7.3", "http://localhost:49152/callback?x=1"),
        ("RFC 8252 7.3", "http://localhost:49152/callback#x"),
        ("RFC 8252 7.3", "http://localhost:0/callback"),
        ("RFC 8252 7.3", "http://localhost:65536/callback"),
        ("RFC 8252 7.3", "http://localhost:+80/callback"),
        ("RFC 8252 7.3", "http://localhost:/callback"),
        ("RFC 8252 8.3", "http://localhost:49152@evil.example/callback"),
        ("RFC 8252 8.3", "http://localhost.evil.example:49152/callback"),
        ("RFC 8252 8.3", "https://localhost:49152/callback"),
        ("RFC 8252 7.3", "http://127.0.0.2:49152/callback"),
        ("RFC 8252 7.3", "http://127.1:49152/callback"),
        ("RFC 8252 7.3", "http://[::]:49152/callback"),
        ("RFC 8252 7.3", "http://0.0.0.0:49152/callback"),
    ] {
        shown(&world, &form, &(from, &[("redirect_uri", address)], 400, ""), PageError::UnknownRedirect)
            .await;
    }
    let good = changed(&form, &[("redirect_uri", "http://localhost:49152/callback")]);
    let step = world.oauth().authorize().check(&good, Some(&world.person(ADA))).await.unwrap();
    assert!(matches!(step, Step::Consent(_)), "{step:?}");
}

#[tokio::test]
async fn a_known_client_is_told_what_is_wrong_with_its_request() {
    let world = World::fresh().await;
    let issuer = world.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let request = world.request(PUBLIC);
    let form = borrowed(&request);
    let (padding, wrong_length, kept, many) =
        ("=".repeat(43), "A".repeat(44), "n".repeat(3_000), "x ".repeat(5_000));
    let (slashed, upper, fragment, with_query, other_path, host, bolt, ghost, beta) = (
        at("/mcp/acme/"),
        at("/mcp/ACME"),
        at("/mcp/acme#x"),
        at("/mcp/acme?x"),
        at("/v1"),
        format!("{issuer}.evil.example/mcp/acme"),
        at("/mcp/bolt"),
        at("/mcp/ghost"),
        at("/mcp/org/beta"),
    );
    let back = "a state/+&";
    let rows: &[Row<'_>] = &[
        ("RFC 6749 4.1.1", &[("-response_type", "")], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("response_type", "")], 303, "invalid_request"),
        ("RFC 9700 2.1.2", &[("response_type", "token")], 303, "unsupported_response_type"),
        ("RFC 6749 3.1.1", &[("response_type", "code token")], 303, "unsupported_response_type"),
        ("RFC 6749 3.1.1", &[("response_type", "CODE")], 303, "unsupported_response_type"),
        ("OIDC Core 3.2.2.1", &[("response_type", "id_token")], 303, "unsupported_response_type"),
        ("OAuth Multiple Response Types 4", &[("response_type", "none")], 303, "unsupported_response_type"),
        ("OAuth Multiple Response Types 2.1", &[("response_mode", "fragment")], 303, "invalid_request"),
        ("OAuth Form Post 2", &[("response_mode", "form_post")], 303, "invalid_request"),
        ("JARM 2.3", &[("response_mode", "jwt")], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+response_type", "code")], 303, "invalid_request"),
        // T-095
        ("RFC 7636 4.4.1", &[("-code_challenge", "")], 303, "invalid_request"),
        (
            "RFC 7636 4.4.1",
            &[("-code_challenge", ""), ("-code_challenge_method", "")],
            303,
            "invalid_request",
        ),
        ("RFC 7636 4.2", &[("code_challenge", "short")], 303, "invalid_request"),
        ("RFC 7636 4.2", &[("code_challenge", &padding)], 303, "invalid_request"),
        ("RFC 7636 4.2", &[("code_challenge", &wrong_length)], 303, "invalid_request"),
        ("RFC 7636 4.3", &[("-code_challenge_method", "")], 303, "invalid_request"),
        ("RFC 9700 2.1.1", &[("code_challenge_method", "plain")], 303, "invalid_request"),
        ("RFC 7636 4.3", &[("code_challenge_method", "s256")], 303, "invalid_request"),
        ("RFC 7636 4.3", &[("code_challenge_method", "S512")], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+code_challenge_method", "plain")], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+code_challenge", "x")], 303, "invalid_request"),
        ("RFC 9101 6.3", &[("request", "eyJ")], 303, "request_not_supported"),
        ("RFC 9101 6.3", &[("request_uri", "https://evil.example/r")], 303, "request_uri_not_supported"),
        (
            "RFC 9126 4",
            &[("request_uri", "urn:ietf:params:oauth:request_uri:x")],
            303,
            "request_uri_not_supported",
        ),
        ("RFC 6749 4.1.2.1", &[("scope", "admin")], 303, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "mcp:read \"x\"")], 303, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "mcp:read\\x")], 303, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "mcp:read\nmcp:call")], 303, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "MCP:READ")], 303, "invalid_scope"),
        ("RFC 6749 4.1.2.1", &[("scope", "mcp:admin")], 303, "invalid_scope"),
        ("a bound", &[("scope", &many)], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+scope", "mcp:read"), ("+scope", "mcp:read")], 303, "invalid_request"),
        ("OIDC Core 3.1.2.1", &[("prompt", "none login")], 303, "invalid_request"),
        ("OIDC Core 3.1.2.6", &[("prompt", "create")], 303, "invalid_request"),
        ("OIDC Core 3.1.2.6", &[("prompt", "none")], 303, "consent_required"),
        ("OIDC Core 3.1.2.1", &[("max_age", "-1")], 303, "invalid_request"),
        ("OIDC Core 3.1.2.1", &[("max_age", "soon")], 303, "invalid_request"),
        ("OIDC Core 3.1.2.1", &[("max_age", "99999999999999999999999")], 303, "invalid_request"),
        ("a bound", &[("nonce", &kept)], 303, "invalid_request"),
        ("a bound", &[("login_hint", &kept)], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+nonce", "a"), ("+nonce", "a")], 303, "invalid_request"),
        ("RFC 6749 3.1", &[("+unknown", "a"), ("+unknown", "a")], 303, "invalid_request"),
        ("RFC 8707 2.1", &[("resource", "https://evil.example/mcp/acme")], 303, "invalid_target"),
        ("RFC 8707 2", &[("resource", "acme")], 303, "invalid_target"),
        ("RFC 8707 2", &[("resource", &fragment)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &with_query)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &slashed)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &upper)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &other_path)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &host)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &bolt)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &ghost)], 303, "invalid_target"),
        ("RFC 8707 2.1", &[("resource", &beta)], 303, "invalid_target"),
    ];
    for row in rows {
        told(&world, &form, row, ADA, Some(back)).await;
    }
    // Which of two states is the client's cannot be told; one that is none is not given back.
    told(&world, &form, &("RFC 6749 3.1", &[("+state", "b")], 303, "invalid_request"), ADA, None).await;
    told(
        &world,
        &form,
        &("RFC 6749 4.1.2.1", &[("-state", ""), ("scope", "admin")], 303, "invalid_scope"),
        ADA,
        None,
    )
    .await;
    told(
        &world,
        &form,
        &("RFC 6749 4.1.2.1", &[("state", ""), ("scope", "admin")], 303, "invalid_scope"),
        ADA,
        None,
    )
    .await;
    // Byte for byte (T-098).
    for state in
        ["%00", "a b", "é\u{202e}", "<script>", "&error=x&iss=https://evil.example", "\r\nlocation: x", "#x"]
    {
        told(
            &world,
            &form,
            &("RFC 6749 4.1.2.1", &[("state", state), ("scope", "admin")], 303, "invalid_scope"),
            ADA,
            Some(state),
        )
        .await;
    }
    // Whom it is not for.
    for (from, person, change, word) in [
        ("RFC 6749 4.1.2.1", NOBODY, &[] as super::Change<'_>, "access_denied"),
        ("RFC 6749 4.1.2.1", crate::oauth::harness::BILLING, &[], "access_denied"),
        ("RFC 6749 4.1.2.1", crate::oauth::harness::AUDITOR, &[("scope", "mcp:call")], "access_denied"),
        ("OIDC Core 3.1.2.6", BOB, &[("prompt", "none")], "interaction_required"),
    ] {
        told(&world, &form, &(from, change, 303, word), person, Some(back)).await;
    }
    assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM auth_codes").await, "0");
}

#[tokio::test]
async fn without_a_page_nobody_signs_in() {
    let world = World::fresh().await;
    let none = changed(&borrowed(&world.request(PUBLIC)), &[("prompt", "none")]);
    let answer = browse(&world, &none, None).await;
    assert_eq!(one(&query(answer.headers["location"].to_str().unwrap()), "error"), "login_required");
    let lately = changed(&borrowed(&none), &[("max_age", "600")]);
    let mut ada = world.person(ADA);
    ada.auth_at = world.cp.clock.now().before(Duration::from_secs(601));
    let step = world.oauth().authorize().check(&lately, Some(&ada)).await.unwrap();
    assert!(matches!(&step, Step::Redirect(to) if to.as_str().contains("login_required")), "{step:?}");
}

//! What the token endpoint refuses, in a table: RFC 6749, 5.2 and its kin.

use axum::body::Body;
use http::{Method, Request};

use super::harness::{CALLBACK, HOME, KEEPER, PUBLIC, VERIFIER, World, form_request, raw_request, text};

async fn check(world: &World, request: Request<Body>, status: u16, word: &str, what: &str) {
    let answer = world.cp.send(request).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body["error"].as_str()),
        (status, Some(word)),
        "{what}: {:?}",
        answer.body
    );
    assert_eq!(answer.headers["content-type"], "application/json", "{what}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{what}");
    assert!(answer.body["error_description"].is_string(), "{what}");
    assert!(!answer.body.to_string().contains("s3cret"), "{what}: {:?}", answer.body);
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let world = World::fresh().await;
    let form = async |pairs: &[(&str, &str)], status: u16, word: &str| {
        check(&world, form_request(HOME, "/token", pairs), status, word, &format!("{pairs:?}")).await;
    };
    let client = ("client_id", PUBLIC);
    form(&[], 400, "invalid_request").await;
    form(&[client], 400, "invalid_request").await;
    form(&[client, ("grant_type", "")], 400, "invalid_request").await;
    for grant in [
        "password",
        "implicit",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "AUTHORIZATION_CODE",
        "authorization_code ",
        "s3cret",
    ] {
        form(&[client, ("grant_type", grant)], 400, "unsupported_grant_type").await;
    }
    let code = ("grant_type", "authorization_code");
    form(&[code], 401, "invalid_client").await;
    form(&[code, ("client_id", "s3cret")], 401, "invalid_client").await;
    form(&[code, client], 400, "invalid_request").await;
    form(&[code, client, ("code", "ac_x")], 400, "invalid_request").await;
    form(&[code, client, ("code", "ac_x"), ("code_verifier", VERIFIER)], 400, "invalid_grant").await;
    form(&[code, client, ("code", "ac_x"), ("code", "ac_x")], 400, "invalid_request").await;
    form(&[code, code, client], 400, "invalid_request").await;
    form(&[code, client, client], 400, "invalid_request").await;
    form(&[code, client, ("unknown", "1"), ("unknown", "2")], 400, "invalid_request").await;
    form(&[code, client, ("client_secret", "s3cret")], 401, "invalid_client").await;
    form(&[code, ("client_id", KEEPER)], 401, "invalid_client").await;
    form(&[code, ("client_id", KEEPER), ("client_secret", "s3cret")], 401, "invalid_client").await;
    form(&[code, client, ("client_assertion", "s3cret")], 400, "invalid_request").await;
    let kind = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
    form(&[code, client, kind], 400, "invalid_request").await;
    form(&[code, client, kind, ("client_assertion", "s3cret")], 401, "invalid_client").await;
    form(
        &[code, client, kind, ("client_assertion", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJwdWJsaWMtY2xpZW50In0.")],
        401,
        "invalid_client",
    )
    .await;
    let saml = ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer");
    form(&[code, client, saml, ("client_assertion", "x")], 400, "invalid_request").await;
    let refresh = ("grant_type", "refresh_token");
    form(&[refresh, client], 400, "invalid_request").await;
    form(&[refresh, client, ("refresh_token", "s3cret")], 400, "invalid_grant").await;
    form(&[refresh, client, ("refresh_token", "rt_x"), ("scope", "s3cret")], 400, "invalid_scope").await;
    form(&[refresh, client, ("refresh_token", "rt_x"), ("resource", "s3cret")], 400, "invalid_target").await;
}

#[tokio::test]
async fn bodies_that_are_no_form_are_refused() {
    let world = World::fresh().await;
    let raw = async |kind: &str, body: &str, status: u16, word: &str| {
        check(&world, raw_request(HOME, "/token", kind, body.to_owned()), status, word, body).await;
    };
    let form = "application/x-www-form-urlencoded";
    raw("application/json", r#"{"grant_type":"authorization_code"}"#, 400, "invalid_request").await;
    raw("text/plain", "grant_type=authorization_code", 400, "invalid_request").await;
    raw("multipart/form-data; boundary=x", "--x", 400, "invalid_request").await;
    raw(form, "grant_type=%ff", 400, "invalid_request").await;
    raw(form, "grant_type=%", 400, "invalid_request").await;
    raw(form, "grant_type=a%00b", 400, "unsupported_grant_type").await;
    raw(form, &"a=b&".repeat(100), 400, "invalid_request").await;
    raw(form, &format!("grant_type={}", "x".repeat(70_000)), 400, "invalid_request").await;
    raw(form, &format!("grant_type={}", "x".repeat(10_000)), 400, "invalid_request").await;
    // With a charset it is still a form.
    raw(
        "Application/X-WWW-Form-URLencoded; charset=UTF-8",
        "grant_type=password",
        400,
        "unsupported_grant_type",
    )
    .await;
}

#[tokio::test]
async fn parameters_in_the_address_do_not_count() {
    let world = World::fresh().await;
    let code = world.code(PUBLIC).await;
    let path = format!(
        "/token?grant_type=authorization_code&client_id={PUBLIC}&code={code}&code_verifier={VERIFIER}"
    );
    check(&world, form_request(HOME, &path, &[("redirect_uri", CALLBACK)]), 400, "invalid_request", "query")
        .await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = world.cp.send(crate::harness::request(method.clone(), &path, None)).await;
        assert_eq!(answer.status, 405, "{method}");
    }
    assert_eq!(world.exchange(&code).await.status, 200, "none of it used the code up");
}

#[tokio::test]
async fn basic_is_answered_with_basic() {
    let world = World::fresh().await;
    for (header, word) in [
        ("Basic a2VlcGVyLWNsaWVudDp3cm9uZw==", "invalid_client"),
        ("Basic !", "invalid_client"),
        ("Bearer at_x", "invalid_client"),
        ("Basic", "invalid_client"),
    ] {
        let mut request = form_request(HOME, "/token", &[("grant_type", "authorization_code")]);
        request.headers_mut().insert("authorization", header.parse().unwrap());
        let answer = world.cp.send(request).await;
        assert_eq!((answer.status.as_u16(), text(&answer.body, "error").as_str()), (401, word), "{header}");
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"airlock\"", "{header}");
    }
    let mut twice = form_request(HOME, "/token", &[("grant_type", "authorization_code")]);
    twice.headers_mut().append("authorization", "Basic YTpi".parse().unwrap());
    twice.headers_mut().append("authorization", "Basic YTpi".parse().unwrap());
    check(&world, twice, 400, "invalid_request", "two headers").await;
}

#[tokio::test]
async fn a_metadata_document_that_cannot_be_read_is_an_unknown_client() {
    // T-102: what is behind an address is not told.
    let world = World::fresh().await;
    let mut answers = Vec::new();
    for id in [
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/c",
        "https://[::ffff:10.0.0.1]/c",
        "https://localhost/c",
        "https://nowhere.invalid/c",
        "https://client.example/c",
        "http://client.example/c",
        "ghost",
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", id),
            ("code", "ac_x"),
            ("code_verifier", VERIFIER),
        ];
        answers.push(world.form("/token", &form).await.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "{answers:?}");
    assert_eq!(text(&answers[0], "error"), "invalid_client");
}

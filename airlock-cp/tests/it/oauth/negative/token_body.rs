//! The token endpoint: how a request is made, and how a client shows itself in a header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method};

use super::{refused, refused_plainly};
use crate::oauth::harness::{
    CALLBACK, HOME, KEEPER, PUBLIC, VERIFIER, World, exchange, form_request, raw_request,
};

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let world = World::fresh().await;
    let form = "application/x-www-form-urlencoded";
    let (many, large, long) = (
        "a=b&".repeat(100),
        format!("grant_type={}", "x".repeat(70_000)),
        format!("grant_type={}", "x".repeat(10_000)),
    );
    for (from, kind, body, word) in [
        ("RFC 6749 4.1.3", "application/json", r#"{"grant_type":"authorization_code"}"#, "invalid_request"),
        ("RFC 6749 4.1.3", "text/plain", "grant_type=authorization_code", "invalid_request"),
        ("RFC 6749 4.1.3", "multipart/form-data; boundary=x", "--x", "invalid_request"),
        (
            "RFC 6749 4.1.3",
            "application/x-www-form-urlencoded-not",
            "grant_type=authorization_code",
            "invalid_request",
        ),
        ("RFC 6749 4.1.3", "", "grant_type=authorization_code", "invalid_request"),
        ("RFC 6749 App. B", form, "grant_type=%ff", "invalid_request"),
        ("RFC 6749 App. B", form, "grant_type=%c0%af", "invalid_request"),
        ("RFC 6749 App. B", form, "grant_type=%", "invalid_request"),
        ("RFC 6749 App. B", form, "grant_type=%2", "invalid_request"),
        ("RFC 6749 App. B", form, "grant_type=%zz", "invalid_request"),
        ("RFC 6749 5.2", form, "", "invalid_request"),
        ("RFC 6749 5.2", form, "&&&", "invalid_request"),
        ("RFC 6749 5.2", form, "grant_type", "invalid_request"),
        ("RFC 6749 5.2", form, "grant_type=a%00b", "unsupported_grant_type"),
        ("a bound", form, &many, "invalid_request"),
        ("a bound", form, &large, "invalid_request"),
        ("a bound", form, &long, "invalid_request"),
        // With a charset it is still a form.
        (
            "RFC 9110 8.3.1",
            "Application/X-WWW-Form-URLencoded; charset=UTF-8",
            "grant_type=password",
            "unsupported_grant_type",
        ),
    ] {
        let answer = world.cp.send(raw_request(HOME, "/token", kind, body.to_owned())).await;
        refused_plainly(&answer, &format!("{from}: {kind} {}", &body[..body.len().min(60)]), 400, word);
    }
}

#[tokio::test]
async fn what_is_in_the_address_or_comes_by_another_method_does_not_count() {
    // RFC 6749, 2.3.1 and 3.2
    let world = World::fresh().await;
    let code = world.code(PUBLIC).await;
    let path = format!(
        "/token?grant_type=authorization_code&client_id={PUBLIC}&code={code}&code_verifier={VERIFIER}"
    );
    let answer = world.cp.send(form_request(HOME, &path, &[("redirect_uri", CALLBACK)])).await;
    refused_plainly(&answer, "RFC 6749 3.2: query", 400, "invalid_request");
    let basic = format!("/token?client_id={KEEPER}&client_secret={}", world.secret);
    let form = [("grant_type", "authorization_code"), ("code", "ac_x"), ("code_verifier", VERIFIER)];
    refused_plainly(
        &world.cp.send(form_request(HOME, &basic, &form)).await,
        "RFC 6749 2.3.1: query",
        401,
        "invalid_client",
    );
    for path in [path.as_str(), "/revoke?token=x", "/register", "/device_authorization"] {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::PATCH] {
            let mut request = crate::harness::request(method.clone(), path, None);
            // T-014: no header makes another method of it.
            for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
                request.headers_mut().insert(name, HeaderValue::from_static("POST"));
            }
            assert_eq!(world.cp.send(request).await.status, 405, "{method} {path}");
        }
    }
    assert_eq!(world.exchange(&code).await.status, 200, "none of it used the code up");
}

#[tokio::test]
async fn a_header_that_shows_no_client_is_answered_with_the_scheme_it_tried() {
    let world = World::fresh().await;
    let code = world.code(PUBLIC).await;
    let secret = world.secret.clone();
    let pair = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let raw = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes));
    for (from, header) in [
        ("RFC 6749 2.3.1", pair(KEEPER, "s3cret")),
        ("RFC 6749 2.3.1", pair(KEEPER, "")),
        ("RFC 6749 2.3.1", pair("", &secret)),
        ("RFC 6749 2.3.1", pair("ghost", &secret)),
        ("RFC 6749 2.3.1", pair(PUBLIC, "any")),
        ("RFC 6749 2.3.1", pair(PUBLIC, "")),
        ("RFC 6749 2.3.1", pair(KEEPER, &format!("{secret} "))),
        ("RFC 6749 2.3.1", pair(KEEPER, &secret.to_uppercase())),
        ("RFC 6749 2.3.1", pair(&KEEPER.to_uppercase(), &secret)),
        ("RFC 6749 App. B", pair(KEEPER, "%zz")),
        ("RFC 6749 App. B", pair(KEEPER, "%ff")),
        ("RFC 7617 2", raw(KEEPER.as_bytes())),
        ("RFC 7617 2", raw(b"\xff\xfe:x")),
        ("RFC 7617 2", "Basic !".to_owned()),
        ("RFC 7617 2", "Basic".to_owned()),
        ("RFC 7617 2", "Basic ".to_owned()),
        ("RFC 6749 2.3", "Bearer at_x".to_owned()),
        ("RFC 6749 2.3", "Digest username=\"keeper-client\"".to_owned()),
        ("RFC 6749 2.3", secret.clone()),
    ] {
        let form: Vec<_> = exchange(&code).into_iter().filter(|(name, _)| *name != "client_id").collect();
        let mut request = form_request(HOME, "/token", &form);
        request.headers_mut().insert("authorization", header.parse().unwrap());
        let answer = world.cp.send(request).await;
        refused(&answer, &format!("{from}: {header}"), 401, "invalid_client");
        assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"airlock\"", "{from}: {header}");
    }
    // Two ways at once are one too many.
    let good = pair(KEEPER, &secret);
    for (from, headers, more) in [
        ("RFC 6749 2.3", vec![&good, &good], None),
        ("RFC 6749 2.3", vec![&good], Some(("client_secret", secret.as_str()))),
        ("RFC 6749 2.3", vec![&good], Some(("client_assertion", "x"))),
        ("RFC 6749 2.3", vec![&good], Some(("client_id", PUBLIC))),
    ] {
        let mut form: Vec<_> = exchange(&code).into_iter().filter(|(name, _)| *name != "client_id").collect();
        form.extend(more);
        let mut request = form_request(HOME, "/token", &form);
        for header in headers {
            request.headers_mut().append("authorization", header.parse().unwrap());
        }
        refused_plainly(&world.cp.send(request).await, &format!("{from}: {more:?}"), 400, "invalid_request");
    }
    assert_eq!(world.exchange(&code).await.status, 200);
}

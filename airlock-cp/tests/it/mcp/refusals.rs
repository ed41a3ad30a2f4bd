//! Who does not come in, and what they are told.

use std::sync::atomic::Ordering;

use super::harness::*;
use axum::body::Body;
use http::Request;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

#[track_caller]
fn is_challenged(got: &Got) {
    assert_eq!(got.status, 401, "{got:?}");
    let challenge = got.header("www-authenticate");
    assert!(
        challenge.starts_with("Bearer resource_metadata=\"http://127.0.0.1:8080/.well-known/"),
        "{challenge}"
    );
    assert_eq!(got.json()["error"]["code"], -32003);
    assert_eq!(got.json()["error"]["data"]["error_class"], "unauthorized");
}

#[tokio::test]
async fn without_one_good_bearer_nobody_comes_in_and_no_key_is_looked_at() {
    let e = endpoint();
    for none in ["-", "", "Basic YTpi", "ak_live_all"] {
        is_challenged(&e.post(LIST, &[("authorization", none)]).await);
    }
    assert_eq!(e.door.looked_at.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_unknown_tenant_looks_like_a_wrong_key() {
    let e = endpoint();
    let wrong = e.post(LIST, &[("authorization", "Bearer ak_live_wrong")]).await;
    is_challenged(&wrong);
    for slug in
        ["other", "a", "..", "%2e%2e", "acme.", "ACME", "ac%20me", "%E2%84%AAacme", "org", "acm%C4%97"]
    {
        let got = e.send(post(&format!("/mcp/{slug}"), LIST.into(), &[])).await;
        is_challenged(&got);
        assert_eq!(got.body, wrong.body, "{slug}");
    }
    for path in [
        "/mcp/acme/",
        "/mcp/a/b",
        "/mcp/acme/s",
        "/mcp/acme/s/",
        "/mcp/acme/s/u/1",
        "/mcp",
        "/mcp/../mcp/acme",
        "/MCP/acme",
    ] {
        assert_eq!(e.send(post(path, LIST.into(), &[])).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_told_so() {
    let got = endpoint().post(LIST, &[("authorization", &format!("Bearer {REVOKED}"))]).await;
    is_challenged(&got);
    assert_eq!(got.json()["error"]["data"]["detail"], "key_revoked");
}

#[tokio::test]
async fn who_comes_too_often_is_told_when_to_come_again() {
    let got = endpoint().post(LIST, &[("authorization", &format!("Bearer {BUSY}"))]).await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (429, "7"));
    assert_eq!(got.json()["error"]["data"]["retry_after_ms"], 7000);
    let got = endpoint().post(LIST, &[("authorization", "Bearer ak_live_nostore")]).await;
    assert_eq!((got.status.as_u16(), got.header("retry-after")), (503, "1"));
}

#[tokio::test]
async fn hosts_and_origins_that_are_not_ours_have_no_effect() {
    let e = endpoint();
    for (name, value) in [
        ("host", "evil.com"),
        ("origin", "https://evil.com"),
        ("origin", "null"),
        ("origin", "http://localhost:3000"),
    ] {
        assert_eq!(e.post(query(), &[(name, value)]).await.status, 403, "{name}: {value}");
    }
    assert_eq!(e.post(query(), &[("host", "-")]).await.status, 400);
    assert!(e.calls().is_empty());
    assert_eq!(e.door.looked_at.load(Ordering::Relaxed), 0);
    let got = e.post(query(), &[("origin", "https://app.example.com")]).await;
    assert_eq!(
        (got.status.as_u16(), got.header("access-control-allow-origin")),
        (200, "https://app.example.com")
    );
    assert!(!e.post(query(), &[]).await.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn other_methods_than_post() {
    let e = endpoint();
    let send = async |method: &str, origin: Option<&str>| {
        let mut request = Request::builder().method(method).uri("/mcp/acme").header("host", "localhost:8080");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        e.send(request.body(Body::empty()).unwrap()).await
    };
    for method in ["GET", "HEAD", "PUT", "PATCH", "TRACE"] {
        let got = send(method, None).await;
        assert_eq!((got.status.as_u16(), got.header("allow")), (405, "POST, DELETE, OPTIONS"), "{method}");
    }
    // A client may end its session twice, or before its other requests came in (LiteLLM does).
    assert_eq!(send("DELETE", None).await.status, 204);
    assert_eq!(send("DELETE", None).await.status, 204);
    assert_eq!(send("OPTIONS", None).await.status, 204);
    let got = send("OPTIONS", Some("https://app.example.com")).await;
    assert_eq!(got.header("access-control-allow-methods"), "POST, DELETE, OPTIONS");
    assert!(got.header("access-control-allow-headers").contains("mcp-protocol-version"));
    assert_eq!(send("OPTIONS", Some("https://evil.com")).await.status, 403);
}

#[tokio::test]
async fn a_header_cannot_change_the_method_or_the_peer() {
    let e = endpoint();
    let forged = [
        ("x-http-method-override", "DELETE"),
        ("x-method-override", "GET"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-host", "evil.com"),
        ("forwarded", "for=6.6.6.6;host=evil.com"),
        ("x-original-url", "/mcp/other"),
    ];
    assert_eq!(e.post(LIST, &forged).await.status, 200);
    assert_eq!(e.audit.row().context.ip.as_deref(), Some("10.1.2.3"));
}

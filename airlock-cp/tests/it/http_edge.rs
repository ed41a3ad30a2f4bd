//! The edge: who is let in, how refusals look, which headers every answer bears.

use http::Method;
use serde_json::json;

use crate::harness::{Cp, TOKEN, request};

#[tokio::test]
async fn a_refusal_is_a_problem_with_a_request_id() {
    let cp = Cp::fresh().await;
    let answer =
        cp.ask(Method::GET, "/api/v1/tenants/t_ghost", None, &[("x-request-id", "my-own-id-1")]).await;
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["x-request-id"], "my-own-id-1");
    assert_eq!(
        answer.body,
        json!({
            "type": "urn:airlock:error:not_found", "title": "Not Found", "status": 404, "detail": "no such tenant",
            "code": "not_found", "request_id": "my-own-id-1"
        })
    );
}

#[tokio::test]
async fn an_id_that_would_harm_a_log_is_replaced() {
    let cp = Cp::fresh().await;
    for bad in ["x", "a b c d e f", "\"quoted-id\"", &"x".repeat(65)] {
        let answer = cp.ask(Method::GET, "/healthz", None, &[("x-request-id", bad)]).await;
        assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
    }
}

#[tokio::test]
async fn every_answer_bears_the_headers() {
    let cp = Cp::fresh().await;
    for path in ["/healthz", "/api/v1/tenants", "/nowhere"] {
        let answer = cp.get(path).await;
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'")
        );
        assert_eq!(answer.headers.get("cache-control").is_some(), path.starts_with("/api"), "{path}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_none_say_so() {
    let cp = Cp::fresh().await;
    assert_eq!(cp.get("/nowhere").await.body["code"], "not_found");
    let wrong = cp.ask(Method::PUT, "/api/v1/tenants", Some(json!({})), &[]).await;
    assert_eq!((wrong.status.as_u16(), wrong.body["code"].as_str()), (405, Some("method_not_allowed")));
}

#[tokio::test]
async fn only_the_one_bearer_in_the_one_header_opens() {
    // T-010
    let cp = Cp::fresh().await;
    let ask = |headers: Vec<(&'static str, String)>, path: &'static str| {
        let mut request = request(Method::GET, path, None);
        for (name, value) in headers {
            request.headers_mut().append(name, value.parse().unwrap());
        }
        cp.send(request)
    };
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(ask(vec![("authorization", bearer.clone())], "/api/v1/tenants").await.status.as_u16(), 200);
    assert_eq!(
        ask(vec![("authorization", format!("bearer {TOKEN}"))], "/api/v1/tenants").await.status.as_u16(),
        200
    );
    for refused in [
        vec![],
        vec![("cookie", format!("token={TOKEN}"))],
        vec![("authorization", format!("Basic {TOKEN}"))],
        vec![("authorization", TOKEN.to_owned())],
        vec![("authorization", format!("{bearer}x"))],
        vec![("authorization", bearer.clone()), ("authorization", bearer.clone())],
    ] {
        let answer = ask(refused, "/api/v1/tenants").await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (401, Some("unauthorized")));
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"airlock-cp\"");
    }
    let in_url = Box::leak(format!("/api/v1/tenants?access_token={TOKEN}").into_boxed_str());
    assert_eq!(ask(vec![], in_url).await.status.as_u16(), 401);
}

#[tokio::test]
async fn guessing_the_operator_token_is_slowed_by_address_and_stands_in_the_log() {
    let cp = Cp::fresh().await;
    let guess = |ip: [u8; 4], token: &'static str| {
        let mut request = request(Method::GET, "/api/v1/tenants", None);
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let peer = std::net::SocketAddr::from((ip, 4000));
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        cp.send(request)
    };
    for _ in 0..10 {
        assert_eq!(guess([192, 0, 2, 1], "wrong").await.status.as_u16(), 401);
    }
    let slowed = guess([192, 0, 2, 1], TOKEN).await;
    assert_eq!((slowed.status.as_u16(), slowed.body["code"].as_str()), (429, Some("rate_limited")));
    assert_eq!(slowed.headers["retry-after"], "6");
    assert_eq!(guess([192, 0, 2, 2], TOKEN).await.status.as_u16(), 200);
    cp.clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(guess([192, 0, 2, 1], TOKEN).await.status.as_u16(), 200);
    let org = "default".parse().unwrap();
    assert_eq!(cp.app.audit_log().verify(&org).await.unwrap().unwrap().records, 10);
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    // T-150
    let cp = Cp::fresh().await;
    let send = |bytes: usize| {
        let name = "x".repeat(bytes - r#"{"slug":"acme","name":""}"#.len());
        cp.ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "acme", "name": name})), &[])
    };
    assert_eq!(send(1 << 20).await.status.as_u16(), 422, "read, and the name is too long");
    let refused = send((1 << 20) + 1).await;
    assert_eq!((refused.status.as_u16(), refused.body["code"].as_str()), (413, Some("too_large")));
    let zipped =
        cp.ask(Method::POST, "/api/v1/tenants", Some(json!({})), &[("content-encoding", "gzip")]).await;
    assert_eq!(zipped.status.as_u16(), 422);
}

#[tokio::test]
async fn a_bad_body_is_described_and_not_quoted() {
    let cp = Cp::fresh().await;
    let unknown = cp.post("/api/v1/tenants", json!({"slug": "acme", "s3cret": "s3cret"})).await;
    assert_eq!(unknown.status.as_u16(), 422);
    assert!(unknown.body["detail"].as_str().unwrap().contains("expected one of `slug`, `id`, `name`"));
    assert!(!unknown.body.to_string().contains("s3cret"));
}

#[tokio::test]
async fn who_we_are_is_public() {
    let cp = Cp::fresh().await;
    let answer = cp.send(request(Method::GET, "/.well-known/airlock-cp.json", None)).await;
    assert_eq!(answer.body["signing_key"]["public_key"], cp.app.public_key().to_base64());
    assert_eq!(answer.body["mcp_versions"][0], "2026-07-28");
    assert_eq!(cp.send(request(Method::GET, "/healthz", None)).await.status.as_u16(), 200);
    assert_eq!(cp.send(request(Method::GET, "/readyz", None)).await.status.as_u16(), 200);
}

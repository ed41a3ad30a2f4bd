//! Who the approvals gateway takes for whom, in the words of the published protocol.

use airlock_core::Timestamp;
use axum::body::Body;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::apps_people::{Person, org, person};
use crate::harness::{Answer, Cp, TestStore, on_both, request};

async fn app(cp: &Cp, who: &Person, body: Value) -> (String, String) {
    let made = cp.browse(who, Method::POST, "/api/v1/org/apps", Some(body)).await;
    assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
    let text = |name: &str| made.body[name].as_str().unwrap_or_default().to_owned();
    (text("client_id"), text("client_secret"))
}

/// Status and code, which an envelope says twice.
#[track_caller]
fn verdict(answer: &Answer) -> (u16, &str) {
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return (status, "");
    }
    let code = answer.body["error"].as_str().unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(answer.body["body"]["code"], code);
    assert_eq!(answer.body["body"]["message"], answer.body["message"]);
    assert_eq!(answer.body["msgType"], "error");
    assert_eq!(answer.body["sender"]["gatewayId"], "airlock");
    assert!(answer.body["createdAt"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millis() > 0);
    assert!(!answer.body.to_string().contains("null"), "{}", answer.body);
    if status == 401 {
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    (status, code)
}

on_both! {
    each_set_of_credentials_opens_what_is_documented(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let ada = person(&test, "default", "member").await;
        let (good_pat, _) = cp.pat(&ada).await;
        let bob = person(&test, "org_other", "member").await;
        let (id, secret) = app(&cp, &ada, json!({"kind": "Agent", "name": "agent"})).await;
        let (theirs, their_secret) = app(&cp, &bob, json!({"kind": "Agent", "name": "agent"})).await;
        let web = json!({"kind": "Web", "name": "web", "allowed_origins": ["https://app.example"]});
        let (web, _) = app(&cp, &ada, web).await;
        let any = json!({"kind": "Web", "name": "any", "allowed_origins": ["https://app.example", "*"]});
        let (any, _) = app(&cp, &ada, any).await;
        let mobile = json!({"kind": "Mobile", "name": "mobile", "allowed_origins": ["https://m.example"]});
        let (mobile, _) = app(&cp, &ada, mobile).await;
        let pat = ("x-pat", good_pat.as_str());
        let bad_pat = ("x-pat", "airpat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let bad_bearer = ("authorization", "Bearer at_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let as_bearer = format!("Bearer {good_pat}");
        let (client, key) = (("x-client-id", id.as_str()), ("x-client-secret", secret.as_str()));
        let upper = secret.to_ascii_uppercase();
        let mut at = 0;
        for (headers, expected) in [
            (vec![], (401, "unauthorized")),
            (vec![pat], (200, "")),
            (vec![bad_pat], (401, "invalid_pat")),
            // The personal access token decides, whatever else is good or bad.
            (vec![pat, bad_bearer], (200, "")),
            (vec![pat, ("authorization", "nonsense")], (200, "")),
            (vec![bad_pat, bad_bearer], (401, "invalid_pat")),
            (vec![("x-pat", ""), bad_bearer], (401, "unauthorized")),
            (vec![pat, pat], (401, "invalid_pat")),
            (vec![bad_bearer], (401, "unauthorized")),
            (vec![("authorization", &as_bearer)], (401, "unauthorized")),
            (vec![("authorization", "Basic YTpi")], (401, "unauthorized")),
            (vec![("authorization", "Bearer")], (401, "unauthorized")),
            // The operator token is no person.
            (vec![("authorization", "Bearer operator-token-of-the-tests-0123456789")], (401, "unauthorized")),
            (vec![client, key], (401, "user_required")),
            (vec![client], (401, "invalid_client")),
            (vec![pat, client, key], (200, "")),
            (vec![bad_pat, client, key], (401, "invalid_pat")),
            (vec![pat, client], (401, "invalid_client")),
            (vec![pat, key], (401, "invalid_client")),
            (vec![pat, client, ("x-client-secret", "wrong")], (401, "invalid_client")),
            (vec![pat, client, ("x-client-secret", &upper)], (401, "invalid_client")),
            (vec![pat, client, key, key], (401, "invalid_client")),
            (vec![pat, client, client, key], (401, "invalid_client")),
            (vec![pat, ("x-client-id", "AAAAAAAAAAAAAAAAAAAA"), key], (401, "invalid_client")),
            (vec![pat, ("x-client-id", "airlock-integrations"), key], (401, "invalid_client")),
            (vec![pat, ("x-client-id", "' OR '1'='1"), key], (401, "invalid_client")),
            (vec![pat, ("x-client-id", &web), key], (401, "invalid_client")),
            // Another org's app is not there, with the right secret.
            (vec![pat, ("x-client-id", &theirs), ("x-client-secret", &their_secret)], (401, "invalid_client")),
            (vec![pat, ("x-client-id", &theirs), key], (401, "invalid_client")),
            // Public apps show where their page is.
            (vec![pat, ("x-client-id", &web), ("origin", "https://app.example")], (200, "")),
            (vec![("x-client-id", &web), ("origin", "https://app.example")], (401, "user_required")),
            (vec![pat, ("x-client-id", &web)], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &web), ("origin", "null")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &web), ("origin", "https://app.example.evil")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &web), ("origin", "https://APP.example")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &web), ("origin", "http://app.example")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &web), ("origin", "*")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &any)], (200, "")),
            (vec![pat, ("x-client-id", &any), ("origin", "*")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &any), ("origin", "https://evil.example")], (403, "origin_not_allowed")),
            (vec![pat, ("x-client-id", &mobile)], (200, "")),
            (vec![pat, ("x-client-id", &mobile), ("origin", "https://evil.example")], (403, "origin_not_allowed")),
            // A confidential app's page is of no interest.
            (vec![pat, client, key, ("origin", "https://evil.example")], (200, "")),
        ] {
            // From an address of its own, so that no limit is met.
            at += 1;
            let mut ask = request(Method::GET, "/v1/pats", None);
            for (name, value) in &headers {
                ask.headers_mut().append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
            }
            let peer = std::net::SocketAddr::from(([198, 51, 100, at], 4000));
            ask.extensions_mut().insert(axum::extract::ConnectInfo(peer));
            assert_eq!(verdict(&cp.send(ask).await), expected, "{headers:?}");
        }
        // A cookie means nothing here.
        let asked = cp.browse(&ada, Method::GET, "/v1/pats", None).await;
        assert_eq!(verdict(&asked), (401, "unauthorized"));
    }

    an_app_is_registered_changed_and_ended_by_who_owns_it(test) {
        let cp = Cp::on(test.store.clone()).await;
        let (ada, eve) = (person(&test, "default", "member").await, person(&test, "default", "member").await);
        let ((pat, _), (other, _)) = (cp.pat(&ada).await, cp.pat(&eve).await);
        const APPS: &str = "/v1/developer/apps";
        let ask = async |pat: &str, method: Method, path: &str, body: Option<Value>| {
            cp.bare(method, path, body, &[("x-pat", pat)]).await
        };
        let body = json!({
            "name": "agent", "kind": "Agent", "description": null, "homePageUrl": null, "allowedOrigins": null,
            "intendedUse": "unknown members are passed over"
        });
        let made = ask(&pat, Method::POST, APPS, Some(body)).await;
        assert_eq!(verdict(&made), (201, ""));
        let id = made.body["appId"].as_str().unwrap();
        let secret = made.body["clientSecret"].as_str().unwrap();
        assert_eq!((id.len(), secret.len()), (11, 40));
        assert_eq!(made.body["clientSecretPrefix"], secret[..4]);
        assert_eq!(made.headers["cache-control"], "no-store");
        assert!(made.body.get("homePageUrl").is_none());
        let one = format!("{APPS}/{id}");
        let shown = ask(&pat, Method::GET, &one, None).await.body;
        assert!(shown.get("clientSecret").is_none());
        assert_eq!(ask(&pat, Method::GET, APPS, None).await.body["items"], json!([shown]));
        for (method, path, body) in [
            (Method::GET, one.clone(), None),
            (Method::PATCH, one.clone(), Some(json!({"name": "mine"}))),
            (Method::PUT, format!("{one}/origins"), Some(json!({"allowedOrigins": []}))),
            (Method::POST, format!("{one}/rotate-secret"), None),
            (Method::POST, format!("{one}/revoke"), None),
        ] {
            let refused = ask(&other, method, &path, body).await;
            assert_eq!(verdict(&refused), (404, "NotFound"), "{path}");
        }
        assert_eq!(ask(&other, Method::GET, APPS, None).await.body["items"], json!([]));
        let renamed = ask(&pat, Method::PATCH, &one, Some(json!({"name": "agent 2"}))).await;
        assert_eq!(renamed.body["name"], "agent 2");
        let rotated = ask(&pat, Method::POST, &format!("{one}/rotate-secret"), Some(Value::Null)).await;
        assert_ne!(rotated.body["clientSecret"].as_str().unwrap(), secret);
        let origins = ask(&pat, Method::PUT, &format!("{one}/origins"), Some(json!({"allowedOrigins": ["*"]}))).await;
        assert_eq!(verdict(&origins), (400, "bad_request"));
        let revoked = ask(&pat, Method::POST, &format!("{one}/revoke"), None).await;
        assert_eq!(revoked.body["status"], "revoked");
        let again = ask(&pat, Method::POST, &format!("{one}/rotate-secret"), None).await;
        assert_eq!(verdict(&again), (409, "conflict"));
        for role in ["auditor", "billing"] {
            let who = person(&test, "default", "member").await;
            let (pat, _) = cp.pat(&who).await;
            test.raw(&format!("UPDATE memberships SET role = '{role}' WHERE user_id = '{}'", who.id)).await;
            for path in [APPS, &one] {
                assert_eq!(verdict(&ask(&pat, Method::GET, path, None).await), (403, "access_denied"), "{role}");
            }
        }
    }

    pages_of_known_apps_may_call_and_no_others(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        let web = json!({"kind": "Web", "name": "web", "allowed_origins": ["https://a_b.example", "*"]});
        app(&cp, &ada, web).await;
        let preflight = async |origin: &str, path: &str| {
            cp.bare(Method::OPTIONS, path, None, &[
                ("origin", origin),
                ("access-control-request-method", "GET"),
                ("access-control-request-headers", "x-pat"),
            ]).await
        };
        for path in ["/v1/pats", "/v1/developer/apps", "/v1/integrations/discovery", "/v1/auth/refresh", "/echo"] {
            let answer = preflight("https://a_b.example", path).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
            assert_eq!(answer.headers["access-control-allow-origin"], "https://a_b.example", "{path}");
            assert_eq!(answer.headers["access-control-allow-methods"], "GET, POST, DELETE, OPTIONS");
            let allowed = answer.headers["access-control-allow-headers"].to_str().unwrap();
            for name in ["Authorization", "X-PAT", "X-Client-Id", "X-Client-Secret", "Content-Type"] {
                assert!(allowed.contains(name), "{name}");
            }
            assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        }
        for origin in [
            "https://evil.example", "null", "*", "https://axb.example", "https://a_b.example.evil", "https://a_b.exampl",
            "%", "https://%", "a_b.example", "\"", "https://a_b.example\",\"x", "",
        ] {
            let answer = preflight(origin, "/v1/pats").await;
            assert!(!answer.headers.contains_key("access-control-allow-origin"), "{origin}");
        }
        let asked = cp.bare(Method::GET, "/v1/pats", None, &[("origin", "https://a_b.example")]).await;
        assert!(!asked.headers.contains_key("x-harp-version"));
        assert_eq!(verdict(&asked), (401, "unauthorized"));
        assert_eq!(asked.headers["access-control-allow-origin"], "https://a_b.example");
        assert_eq!(asked.headers["vary"], "Origin");
        // A revoked app's pages are nobody's.
        let list = cp.browse(&ada, Method::GET, "/api/v1/org/apps", None).await.body;
        let id = list["items"][0]["app_id"].as_str().unwrap();
        cp.browse(&ada, Method::POST, &format!("/api/v1/org/apps/{id}/revoke"), None).await;
        let answer = preflight("https://a_b.example", "/v1/pats").await;
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn a_client_may_say_its_version_and_need_not() {
    let cp = Cp::fresh().await;
    for (said, status, code) in [
        (None, 401, "unauthorized"),
        (Some("0.2"), 401, "unauthorized"),
        (Some("0.3"), 426, "unsupported_version"),
        (Some("1.0"), 426, "unsupported_version"),
        (Some(""), 426, "unsupported_version"),
    ] {
        let shown: Vec<_> = said.map(|version| ("x-harp-version", version)).into_iter().collect();
        let answer = cp.bare(Method::GET, "/v1/pats", None, &shown).await;
        assert_eq!(verdict(&answer), (status, code), "{said:?}");
        let echoed = answer.headers.get("x-harp-version").map(|value| value.to_str().unwrap());
        assert_eq!(echoed, said.map(|_| "0.2"), "{said:?}");
        assert_eq!(answer.headers.contains_key("upgrade"), status == 426);
    }
}

#[tokio::test]
async fn the_open_routes_tell_the_time_and_where_to_sign_in() {
    let cp = Cp::fresh().await;
    let echo = cp.bare(Method::GET, "/echo", None, &[]).await.body;
    assert_eq!(echo["utc"], airlock_core::Host::now(&*cp.clock).to_string());
    assert_eq!((&echo["timezone"], &echo["offsetMinutes"]), (&json!("UTC"), &json!(0)));
    assert!(echo["local"].as_str().unwrap().ends_with("+00:00"));
    let found = cp.bare(Method::GET, "/v1/integrations/discovery", None, &[]).await.body;
    let issuer = cp.app.config().issuer();
    assert_eq!(
        found,
        json!({
            "idp": {"baseUrl": format!("{issuer}/realms/airlock"), "clientId": "airlock-integrations"},
            "auth": {"patSupported": true}
        })
    );
}

#[tokio::test]
async fn bodies_are_read_by_what_they_hold_and_bounded() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let (pat, _) = cp.pat(&ada).await;
    let send = async |content_type: Option<&str>, body: Vec<u8>| {
        let mut ask = request(Method::POST, "/v1/developer/apps", None);
        ask.headers_mut().remove("content-type");
        if let Some(content_type) = content_type {
            ask.headers_mut().insert("content-type", content_type.parse().unwrap());
        }
        ask.headers_mut().insert("x-pat", pat.parse().unwrap());
        *ask.body_mut() = Body::from(body);
        cp.send(ask).await
    };
    for (n, content_type) in
        [Some("application/json"), Some("application/harp+json"), Some("text/plain"), None]
            .into_iter()
            .enumerate()
    {
        let body = json!({"kind": "Agent", "name": format!("agent {n}")}).to_string().into_bytes();
        assert_eq!(verdict(&send(content_type, body).await), (201, ""), "{content_type:?}");
    }
    for (body, expected) in [
        (b"".to_vec(), (400, "bad_request")),
        (b"null".to_vec(), (400, "bad_request")),
        (b"{".to_vec(), (400, "bad_request")),
        (b"[]".to_vec(), (400, "bad_request")),
        (b"name=x&kind=Agent".to_vec(), (400, "bad_request")),
        (br#"{"kind":"s3cret","name":"x"}"#.to_vec(), (400, "bad_request")),
        (vec![b' '; 256 * 1024], (400, "bad_request")),
        (vec![b' '; 256 * 1024 + 1], (413, "payload_too_large")),
        (b"{\"a\":".repeat(40_000), (400, "bad_request")),
    ] {
        let answer = send(None, body).await;
        assert_eq!(verdict(&answer), expected);
        assert!(!answer.body.to_string().contains("s3cret"));
    }
}

#[tokio::test]
async fn guessing_is_slowed_by_address_and_what_asks_for_tokens_is_counted() {
    let cp = Cp::fresh().await;
    let wrong = [("x-pat", "airpat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
    for _ in 0..30 {
        assert_eq!(verdict(&cp.bare(Method::GET, "/v1/pats", None, &wrong).await), (401, "invalid_pat"));
    }
    let slowed = cp.bare(Method::GET, "/v1/pats", None, &wrong).await;
    assert_eq!(
        (verdict(&slowed), slowed.headers["retry-after"].as_bytes()),
        ((429, "rate_limited"), &b"2"[..])
    );
    // Who shows nothing guesses nothing.
    cp.clock.advance(std::time::Duration::from_secs(120));
    for _ in 0..40 {
        assert_eq!(verdict(&cp.bare(Method::GET, "/v1/pats", None, &[]).await), (401, "unauthorized"));
    }
    for (path, body, allowed) in [
        ("/v1/auth/device", json!({}), 10),
        ("/v1/auth/device/token", json!({"deviceCode": "dc_x"}), 240),
        ("/v1/auth/refresh", json!({"refreshToken": "rt_x"}), 60),
    ] {
        for _ in 0..allowed {
            let answer = cp.bare(Method::POST, path, Some(body.clone()), &[]).await;
            assert_ne!(verdict(&answer).0, 429, "{path}");
        }
        let answer = cp.bare(Method::POST, path, Some(body), &[]).await;
        assert_eq!(verdict(&answer), (429, "rate_limited"), "{path}");
    }
    for (path, body) in [
        ("/v1/auth/device/token", json!({})),
        ("/v1/auth/device/token", json!({"deviceCode": 1})),
        ("/v1/auth/enforcer/refresh", json!({"refreshToken": null})),
    ] {
        assert_eq!(
            verdict(&cp.bare(Method::POST, path, Some(body), &[]).await),
            (400, "bad_request"),
            "{path}"
        );
    }
}

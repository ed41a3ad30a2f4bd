//! Codes at the token endpoint.

use std::time::Duration;

use airlock_core::Host as _;
use axum::body::to_bytes;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use tower::ServiceExt as _;

use super::harness::{
    ADA, CALLBACK, HOME, KEEPER, PUBLIC, VERIFIER, World, exchange, form_request, text, with,
};
use crate::harness::on_both;

fn claims(jwt: &str) -> Value {
    let part = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

on_both! {
    a_code_becomes_tokens_once(test) {
        let world = World::on(test).await;
        let code = world.code(PUBLIC).await;
        let answer = world.exchange(&code).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.headers["pragma"], "no-cache");
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        let body = answer.body;
        assert_eq!((&body["token_type"], &body["expires_in"]), (&Value::from("Bearer"), &Value::from(28_800)));
        assert_eq!(body["scope"], "mcp:read mcp:call");
        assert!(body.get("id_token").is_none(), "nobody asked");
        let (access, refresh) = (text(&body, "access_token"), text(&body, "refresh_token"));
        assert!(access.starts_with("at_") && access.len() == 46 && refresh.starts_with("rt_") && refresh.len() == 46);
        let verified = world.verify(&access).await.unwrap();
        assert_eq!((verified.user.as_str(), verified.org.as_str(), verified.client_id.as_str()), (ADA, "default", PUBLIC));
        assert_eq!(verified.resource.to_string(), "/mcp/org/default");
        assert!(world.acts().await.contains(&"oauth.token.issued".to_owned()));
        // A second time: refused, and what the first time made is gone, in this process at once.
        let again = world.exchange(&code).await;
        assert_eq!((again.status.as_u16(), text(&again.body, "error").as_str()), (400, "invalid_grant"));
        assert!(world.verify(&access).await.is_none());
        assert_eq!(text(&world.rotate(&refresh).await.body, "error"), "invalid_grant");
        assert!(world.acts().await.contains(&"oauth.refresh.reuse".to_owned()));
    }

    of_a_hundred_at_once_one_gets_tokens_and_they_are_revoked(test) {
        // T-096
        let world = World::on(test).await;
        let code = world.code(PUBLIC).await;
        let tries = (0..100).map(|_| {
            let router = world.cp.router.clone();
            let request = form_request(HOME, "/token", &exchange(&code));
            async move {
                let response = router.oneshot(request).await.unwrap();
                (response.status().as_u16(), to_bytes(response.into_body(), 1 << 20).await.unwrap())
            }
        });
        let answers = futures::future::join_all(tries).await;
        let good: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(good.len(), 1);
        assert!(answers.iter().all(|(status, _)| [200, 400].contains(status)), "{answers:?}");
        let tokens: Value = serde_json::from_slice(&good[0].1).unwrap();
        assert!(world.verify(&text(&tokens, "access_token")).await.is_none());
        assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM token_families").await, "1");
        assert_eq!(world.test.text("SELECT reason FROM token_families").await, "reuse");
    }

    a_code_lives_a_minute(test) {
        let world = World::on(test).await;
        let (early, late) = (world.code(PUBLIC).await, world.code(PUBLIC).await);
        world.cp.clock.advance(Duration::from_millis(59_999));
        assert_eq!(world.exchange(&early).await.status, 200);
        world.cp.clock.advance(Duration::from_millis(1));
        assert_eq!(text(&world.exchange(&late).await.body, "error"), "invalid_grant");
    }
}

#[tokio::test]
async fn a_resource_may_be_narrowed_and_never_widened() {
    let world = World::fresh().await;
    let issuer = world.issuer();
    let (org, acme) = (format!("{issuer}/mcp/org/default"), format!("{issuer}/mcp/acme"));
    let get = async |granted: &str, asked: &str| {
        let code = world.code_for(&with(&world.request(PUBLIC), "resource", Some(granted)), ADA).await;
        let mut form = exchange(&code).to_vec();
        form.push(("resource", asked));
        let body = world.form("/token", &form).await.body;
        match body["access_token"].as_str() {
            Some(access) => world.verify(access).await.unwrap().resource.to_string(),
            None => text(&body, "error"),
        }
    };
    assert_eq!(get(&org, &org).await, "/mcp/org/default");
    assert_eq!(get(&org, &issuer).await, "/mcp/org/default");
    assert_eq!(get(&org, &acme).await, "/mcp/acme");
    assert_eq!(get(&acme, &acme).await, "/mcp/acme");
    assert_eq!(get(&acme, &org).await, "invalid_target");
    assert_eq!(get(&acme, &issuer).await, "invalid_target");
}

#[tokio::test]
async fn a_redirect_address_that_was_not_named_need_not_be() {
    let world = World::fresh().await;
    let request = with(&world.request(PUBLIC), "redirect_uri", None);
    let code = world.code_for(&request, ADA).await;
    let form: Vec<_> = exchange(&code).into_iter().filter(|(n, _)| *n != "redirect_uri").collect();
    assert_eq!(world.form("/token", &form).await.status, 200);
}

#[tokio::test]
async fn a_confidential_client_shows_its_secret() {
    let world = World::fresh().await;
    let exchange = async |more: &[(&str, &str)], basic: Option<(&str, &str)>| {
        let code = world.code(KEEPER).await;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        form.extend_from_slice(more);
        let mut request = form_request(HOME, "/token", &form);
        if let Some((id, secret)) = basic {
            let value = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            request.headers_mut().insert("authorization", value.parse().unwrap());
        }
        let answer = world.cp.send(request).await;
        let error = answer.body["error"].as_str().unwrap_or("").to_owned();
        (answer.status.as_u16(), error, answer.headers.contains_key("www-authenticate"))
    };
    let (secret, id) = (world.secret.as_str(), ("client_id", KEEPER));
    let ok = (200, String::new(), false);
    let invalid = |basic| (401, "invalid_client".to_owned(), basic);
    assert_eq!(exchange(&[id, ("client_secret", secret)], None).await, ok);
    assert_eq!(exchange(&[], Some((KEEPER, secret))).await, ok);
    assert_eq!(exchange(&[id], Some((KEEPER, secret))).await, ok);
    assert_eq!(exchange(&[id], None).await, invalid(false));
    assert_eq!(exchange(&[id, ("client_secret", "ocs_wrong")], None).await, invalid(false));
    assert_eq!(exchange(&[id, ("client_secret", "")], None).await, invalid(false));
    assert_eq!(exchange(&[], Some((KEEPER, "wrong"))).await, invalid(true));
    assert_eq!(exchange(&[], Some(("ghost", secret))).await, invalid(true));
    assert_eq!(exchange(&[], Some((PUBLIC, "any"))).await, invalid(true));
    assert_eq!(exchange(&[("client_id", PUBLIC), ("client_secret", "any")], None).await, invalid(false));
    assert_eq!(exchange(&[("client_id", PUBLIC), ("client_secret", secret)], None).await, invalid(false));
    let request = |basic| (400, "invalid_request".to_owned(), basic);
    assert_eq!(exchange(&[("client_secret", secret)], Some((KEEPER, secret))).await, request(false));
    assert_eq!(exchange(&[("client_id", PUBLIC)], Some((KEEPER, secret))).await, request(false));
}

#[tokio::test]
async fn an_id_token_says_who_signed_in_and_no_more_than_was_asked() {
    let world = World::fresh().await;
    let mut request = with(&world.request(PUBLIC), "scope", Some("openid email"));
    request.push(("nonce".to_owned(), "n-0S6".to_owned()));
    let code = world.code_for(&request, ADA).await;
    let body = world.exchange(&code).await.body;
    let id = claims(&text(&body, "id_token"));
    let now = world.cp.clock.now().as_millis() / 1_000;
    assert_eq!((&id["iss"], &id["sub"], &id["aud"]), (&world.issuer().into(), &ADA.into(), &PUBLIC.into()));
    assert_eq!((&id["iat"], &id["auth_time"], &id["nonce"]), (&now.into(), &now.into(), &"n-0S6".into()));
    assert_eq!((&id["email"], &id["email_verified"]), (&"ada@example.com".into(), &true.into()));
    assert!(id.get("name").is_none() && id.get("preferred_username").is_none(), "no profile was asked for");
    assert!(id["at_hash"].as_str().unwrap().len() == 43);
}

#[tokio::test]
async fn a_client_of_jwts_gets_the_same_row_as_a_jwt() {
    let world = World::fresh().await;
    let body = serde_json::json!({"name": "J", "client_id": "jwt-client", "redirect_uris": [CALLBACK], "token_format": "jwt"});
    assert_eq!(world.cp.post("/api/v1/admin/clients", body).await.status, 201);
    let code = world.code("jwt-client").await;
    let mut form = exchange(&code).to_vec();
    form[1].1 = "jwt-client";
    let tokens = world.form("/token", &form).await.body;
    let access = text(&tokens, "access_token");
    let token = claims(&access);
    assert_eq!(token["aud"], format!("{}/mcp/org/default", world.issuer()));
    assert_eq!((&token["client_id"], &token["scope"]), (&"jwt-client".into(), &"mcp:read mcp:call".into()));
    assert_eq!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap(), 28_800);
    assert!(world.verify(&access).await.is_some());
    // A byte changed, another signature, no signature: unknown.
    for forged in [
        format!("{access}x"),
        access.replace("eyJ", "eyK"),
        access.rsplit_once('.').unwrap().0.to_owned() + ".",
    ] {
        assert!(world.verify(&forged).await.is_none());
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "jwt-client"),
        ("refresh_token", &text(&tokens, "refresh_token")),
    ];
    let first = world.form("/token", &form).await.body;
    assert_eq!(
        first["access_token"],
        world.form("/token", &form).await.body["access_token"],
        "a lost answer"
    );
    assert_ne!(text(&first, "access_token"), access);
    assert!(world.verify(&text(&first, "access_token")).await.is_some());
}

#[tokio::test]
async fn who_left_in_the_meantime_gets_nothing() {
    let world = World::fresh().await;
    for (sql, undo) in [
        (
            format!("UPDATE users SET status = 'disabled' WHERE id = '{ADA}'"),
            format!("UPDATE users SET status = 'active' WHERE id = '{ADA}'"),
        ),
        (
            format!("UPDATE memberships SET role = 'billing' WHERE user_id = '{ADA}'"),
            format!("UPDATE memberships SET role = 'member' WHERE user_id = '{ADA}'"),
        ),
        (
            "UPDATE orgs SET status = 'deleted' WHERE id = 'default'".to_owned(),
            "UPDATE orgs SET status = 'active' WHERE id = 'default'".to_owned(),
        ),
        (
            format!("UPDATE oauth_clients SET status = 'blocked' WHERE id = '{PUBLIC}'"),
            format!("UPDATE oauth_clients SET status = 'active' WHERE id = '{PUBLIC}'"),
        ),
    ] {
        let code = world.code(PUBLIC).await;
        world.test.raw(&sql).await;
        let error = text(&world.exchange(&code).await.body, "error");
        assert!(["invalid_grant", "invalid_client"].contains(&error.as_str()), "{sql}: {error}");
        world.test.raw(&undo).await;
    }
    let code = world.code(PUBLIC).await;
    world.test.raw(&format!("UPDATE memberships SET role = 'auditor' WHERE user_id = '{ADA}'")).await;
    assert_eq!(world.exchange(&code).await.body["scope"], "mcp:read");
}

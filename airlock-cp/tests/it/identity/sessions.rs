//! Cookies, forgery, and what ends a session.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::people::{OTHER, PASSWORD, Person, Town, cookie_of};
use crate::harness::{TOKEN, on_both, request};

on_both! {
    a_cookie_is_the_browsers_own_and_new_at_each_sign_in(test) {
        // T-142
        let town = Town::on(test.store.clone()).await;
        let id = town.with_password("ada@example.com").await;
        let first = town.login("ada@example.com", PASSWORD).await;
        let set = first.headers["set-cookie"].to_str().unwrap().to_owned();
        for part in ["__Host-airlock_session=cs_", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=604800"] {
            assert!(set.contains(part), "{part}: {set}");
        }
        assert!(!set.contains("Domain"));
        let before = Person { id, cookie: cookie_of(&first) };
        // Signing in again over an older cookie ends that, and a planted one is never taken over.
        for planted in [before.cookie.as_str(), "cs_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            let body = json!({"email": "ada@example.com", "password": PASSWORD});
            let mut request = request(Method::POST, "/api/v1/auth/login", Some(body));
            let header = format!("__Host-airlock_session={planted}");
            request.headers_mut().insert("cookie", header.parse().unwrap());
            let again = town.cp.send(request).await;
            assert_eq!(again.status.as_u16(), 200);
            assert_ne!(cookie_of(&again), planted);
        }
        assert!(!before.is_signed_in(&town.cp).await);
    }

    a_session_ends_unused_after_twelve_hours_and_used_after_seven_days(test) {
        let town = Town::on(test.store.clone()).await;
        let ada = town.person("ada", "default", "owner").await;
        for _ in 0..15 {
            town.cp.clock.advance(Duration::from_secs(11 * 3_600));
            assert!(ada.is_signed_in(&town.cp).await);
        }
        town.cp.clock.advance(Duration::from_secs(11 * 3_600));
        assert!(!ada.is_signed_in(&town.cp).await, "16 times 11 hours are more than a week");
        let eve = town.person("eve", "default", "member").await;
        town.cp.clock.advance(Duration::from_secs(12 * 3_600));
        assert!(!eve.is_signed_in(&town.cp).await);
    }

    what_ends_sessions_ends_them_in_another_process(test) {
        let town = Town::on(test.store.clone()).await;
        let there = Town::with(test.again().await, town.cp.clock.clone(), &[]).await;
        let id = town.with_password("ada@example.com").await;
        town.with_password("other@example.com").await;
        let browsers = async || {
            [town.sign_in(&id).await, town.sign_in(&id).await]
        };
        let (this, that) = async { let [a, b] = browsers().await; (a, b) }.await;
        family(&test, &id, "fam_1").await;

        assert_eq!(this.post(&town.cp, "/api/v1/auth/logout", json!({})).await.status.as_u16(), 204);
        assert!(!this.is_signed_in(&there.cp).await && that.is_signed_in(&there.cp).await);
        assert_eq!(reason(&test, "fam_1").await, "sign_out");

        let [this, other] = browsers().await;
        let change = json!({"old_password": PASSWORD, "new_password": OTHER});
        family(&test, &id, "fam_2").await;
        let wrong = json!({"old_password": OTHER, "new_password": OTHER});
        assert_eq!(this.post(&town.cp, "/api/v1/me/password", wrong).await.status.as_u16(), 403);
        assert_eq!(this.post(&town.cp, "/api/v1/me/password", change).await.status.as_u16(), 204);
        assert!(this.is_signed_in(&there.cp).await && !other.is_signed_in(&there.cp).await);
        assert!(!that.is_signed_in(&there.cp).await);
        assert_eq!(reason(&test, "fam_2").await, "password_changed");
        assert_eq!(there.login("ada@example.com", PASSWORD).await.status.as_u16(), 401);

        family(&test, &id, "fam_3").await;
        let disable = json!({"status": "disabled"});
        let path = format!("/api/v1/admin/users/{id}");
        assert_eq!(town.cp.ask(Method::PATCH, &path, Some(disable), &[]).await.status.as_u16(), 200);
        assert!(!this.is_signed_in(&there.cp).await);
        assert_eq!(reason(&test, "fam_3").await, "disabled");
        assert_eq!(there.login("ada@example.com", OTHER).await.status.as_u16(), 401);
        let enable = json!({"status": "active"});
        town.cp.ask(Method::PATCH, &path, Some(enable), &[]).await;
        assert!(!this.is_signed_in(&there.cp).await, "what was ended stays ended");
        assert_eq!(there.login("ada@example.com", OTHER).await.status.as_u16(), 200);

        let [this, other] = browsers().await;
        assert_eq!(this.ask(&town.cp, Method::DELETE, "/api/v1/me/sessions", None).await.status.as_u16(), 204);
        assert!(this.is_signed_in(&there.cp).await && !other.is_signed_in(&there.cp).await);
        let [this, other] = browsers().await;
        let everywhere = json!({"everywhere": true});
        assert_eq!(this.post(&town.cp, "/api/v1/auth/logout", everywhere).await.status.as_u16(), 204);
        assert!(!this.is_signed_in(&there.cp).await && !other.is_signed_in(&there.cp).await);
    }
}

// A family as the authorization server would have written it.
async fn family(test: &crate::harness::TestStore, user: &airlock_core::id::UserId, id: &str) {
    let sql = format!(
        "INSERT INTO token_families (id, user_id, org_id, client_id, resource, scopes, auth_at, created_at, ends_at) \
         VALUES ('{id}', '{user}', 'default', 'c', 'r', 's', 1, 1, 1)"
    );
    test.raw(&sql).await;
}

async fn reason(test: &crate::harness::TestStore, id: &str) -> String {
    let sql = format!("SELECT COALESCE(reason, 'alive') FROM token_families WHERE id = '{id}'");
    test.text(&sql).await
}

#[tokio::test]
async fn every_route_that_changes_something_refuses_a_foreign_page() {
    // T-140: three walls; each alone refuses.
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    let ada = town.person("ada", "default", "owner").await;
    let eve = town.person("eve", "default", "member").await;
    let cookie = format!("__Host-airlock_session={}", ada.cookie);
    let csrf = ada.csrf();
    let own = ("origin", "https://cp.example");
    let forged: Vec<Vec<(&str, String)>> = vec![
        vec![],
        vec![("x-csrf-token", String::new())],
        vec![("x-csrf-token", eve.csrf())],
        vec![("x-csrf-token", csrf.clone()), ("origin", "https://evil.example".into())],
        vec![("x-csrf-token", csrf.clone()), ("origin", "null".into())],
        vec![("x-csrf-token", csrf.clone()), ("sec-fetch-site", "cross-site".into())],
        vec![("x-csrf-token", csrf.clone()), ("sec-fetch-site", "same-site".into())],
        vec![(own.0, own.1.into()), ("sec-fetch-site", "same-origin".into())],
        vec![("content-type", "text/plain".into())],
    ];
    let mut asked = 0;
    for operation in town.cp.app.api().operations().to_vec() {
        // The gateway at /v1 takes no cookie.
        let by_cookie = operation.person || operation.path.starts_with("/api/v1/admin/");
        if operation.method.is_safe() || !by_cookie || !operation.path.starts_with("/api/") {
            continue;
        }
        let path = operation
            .path
            .replace("{user_id}", eve.id.as_str())
            .replace("{session_id}", "ses_01ARZ3NDEKTSV4RRFFQ69G5FAV")
            .replace("{invitation_id}", "ivt_01ARZ3NDEKTSV4RRFFQ69G5FAV");
        for headers in &forged {
            let mut request = request(operation.method.clone(), &path, Some(json!({})));
            request.headers_mut().insert("cookie", cookie.parse().unwrap());
            for (name, value) in headers {
                request
                    .headers_mut()
                    .insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
            }
            let answer = town.cp.send(request).await;
            assert_eq!(answer.status.as_u16(), 403, "{} {path} {headers:?}", operation.method);
            assert_eq!(answer.body["code"], "csrf_failed", "{} {path}", operation.method);
        }
        asked += 1;
    }
    assert!(asked >= 20, "{asked}");
    assert!(ada.is_signed_in(&town.cp).await, "nobody was signed out by it");
}

#[tokio::test]
async fn sign_in_and_all_before_it_refuse_a_foreign_page() {
    // T-140: nobody is signed in to another's account by a page of theirs.
    let town = Town::open(airlock_cp::Store::memory().await.unwrap()).await;
    let body = json!({"operator_token": TOKEN});
    for path in [
        "/api/v1/auth/login",
        "/api/v1/auth/signup",
        "/api/v1/auth/password/forgot",
        "/api/v1/auth/password/reset",
        "/api/v1/auth/email/verify",
        "/api/v1/invitations/accept",
    ] {
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://cp.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("content-type", "text/plain"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-type", ""),
        ] {
            let mut request = request(Method::POST, path, Some(body.clone()));
            request.headers_mut().insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
            let answer = town.cp.send(request).await;
            assert_eq!(answer.body["code"], "csrf_failed", "{path} {name}: {value}");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
    }
}

#[tokio::test]
async fn a_reading_request_needs_no_proof_and_changes_nothing() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    let ada = town.person("ada", "default", "owner").await;
    for path in ["/api/v1/auth/logout", "/api/v1/me/password", "/api/v1/org/leave"] {
        assert_eq!(ada.get(&town.cp, path).await.status.as_u16(), 405, "{path}");
    }
    assert!(ada.is_signed_in(&town.cp).await);
}

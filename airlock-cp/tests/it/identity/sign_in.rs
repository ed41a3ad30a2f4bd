//! Sign-in, and what those who do not get in are told: one thing.

use std::time::Duration;

use airlock_cp::identity::{UserStatus, WhoLogsIn};
use http::Method;
use serde_json::json;

use super::people::{OTHER, PASSWORD, Person, Town, cookie_of};
use crate::harness::{Answer, TOKEN, TestStore, on_both, request};

on_both! {
    a_person_signs_in_and_out(test) {
        let town = Town::on(test.store.clone()).await;
        let id = town.with_password("Ada@Example.com").await;
        let opened = town.login("ada@EXAMPLE.com", PASSWORD).await;
        assert_eq!(opened.status.as_u16(), 200, "{:?}", opened.body);
        assert_eq!(opened.body["user"]["id"], id.as_str());
        let ada = Person { id, cookie: cookie_of(&opened) };
        let me = ada.get(&town.cp, "/api/v1/me").await.body;
        assert_eq!((&me["org"]["id"], &me["org"]["role"]), (&json!("default"), &json!("owner")));
        assert_eq!(me["csrf_token"], opened.body["csrf_token"]);
        let out = ada.post(&town.cp, "/api/v1/auth/logout", json!({})).await;
        assert_eq!(out.status.as_u16(), 204);
        assert!(out.headers["set-cookie"].to_str().unwrap().ends_with("Max-Age=0"));
        assert!(!ada.is_signed_in(&town.cp).await);
        for (action, outcome) in [("auth.login", "ok"), ("auth.logout", "ok")] {
            assert_eq!(rows(&test, "default", action, outcome).await, "1", "{action}");
        }
    }

    nobody_learns_who_has_an_account(test) {
        // T-147: status, body and work are the same for each of them.
        let town = Town::open(test.store.clone()).await;
        town.with_password("known@example.com").await;
        let disabled = town.with_password("disabled@example.com").await;
        let operator = airlock_cp::audit::Caller::operator();
        town.cp.app.users().set_status(&operator, &disabled, UserStatus::Disabled).await.unwrap();
        let new = json!({"email": "unverified@example.com", "name": "Una", "password": PASSWORD});
        assert_eq!(town.open_post("/api/v1/auth/signup", new).await.status.as_u16(), 202);
        town.mails.to("unverified@example.com").await;
        let told = |answer: &Answer| {
            let mut body = answer.body.clone();
            body["request_id"] = json!("");
            (answer.status, body, answer.headers.get("www-authenticate").cloned())
        };
        let mut seen = Vec::new();
        for (email, password) in [
            ("known@example.com", OTHER),
            ("unknown@example.com", PASSWORD),
            ("disabled@example.com", PASSWORD),
            ("unverified@example.com", PASSWORD),
            ("no address", PASSWORD),
            ("known@example.com", ""),
        ] {
            let before = town.cp.app.sign_in().hash_runs();
            let answer = town.login(email, password).await;
            seen.push((told(&answer), town.cp.app.sign_in().hash_runs() - before));
        }
        assert_eq!(seen[0].0.0.as_u16(), 401);
        assert_eq!(seen[0].1, 1);
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
    }

    an_account_is_locked_after_ten_failures_whether_it_exists_or_not(test) {
        let town = Town::on(test.store.clone()).await;
        town.with_password("ada@example.com").await;
        let other = Town::with(test.again().await, town.cp.clock.clone(), &[]).await;
        for email in ["ada@example.com", "nobody@example.com"] {
            for i in 0..10 {
                // Replicas count together.
                let there = if i % 2 == 0 { &town } else { &other };
                assert_eq!(there.login(email, OTHER).await.status.as_u16(), 401, "{email} {i}");
            }
            let runs = other.cp.app.sign_in().hash_runs();
            let locked = other.login(&email.to_uppercase(), PASSWORD).await;
            assert_eq!(locked.status.as_u16(), 429, "{email}");
            assert_eq!(locked.headers["retry-after"], "900");
            assert_eq!(other.cp.app.sign_in().hash_runs(), runs, "no work while it is locked");
        }
        town.cp.clock.advance(Duration::from_secs(899));
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 429);
        town.cp.clock.advance(Duration::from_secs(1));
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 200);
    }

    an_address_is_locked_after_fifty_failures(test) {
        let town = Town::on(test.store.clone()).await;
        town.with_password("ada@example.com").await;
        for i in 0..50 {
            let body = json!({"operator_token": format!("guess {i}")});
            assert_eq!(town.open_post("/api/v1/auth/login", body).await.status.as_u16(), 401);
        }
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 429);
        let right = json!({"operator_token": TOKEN});
        assert_eq!(town.open_post("/api/v1/auth/login", right).await.status.as_u16(), 429);
        let mut from_elsewhere =
            request(Method::POST, "/api/v1/auth/login", Some(json!({"email": "ada@example.com", "password": PASSWORD})));
        let peer: std::net::SocketAddr = "198.51.100.1:1".parse().unwrap();
        from_elsewhere.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        assert_eq!(town.cp.send(from_elsewhere).await.status.as_u16(), 200);
    }

    the_operator_token_breaks_the_glass_loudly(test) {
        // T-147, T-010
        let town = Town::on(test.store.clone()).await;
        let opened = town.open_post("/api/v1/auth/login", json!({"operator_token": TOKEN})).await;
        assert_eq!(opened.status.as_u16(), 200, "{:?}", opened.body);
        assert!(opened.body["user"].is_null());
        let row = test.text("SELECT event FROM audit WHERE action = 'auth.login'").await;
        assert!(row.contains("\"detail_code\":\"break_glass\"") && row.contains("192.0.2.7"), "{row}");
        assert!(!row.contains(TOKEN));
        let operator = Person {
            id: town.person("x", "", "").await.id, cookie: cookie_of(&opened)
        };
        let me = operator.get(&town.cp, "/api/v1/me").await.body;
        assert_eq!((&me["operator"], &me["org"]["role"]), (&json!(true), &json!("owner")));
        assert_eq!(operator.get(&town.cp, "/api/v1/admin/users").await.status.as_u16(), 200);
        // The token itself is no cookie, and its routes of old take no cookie at all.
        let token_as_cookie = Person { cookie: TOKEN.to_owned(), ..operator.clone() };
        assert!(!token_as_cookie.is_signed_in(&town.cp).await);
        assert_eq!(operator.get(&town.cp, "/api/v1/tenants").await.status.as_u16(), 401);
        assert_eq!(operator.post(&town.cp, "/api/v1/auth/logout", json!({})).await.status.as_u16(), 204);
        assert!(!operator.is_signed_in(&town.cp).await);
    }

    another_operator_token_ends_the_sessions_of_the_old_one(test) {
        // T-011
        let town = Town::on(test.store.clone()).await;
        let who = WhoLogsIn { user: None, org: None, ip: None, user_agent: None };
        let cookie = town.cp.app.logins().open(who).await.unwrap().cookie;
        let nobody = town.person("x", "", "").await;
        let operator = Person { cookie: cookie.expose().clone(), ..nobody };
        assert!(operator.is_signed_in(&town.cp).await);
        let rotated = [("OPERATOR_TOKEN", "another-operator-token-0123456789-abcdef")];
        let again = Town::with(test.again().await, town.cp.clock.clone(), &rotated).await;
        assert!(!operator.is_signed_in(&again.cp).await);
    }

    a_password_of_an_older_cost_is_hashed_anew(test) {
        let town = Town::on(test.store.clone()).await;
        town.with_password("ada@example.com").await;
        let old = argon2_of_old(PASSWORD);
        test.raw(&format!("UPDATE users SET phc = '{old}'")).await;
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 200);
        let now = test.text("SELECT phc FROM users").await;
        assert!(now.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{now}");
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 200);
    }
}

// At 8 MiB and one pass.
fn argon2_of_old(password: &str) -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(8_192, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: argon2::password_hash::phc::PasswordHash =
        argon2.hash_password_with_salt(password.as_bytes(), b"0123456789abcdef").unwrap();
    hash.to_string()
}

pub(super) async fn rows(test: &TestStore, org: &str, action: &str, outcome: &str) -> String {
    let sql = format!(
        "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE org_id = '{org}' AND action = '{action}' AND outcome = '{outcome}'"
    );
    test.text(&sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_guesses_at_once_are_a_hundred() {
    let test = TestStore::sqlite().await;
    let town = Town::on(test.store.clone()).await;
    town.with_password("ada@example.com").await;
    let guesses = (0..40).map(|_| town.login("ada@example.com", OTHER));
    let answers = futures::future::join_all(guesses).await;
    let judged = answers.iter().filter(|a| a.status.as_u16() == 401).count();
    assert_eq!(judged, 10, "the rest finds the account locked");
    assert!(answers.iter().all(|a| matches!(a.status.as_u16(), 401 | 429)));
}

#[tokio::test]
async fn no_secret_is_in_the_store_or_its_log() {
    // T-006, T-108
    let test = TestStore::sqlite().await;
    let town = Town::on(test.store.clone()).await;
    town.with_password("ada@example.com").await;
    let cookie = cookie_of(&town.login("ada@example.com", PASSWORD).await);
    town.login("secret-in-the-wrong-field", OTHER).await;
    let link = town.invite("default", "eve@example.com", "member").await;
    town.open_post("/api/v1/auth/password/forgot", json!({"email": "ada@example.com"})).await;
    let reset = town.mails.to("ada@example.com").await.token();
    let files = test.files();
    for secret in [PASSWORD, OTHER, &cookie, &link, &reset, "secret-in-the-wrong-field", TOKEN] {
        let found = files.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret}");
    }
}

//! Accounts: begun, verified, recovered, changed, deleted.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::people::{OTHER, PASSWORD, Town};
use super::sign_in::rows;
use crate::harness::{TestStore, on_both};

fn sign_up(email: &str, password: &str) -> Value {
    json!({"email": email, "name": "Una", "password": password})
}

on_both! {
    who_signs_up_verifies_and_gets_an_org_of_their_own(test) {
        let town = Town::open(test.store.clone()).await;
        let asked = town.open_post("/api/v1/auth/signup", sign_up("una@example.com", PASSWORD)).await;
        assert_eq!(asked.status.as_u16(), 202);
        let token = town.mails.to("una@example.com").await.token();
        assert_eq!(town.login("una@example.com", PASSWORD).await.status.as_u16(), 401);
        let verify = || town.open_post("/api/v1/auth/email/verify", json!({"token": token}));
        assert_eq!(verify().await.status.as_u16(), 200);
        assert_eq!(verify().await.status.as_u16(), 404, "a link is good once");
        let opened = town.login("una@example.com", PASSWORD).await;
        let org = opened.body["session"]["org_id"].as_str().unwrap().to_owned();
        assert!(org.starts_with("org_"), "never `default`: {org}");
        for action in ["org.created", "member.joined", "auth.login"] {
            assert_eq!(rows(&test, &org, action, "ok").await, "1", "{action}");
        }
        // Known now: the same answer, and another mail.
        let again = town.open_post("/api/v1/auth/signup", sign_up("UNA@example.com", OTHER)).await;
        assert_eq!((again.status, &again.body), (asked.status, &asked.body));
        assert!(town.mails.to("una@example.com").await.text.contains("account already"));
        assert_eq!(town.login("una@example.com", OTHER).await.status.as_u16(), 401);
    }

    who_begins_anothers_account_does_not_get_it(test) {
        // The password that counts is the one given with the link that is followed.
        let town = Town::open(test.store.clone()).await;
        town.open_post("/api/v1/auth/signup", sign_up("una@example.com", OTHER)).await;
        town.mails.to("una@example.com").await;
        town.open_post("/api/v1/auth/signup", sign_up("una@example.com", PASSWORD)).await;
        let hers = town.mails.to("una@example.com").await.token();
        town.open_post("/api/v1/auth/email/verify", json!({"token": hers})).await;
        assert_eq!(town.login("una@example.com", OTHER).await.status.as_u16(), 401);
        assert_eq!(town.login("una@example.com", PASSWORD).await.status.as_u16(), 200);
    }

    a_forgotten_password_is_set_anew_once_and_ends_everything(test) {
        let town = Town::on(test.store.clone()).await;
        let id = town.with_password("ada@example.com").await;
        let browser = town.sign_in(&id).await;
        let forgot = async |email: &str| town.open_post("/api/v1/auth/password/forgot", json!({"email": email})).await;
        let known = forgot("ADA@example.com").await;
        let unknown = forgot("nobody@example.com").await;
        assert_eq!((known.status.as_u16(), &known.body), (202, &unknown.body));
        assert_eq!(unknown.status, known.status);
        let token = town.mails.to("ada@example.com").await.token();
        let reset = async |token: &str, password: &str| {
            let body = json!({"token": token, "password": password});
            town.open_post("/api/v1/auth/password/reset", body).await.status.as_u16()
        };
        assert_eq!(reset(&token, "short").await, 422, "the link holds still");
        assert_eq!(reset(&token.to_uppercase(), OTHER).await, 404);
        // Who is locked out by another's guesses gets in again.
        for _ in 0..10 {
            town.login("ada@example.com", "guess").await;
        }
        assert_eq!(reset(&token, OTHER).await, 204);
        assert_eq!(reset(&token, OTHER).await, 404, "once");
        assert!(!browser.is_signed_in(&town.cp).await);
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 401);
        assert_eq!(town.login("ada@example.com", OTHER).await.status.as_u16(), 200);
        assert!(town.mails.to("ada@example.com").await.text.contains("was changed"));

        forgot("ada@example.com").await;
        let late = town.mails.to("ada@example.com").await.token();
        town.cp.clock.advance(Duration::from_secs(30 * 60));
        assert_eq!(reset(&late, PASSWORD).await, 404, "half an hour");
    }

    an_address_changes_when_the_new_one_answers(test) {
        let town = Town::on(test.store.clone()).await;
        let id = town.with_password("ada@example.com").await;
        let taken = town.with_password("taken@example.com").await;
        let ada = town.sign_in(&id).await;
        let eve = town.sign_in(&taken).await;
        let ask = async |password: &str, email: &str| {
            ada.post(&town.cp, "/api/v1/me/email", json!({"password": password, "email": email})).await.status.as_u16()
        };
        assert_eq!(ask(OTHER, "new@example.com").await, 403);
        assert_eq!(ask(PASSWORD, "taken@example.com").await, 202, "nothing tells that it is taken");
        assert_eq!(ask(PASSWORD, "new@example.com").await, 202);
        let token = town.mails.to("new@example.com").await.token();
        assert_eq!(town.login("new@example.com", PASSWORD).await.status.as_u16(), 401);
        let confirm = json!({"token": token});
        assert_eq!(eve.post(&town.cp, "/api/v1/me/email/confirm", confirm.clone()).await.status.as_u16(), 404);
        assert_eq!(ada.post(&town.cp, "/api/v1/me/email/confirm", confirm.clone()).await.status.as_u16(), 200);
        assert_eq!(ada.post(&town.cp, "/api/v1/me/email/confirm", confirm).await.status.as_u16(), 404);
        assert!(town.mails.to("ada@example.com").await.text.contains("no longer this one"));
        assert_eq!(town.login("new@example.com", PASSWORD).await.status.as_u16(), 200);
        assert_eq!(town.mails.unread(), 0, "the owner of the taken one got nothing");
    }

    who_deletes_the_account_leaves_a_row_without_a_name(test) {
        let town = Town::on(test.store.clone()).await;
        let id = town.with_password("ada@example.com").await;
        let ada = town.sign_in(&id).await;
        let body = json!({"password": PASSWORD});
        let gone = async |body: Value| ada.ask(&town.cp, Method::DELETE, "/api/v1/me", Some(body)).await.status.as_u16();
        assert_eq!(gone(body.clone()).await, 409, "the last owner stays");
        town.with_password("other@example.com").await;
        assert_eq!(gone(json!({"password": OTHER})).await, 403);
        assert_eq!(gone(body).await, 204);
        assert!(!ada.is_signed_in(&town.cp).await);
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 401);
        let left = format!("SELECT email || email_key || name || COALESCE(phc, '') FROM users WHERE id = '{id}'");
        assert_eq!(test.text(&left).await, "");
        assert_eq!(rows(&test, "default", "user.deleted", "ok").await, "1");
        // The address is free.
        town.with_password("ada@example.com").await;
    }
}

#[tokio::test]
async fn an_account_needs_an_invitation_unless_sign_up_is_open() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    let refused = town.open_post("/api/v1/auth/signup", sign_up("una@example.com", PASSWORD)).await;
    assert_eq!(refused.status.as_u16(), 403);
    assert_eq!(town.cp.get("/api/v1/admin/users").await.body["items"], json!([]));
}

#[tokio::test]
async fn mails_are_private_files_and_hold_no_more_than_they_need() {
    use std::os::unix::fs::PermissionsExt;
    let test = TestStore::sqlite().await;
    let town = Town::on(test.store.clone()).await;
    town.with_password("ada@example.com").await;
    town.open_post("/api/v1/auth/password/forgot", json!({"email": "ada@example.com"})).await;
    let mail = town.mails.to("ada@example.com").await;
    assert!(mail.text.contains("https://cp.example/reset?token=ml_"), "{}", mail.text);
    for file in std::fs::read_dir(town.mails.dir()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn nobody_is_flooded_with_mails() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    town.with_password("ada@example.com").await;
    for i in 0..40 {
        let asked = town.open_post("/api/v1/auth/password/forgot", json!({"email": "ada@example.com"})).await;
        assert_eq!(asked.status.as_u16(), if i < 30 { 202 } else { 429 }, "{i}");
    }
    for _ in 0..5 {
        town.mails.to("ada@example.com").await;
    }
    town.cp.app.shut_down(Duration::from_secs(5)).await;
    assert_eq!(town.mails.unread(), 0, "five of them, and no more");
}

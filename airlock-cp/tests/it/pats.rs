//! Personal access tokens: made in the browser, shown once, good until they end or are taken back.

use std::time::Duration;

use airlock_core::Host as _;
use http::Method;
use serde_json::{Value, json};

use crate::apps_people::{org, person};
use crate::harness::{Clock, Cp, TestStore, on_both};

const PATS: &str = "/api/v1/me/pats";
const DAY: Duration = Duration::from_secs(86_400);

fn bearer(text: &str) -> String {
    format!("Bearer {text}")
}

async fn with(cp: &Cp, pat: &str, method: Method, path: &str, body: Option<Value>) -> u16 {
    cp.bare(method, path, body, &[("authorization", &bearer(pat))]).await.status.as_u16()
}

on_both! {
    a_token_is_made_in_the_browser_and_opens_until_it_is_revoked(test) {
        let clock = Clock::new();
        let cp = Cp::with_clock(test.store.clone(), clock.clone()).await;
        let there = Cp::with_clock(test.again().await, clock).await;
        let ada = person(&test, "default", "member").await;
        let made = cp.browse(&ada, Method::POST, PATS, Some(json!({"name": "ci"}))).await;
        assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
        let (text, id) = (made.body["token"].as_str().unwrap(), made.body["id"].as_str().unwrap());
        assert!(text.starts_with("airpat_") && text.len() == 50, "{text}");
        assert_eq!(made.body["hint"], text[..11]);
        let end = cp.clock.now().after(90 * DAY).to_string();
        assert_eq!(made.body["expires_at"], end);

        let list = cp.browse(&ada, Method::GET, PATS, None).await.body;
        assert_eq!(list["items"][0]["id"], id);
        assert!(!list.to_string().contains(text));
        assert_eq!(with(&there, text, Method::GET, PATS, None).await, 200);

        let path = format!("{PATS}/{id}");
        assert_eq!(cp.browse(&ada, Method::DELETE, &path, None).await.status.as_u16(), 204);
        assert_eq!(with(&cp, text, Method::GET, PATS, None).await, 401);
        assert_eq!(with(&there, text, Method::GET, PATS, None).await, 401);
        assert_eq!(cp.browse(&ada, Method::DELETE, &path, None).await.status.as_u16(), 204);
    }

    a_token_makes_no_tokens_and_nobody_makes_them_by_a_foreign_page(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "owner").await;
        let (text, _) = cp.pat(&ada).await;
        let body = || Some(json!({"name": "more"}));
        assert_eq!(with(&cp, &text, Method::POST, PATS, body()).await, 403);
        let shown = [("x-pat", text.as_str())];
        let refused = cp.bare(Method::POST, "/v1/pats", body(), &shown).await;
        assert_eq!((refused.status.as_u16(), refused.body["error"].as_str()), (403, Some("access_denied")));
        let cookie = format!("__Host-airlock_session={}", ada.cookie);
        let csrf = airlock_cp::identity::Logins::csrf_token(&ada.cookie);
        for headers in [
            vec![("cookie", cookie.as_str())],
            vec![("cookie", cookie.as_str()), ("x-csrf-token", "x")],
            vec![("cookie", cookie.as_str()), ("x-csrf-token", &csrf), ("origin", "https://evil.example")],
            vec![("cookie", cookie.as_str()), ("x-csrf-token", &csrf), ("sec-fetch-site", "cross-site")],
        ] {
            let refused = cp.bare(Method::POST, PATS, body(), &headers).await;
            assert_eq!(refused.status.as_u16(), 403, "{headers:?}");
        }
        assert_eq!(cp.bare(Method::POST, PATS, body(), &[]).await.status.as_u16(), 401);
        // The operator token is nobody's.
        assert_eq!(cp.post(PATS, json!({"name": "x"})).await.status.as_u16(), 403);
        assert_eq!(cp.browse(&ada, Method::GET, PATS, None).await.body["items"].as_array().unwrap().len(), 1);
    }

    a_token_of_who_is_gone_opens_nothing(test) {
        let cp = Cp::on(test.store.clone()).await;
        for gone in [
            "UPDATE users SET status = 'disabled' WHERE id = '{id}'",
            "UPDATE users SET status = 'deleted' WHERE id = '{id}'",
            "DELETE FROM memberships WHERE user_id = '{id}'",
            "UPDATE pats SET revoked_at = 1 WHERE user_id = '{id}'",
            "UPDATE pats SET expires_at = 1 WHERE user_id = '{id}'",
        ] {
            let ada = person(&test, "default", "member").await;
            let (text, _) = cp.pat(&ada).await;
            assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 200);
            test.raw(&gone.replace("{id}", &ada.id)).await;
            assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 401, "{gone}");
            let refused = cp.bare(Method::GET, "/v1/pats", None, &[("x-pat", &text)]).await;
            assert_eq!(refused.body["error"], "invalid_pat", "{gone}");
        }
        org(&test, "other").await;
        let ada = person(&test, "org_other", "member").await;
        let (text, _) = cp.pat(&ada).await;
        test.raw("UPDATE orgs SET status = 'deleted' WHERE id = 'org_other'").await;
        assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 401);
    }

    anothers_token_is_not_there_but_for_those_who_manage_members(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let ada = person(&test, "default", "member").await;
        let (text, id) = cp.pat(&ada).await;
        let (mine, ours) = (format!("{PATS}/{id}"), format!("/api/v1/org/pats/{id}"));
        let by = async |org: &str, role: &str, path: &str| {
            let who = person(&test, org, role).await;
            cp.browse(&who, Method::DELETE, path, None).await.status.as_u16()
        };
        assert_eq!(by("default", "owner", &mine).await, 404);
        assert_eq!(by("org_other", "owner", &ours).await, 404);
        for role in ["member", "approver", "auditor", "billing"] {
            assert_eq!(by("default", role, &ours).await, 403, "{role}");
        }
        let elsewhere = cp.ask(Method::DELETE, &ours, None, &[("airlock-org", "other")]).await;
        assert_eq!(elsewhere.status.as_u16(), 404);
        assert_eq!(cp.ask(Method::DELETE, &ours, None, &[]).await.status.as_u16(), 422);
        assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 200);
        assert_eq!(by("default", "admin", &ours).await, 204);
        assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 401);

        let (text, id) = cp.pat(&ada).await;
        let list = cp.ask(Method::GET, "/api/v1/org/pats", None, &[("airlock-org", "default")]).await.body;
        assert!(list.to_string().contains(&id) && !list.to_string().contains(&text));
        let other = cp.ask(Method::GET, "/api/v1/org/pats", None, &[("airlock-org", "other")]).await.body;
        assert_eq!(other["items"], json!([]));
        let path = format!("/api/v1/org/pats/{id}");
        let revoked = cp.ask(Method::DELETE, &path, None, &[("airlock-org", "default")]).await;
        assert_eq!(revoked.status.as_u16(), 204);
        assert_eq!(with(&cp, &text, Method::GET, PATS, None).await, 401);
    }

    a_token_acts_within_its_own_org(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let ada = person(&test, "default", "member").await;
        let (here, _) = cp.pat(&ada).await;
        test.raw(&format!(
            "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES ('org_other', '{}', 'member', 0)", ada.id
        )).await;
        test.raw(&format!("UPDATE logins SET org_id = 'org_other' WHERE user_id = '{}'", ada.id)).await;
        let (there, id) = cp.pat(&ada).await;
        assert_eq!(cp.browse(&ada, Method::GET, PATS, None).await.body["items"].as_array().unwrap().len(), 2);
        let seen = cp.bare(Method::GET, PATS, None, &[("authorization", &bearer(&here))]).await.body;
        assert_eq!(seen["items"].as_array().unwrap().len(), 1);
        assert_eq!(with(&cp, &here, Method::DELETE, &format!("{PATS}/{id}"), None).await, 404);
        let refused = cp.bare(Method::DELETE, &format!("/v1/pats/{id}"), None, &[("x-pat", &here)]).await;
        assert_eq!(refused.status.as_u16(), 404);
        assert_eq!(with(&cp, &there, Method::DELETE, &format!("{PATS}/{id}"), None).await, 204);
    }

    the_last_use_is_kept(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        let (text, _) = cp.pat(&ada).await;
        with(&cp, &text, Method::GET, PATS, None).await;
        let at = cp.clock.now().to_string();
        cp.app.shut_down(Duration::from_secs(1)).await;
        let cp = Cp::on(test.again().await).await;
        assert_eq!(cp.browse(&ada, Method::GET, PATS, None).await.body["items"][0]["last_used_at"], at);
    }
}

#[tokio::test]
async fn what_may_be_asked_for_has_bounds() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let now = cp.clock.now();
    for (body, expected) in [
        (json!({"name": "x", "expires_at": now.after(365 * DAY)}), 201),
        (json!({"name": "x", "expires_at": null}), 201),
        (json!({"name": "x", "expires_at": now.after(367 * DAY)}), 422),
        (json!({"name": "x", "expires_at": now}), 422),
        (json!({"name": "x", "expires_at": "tomorrow"}), 422),
        (json!({"name": ""}), 422),
        (json!({"name": "\u{0}"}), 422),
        (json!({"name": "x".repeat(101)}), 422),
        (json!({"name": "x", "user_id": "usr_x"}), 422),
        (json!({"name": "x", "role": "owner"}), 422),
        (json!({}), 422),
        (json!([]), 422),
    ] {
        let answer = cp.browse(&ada, Method::POST, PATS, Some(body.clone())).await;
        assert_eq!(answer.status.as_u16(), expected, "{body} {:?}", answer.body);
    }
    for role in ["auditor", "billing"] {
        let who = person(&test, "default", role).await;
        let answer = cp.browse(&who, Method::POST, PATS, Some(json!({"name": "x"}))).await;
        assert_eq!(answer.status.as_u16(), 403, "{role}");
        assert_eq!(cp.browse(&who, Method::GET, PATS, None).await.status.as_u16(), 200, "{role}");
    }
    for id in ["pat_x", "x", "..", "pat_01J00000000000000000000000", "%00"] {
        let answer = cp.browse(&ada, Method::DELETE, &format!("{PATS}/{id}"), None).await;
        assert_eq!(answer.status.as_u16(), 404, "{id}");
    }
}

#[tokio::test]
async fn the_store_and_the_log_never_hold_a_tokens_text() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let (text, _) = cp.pat(&ada).await;
    with(&cp, &text, Method::GET, PATS, None).await;
    let secret = &text.as_bytes()[11..];
    assert!(!test.files().windows(secret.len()).any(|window| window == secret));
}

#[tokio::test]
async fn near_misses_of_a_token_open_nothing() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let (text, _) = cp.pat(&ada).await;
    for near in [
        text.to_ascii_uppercase(),
        format!("{text}x"),
        text[..49].to_owned(),
        text.replace("airpat_", "airlock_pat_"),
        format!("airpat_{}", "A".repeat(43)),
        "airpat_".to_owned(),
        format!("{text},{text}"),
        format!("{text}%00"),
        "airpat_' OR '1'='1".to_owned(),
    ] {
        let answer = cp.bare(Method::GET, "/v1/pats", None, &[("x-pat", &near)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body["error"].as_str()),
            (401, Some("invalid_pat")),
            "{near}"
        );
    }
}

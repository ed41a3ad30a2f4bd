//! Access tokens: checked, remembered, and forgotten as soon as anything behind them is gone, in every process.

use std::time::Duration;

use airlock_core::Timestamp;
use http::Method;
use serde_json::json;

use super::harness::{ADA, BOB, PUBLIC, World, text, with};
use crate::harness::{Cp, on_both};

async fn verify(cp: &Cp, access: &str) -> bool {
    cp.app.oauth().access().verify(access).await.unwrap().is_some()
}

on_both! {
    another_process_knows_after_its_next_look(test) {
        // T-09
        let world = World::on(test).await;
        let other = Cp::with_clock(world.test.again().await, world.cp.clock.clone()).await;
        let operator = [("airlock-org", "default")];
        for how in ["family", "client", "token", "betrayal"] {
            let tokens = world.tokens().await;
            let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
            other.app.revocations().poll().await.unwrap();
            assert!(verify(&other, &access).await && verify(&other, &access).await, "{how}");
            let status = |status: &str| json!({"status": status});
            let client = format!("/api/v1/admin/clients/{PUBLIC}");
            match how {
                "family" => assert_eq!(world.form("/revoke", &[("client_id", PUBLIC), ("token", &refresh)]).await.status, 200),
                "token" => assert_eq!(world.form("/revoke", &[("client_id", PUBLIC), ("token", &access)]).await.status, 200),
                "client" => {
                    let blocked = world.cp.ask(Method::PATCH, &client, Some(status("blocked")), &operator).await;
                    assert_eq!(blocked.status, 200);
                }
                _ => {
                    world.rotate(&refresh).await;
                    world.rotate_from("192.0.2.200", &refresh).await;
                }
            }
            assert!(!verify(&world.cp, &access).await, "{how}");
            other.app.revocations().poll().await.unwrap();
            assert!(!verify(&other, &access).await, "{how}");
            if how == "client" {
                world.cp.ask(Method::PATCH, &client, Some(status("active")), &[]).await;
                assert!(!verify(&world.cp, &access).await, "unblocking brings nothing back");
                assert_eq!(text(&world.rotate(&refresh).await.body, "error"), "invalid_grant");
            }
        }
    }

    what_a_person_is_now_counts(test) {
        let world = World::on(test).await;
        let access = text(&world.tokens().await, "access_token");
        let scopes = async || {
            // Past the memory, so that the store is asked.
            world.cp.clock.advance(Duration::from_secs(31));
            world.cp.app.revocations().poll().await.unwrap();
            world.verify(&access).await.map(|token| token.scopes.to_string())
        };
        assert_eq!(scopes().await.as_deref(), Some("mcp:read mcp:call"));
        for (sql, expected) in [
            ("UPDATE memberships SET role = 'auditor'", Some("mcp:read")),
            ("UPDATE memberships SET role = 'billing'", None),
            ("UPDATE memberships SET role = 'owner'", Some("mcp:read mcp:call")),
            ("UPDATE users SET status = 'disabled'", None),
            ("UPDATE users SET status = 'active'", Some("mcp:read mcp:call")),
            ("UPDATE orgs SET status = 'deleted' WHERE id = 'default'", None),
            ("UPDATE orgs SET status = 'active' WHERE id = 'default'", Some("mcp:read mcp:call")),
            ("UPDATE oauth_clients SET status = 'blocked'", None),
            ("UPDATE oauth_clients SET status = 'active'", Some("mcp:read mcp:call")),
            ("UPDATE token_families SET revoked_at = 1", None),
            ("UPDATE token_families SET revoked_at = NULL", Some("mcp:read mcp:call")),
            ("DELETE FROM memberships", None),
        ] {
            world.test.raw(sql).await;
            assert_eq!(scopes().await.as_deref(), expected, "{sql}");
        }
    }

    what_was_remembered_goes_with_what_is_revoked(test) {
        let world = World::on(test).await;
        let (mine, theirs) = (text(&world.tokens().await, "access_token"), {
            let mut bob = world.person(BOB);
            bob.org = Some("org_beta".parse().unwrap());
            let code = crate::oauth::harness::one(&world.allowed(&world.request(PUBLIC), &bob).await, "code");
            text(&world.exchange(&code).await.body, "access_token")
        });
        for (kind, of, name) in [("user", "", ADA), ("membership", "default", ADA), ("org", "default", "")] {
            assert!(world.verify(&mine).await.is_some() && world.verify(&theirs).await.is_some());
            // Behind the back of this process, as the command line of another does it.
            world.test.raw("UPDATE token_families SET revoked_at = 1").await;
            world.test.raw(&format!(
                "INSERT INTO revocations (seq, ts, kind, tenant_id, name) SELECT value + 1, 1, '{kind}', '{of}', '{name}' FROM counters WHERE name = 'revocations'"
            )).await;
            world.test.raw("UPDATE counters SET value = value + 1 WHERE name = 'revocations'").await;
            world.cp.app.revocations().poll().await.unwrap();
            assert!(world.verify(&mine).await.is_none(), "{kind}");
            assert!(world.verify(&theirs).await.is_some(), "{kind}: another's is still remembered");
            world.test.raw("UPDATE token_families SET revoked_at = NULL").await;
        }
    }
}

#[tokio::test]
async fn a_process_that_cannot_know_does_not_remember() {
    let world = World::fresh().await;
    let access = text(&world.tokens().await, "access_token");
    assert!(world.verify(&access).await.is_some());
    world.cp.app.tasks().stop().cancel();
    world.test.raw("UPDATE token_families SET revoked_at = 1").await;
    // Its last look at the revocations is too old.
    world.cp.clock.advance(Duration::from_millis(1_001));
    assert!(world.verify(&access).await.is_none());
}

#[tokio::test]
async fn what_is_no_token_is_none() {
    let world = World::fresh().await;
    let tokens = world.tokens().await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    for other in [
        "",
        "at_",
        "Bearer at_x",
        &access[..45],
        &format!("{access}x"),
        &access.to_uppercase(),
        &access.replace("at_", "rt_"),
        &refresh,
        &refresh.replace("rt_", "at_"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMDFKMCJ9.",
        &"eyJ".repeat(2_000),
        "at_' OR '1'='1' --aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ] {
        assert!(world.verify(other).await.is_none(), "{other}");
    }
}

#[tokio::test]
async fn a_person_sees_and_ends_their_own() {
    let world = World::fresh().await;
    let access = text(&world.tokens().await, "access_token");
    let (ada, bob) = (world.pat(ADA).await, world.pat(BOB).await);
    let list = world.ask_as(&ada, Method::GET, "/api/v1/me/clients", None).await;
    assert_eq!(list.status, 200, "{:?}", list.body);
    let family = &list.body["items"][0];
    assert_eq!((&family["client_name"], &family["resource"]), (&json!("Public"), &json!("/mcp/org/default")));
    let created: Timestamp = text(family, "created_at").parse().unwrap();
    let ends: Timestamp = text(family, "ends_at").parse().unwrap();
    assert_eq!(ends.since(created), Duration::from_secs(30 * 86_400));
    assert!(!list.body.to_string().contains("at_0"));
    let path = format!("/api/v1/me/clients/{}", text(family, "id"));
    assert_eq!(world.ask_as(&bob, Method::GET, "/api/v1/me/clients", None).await.body["items"], json!([]));
    assert_eq!(world.ask_as(&bob, Method::DELETE, &path, None).await.status, 404);
    assert_eq!(world.cp.ask(Method::DELETE, &path, None, &[]).await.status, 403, "the operator is nobody");
    assert_eq!(world.cp.send(crate::harness::request(Method::DELETE, &path, None)).await.status, 401);
    assert!(world.verify(&access).await.is_some());
    assert_eq!(world.ask_as(&ada, Method::DELETE, &path, None).await.status, 204);
    assert!(world.verify(&access).await.is_none());
    assert_eq!(world.ask_as(&ada, Method::DELETE, &path, None).await.status, 404);
    assert_eq!(world.ask_as(&ada, Method::GET, "/api/v1/me/clients", None).await.body["items"], json!([]));
    let step = world
        .oauth()
        .authorize()
        .check(&with(&world.request(PUBLIC), "prompt", Some("none")), Some(&world.person(ADA)))
        .await
        .unwrap();
    assert!(format!("{step:?}").contains("consent_required"), "{step:?}");
}

#[tokio::test]
async fn what_ended_is_cleared_away_and_what_lives_is_not() {
    let world = World::fresh().await;
    let tokens = world.tokens().await;
    let count =
        async |table: &str| world.test.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await;
    let clear = async || world.oauth().clear_old().await.unwrap();
    clear().await;
    assert_eq!((count("auth_codes").await, count("access_tokens").await), ("1".into(), "1".into()));
    world.cp.clock.advance(Duration::from_secs(2 * 86_400));
    clear().await;
    assert_eq!((count("auth_codes").await, count("access_tokens").await), ("0".into(), "0".into()));
    assert_eq!(world.rotate(&text(&tokens, "refresh_token")).await.status, 200);
    world.cp.clock.advance(Duration::from_secs(57 * 86_400));
    clear().await;
    assert_eq!(count("token_families").await, "1", "kept a month after its end");
    world.cp.clock.advance(Duration::from_secs(2 * 86_400));
    clear().await;
    assert_eq!((count("token_families").await, count("refresh_tokens").await), ("0".into(), "0".into()));
}

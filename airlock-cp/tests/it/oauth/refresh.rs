//! Refresh tokens: they rotate, forgive a lost answer, and betray their thief.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::harness::{ADA, HOME, KEEPER, PUBLIC, World, exchange, text, with};
use crate::harness::{Answer, TestStore, on_both};

const S: fn(u64) -> Duration = Duration::from_secs;

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), text(&answer.body, "error").as_str()), (400, "invalid_grant"));
}

fn pair(body: &Value) -> (String, String) {
    (text(body, "access_token"), text(body, "refresh_token"))
}

on_both! {
    a_refresh_token_is_good_once(test) {
        let world = World::on(test).await;
        let (access_0, refresh_0) = pair(&world.tokens().await);
        let (access_1, refresh_1) = pair(&world.rotate(&refresh_0).await.body);
        assert!(access_0 != access_1 && refresh_0 != refresh_1);
        assert!(world.verify(&access_0).await.is_some(), "an access token holds for its time");
        assert!(world.verify(&access_1).await.is_some());
        let (access_2, refresh_2) = pair(&world.rotate(&refresh_1).await.body);
        // The first one again, though within the grace: its successor was used, so two have it.
        refused(&world.rotate(&refresh_0).await);
        refused(&world.rotate(&refresh_2).await);
        for access in [access_0, access_1, access_2] {
            assert!(world.verify(&access).await.is_none());
        }
        assert_eq!(world.test.text("SELECT reason FROM token_families").await, "reuse");
        assert!(world.acts().await.contains(&"oauth.refresh.reuse".to_owned()));
    }

    a_lost_answer_is_given_again_byte_for_byte(test) {
        let world = World::on(test).await;
        let (_, refresh) = pair(&world.tokens().await);
        let first = pair(&world.rotate(&refresh).await.body);
        assert_eq!(pair(&world.rotate(&refresh).await.body), first);
        world.cp.clock.advance(S(30));
        let late = world.rotate(&refresh).await.body;
        assert_eq!(pair(&late), first);
        assert_eq!(late["expires_in"], 28_800 - 30);
        assert!(world.verify(&first.0).await.is_some());
        let next = pair(&world.rotate(&first.1).await.body);
        assert!(world.verify(&next.0).await.is_some());
    }

    after_the_grace_it_is_theft(test) {
        let world = World::on(test).await;
        let (_, refresh) = pair(&world.tokens().await);
        let (access, next) = pair(&world.rotate(&refresh).await.body);
        world.cp.clock.advance(Duration::from_millis(30_001));
        refused(&world.rotate(&refresh).await);
        refused(&world.rotate(&next).await);
        assert!(world.verify(&access).await.is_none());
    }

    from_elsewhere_it_is_theft_at_once(test) {
        let world = World::on(test).await;
        let (_, refresh) = pair(&world.tokens().await);
        let (access, next) = pair(&world.rotate(&refresh).await.body);
        refused(&world.rotate_from("192.0.2.8", &refresh).await);
        refused(&world.rotate(&next).await);
        assert!(world.verify(&access).await.is_none());
    }

    the_successor_is_the_same_in_every_process(test) {
        let world = World::on(test).await;
        let (_, refresh) = pair(&world.tokens().await);
        let other = crate::harness::Cp::with_clock(world.test.again().await, world.cp.clock.clone()).await;
        let first = pair(&world.rotate(&refresh).await.body);
        let form = [("grant_type", "refresh_token"), ("client_id", PUBLIC), ("refresh_token", refresh.as_str())];
        let again = other.send(crate::oauth::harness::form_request(HOME, "/token", &form)).await;
        assert_eq!(pair(&again.body), first);
    }

    many_at_once_get_one_successor(test) {
        let world = World::on(test).await;
        let (_, refresh) = pair(&world.tokens().await);
        let tries = (0..20).map(|_| world.rotate(&refresh));
        let answers = futures::future::join_all(tries).await;
        let first = pair(&answers[0].body);
        for answer in &answers {
            assert_eq!(pair(&answer.body), first);
        }
        assert_eq!(live(&world).await, "1");
    }

    thirty_days_after_sign_in_all_of_it_ends(test) {
        let world = World::on(test).await;
        let (_, mut refresh) = pair(&world.tokens().await);
        let mut access = String::new();
        // 89 rotations, each a little before the access token ends.
        for _ in 0..89 {
            world.cp.clock.advance(S(8 * 3_600 - 1));
            (access, refresh) = pair(&world.rotate(&refresh).await.body);
        }
        world.cp.clock.advance(S(30 * 86_400 - 89 * (8 * 3_600 - 1) - 1));
        let last = world.rotate(&refresh).await.body;
        assert_eq!(last["expires_in"], 1, "not beyond its family");
        let (last_access, last_refresh) = pair(&last);
        assert!(world.verify(&last_access).await.is_some());
        world.cp.clock.advance(S(1));
        refused(&world.rotate(&last_refresh).await);
        assert!(world.verify(&last_access).await.is_none());
        assert!(world.verify(&access).await.is_none());
    }
}

async fn live(world: &World) -> String {
    let sql = "SELECT CAST(COUNT(*) AS TEXT) FROM refresh_tokens r JOIN token_families f ON f.id = r.family_id \
               WHERE r.used_at IS NULL AND f.revoked_at IS NULL";
    world.test.text(sql).await
}

#[tokio::test]
async fn thirty_days_count_from_sign_in_not_from_the_code() {
    let world = World::fresh().await;
    let mut ada = world.person(ADA);
    ada.auth_at = airlock_core::Host::now(&*world.cp.clock).before(S(6 * 86_400));
    let back = world.allowed(&world.request(PUBLIC), &ada).await;
    let (_, refresh) = pair(&world.exchange(&crate::oauth::harness::one(&back, "code")).await.body);
    world.cp.clock.advance(S(24 * 86_400 - 1));
    let (_, refresh) = pair(&world.rotate(&refresh).await.body);
    world.cp.clock.advance(S(1));
    refused(&world.rotate(&refresh).await);
}

#[tokio::test]
async fn an_access_token_lives_eight_hours_by_both_clocks() {
    let world = World::fresh().await;
    let (access, _) = pair(&world.tokens().await);
    world.cp.clock.advance(S(8 * 3_600 - 1));
    assert!(world.verify(&access).await.is_some());
    // T-009: the wall clock set back does not make it live longer in memory.
    world.cp.app.revocations().poll().await.unwrap();
    assert!(world.verify(&access).await.is_some());
    world.cp.clock.advance(S(1));
    world.cp.clock.set_wall(-3_600_000);
    world.cp.app.revocations().poll().await.unwrap();
    assert!(world.verify(&access).await.is_none());
}

#[tokio::test]
async fn scope_and_resource_may_narrow_only() {
    let world = World::fresh().await;
    let request = with(&world.request(PUBLIC), "scope", Some("mcp:call openid"));
    let (_, refresh) = pair(&world.exchange(&world.code_for(&request, ADA).await).await.body);
    let issuer = world.issuer();
    let rotate = async |refresh: &str, more: &[(&str, &str)]| {
        let mut form =
            vec![("grant_type", "refresh_token"), ("client_id", PUBLIC), ("refresh_token", refresh)];
        form.extend_from_slice(more);
        world.form("/token", &form).await.body
    };
    // A refusal uses nothing up.
    for (name, value, error) in [
        ("scope", "mcp:call openid email", "invalid_scope"),
        ("scope", "admin", "invalid_scope"),
        ("resource", &*format!("{issuer}/mcp/bolt"), "invalid_target"),
        ("resource", &*format!("{issuer}/mcp/ghost"), "invalid_target"),
        ("resource", "https://evil.example", "invalid_target"),
    ] {
        assert_eq!(text(&rotate(&refresh, &[(name, value)]).await, "error"), error, "{value}");
    }
    let narrow =
        rotate(&refresh, &[("scope", "mcp:read"), ("resource", &format!("{issuer}/mcp/acme"))]).await;
    assert_eq!(narrow["scope"], "mcp:read");
    let verified = world.verify(&text(&narrow, "access_token")).await.unwrap();
    assert_eq!(
        (verified.resource.to_string().as_str(), verified.scopes.to_string().as_str()),
        ("/mcp/acme", "mcp:read")
    );
    // The refresh token keeps what was granted (RFC 6749, 6).
    let wide = rotate(&text(&narrow, "refresh_token"), &[]).await;
    assert_eq!(wide["scope"], "mcp:call openid");
    // Another ask of a used token is not the same client's lost answer.
    let again = rotate(&text(&narrow, "refresh_token"), &[("scope", "mcp:read")]).await;
    assert_eq!(text(&again, "error"), "invalid_grant");
    assert_eq!(live(&world).await, "0");
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_own() {
    let world = World::fresh().await;
    let (access, refresh) = pair(&world.tokens().await);
    let secret = world.secret.clone();
    let stolen = [
        ("grant_type", "refresh_token"),
        ("client_id", KEEPER),
        ("client_secret", secret.as_str()),
        ("refresh_token", refresh.as_str()),
    ];
    refused(&world.form("/token", &stolen).await);
    // Nobody is locked out by that.
    assert!(world.verify(&access).await.is_some());
    assert_eq!(world.rotate(&refresh).await.status, 200);
    for other in [
        "",
        "rt_",
        "x",
        &access,
        &refresh.to_lowercase(),
        &format!("{refresh}x"),
        &refresh.replace("rt_", "at_"),
    ] {
        let answer = world.rotate(other).await;
        assert_eq!(answer.status, 400, "{other}");
    }
}

#[tokio::test]
async fn who_is_gone_gets_nothing_more() {
    let world = World::fresh().await;
    for (sql, undo) in [
        ("UPDATE users SET status = 'disabled'", "UPDATE users SET status = 'active'"),
        ("UPDATE memberships SET role = 'billing'", "UPDATE memberships SET role = 'member'"),
        ("UPDATE orgs SET status = 'deleted' WHERE id = 'default'", "UPDATE orgs SET status = 'active'"),
    ] {
        let (_, refresh) = pair(&world.tokens().await);
        world.test.raw(sql).await;
        refused(&world.rotate(&refresh).await);
        world.test.raw(undo).await;
        assert_eq!(world.rotate(&refresh).await.status, 200, "a refusal uses nothing up: {sql}");
    }
}

#[tokio::test]
async fn a_client_without_the_grant_gets_none() {
    let world = World::fresh().await;
    let body = serde_json::json!({"name": "N", "client_id": "no-refresh", "redirect_uris": ["https://app.example/cb"], "grant_types": ["authorization_code"]});
    assert_eq!(world.cp.post("/api/v1/admin/clients", body).await.status, 201);
    let code = world.code("no-refresh").await;
    let mut form = exchange(&code).to_vec();
    form[1].1 = "no-refresh";
    let tokens = world.form("/token", &form).await.body;
    assert!(tokens.get("refresh_token").is_none() && tokens["access_token"].is_string());
    let form = [("grant_type", "refresh_token"), ("client_id", "no-refresh"), ("refresh_token", "rt_x")];
    assert_eq!(text(&world.form("/token", &form).await.body, "error"), "unauthorized_client");
}

#[derive(Clone, Debug)]
enum Move {
    /// Shows the n-th refresh token ever given out.
    Show(usize, bool),
    Wait(u64),
}

/// Whatever is shown again, in whatever order, from wherever: a family has one live refresh token at most, and once it was
/// betrayed none, for ever.
#[test]
fn a_family_has_at_most_one_live_refresh_token() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(async { World::on(TestStore::sqlite().await).await });
    let a_move = prop_oneof![
        6 => (0..12_usize, prop::bool::weighted(0.9)).prop_map(|(n, home)| Move::Show(n, home)),
        2 => (0..40_u64).prop_map(Move::Wait),
    ];
    let moves = prop::collection::vec(a_move, 1..14);
    let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&moves, |moves| {
        runtime.block_on(async {
            world
                .test
                .raw("UPDATE token_families SET revoked_at = 1, reason = 'test' WHERE revoked_at IS NULL")
                .await;
            let mut given = vec![text(&world.tokens().await, "refresh_token")];
            let mut betrayed = false;
            for a_move in moves {
                match a_move {
                    Move::Wait(seconds) => world.cp.clock.advance(S(seconds)),
                    Move::Show(n, home) => {
                        // The newest most of the time.
                        let at = given.len().saturating_sub(1 + n / 4);
                        let ip = if home { HOME } else { "192.0.2.99" };
                        let answer = world.rotate_from(ip, &given[at]).await;
                        match answer.body["refresh_token"].as_str() {
                            Some(next) => {
                                prop_assert!(!betrayed, "a betrayed family came back");
                                if !given.iter().any(|g| g == next) {
                                    given.push(next.to_owned());
                                }
                            }
                            None => betrayed = true,
                        }
                    }
                }
                let count = live(&world).await;
                prop_assert_eq!(count.as_str(), if betrayed { "0" } else { "1" });
            }
            Ok(())
        })
    });
    result.unwrap();
}

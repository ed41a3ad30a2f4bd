//! Devices without a browser (RFC 8628).

use std::time::Duration;

use airlock_cp::oauth::{DeviceError, Seen, UserCode};
use serde_json::{Value, json};

use super::harness::{ADA, AUDITOR, BILLING, BOB, DEVICE_GRANT, HOME, World, text};
use crate::harness::{Answer, on_both};

const SDK: &str = "airlock-integrations";
const S: fn(u64) -> Duration = Duration::from_secs;

async fn begin(world: &World) -> (String, String) {
    let answer =
        world.form("/device_authorization", &[("client_id", SDK), ("scope", "openid profile email")]).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    (text(&answer.body, "device_code"), text(&answer.body, "user_code"))
}

async fn poll(world: &World, code: &str) -> Answer {
    world.form("/token", &[("grant_type", DEVICE_GRANT), ("client_id", SDK), ("device_code", code)]).await
}

async fn poll_word(world: &World, code: &str) -> String {
    text(&poll(world, code).await.body, "error")
}

on_both! {
    a_device_waits_for_its_person(test) {
        let world = World::on(test).await;
        let answer = world.form("/device_authorization", &[("client_id", SDK), ("scope", "openid profile email")]).await;
        let body = answer.body;
        assert_eq!((&body["expires_in"], &body["interval"]), (&json!(600), &json!(5)));
        assert_eq!(body["verification_uri"], format!("{}/device", world.issuer()));
        let (device, user) = (text(&body, "device_code"), text(&body, "user_code"));
        assert_eq!(body["verification_uri_complete"], format!("{}/device?user_code={user}", world.issuer()));
        assert!(user.len() == 9 && user.as_bytes()[4] == b'-', "{user}");
        assert!(user.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ-".contains(&b)), "{user}");
        assert_eq!(poll_word(&world, &device).await, "authorization_pending");
        let ada = world.person(ADA);
        let view = world.oauth().devices().look_up(&user.to_lowercase().replace('-', " "), &ada).await.unwrap();
        assert_eq!((view.client_name.as_str(), view.asked_from.as_deref()), ("Airlock SDK", Some(HOME)));
        world.oauth().devices().allow(&user, &ada).await.unwrap();
        world.cp.clock.advance(S(5));
        let tokens = poll(&world, &device).await;
        assert_eq!(tokens.status, 200, "{:?}", tokens.body);
        assert_eq!(tokens.body["scope"], "openid profile email");
        assert_eq!(tokens.headers["cache-control"], "no-store");
        let verified = world.verify(&text(&tokens.body, "access_token")).await.unwrap();
        assert_eq!((verified.user.as_str(), verified.client_name.as_str()), (ADA, "Airlock SDK"));
        // Used once.
        assert_eq!(poll_word(&world, &device).await, "invalid_grant");
        let form = [("grant_type", "refresh_token"), ("client_id", SDK), ("refresh_token", &text(&tokens.body, "refresh_token"))];
        assert_eq!(world.form("/token", &form).await.status, 200);
        let acts = world.acts().await;
        assert!(acts.contains(&"oauth.consent.granted".to_owned()) && acts.contains(&"oauth.token.issued".to_owned()));
    }

    a_device_that_asks_too_often_is_slowed_down(test) {
        let world = World::on(test).await;
        let (device, _) = begin(&world).await;
        assert_eq!(poll_word(&world, &device).await, "authorization_pending");
        world.cp.clock.advance(S(4));
        assert_eq!(poll_word(&world, &device).await, "slow_down");
        world.cp.clock.advance(S(9));
        assert_eq!(poll_word(&world, &device).await, "slow_down", "now ten seconds");
        world.cp.clock.advance(S(15));
        assert_eq!(poll_word(&world, &device).await, "authorization_pending");
    }

    a_no_and_the_end_of_time_are_told(test) {
        let world = World::on(test).await;
        let (denied, user) = begin(&world).await;
        world.oauth().devices().deny(&user, &world.person(ADA)).await.unwrap();
        assert_eq!(poll_word(&world, &denied).await, "access_denied");
        assert_eq!(poll_word(&world, &denied).await, "access_denied");
        assert!(matches!(world.oauth().devices().allow(&user, &world.person(ADA)).await, Err(DeviceError::Unknown)));
        let (late, user) = begin(&world).await;
        world.cp.clock.advance(S(600));
        assert_eq!(poll_word(&world, &late).await, "expired_token");
        assert!(matches!(world.oauth().devices().allow(&user, &world.person(ADA)).await, Err(DeviceError::Unknown)));
        assert_eq!(poll_word(&world, &late).await, "expired_token");
    }

    of_many_polls_at_once_one_gets_tokens(test) {
        let world = World::on(test).await;
        let (device, user) = begin(&world).await;
        world.oauth().devices().allow(&user, &world.person(ADA)).await.unwrap();
        let answers = futures::future::join_all((0..20).map(|_| poll(&world, &device))).await;
        assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 1);
    }
}

#[tokio::test]
async fn five_wrong_codes_a_minute_and_no_more() {
    // T-105
    let world = World::fresh().await;
    let (_, user) = begin(&world).await;
    let ada = world.person(ADA);
    let devices = world.oauth().devices();
    for _ in 0..5 {
        assert!(matches!(devices.look_up("BCDF-GHJK", &ada).await, Err(DeviceError::Unknown)));
    }
    let too_many = |result: Result<_, DeviceError>| matches!(result, Err(DeviceError::TooMany { retry_after }) if retry_after <= S(12));
    assert!(too_many(devices.look_up("BCDF-GHJK", &ada).await.map(|_| ())));
    assert!(too_many(devices.look_up(&user, &ada).await.map(|_| ())), "also the right one");
    assert!(too_many(devices.allow(&user, &ada).await));
    // Another person from the same address waits as well; from another address they do not.
    let mut bob = world.person(BOB);
    assert!(too_many(devices.look_up(&user, &bob).await.map(|_| ())));
    bob.caller.ip = Some("198.51.100.1".parse().unwrap());
    assert!(devices.look_up(&user, &bob).await.is_ok());
    // The same person from another address does.
    let mut moved = world.person(ADA);
    moved.caller.ip = Some("198.51.100.2".parse().unwrap());
    assert!(too_many(devices.look_up(&user, &moved).await.map(|_| ())));
    world.cp.clock.advance(S(60));
    assert!(devices.look_up(&user, &ada).await.is_ok());
}

#[tokio::test]
async fn a_person_lets_in_what_they_may() {
    let world = World::fresh().await;
    let devices = world.oauth().devices();
    let (_, user) = begin(&world).await;
    assert!(matches!(devices.allow(&user, &world.person(BILLING)).await, Err(DeviceError::Denied)));
    assert!(matches!(devices.allow(&user, &world.person(BOB)).await, Err(DeviceError::Denied)), "which org?");
    let mut ada = world.person(ADA);
    ada.org = Some("org_beta".parse().unwrap());
    assert!(matches!(devices.allow(&user, &ada).await, Err(DeviceError::Denied)), "not theirs");
    let mut bob = world.person(BOB);
    bob.org = Some("org_beta".parse().unwrap());
    devices.allow(&user, &bob).await.unwrap();
    // A reach by tenant: only who is in its org.
    let asked = [("client_id", SDK), ("resource", &*format!("{}/mcp/bolt", world.issuer()))];
    let started = world.form("/device_authorization", &asked).await.body;
    let user = text(&started, "user_code");
    assert!(matches!(devices.allow(&user, &world.person(ADA)).await, Err(DeviceError::Denied)));
    devices.allow(&user, &world.person(BOB)).await.unwrap();
    let tokens = poll(&world, &text(&started, "device_code")).await.body;
    assert_eq!(world.verify(&text(&tokens, "access_token")).await.unwrap().resource.to_string(), "/mcp/bolt");
    // Without a scope: what the role has.
    let started = world.form("/device_authorization", &[("client_id", SDK)]).await.body;
    devices.allow(&text(&started, "user_code"), &world.person(AUDITOR)).await.unwrap();
    assert_eq!(poll(&world, &text(&started, "device_code")).await.body["scope"], "mcp:read");
}

#[tokio::test]
async fn the_first_party_proxy_has_calls_of_its_own() {
    let world = World::fresh().await;
    let seen = Seen { ip: HOME.parse().unwrap(), user_agent: None };
    let oauth = world.oauth();
    let started = oauth.devices().start_first_party(UserCode::Six, &seen).await.unwrap();
    assert_eq!(started.user_code.len(), 6);
    let code = started.device_code.expose().clone();
    let pending = oauth.tokens().first_party_device(&code, &seen).await.unwrap_err().refusal();
    assert_eq!(pending.word.as_str(), "authorization_pending");
    oauth.devices().allow(&started.user_code, &world.person(ADA)).await.unwrap();
    world.cp.clock.advance(S(5));
    let tokens = oauth.tokens().first_party_device(&code, &seen).await.unwrap();
    let refresh = tokens.refresh_token.unwrap().expose().clone();
    let next = oauth.tokens().first_party_refresh(&refresh, &seen).await.unwrap();
    assert!(world.verify(next.access_token.expose()).await.is_some());
    let body: Value = next.body();
    assert_eq!(body["token_type"], "Bearer");
}

#[tokio::test]
async fn devices_that_never_end_do_not_fill_the_store() {
    let world = World::fresh().await;
    let mut answers = Vec::new();
    for _ in 0..31 {
        answers.push(world.form("/device_authorization", &[("client_id", SDK)]).await.status.as_u16());
    }
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 30);
    assert_eq!(answers.last(), Some(&503));
    assert_eq!(
        world.form_from("192.0.2.8", "/device_authorization", &[("client_id", SDK)]).await.status,
        200
    );
}

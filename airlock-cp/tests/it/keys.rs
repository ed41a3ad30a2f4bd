//! API keys: made once, checked often, taken back at once.

use std::net::IpAddr;
use std::time::Duration;

use airlock_core::principal::Scope;
use airlock_cp::tenants::verify::KeyError;
use http::Method;
use serde_json::json;

use crate::harness::{Clock, Cp, TestStore, on_both};

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));

on_both! {
    a_key_opens_its_own_tenant_only(test) {
        let cp = Cp::on(test.store.clone()).await;
        let (acme, _) = (cp.tenant("acme").await, cp.tenant("other").await);
        let (kid, text) = cp.key(&acme).await;
        let verified = cp.app.keys().verify("acme", &text, PEER).await.unwrap();
        assert_eq!((verified.kid.as_str(), verified.tenant.as_str()), (kid.as_str(), "t_acme"));
        assert_eq!((verified.name.as_str(), verified.scope), ("litellm-production", Scope::EVERYTHING));
        assert_eq!(verified.rate_limit, Some(600));
        assert_eq!(cp.app.keys().verify("other", &text, PEER).await, Err(KeyError::WrongTenant));
        assert_eq!(cp.app.keys().verify("ghost", &text, PEER).await, Err(KeyError::WrongTenant));
    }

    a_key_revoked_in_one_process_is_refused_in_another(test) {
        let clock = Clock::new();
        let here = Cp::with_clock(test.store.clone(), clock.clone()).await;
        let there = Cp::with_clock(test.again().await, clock).await;
        let tenant = here.tenant("acme").await;
        let (kid, text) = here.key(&tenant).await;
        assert!(there.app.keys().verify("acme", &text, PEER).await.is_ok());
        let runs = there.app.keys().hash_runs();
        assert!(there.app.keys().verify("acme", &text, PEER).await.is_ok());
        assert_eq!(there.app.keys().hash_runs(), runs, "the second time is remembered");

        let path = format!("/api/v1/tenants/{tenant}/api-keys/{kid}/revoke");
        assert_eq!(here.post(&path, json!({})).await.body["status"], "revoked");
        assert_eq!(here.app.keys().verify("acme", &text, PEER).await, Err(KeyError::Revoked));
        // What the poll does by itself five times a second.
        there.app.revocations().poll().await.unwrap();
        assert_eq!(there.app.keys().verify("acme", &text, PEER).await, Err(KeyError::Revoked));
    }

    a_narrowed_key_is_narrow_at_once(test) {
        let cp = Cp::on(test.store.clone()).await;
        let tenant = cp.tenant("acme").await;
        let (kid, text) = cp.key(&tenant).await;
        cp.app.keys().verify("acme", &text, PEER).await.unwrap();
        let path = format!("/api/v1/tenants/{tenant}/api-keys/{kid}");
        let body = json!({"allowed_snapshots": ["u_4*"], "tools": ["get_schema"], "max_rows": 10, "rate_limit": 0});
        assert_eq!(cp.ask(Method::PATCH, &path, Some(body), &[]).await.status.as_u16(), 200);
        let verified = cp.app.keys().verify("acme", &text, PEER).await.unwrap();
        assert!(verified.scope.snapshots.allows(&"u_42".parse().unwrap()));
        assert!(!verified.scope.snapshots.allows(&"u_5".parse().unwrap()));
        assert!(!verified.scope.tools.allows(&"execute_sql".parse().unwrap()));
        assert_eq!((verified.scope.max_rows, verified.rate_limit), (Some(10), None));
        let wide = json!({"allowed_snapshots": null});
        cp.ask(Method::PATCH, &path, Some(wide), &[]).await;
        let verified = cp.app.keys().verify("acme", &text, PEER).await.unwrap();
        assert!(verified.scope.snapshots.allows(&"u_5".parse().unwrap()));
        assert_eq!(verified.scope.max_rows, Some(10), "what is not named stays");
    }

    both_keys_are_good_while_they_overlap(test) {
        // T-016
        let cp = Cp::on(test.store.clone()).await;
        let tenant = cp.tenant("acme").await;
        let (kid, old) = cp.key(&tenant).await;
        let path = format!("/api/v1/tenants/{tenant}/api-keys/{kid}");
        let rotated = cp.post(&format!("{path}/rotate"), json!({"overlap_s": 3600})).await;
        assert_eq!(rotated.status.as_u16(), 201);
        let new = rotated.body["api_key"].as_str().unwrap().to_owned();
        let keys = cp.app.keys();
        assert_ne!(
            keys.verify("acme", &old, PEER).await.unwrap().kid,
            keys.verify("acme", &new, PEER).await.unwrap().kid
        );
        let shown = cp.get(&path).await.body;
        assert_eq!((&shown["status"], &shown["successor"]), (&json!("retiring"), &rotated.body["kid"]));
        cp.clock.advance(Duration::from_secs(3_601));
        cp.app.revocations().poll().await.unwrap();
        assert_eq!(keys.verify("acme", &old, PEER).await, Err(KeyError::Expired));
        assert!(keys.verify("acme", &new, PEER).await.is_ok());
        assert_eq!(cp.post(&format!("{path}/rotate"), json!({})).await.status.as_u16(), 409);
    }

    last_use_is_written_down_later(test) {
        let cp = Cp::on(test.store.clone()).await;
        let tenant = cp.tenant("acme").await;
        let (kid, text) = cp.key(&tenant).await;
        let path = format!("/api/v1/tenants/{tenant}/api-keys/{kid}");
        cp.app.keys().verify("acme", &text, PEER).await.unwrap();
        assert!(cp.get(&path).await.body["last_used_at"].is_null());
        cp.app.shut_down(Duration::from_secs(5)).await;
        let again = Cp::with_clock(test.again().await, cp.clock.clone()).await;
        assert!(again.get(&path).await.body["last_used_at"].is_string());
    }
}

#[tokio::test]
async fn nothing_malformed_is_hashed() {
    // T-001
    let cp = Cp::fresh().await;
    let runs = cp.app.keys().hash_runs();
    let long = "x".repeat(1 << 20);
    for bad in ["", "x", "ak_live_", "ak_live_a1b2c3d4_short", "Bearer x", "ak_live_\0", long.as_str()] {
        assert_eq!(cp.app.keys().verify("acme", bad, PEER).await, Err(KeyError::Unknown));
    }
    assert_eq!(cp.app.keys().hash_runs(), runs);
}

#[tokio::test]
async fn an_unknown_key_costs_one_hash_as_a_wrong_one_does() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let (_, text) = cp.key(&tenant).await;
    let wrong =
        format!("{}{}", &text[..text.len() - 4], if text.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let unknown = format!("ak_live_zzzzzzzz_{}", "x".repeat(43));
    for bad in [&wrong, &unknown] {
        let runs = cp.app.keys().hash_runs();
        assert_eq!(cp.app.keys().verify("acme", bad, PEER).await, Err(KeyError::Unknown));
        assert_eq!(cp.app.keys().hash_runs(), runs + 1);
    }
}

#[tokio::test]
async fn an_address_that_guesses_is_slowed_and_others_are_not() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let (_, good) = cp.key(&tenant).await;
    cp.app.keys().verify("acme", &good, PEER).await.unwrap();
    let mut slowed = None;
    for _ in 0..200 {
        let guess = format!("ak_live_zzzzzzzz_{}", "y".repeat(43));
        match cp.app.keys().verify("acme", &guess, PEER).await {
            Err(KeyError::Unknown) => {}
            other => {
                slowed = Some(other);
                break;
            }
        }
    }
    assert!(matches!(slowed, Some(Err(KeyError::TooManyAttempts { retry_after })) if !retry_after.is_zero()));
    assert!(cp.app.keys().verify("acme", &good, PEER).await.is_ok(), "what is remembered needs no attempt");
    let elsewhere: IpAddr = "198.51.100.1".parse().unwrap();
    let unknown = format!("ak_live_zzzzzzzz_{}", "z".repeat(43));
    assert_eq!(cp.app.keys().verify("acme", &unknown, elsewhere).await, Err(KeyError::Unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_first_calls_of_one_key_are_checked_few_times() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let (_, text) = cp.key(&tenant).await;
    let runs = cp.app.keys().hash_runs();
    let mut all = tokio::task::JoinSet::new();
    // More than an address may miss at once.
    for _ in 0..200 {
        let (keys, text) = (cp.app.keys().clone(), text.clone());
        all.spawn(async move { keys.verify("acme", &text, PEER).await.is_ok() });
    }
    assert!(all.join_all().await.into_iter().all(|ok| ok));
    let seats = (std::thread::available_parallelism().unwrap().get() / 2).max(1) as u64;
    assert!(cp.app.keys().hash_runs() - runs <= seats, "{}", cp.app.keys().hash_runs() - runs);
}

#[tokio::test]
async fn a_key_ends_by_both_clocks() {
    // T-009
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let ends = airlock_core::Host::now(&*cp.clock).after(Duration::from_secs(30));
    let body = json!({"name": "short", "expires_at": ends});
    let made = cp.post(&format!("/api/v1/tenants/{tenant}/api-keys"), body).await;
    let text = made.body["api_key"].as_str().unwrap();
    assert!(cp.app.keys().verify("acme", text, PEER).await.is_ok());
    cp.clock.set_wall(-3_600_000);
    cp.clock.advance(Duration::from_secs(31));
    cp.app.revocations().poll().await.unwrap();
    assert_eq!(cp.app.keys().verify("acme", text, PEER).await, Err(KeyError::Expired), "wall clock set back");
    cp.clock.set_wall(7_200_000);
    assert_eq!(cp.app.keys().verify("acme", text, PEER).await, Err(KeyError::Expired));
}

#[tokio::test]
async fn a_process_that_cannot_read_revocations_does_not_use_its_memory() {
    // DECISIONS 9, T-188
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let tenant = cp.tenant("acme").await;
    let (_, text) = cp.key(&tenant).await;
    cp.app.keys().verify("acme", &text, PEER).await.unwrap();
    test.raw("ALTER TABLE counters RENAME TO counters_gone").await;
    cp.clock.advance(Duration::from_secs(2));
    assert!(cp.app.revocations().poll().await.is_err());
    assert!(!cp.app.revocations().is_fresh());
    assert_eq!(cp.get("/readyz").await.status.as_u16(), 500, "a missing table is a bug, and not ready");
    let runs = cp.app.keys().hash_runs();
    cp.app.keys().verify("acme", &text, PEER).await.unwrap();
    assert_eq!(cp.app.keys().hash_runs(), runs + 1, "checked anew against the store");
    test.raw("ALTER TABLE counters_gone RENAME TO counters").await;
    cp.app.revocations().poll().await.unwrap();
    assert!(cp.app.revocations().is_fresh());
}

#[tokio::test]
async fn a_store_that_went_back_in_time_empties_every_memory() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let tenant = cp.tenant("acme").await;
    let (kid, text) = cp.key(&tenant).await;
    let (other, _) = cp.key(&tenant).await;
    cp.post(&format!("/api/v1/tenants/{tenant}/api-keys/{other}/revoke"), json!({})).await;
    cp.app.keys().verify("acme", &text, PEER).await.unwrap();
    test.raw("UPDATE counters SET value = 0").await;
    test.raw(&format!("UPDATE api_keys SET revoked_at = 1 WHERE kid = '{kid}'")).await;
    cp.app.revocations().poll().await.unwrap();
    assert_eq!(cp.app.keys().verify("acme", &text, PEER).await, Err(KeyError::Revoked));
}

#[tokio::test]
async fn a_disabled_tenant_lets_nobody_in_until_it_is_enabled() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let (_, text) = cp.key(&tenant).await;
    let keys = cp.app.keys();
    keys.verify("acme", &text, PEER).await.unwrap();
    for (status, in_) in [("disabled", false), ("active", true)] {
        let path = format!("/api/v1/tenants/{tenant}");
        cp.ask(Method::PATCH, &path, Some(json!({"status": status})), &[]).await;
        assert_eq!(keys.verify("acme", &text, PEER).await.is_ok(), in_);
    }
}

#[tokio::test]
async fn calls_are_counted_by_key() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    let made =
        cp.post(&format!("/api/v1/tenants/{tenant}/api-keys"), json!({"name": "few", "rate_limit": 2})).await;
    let key = cp.app.keys().verify("acme", made.body["api_key"].as_str().unwrap(), PEER).await.unwrap();
    assert_eq!((cp.app.keys().take(&key), cp.app.keys().take(&key)), (Ok(()), Ok(())));
    assert_eq!(cp.app.keys().take(&key), Err(Duration::from_secs(30)));
    cp.clock.advance(Duration::from_secs(30));
    assert_eq!(cp.app.keys().take(&key), Ok(()));
}

#[tokio::test]
async fn restrictions_that_are_not_built_are_refused_by_name() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    for field in ["ip_allowlist", "require_subject_token"] {
        let body = json!({"name": "x", field: true});
        let refused = cp.post(&format!("/api/v1/tenants/{tenant}/api-keys"), body).await;
        assert_eq!(refused.status.as_u16(), 422);
        assert!(refused.body["detail"].as_str().unwrap().starts_with(field));
    }
}

#[tokio::test]
async fn a_keys_text_is_nowhere_but_in_the_one_answer() {
    // T-006
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let tenant = cp.tenant("acme").await;
    let path = format!("/api/v1/tenants/{tenant}/api-keys");
    let made = cp
        .ask(Method::POST, &path, Some(json!({"name": "x"})), &[("idempotency-key", "once-and-only-once")])
        .await;
    let text = made.body["api_key"].as_str().unwrap().to_owned();
    cp.app.keys().verify("acme", &text, PEER).await.unwrap();
    let token =
        cp.post(&format!("/api/v1/tenants/{tenant}/enrollments"), json!({"worker_id": "w_acme_1"})).await;
    let token = token.body["enrollment_token"].as_str().unwrap().to_owned();
    let listed = cp.get(&path).await.body.to_string()
        + &cp.get(&format!("/api/v1/tenants/{tenant}/audit")).await.body.to_string();
    let files = test.files();
    for secret in [&text[17..], &token[16..]] {
        assert!(!files.windows(secret.len()).any(|w| w == secret.as_bytes()));
        assert!(!listed.contains(secret));
    }
    let stored = test.text("SELECT phc FROM api_keys").await;
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(files.windows(8).any(|w| w == &text.as_bytes()[8..16]), "the search finds what is there");
}

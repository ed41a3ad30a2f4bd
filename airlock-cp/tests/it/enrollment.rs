//! Enrollment: one token, one worker, however many try.

use std::time::Duration;

use airlock_core::crypto::{PrivateKey, sha256};
use airlock_core::runtime::SystemHost;
use airlock_proto::rotate::RotateRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Cp, on_both, request};

fn key() -> PrivateKey {
    PrivateKey::generate(&SystemHost::new())
}

fn body(token: &str, key: &PrivateKey) -> Value {
    let public = key.public().to_bytes();
    let proof = key.sign(&[b"airlock-enroll-v1\n", &sha256(&[token.as_bytes()]), b"\n", &public]);
    json!({
        "token": token, "worker_public_key": BASE64.encode(public), "hostname": "db-1", "version": "0.1.0",
        "proof": BASE64.encode(proof)
    })
}

async fn enroll(cp: &Cp, body: Value) -> Answer {
    cp.send(request(Method::POST, "/api/v1/enroll", Some(body))).await
}

async fn token(cp: &Cp, worker: &str) -> String {
    let made = cp.post("/api/v1/tenants/t_acme/enrollments", json!({"worker_id": worker})).await;
    assert_eq!(made.status.as_u16(), 201, "{:?}", made.body);
    made.body["enrollment_token"].as_str().unwrap().to_owned()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.body["code"].as_str()),
        (status, Some(code)),
        "{:?}",
        answer.body
    );
}

on_both! {
    a_token_makes_a_worker_once(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let (token, mine) = (token(&cp, "w_acme_prod").await, key());
        let answer = enroll(&cp, body(&token, &mine)).await;
        assert_eq!(answer.status.as_u16(), 200, "{:?}", answer.body);
        assert_eq!(answer.body["tenant_id"], "t_acme");
        assert_eq!(answer.body["tenant_slug"], "acme");
        assert_eq!(answer.body["worker_id"], "w_acme_prod");
        assert_eq!(answer.body["cp_public_key"], cp.app.public_key().to_base64());
        assert_eq!(answer.body["tunnel_url"], "http://127.0.0.1:0");
        // T-022: a lost reply is asked for again.
        assert_eq!(enroll(&cp, body(&token, &mine)).await.status.as_u16(), 200);
        refused(&enroll(&cp, body(&token, &key())).await, 401, "enrollment_used");
        cp.clock.advance(Duration::from_secs(601));
        refused(&enroll(&cp, body(&token, &mine)).await, 401, "enrollment_used");

        let known = cp.app.workers().key(&"t_acme".parse().unwrap(), &"w_acme_prod".parse().unwrap()).await.unwrap();
        let known = known.unwrap();
        assert_eq!((known.public_key, known.revoked, known.tenant_disabled), (mine.public(), false, false));
        let listed = cp.get("/api/v1/tenants/t_acme/workers").await.body;
        assert_eq!(listed["items"][0]["status"], "disconnected");
        let actions = cp.actions("t_acme").await;
        let count = |name: &str| actions.iter().filter(|(action, _)| action == name).count();
        assert_eq!((count("enrollment.created"), count("enrollment.used"), count("enrollment.refused")), (1, 2, 2));
    }

    of_fifty_at_once_one_wins_and_its_key_is_kept(test) {
        // T-020, I7: over two processes on one store.
        let here = Cp::on(test.store.clone()).await;
        let there = Cp::with_clock(test.again().await, here.clock.clone()).await;
        here.tenant("acme").await;
        let token = token(&here, "w_acme_prod").await;
        let mut all = tokio::task::JoinSet::new();
        for i in 0..50u8 {
            let (router, key) = (if i % 2 == 0 { here.router.clone() } else { there.router.clone() }, key());
            let mut request = request(Method::POST, "/api/v1/enroll", Some(body(&token, &key)));
            let peer = std::net::SocketAddr::from(([198, 51, 100, i], 40_000));
            request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
            all.spawn(async move {
                let response = tower::ServiceExt::oneshot(router, request).await.unwrap();
                (response.status().as_u16(), key.public())
            });
        }
        let answers = all.join_all().await;
        let winners: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(winners.len(), 1, "{:?}", answers.iter().map(|a| a.0).collect::<Vec<_>>());
        assert!(answers.iter().all(|(status, _)| [200, 401].contains(status)));
        let known = here.app.workers().key(&"t_acme".parse().unwrap(), &"w_acme_prod".parse().unwrap()).await;
        assert_eq!(known.unwrap().unwrap().public_key, winners[0].1);
    }

    a_worker_id_stands_until_it_is_revoked(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let (first, second) = (token(&cp, "w_acme_prod").await, token(&cp, "w_acme_prod").await);
        assert_eq!(enroll(&cp, body(&first, &key())).await.status.as_u16(), 200);
        let mine = key();
        refused(&enroll(&cp, body(&second, &mine)).await, 409, "worker_exists");
        let revoked = cp.post("/api/v1/tenants/t_acme/workers/w_acme_prod/revoke", json!({})).await;
        assert_eq!(revoked.body["status"], "revoked");
        let (tenant, worker) = ("t_acme".parse().unwrap(), "w_acme_prod".parse().unwrap());
        assert!(cp.app.workers().key(&tenant, &worker).await.unwrap().unwrap().revoked);
        // The refusal did not use the token up.
        assert_eq!(enroll(&cp, body(&second, &mine)).await.status.as_u16(), 200);
        let known = cp.app.workers().key(&tenant, &worker).await.unwrap().unwrap();
        assert_eq!((known.public_key, known.revoked), (mine.public(), false));
    }

    a_worker_changes_its_key_with_the_key_that_it_has(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        cp.tenant("other").await;
        let token = token(&cp, "w_acme_prod").await;
        let [first, second, third, stranger] = [(); 4].map(|()| key());
        assert_eq!(enroll(&cp, body(&token, &first)).await.status.as_u16(), 200);
        let (tenant, worker) = ("t_acme".parse().unwrap(), "w_acme_prod".parse().unwrap());
        let asks = |present: &PrivateKey, next: &PrivateKey| {
            RotateRequest::signed(&tenant, &worker, present, next, cp.app.host().now())
        };
        let rotate = |asks: RotateRequest| {
            cp.send(request(Method::POST, "/api/v1/enroll/rotate", Some(json!(asks))))
        };
        let held = || async { cp.app.workers().key(&tenant, &worker).await.unwrap().unwrap().public_key };

        refused(&rotate(asks(&stranger, &second)).await, 401, "unauthorized");
        let mut elsewhere = asks(&first, &second);
        elsewhere.tenant_id = "t_other".parse().unwrap();
        refused(&rotate(elsewhere).await, 422, "invalid_arguments");
        let nobody = "w_nobody".parse().unwrap();
        let of_nobody = RotateRequest::signed(&tenant, &nobody, &first, &second, cp.app.host().now());
        refused(&rotate(of_nobody).await, 401, "unauthorized");
        let late = asks(&first, &second);
        cp.clock.advance(Duration::from_secs(121));
        refused(&rotate(late).await, 422, "invalid_arguments");
        assert_eq!(held().await, first.public());

        let asked = asks(&first, &second);
        let answer = rotate(asked.clone()).await;
        assert_eq!(answer.status.as_u16(), 200, "{:?}", answer.body);
        assert_eq!(answer.body["key_fingerprint"], second.public().fingerprint());
        assert_eq!(held().await, second.public());
        // A lost reply is asked for again; the key of before is worth nothing any more.
        assert_eq!(rotate(asked.clone()).await.status.as_u16(), 200);
        refused(&rotate(asks(&first, &third)).await, 401, "unauthorized");
        // Once there is a third key, a copy of the first request does not bring the second back.
        assert_eq!(rotate(asks(&second, &third)).await.status.as_u16(), 200);
        refused(&rotate(asked).await, 401, "unauthorized");
        assert_eq!(held().await, third.public());

        let actions = cp.actions("t_acme").await;
        let count = |name: &str| actions.iter().filter(|(action, _)| action == name).count();
        assert_eq!((count("worker.key_rotated"), count("worker.refused")), (2, 1));
        cp.post("/api/v1/tenants/t_acme/workers/w_acme_prod/revoke", json!({})).await;
        refused(&rotate(asks(&third, &second)).await, 401, "unauthorized");
    }

    the_book_of_tunnels_knows_the_newest_only(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let token = token(&cp, "w_acme_prod").await;
        enroll(&cp, body(&token, &key())).await;
        let (tenant, worker) = ("t_acme".parse().unwrap(), "w_acme_prod".parse().unwrap());
        let (old, new) = (
            airlock_core::id::SessionId::new(&*cp.clock),
            airlock_core::id::SessionId::new(&*cp.clock),
        );
        let status = || async { cp.get("/api/v1/tenants/t_acme/workers/w_acme_prod").await.body["status"].clone() };
        let workers = cp.app.workers();
        workers.connected(&tenant, &worker, &old, "0.1.0\u{1b}[31m").await.unwrap();
        assert_eq!(status().await, "connected");
        workers.connected(&tenant, &worker, &new, "0.1.0").await.unwrap();
        workers.disconnected(&tenant, &worker, &old).await.unwrap();
        assert_eq!(status().await, "connected", "the older tunnel's end is not the newer one's");
        cp.clock.advance(Duration::from_secs(61));
        assert_eq!(status().await, "disconnected", "nothing was heard for a minute");
        workers.seen(&tenant, &worker, &new).await.unwrap();
        assert_eq!(status().await, "connected");
        assert_eq!(cp.get("/api/v1/overview").await.body["workers"], json!({"enrolled": 1, "connected": 1}));
        workers.disconnected(&tenant, &worker, &new).await.unwrap();
        assert_eq!(status().await, "disconnected");
    }
}

#[tokio::test]
async fn only_who_holds_the_exact_token_is_told_why() {
    // T-021
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let (good, mine) = (token(&cp, "w_acme_prod").await, key());
    let id = &good[7..15];
    for near in [
        good.to_uppercase(),
        good[..good.len() - 1].to_owned(),
        format!("{}A", &good[..good.len() - 1]),
        format!("enroll_{id}_{}", "x".repeat(43)),
        format!("enroll_zzzzzzzz_{}", "x".repeat(43)),
    ] {
        if near != good {
            refused(&enroll(&cp, body(&near, &mine)).await, 401, "enrollment_unknown");
        }
    }
    cp.clock.advance(Duration::from_secs(3_600));
    refused(&enroll(&cp, body(&good, &mine)).await, 401, "enrollment_expired");
}

#[tokio::test]
async fn a_token_taken_back_and_one_of_a_disabled_tenant_open_nothing() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let taken_back = token(&cp, "w_acme_1").await;
    let path = format!("/api/v1/tenants/t_acme/enrollments/{}", &taken_back[7..15]);
    assert_eq!(cp.ask(Method::DELETE, &path, None, &[]).await.status.as_u16(), 204);
    refused(&enroll(&cp, body(&taken_back, &key())).await, 401, "enrollment_unknown");
    let other = token(&cp, "w_acme_2").await;
    cp.ask(Method::PATCH, "/api/v1/tenants/t_acme", Some(json!({"status": "disabled"})), &[]).await;
    refused(&enroll(&cp, body(&other, &key())).await, 401, "enrollment_unknown");
}

#[tokio::test]
async fn without_the_private_key_no_public_key_is_enrolled() {
    // T-025
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let (token, mine) = (token(&cp, "w_acme_prod").await, key());
    let good = body(&token, &mine);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    for bad in [
        with("proof", json!("")),
        with("proof", body(&token, &key())["proof"].clone()),
        with("proof", body("another token", &mine)["proof"].clone()),
        with("worker_public_key", json!(BASE64.encode(key().public().to_bytes()))),
        with("worker_public_key", json!(BASE64.encode([0; 32]))),
        with("worker_public_key", json!("!")),
    ] {
        refused(&enroll(&cp, bad).await, 422, "invalid_arguments");
    }
    assert_eq!(enroll(&cp, good).await.status.as_u16(), 200);
}

#[tokio::test]
async fn an_address_that_keeps_failing_is_slowed() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    let guess = |n: u32| format!("enroll_zzzzzzzz_{n:043}");
    for n in 0..10 {
        refused(&enroll(&cp, body(&guess(n), &key())).await, 401, "enrollment_unknown");
    }
    let slowed = enroll(&cp, body(&guess(10), &key())).await;
    refused(&slowed, 429, "rate_limited");
    assert_eq!(slowed.headers["retry-after"], "6");
    cp.clock.advance(Duration::from_secs(6));
    let good = token(&cp, "w_acme_prod").await;
    assert_eq!(enroll(&cp, body(&good, &key())).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_token_lives_a_day_at_most() {
    let cp = Cp::fresh().await;
    cp.tenant("acme").await;
    for (ttl, status) in [(0, 422), (86_401, 422), (86_400, 201), (1, 201)] {
        let body = json!({"worker_id": "w_acme_prod", "ttl_s": ttl});
        assert_eq!(cp.post("/api/v1/tenants/t_acme/enrollments", body).await.status.as_u16(), status);
    }
}

//! A POST asked twice is done once.

use http::Method;
use serde_json::json;

use crate::harness::{Cp, on_both};

on_both! {
    the_same_key_gives_the_same_answer(test) {
        // T-131: across processes, and a restart.
        let here = Cp::on(test.store.clone()).await;
        let there = Cp::with_clock(test.again().await, here.clock.clone()).await;
        let key = [("idempotency-key", "0f6b2a")];
        let body = || Some(json!({"slug": "acme"}));
        let first = here.ask(Method::POST, "/api/v1/tenants", body(), &key).await;
        let again = there.ask(Method::POST, "/api/v1/tenants", body(), &key).await;
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
        assert_eq!(first.body, again.body);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let other = there.ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "other"})), &key).await;
        assert_eq!((other.status.as_u16(), other.body["code"].as_str()), (409, Some("conflict")));
        assert_eq!(here.get("/api/v1/tenants").await.body["items"].as_array().unwrap().len(), 1);
        here.clock.advance(std::time::Duration::from_secs(86_401));
        let later = there.ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "later"})), &key).await;
        assert_eq!(later.status.as_u16(), 201, "after a day the key is free");
    }

    many_at_once_are_done_once(test) {
        let cp = Cp::on(test.store.clone()).await;
        let tenant = cp.tenant("acme").await;
        let path = format!("/api/v1/tenants/{tenant}/api-keys");
        let ask = || cp.ask(Method::POST, &path, Some(json!({"name": "x"})), &[("idempotency-key", "same")]);
        let answers = futures::future::join_all((0..8).map(|_| ask())).await;
        assert!(answers.iter().all(|a| [201, 409].contains(&a.status.as_u16())));
        assert_eq!(answers.iter().filter(|a| a.body.get("api_key").is_some()).count(), 1);
        assert_eq!(cp.get(&path).await.body["items"].as_array().unwrap().len(), 1);
    }

    a_refusal_is_not_remembered(test) {
        let cp = Cp::on(test.store.clone()).await;
        let key = [("idempotency-key", "again")];
        let bad = cp.ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "!"})), &key).await;
        assert_eq!(bad.status.as_u16(), 422);
        let good = cp.ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "acme"})), &key).await;
        assert_eq!(good.status.as_u16(), 201);
    }
}

#[tokio::test]
async fn what_is_shown_once_is_not_in_the_second_answer() {
    let cp = Cp::fresh().await;
    let tenant = cp.tenant("acme").await;
    for (path, body, member) in [
        ("api-keys", json!({"name": "x"}), "api_key"),
        ("enrollments", json!({"worker_id": "w_acme_1"}), "enrollment_token"),
    ] {
        let path = format!("/api/v1/tenants/{tenant}/{path}");
        let ask = || cp.ask(Method::POST, &path, Some(body.clone()), &[("idempotency-key", "once")]);
        let (mut first, second) = (ask().await, ask().await);
        assert!(first.body[member].is_string());
        first.body.as_object_mut().unwrap().remove(member);
        assert_eq!(first.body, second.body);
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let cp = Cp::fresh().await;
    for bad in ["", &"x".repeat(256)] {
        let refused = cp
            .ask(Method::POST, "/api/v1/tenants", Some(json!({"slug": "acme"})), &[("idempotency-key", bad)])
            .await;
        assert_eq!(refused.status.as_u16(), 422);
    }
}

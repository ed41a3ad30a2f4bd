//! How often and how much.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::harness::*;
use crate::harness::{Clock, Cp, TestStore, config_with};

#[tokio::test]
async fn requests_are_counted_by_app_or_by_person() {
    let test = TestStore::sqlite().await;
    let config = config_with(&[("APPROVALS_APP_RATE", "5"), ("APPROVALS_USER_RATE", "20")]);
    let cp = Cp::configured(config, test.store.clone(), Clock::new()).await;
    let mut me = Side::new(&cp, &test, "default", "member").await;
    let (app_id, client, secret) = app(&cp, &me.person, "Build agent").await;
    ok(me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
    me.app = Some((client, secret));
    for _ in 0..5 {
        ok(me.get("/v1/consent/status").await, 200);
    }
    let slowed = me.get("/v1/consent/status").await;
    assert_eq!(verdict(&slowed), (429, "rate_limited"));
    assert_eq!(slowed.headers["retry-after"], "12");
    me.app = None;
    for _ in 0..19 {
        assert_eq!(me.get("/v1/exchanges/req-1").await.status.as_u16(), 404);
    }
    assert_eq!(verdict(&me.get("/v1/exchanges/req-1").await), (429, "rate_limited"));
    cp.clock.advance(Duration::from_secs(3));
    assert_eq!(me.get("/v1/exchanges/req-1").await.status.as_u16(), 404);
}

#[tokio::test]
async fn the_operator_says_how_often_an_app_may_ask() {
    let test = TestStore::sqlite().await;
    let config = config_with(&[("APPROVALS_APP_RATE", "3")]);
    let cp = Cp::configured(config, test.store.clone(), Clock::new()).await;
    let mut me = Side::new(&cp, &test, "default", "owner").await;
    let (app_id, client, secret) = app(&cp, &me.person, "Build agent").await;
    ok(me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
    me.app = Some((client, secret));
    let path = format!("/api/v1/org/apps/{app_id}");
    let own = cp.browse(&me.person, Method::PATCH, &path, Some(json!({"requests_per_minute": 9}))).await;
    assert_eq!((own.status.as_u16(), own.body["code"].as_str()), (403, Some("forbidden")));
    let org = [("airlock-org", "default")];
    // How many in a row, at most ten are tried.
    for (rate, taken) in
        [(json!("default"), 3), (json!(7), 7), (json!("unlimited"), 10), (json!(1), 1), (json!("default"), 3)]
    {
        let said = cp.ask(Method::PATCH, &path, Some(json!({"requests_per_minute": rate})), &org).await;
        assert_eq!((said.status.as_u16(), &said.body["requests_per_minute"]), (200, &rate));
        cp.clock.advance(Duration::from_secs(120));
        let mut passed = 0;
        while passed < 10 && me.get("/v1/consent/status").await.status.as_u16() == 200 {
            passed += 1;
        }
        assert_eq!(passed, taken, "{rate}");
    }
    for wrong in [json!(0), json!(-1), json!(1.5), json!("7"), json!("none"), json!([])] {
        let said = cp.ask(Method::PATCH, &path, Some(json!({"requests_per_minute": wrong})), &org).await;
        assert_eq!(said.status.as_u16(), 422, "{wrong}");
    }
}

#[tokio::test]
async fn a_month_has_its_quota_and_reports_and_repeats_are_free() {
    let test = TestStore::sqlite().await;
    let config = config_with(&[("APPROVALS_MONTHLY_QUOTA", "2")]);
    let cp = Cp::configured(config, test.store.clone(), Clock::new()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    for _ in 0..3 {
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
    }
    let mut report = artifact("req-r", "enf-1", "h", Some(&paired.token));
    report["body"]["metadata"]["dndAudit"] = json!("true");
    report["body"]["metadata"]["dndDecision"] = json!("approve");
    ok(me.post("/v1/artifacts", report).await, 202);
    ok(me.submit("req-2", Some(&paired.token)).await, 202);
    let refused = me.submit("req-3", Some(&paired.token)).await;
    assert_eq!(verdict(&refused), (429, "quota_exceeded"));
    assert_eq!(refused.body["message"], "Monthly approval quota exceeded (2/2)");
    for path in ["/v1/subscription", "/v1/subscription/"] {
        let plan = ok(me.get(path).await, 200);
        assert_eq!(
            plan,
            json!({
                "plan": "self-hosted", "usageCount": 2, "limit": 2,
                "limits": {"maxWorkspaces": -1}, "resourceUsage": {"workspacesUsed": 1},
            })
        );
    }
    cp.clock.advance(Duration::from_secs(31 * 86_400));
    ok(me.submit("req-4", Some(&paired.token)).await, 202);
}

#[tokio::test]
async fn two_hundred_wait_at_once_and_hidden_metadata_stays_hidden() {
    let test = TestStore::sqlite().await;
    let config =
        config_with(&[("APPROVALS_USER_RATE", "1000"), ("APPROVALS_HIDDEN_METADATA", "requestLabel")]);
    let cp = Cp::configured(config, test.store.clone(), Clock::new()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let paired = pair(&me, &me).await;
    for n in 0..200 {
        ok(me.submit(&format!("req-{n}"), Some(&paired.token)).await, 202);
    }
    assert_eq!(verdict(&me.submit("req-200", Some(&paired.token)).await), (429, "quota_exceeded"));
    // Another enforcer of the same person has a number of its own.
    let other = artifact("req-201", "enf-2", "h", Some(&paired.token));
    ok(me.post("/v1/artifacts", other).await, 202);
    let page = ok(me.get("/v1/approvers/me/inbox?limit=1").await, 200);
    assert_eq!(page["body"]["items"][0]["body"]["metadata"], json!({"workspaceName": "shop"}));
    cp.clock.advance(Duration::from_secs(601));
    ok(me.submit("req-200", Some(&paired.token)).await, 202);
}

//! Apps ask whether they may act for a person.

use serde_json::json;

use super::harness::*;
use crate::harness::{Cp, TestStore, config_with, on_both};

on_both! {
    an_app_acts_for_a_person_once_they_said_yes_and_no_longer(test) {
        let cp = Cp::on(test.store.clone()).await;
        let mut me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        let (app_id, client, secret) = app(&cp, &me.person, "Build agent").await;
        // Without an app there is nothing to consent to.
        assert_eq!(ok(me.get("/v1/consent/status").await, 200), json!({"status": "approved"}));
        me.app = Some((client, secret));
        let first = me.get("/v1/consent/status").await;
        assert_eq!(verdict(&first), (403, "app_consent_required"));
        // Flat: the published clients look on top only.
        assert!(first.body.get("body").is_none(), "{:?}", first.body);
        assert_eq!((&first.body["appId"], &first.body["appName"]), (&json!(app_id), &json!("Build agent")));
        for path in ["/v1/consent/status", "/v1/consents/check", "/v1/exchanges/req-1"] {
            assert_eq!(verdict(&me.get(path).await), (403, "app_consent_pending"), "{path}");
        }
        for (path, body) in [
            ("/v1/artifacts", artifact("req-1", "enf-1", "h", Some(&paired.token))),
            ("/v1/pairing/initiate", json!({"deviceId": "d", "enforcerId": "e"})),
            ("/v1/presence/heartbeat", json!({"enforcerId": "e"})),
        ] {
            assert_eq!(verdict(&me.post(path, body).await), (403, "app_consent_pending"), "{path}");
        }
        // The app does not speak for the person on itself.
        let own = me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await;
        assert_eq!(verdict(&own), (403, "access_denied"));
        let by_app = me.app.take();
        let said = ok(me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
        assert_eq!((&said["state"], &said["appId"]), (&json!("Allowed"), &json!(app_id)));
        me.app = by_app.clone();
        assert_eq!(ok(me.get("/v1/consent/status").await, 200), json!({"status": "approved"}));
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
        me.app = None;
        let page = ok(me.get("/v1/approvers/me/inbox").await, 200);
        assert_eq!(page["body"]["items"][0]["body"]["appName"], "Build agent");
        // Taken back: what waits ends, and it is told as a no.
        ok(me.post(&format!("/v1/consents/{app_id}/revoke"), json!({})).await, 200);
        assert_eq!(me.state("req-1").await, "Cancelled");
        me.app = by_app;
        assert_eq!(verdict(&me.wait("req-1", 1).await), (403, "app_consent_denied"));
        me.app = None;
        ok(me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
        ok(me.post(&format!("/v1/consents/{app_id}/deny"), json!({})).await, 200);
        let list = ok(me.get("/v1/consents").await, 200);
        assert_eq!(list["items"][0]["state"], "Denied");
        assert_eq!(verdict(&me.post("/v1/consents/AAA-0000000/allow", json!({})).await), (404, "NotFound"));
    }

    what_waits_through_an_app_ends_when_the_app_is_revoked(test) {
        let cp = Cp::on(test.store.clone()).await;
        let mut me = Side::new(&cp, &test, "default", "member").await;
        let paired = pair(&me, &me).await;
        let (app_id, client, secret) = app(&cp, &me.person, "Build agent").await;
        ok(me.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
        me.app = Some((client, secret));
        ok(me.submit("req-1", Some(&paired.token)).await, 202);
        cp.browse(&me.person, http::Method::POST, &format!("/api/v1/org/apps/{app_id}/revoke"), None).await;
        assert_eq!(verdict(&me.get("/v1/exchanges/req-1").await), (403, "app_revoked"));
        me.app = None;
        cp.app.approvals().sweep().await.unwrap();
        assert_eq!(me.state("req-1").await, "Cancelled");
    }
}

#[tokio::test]
async fn a_gateway_may_want_an_app() {
    let test = TestStore::sqlite().await;
    let config = config_with(&[("APPROVALS_REQUIRE_APP", "on")]);
    let cp = Cp::configured(config, test.store.clone(), crate::harness::Clock::new()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let refused = me.post("/v1/pairing/initiate", json!({"deviceId": "d", "enforcerId": "e"})).await;
    assert_eq!(verdict(&refused), (401, "invalid_client"));
    // Approvers are people.
    ok(me.get("/v1/approvers/me/inbox").await, 200);
}

#[tokio::test]
async fn an_app_decides_only_for_who_may_let_it() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    for (role, expected) in [("member", (403, "access_denied")), ("approver", (200, ""))] {
        let mut side = Side::new(&cp, &test, "default", role).await;
        let (app_id, client, secret) = app(&cp, &side.person, &format!("app of a {role}")).await;
        ok(side.post(&format!("/v1/consents/{app_id}/allow"), json!({})).await, 200);
        side.app = Some((client, secret));
        assert_eq!(verdict(&side.get("/v1/approvers/me/inbox").await), expected, "{role}");
    }
}

//! Tenants over the admin API.

use http::Method;
use serde_json::json;

use crate::harness::{Cp, TestStore, on_both};

on_both! {
    a_tenants_life_stands_in_the_log(test) {
        let cp = Cp::on(test.store.clone()).await;
        let id = cp.tenant("acme-prod").await;
        assert_eq!(id, "t_acme_prod");
        let path = format!("/api/v1/tenants/{id}");
        let shown = cp.get(&path).await;
        assert_eq!((shown.body["slug"].as_str(), shown.body["status"].as_str()), (Some("acme-prod"), Some("active")));
        let disabled = cp.ask(Method::PATCH, &path, Some(json!({"status": "disabled"})), &[]).await;
        assert_eq!(disabled.body["status"], "disabled");
        let actions = cp.actions(&id).await;
        assert_eq!(
            actions,
            [("tenant.created", "ok"), ("tenant.updated", "ok")].map(|(a, o)| (a.to_owned(), o.to_owned()))
        );
        assert_eq!(cp.ask(Method::DELETE, &path, None, &[]).await.status.as_u16(), 204);
        assert_eq!(cp.get(&path).await.status.as_u16(), 404);
    }

    slugs_and_ids_are_given_once(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let again = cp.post("/api/v1/tenants", json!({"slug": "acme", "id": "t_other"})).await;
        assert_eq!((again.status.as_u16(), again.body["code"].as_str()), (409, Some("conflict")));
        // The id of a deleted tenant is not free: its audit rows stand under it. Its slug is.
        cp.ask(Method::DELETE, "/api/v1/tenants/t_acme", None, &[]).await;
        assert_eq!(cp.post("/api/v1/tenants", json!({"slug": "acme"})).await.status.as_u16(), 409);
        let new = cp.post("/api/v1/tenants", json!({"slug": "acme", "id": "t_acme_2"})).await;
        assert_eq!(new.status.as_u16(), 201);
        assert!(!cp.actions("t_acme_2").await.iter().any(|(action, _)| action == "tenant.deleted"));
    }

    a_list_goes_on_where_it_stopped(test) {
        let cp = Cp::on(test.store.clone()).await;
        for slug in ["aaa", "bbb", "ccc"] {
            cp.tenant(slug).await;
        }
        let first = cp.get("/api/v1/tenants?limit=2").await.body;
        assert_eq!(first["items"].as_array().unwrap().len(), 2);
        let next = first["next_cursor"].as_str().unwrap();
        let second = cp.get(&format!("/api/v1/tenants?limit=2&cursor={next}")).await.body;
        assert_eq!(second["items"][0]["slug"], "ccc");
        assert!(second["next_cursor"].is_null());
    }

    who_changes_what_another_changed_meanwhile_is_told(test) {
        let cp = Cp::on(test.store.clone()).await;
        cp.tenant("acme").await;
        let path = "/api/v1/tenants/t_acme";
        let tag = cp.get(path).await.headers["etag"].to_str().unwrap().to_owned();
        let patch = |name: &'static str, tag: String| {
            let cp = &cp;
            async move { cp.ask(Method::PATCH, path, Some(json!({"name": name})), &[("if-match", &tag)]).await }
        };
        assert_eq!(patch("one", tag.clone()).await.status.as_u16(), 200);
        let late = patch("two", tag).await;
        assert_eq!((late.status.as_u16(), late.body["code"].as_str()), (412, Some("precondition_failed")));
        assert_eq!(patch("three", "\"x\"".to_owned()).await.status.as_u16(), 412);
        assert_eq!(cp.get(path).await.body["name"], "one");
    }
}

#[tokio::test]
async fn names_that_are_no_slugs_are_refused_with_the_rule() {
    let cp = Cp::fresh().await;
    for slug in ["a", "a/b", "..", "%2e%2e", "Acme", "acme.", "org", "authorize", "\u{212a}elvin"] {
        let refused = cp.post("/api/v1/tenants", json!({"slug": slug})).await;
        assert_eq!(
            (refused.status.as_u16(), refused.body["code"].as_str()),
            (422, Some("invalid_arguments")),
            "{slug}"
        );
        assert!(refused.body["detail"].as_str().unwrap().starts_with("slug: "));
    }
}

#[tokio::test]
async fn nothing_of_a_deleted_tenant_is_left_but_its_log() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let id = cp.tenant("acme").await;
    let (_, text) = cp.key(&id).await;
    let peer = "192.0.2.9".parse().unwrap();
    assert!(cp.app.keys().verify("acme", &text, peer).await.is_ok());
    cp.ask(Method::DELETE, &format!("/api/v1/tenants/{id}"), None, &[]).await;
    assert!(cp.app.keys().verify("acme", &text, peer).await.is_err());
    for table in ["api_keys", "workers", "enrollment_tokens"] {
        assert_eq!(test.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}")).await, "0");
    }
}

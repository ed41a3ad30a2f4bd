//! Clients that an admin or the operator registers.

use airlock_cp::oauth::Step;
use http::Method;
use serde_json::{Value, json};

use super::harness::{ADA, AUDITOR, BILLING, BOB, CALLBACK, KEEPER, PUBLIC, World, text};
use crate::harness::on_both;

const ORG: &str = "/api/v1/org/clients";
const ALL: &str = "/api/v1/admin/clients";

on_both! {
    an_admin_keeps_the_orgs_own(test) {
        let world = World::on(test).await;
        let bob = world.pat(BOB).await;
        let body = json!({"name": "Our agent", "redirect_uris": [CALLBACK], "confidential": true});
        let made = world.ask_as(&bob, Method::POST, ORG, Some(body)).await;
        assert_eq!(made.status, 201, "{:?}", made.body);
        let id = text(&made.body, "client_id");
        assert!(text(&made.body, "client_secret").starts_with("ocs_"));
        assert_eq!(made.body["org_id"], "default");
        let one = format!("{ORG}/{id}");
        let shown = world.ask_as(&bob, Method::GET, &one, None).await;
        assert!(shown.body.get("client_secret").is_none() && shown.headers.contains_key("etag"));
        let list = world.ask_as(&bob, Method::GET, ORG, None).await.body;
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "not the instance's: {list}");
        let patched = world.ask_as(&bob, Method::PATCH, &one, Some(json!({"status": "blocked", "name": "Old agent"}))).await;
        assert_eq!((&patched.body["status"], &patched.body["name"]), (&json!("blocked"), &json!("Old agent")));
        let step = world.oauth().authorize().check(&world.request(&id), None).await.unwrap();
        assert!(matches!(step, Step::Page(_)), "{step:?}");
        assert_eq!(world.ask_as(&bob, Method::DELETE, &one, None).await.status, 204);
        assert_eq!(world.ask_as(&bob, Method::GET, &one, None).await.status, 404);
        let acts = world.acts().await;
        for act in ["oauth.client.registered", "oauth.client.updated", "oauth.client.deleted"] {
            assert!(acts.contains(&act.to_owned()), "{act}");
        }
    }

    another_orgs_client_does_not_exist(test) {
        let world = World::on(test).await;
        let made = world.cp.post(ALL, json!({"name": "Beta's", "org_id": "org_beta", "redirect_uris": [CALLBACK]})).await.body;
        let bob = world.pat(BOB).await;
        for id in [text(&made, "client_id"), PUBLIC.to_owned(), "ghost".to_owned()] {
            let one = format!("{ORG}/{id}");
            for (method, body) in [(Method::GET, None), (Method::PATCH, Some(json!({"status": "blocked"}))), (Method::DELETE, None)] {
                let answer = world.ask_as(&bob, method.clone(), &one, body).await;
                assert_eq!((answer.status.as_u16(), text(&answer.body, "detail").as_str()), (404, "no such client"), "{method} {one}");
            }
        }
        let stolen = json!({"name": "x", "org_id": "org_beta", "redirect_uris": [CALLBACK]});
        assert_eq!(world.ask_as(&bob, Method::POST, ORG, Some(stolen)).await.status, 404);
        // The operator acts in the org that they name.
        let list = world.cp.ask(Method::GET, ORG, None, &[("airlock-org", "beta")]).await.body;
        assert_eq!(list["items"][0]["client_id"], made["client_id"]);
    }

    deleting_a_client_ends_what_it_was_granted(test) {
        let world = World::on(test).await;
        let tokens = world.tokens().await;
        let access = text(&tokens, "access_token");
        assert!(world.verify(&access).await.is_some());
        assert_eq!(world.cp.ask(Method::DELETE, &format!("{ALL}/{PUBLIC}"), None, &[]).await.status, 204);
        assert!(world.verify(&access).await.is_none());
        assert_eq!(text(&world.rotate(&text(&tokens, "refresh_token")).await.body, "error"), "invalid_client");
        // The same id again is another client: nobody has agreed to it.
        world.cp.post(ALL, json!({"name": "Public", "client_id": PUBLIC, "redirect_uris": [CALLBACK]})).await;
        let step = world.oauth().authorize().check(&world.request(PUBLIC), Some(&world.person(ADA))).await.unwrap();
        assert!(matches!(step, Step::Consent(_)), "{step:?}");
        assert!(world.verify(&access).await.is_none());
    }
}

#[tokio::test]
async fn only_who_may_sees_and_changes_clients() {
    let world = World::fresh().await;
    let body = json!({"name": "x", "redirect_uris": [CALLBACK]});
    for (person, see, change) in [(ADA, 403, 403), (AUDITOR, 200, 403), (BILLING, 403, 403), (BOB, 200, 201)]
    {
        let pat = world.pat(person).await;
        assert_eq!(world.ask_as(&pat, Method::GET, ORG, None).await.status, see, "{person}");
        assert_eq!(
            world.ask_as(&pat, Method::POST, ORG, Some(body.clone())).await.status,
            change,
            "{person}"
        );
        assert_eq!(world.ask_as(&pat, Method::GET, ALL, None).await.status, 403, "{person}");
    }
}

#[tokio::test]
async fn what_may_not_stand_is_refused() {
    let world = World::fresh().await;
    let refuse = async |change: (&str, Value), status: u16| {
        let mut body = json!({"name": "x", "redirect_uris": [CALLBACK]});
        body[change.0] = change.1.clone();
        let answer = world.cp.post(ALL, body).await;
        assert_eq!(answer.status.as_u16(), status, "{change:?}: {:?}", answer.body);
    };
    refuse(("name", json!("")), 422).await;
    refuse(("name", json!("a\u{0}b")), 422).await;
    refuse(("redirect_uris", json!([])), 422).await;
    refuse(("redirect_uris", json!(["http://a.example/"])), 422).await;
    refuse(("client_id", json!("https://a.example/c")), 422).await;
    refuse(("client_id", json!("airlock-integrations")), 422).await;
    refuse(("client_id", json!("dcr_1234")), 422).await;
    refuse(("client_id", json!("x y z")), 422).await;
    refuse(("client_id", json!(PUBLIC)), 409).await;
    refuse(("org_id", json!("org_ghost")), 404).await;
    refuse(("grant_types", json!(["password"])), 422).await;
    refuse(("token_endpoint_auth_method", json!("client_secret_jwt")), 422).await;
    refuse(("token_endpoint_auth_method", json!("private_key_jwt")), 422).await;
    refuse(("token_format", json!("saml")), 422).await;
    refuse(("unknown", json!(1)), 422).await;
    let bob = world.pat(BOB).await;
    let chosen = json!({"name": "x", "client_id": "mine", "redirect_uris": [CALLBACK]});
    assert_eq!(world.ask_as(&bob, Method::POST, ORG, Some(chosen)).await.status, 422);
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused() {
    let world = World::fresh().await;
    let one = format!("{ALL}/{KEEPER}");
    let tag = world.cp.get(&one).await.headers["etag"].to_str().unwrap().to_owned();
    let rename = async |name: &str, tag: &str| {
        world
            .cp
            .ask(Method::PATCH, &one, Some(json!({"name": name})), &[("if-match", tag)])
            .await
            .status
            .as_u16()
    };
    assert_eq!(rename("first", &tag).await, 200);
    assert_eq!(rename("second", &tag).await, 412);
    assert_eq!(world.cp.get(&one).await.body["name"], "first");
}

#[tokio::test]
async fn a_document_that_was_read_is_a_client_until_it_is_blocked() {
    let world = World::fresh().await;
    let id = "https://client.example/metadata.json";
    let metadata = json!({"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "none"});
    world
        .test
        .raw(&format!(
            "INSERT INTO oauth_clients (id, kind, name, metadata, status, created_at, updated_at, fetched_at, fresh_until, version) \
             VALUES ('{id}', 'cimd', 'Docs', '{metadata}', 'active', 1, 1, 1, 9000000000000, 1)"
        ))
        .await;
    let Step::Consent(view) =
        world.oauth().authorize().check(&world.request(id), Some(&world.person(ADA))).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((view.client_host.as_deref(), view.verified), (Some("client.example"), false));
    let path = format!("{ALL}/https%3A%2F%2Fclient.example%2Fmetadata.json");
    assert_eq!(world.cp.get(&path).await.body["kind"], "cimd");
    assert_eq!(world.cp.ask(Method::PATCH, &path, Some(json!({"status": "blocked"})), &[]).await.status, 200);
    assert!(world.oauth().clients().find(id).await.unwrap().is_none());
    // A copy too old is read again; when that fails there is no such client.
    world.test.raw("UPDATE oauth_clients SET status = 'active', fresh_until = 1 WHERE kind = 'cimd'").await;
    assert!(world.oauth().clients().find(id).await.unwrap().is_none());
}

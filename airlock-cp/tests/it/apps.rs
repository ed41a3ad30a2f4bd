//! Registered apps: who may register them, what they may say of themselves, and when they are dead.

use http::Method;
use serde_json::{Value, json};

use crate::apps_people::{Person, access_token, org, person};
use crate::harness::{Cp, TestStore, on_both};

const APPS: &str = "/api/v1/org/apps";

async fn made(cp: &Cp, who: &Person, kind: &str, name: &str) -> Value {
    let mut body = json!({"kind": kind, "name": name});
    if kind == "Web" {
        body["allowed_origins"] = json!(["https://app.example.com"]);
    }
    let answer = cp.browse(who, Method::POST, APPS, Some(body)).await;
    assert_eq!(answer.status.as_u16(), 201, "{:?}", answer.body);
    answer.body
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}")).to_owned()
}

on_both! {
    each_kind_has_its_proof_and_is_an_oauth_client(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        for (kind, confidential) in
            [("Agent", true), ("Desktop", true), ("VsCodeExtension", true), ("Web", false), ("Mobile", false)]
        {
            let app = made(&cp, &ada, kind, kind).await;
            let client = text(&app, "client_id");
            assert!(client.len() == 20 && client.bytes().all(|b| b.is_ascii_alphanumeric()), "{client}");
            assert_eq!(app.get("client_secret").is_some(), confidential, "{kind}");
            let row = test.text(&format!("SELECT metadata FROM oauth_clients WHERE id = '{client}'")).await;
            let row: Value = serde_json::from_str(&row).unwrap();
            assert_eq!(row["token_format"], "opaque");
            let grant = row["grant_types"][0].as_str().unwrap();
            assert_eq!(grant == "urn:ietf:params:oauth:grant-type:device_code", confidential, "{kind}");
            let auth = if confidential { "client_secret_basic" } else { "none" };
            assert_eq!(row["token_endpoint_auth_method"], auth);
            if confidential {
                let secret = text(&app, "client_secret");
                assert!(secret.len() == 40 && secret.starts_with(&text(&app, "client_secret_hint")));
                let shown = cp.browse(&ada, Method::GET, &format!("{APPS}/{}", text(&app, "app_id")), None).await;
                assert!(!shown.body.to_string().contains(&secret));
                assert!(shown.headers.contains_key("etag"));
            }
        }
    }

    a_rotated_secret_is_dead_and_so_is_a_revoked_app_with_its_tokens(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        let (pat, _) = cp.pat(&ada).await;
        let app = made(&cp, &ada, "Agent", "agent").await;
        let (client, path) = (text(&app, "client_id"), format!("{APPS}/{}", text(&app, "app_id")));
        let ask = async |secret: &str| {
            let shown = [("x-pat", pat.as_str()), ("x-client-id", &client), ("x-client-secret", secret)];
            let answer = cp.bare(Method::GET, "/v1/pats", None, &shown).await;
            (answer.status.as_u16(), answer.body["error"].as_str().unwrap_or_default().to_owned())
        };
        let old = text(&app, "client_secret");
        assert_eq!(ask(&old).await.0, 200);
        let rotated = cp.browse(&ada, Method::POST, &format!("{path}/rotate-secret"), None).await;
        let new = text(&rotated.body, "client_secret");
        assert_ne!(old, new);
        assert_eq!(ask(&old).await, (401, "invalid_client".to_owned()));
        assert_eq!(ask(&new).await.0, 200);

        let (_, family) = access_token(&test, &client, (&ada.id, "default"), ("/mcp/org/default", "openid")).await;
        let revoked = cp.browse(&ada, Method::POST, &format!("{path}/revoke"), None).await;
        assert_eq!((revoked.status.as_u16(), revoked.body["status"].as_str()), (200, Some("revoked")));
        assert_eq!(ask(&new).await, (403, "app_revoked".to_owned()));
        assert_eq!(ask(&old).await, (401, "invalid_client".to_owned()));
        let ended = format!("SELECT reason FROM token_families WHERE id = '{family}' AND revoked_at IS NOT NULL");
        assert_eq!(test.text(&ended).await, "client_revoked");
        // For ever.
        assert_eq!(cp.browse(&ada, Method::POST, &format!("{path}/rotate-secret"), None).await.status.as_u16(), 409);
        assert_eq!(cp.browse(&ada, Method::PATCH, &path, Some(json!({"name": "x"}))).await.status.as_u16(), 409);
        assert_eq!(cp.browse(&ada, Method::POST, &format!("{path}/revoke"), None).await.status.as_u16(), 200);
        // Its name is free again.
        made(&cp, &ada, "Agent", "agent").await;
    }

    ones_own_are_ones_own_and_the_orgs_are_its_managers(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let ada = person(&test, "default", "member").await;
        let app = made(&cp, &ada, "Agent", "agent").await;
        let path = format!("{APPS}/{}", text(&app, "app_id"));
        // Who may see it, rename it, rotate it; and how many their list has.
        for (org, role, see, change, listed) in [
            ("default", "owner", 200, 200, Some(1)),
            ("default", "admin", 200, 200, Some(1)),
            ("default", "auditor", 200, 403, Some(1)),
            ("default", "approver", 404, 404, Some(0)),
            ("default", "member", 404, 404, Some(0)),
            ("default", "billing", 403, 403, None),
            ("org_other", "owner", 404, 404, Some(0)),
        ] {
            let who = person(&test, org, role).await;
            let status = async |method: Method, path: &str, body: Option<Value>| {
                cp.browse(&who, method, path, body).await.status.as_u16()
            };
            assert_eq!(status(Method::GET, &path, None).await, see, "{org} {role}");
            assert_eq!(status(Method::PATCH, &path, Some(json!({"description": role}))).await, change, "{org} {role}");
            assert_eq!(status(Method::POST, &format!("{path}/rotate-secret"), None).await, change, "{org} {role}");
            let list = cp.browse(&who, Method::GET, APPS, None).await.body;
            assert_eq!(list["items"].as_array().map(Vec::len), listed, "{org} {role}");
        }
        // The operator, in the org that they name.
        assert_eq!(cp.ask(Method::GET, &path, None, &[("airlock-org", "default")]).await.status.as_u16(), 200);
        assert_eq!(cp.ask(Method::GET, &path, None, &[("airlock-org", "other")]).await.status.as_u16(), 404);
        assert_eq!(cp.bare(Method::GET, &path, None, &[]).await.status.as_u16(), 401);
        assert_eq!(cp.browse(&ada, Method::POST, &format!("{path}/revoke"), None).await.status.as_u16(), 200);
    }

    a_name_is_once_in_an_org(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let (ada, bob) = (person(&test, "default", "member").await, person(&test, "org_other", "member").await);
        made(&cp, &ada, "Agent", "agent").await;
        made(&cp, &bob, "Agent", "agent").await;
        let again = cp.browse(&ada, Method::POST, APPS, Some(json!({"kind": "Mobile", "name": " agent "}))).await;
        assert_eq!(again.status.as_u16(), 409);
        let other = made(&cp, &ada, "Agent", "second").await;
        let path = format!("{APPS}/{}", text(&other, "app_id"));
        assert_eq!(cp.browse(&ada, Method::PATCH, &path, Some(json!({"name": "agent"}))).await.status.as_u16(), 409);
    }

    what_changes_goes_to_the_oauth_client_too(test) {
        let cp = Cp::on(test.store.clone()).await;
        let ada = person(&test, "default", "member").await;
        let app = made(&cp, &ada, "Web", "web").await;
        let path = format!("{APPS}/{}", text(&app, "app_id"));
        let patch = json!({"redirect_uris": ["https://app.example.com/cb"], "is_open_source": true, "home_page_url": "https://example.com/"});
        let patched = cp.browse(&ada, Method::PATCH, &path, Some(patch)).await;
        assert_eq!(patched.body["redirect_uris"], json!(["https://app.example.com/cb"]));
        assert_eq!((&patched.body["is_open_source"], &patched.body["version"]), (&json!(true), &json!(2)));
        let client = text(&app, "client_id");
        let row = test.text(&format!("SELECT metadata FROM oauth_clients WHERE id = '{client}'")).await;
        assert!(row.contains("https://app.example.com/cb"), "{row}");
        // An origin cannot go while codes are sent there.
        let away = json!({"allowed_origins": ["https://new.example.com"]});
        assert_eq!(cp.browse(&ada, Method::PATCH, &path, Some(away)).await.status.as_u16(), 422);
        let both = json!({"allowed_origins": ["https://new.example.com"], "redirect_uris": ["https://new.example.com/cb"]});
        assert_eq!(cp.browse(&ada, Method::PATCH, &path, Some(both)).await.status.as_u16(), 200);
        let stale = cp.bare(Method::PATCH, &path, Some(json!({"name": "x"})), &[
            ("cookie", &format!("__Host-airlock_session={}", ada.cookie)),
            ("x-csrf-token", &airlock_cp::identity::Logins::csrf_token(&ada.cookie)),
            ("if-match", "\"1\""),
        ]).await;
        assert_eq!(stale.status.as_u16(), 412);
    }
}

#[tokio::test]
async fn what_an_app_says_of_itself_has_bounds() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let web = |more: Value| {
        let mut body = json!({"kind": "Web", "name": "web", "allowed_origins": ["https://a.example"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for body in [
        json!({"kind": "Server", "name": "x"}),
        json!({"kind": "agent", "name": "x"}),
        json!({"kind": "Agent"}),
        json!({"kind": "Agent", "name": " "}),
        json!({"kind": "Agent", "name": "x".repeat(129)}),
        json!({"kind": "Agent", "name": "a\nb"}),
        json!({"kind": "Agent", "name": "x", "description": "x".repeat(2001)}),
        json!({"kind": "Agent", "name": "x", "home_page_url": "javascript:alert(1)"}),
        json!({"kind": "Agent", "name": "x", "home_page_url": "https://user:pw@example.com"}),
        json!({"kind": "Agent", "name": "x", "allowed_origins": ["https://a.example"]}),
        json!({"kind": "Agent", "name": "x", "redirect_uris": ["https://a.example/cb"]}),
        json!({"kind": "Agent", "name": "x", "client_secret": "mine"}),
        json!({"kind": "Agent", "name": "x", "status": "active"}),
        json!({"kind": "Agent", "name": "x", "org_id": "org_other"}),
        json!({"kind": "Web", "name": "x"}),
        json!({"kind": "Web", "name": "x", "allowed_origins": []}),
        web(json!({"allowed_origins": ["http://a.example"]})),
        web(json!({"allowed_origins": ["https://a.example/path"]})),
        web(json!({"allowed_origins": ["null"]})),
        web(json!({"allowed_origins": vec!["https://a.example"; 21]})),
        web(json!({"redirect_uris": ["https://b.example/cb"]})),
        web(json!({"redirect_uris": ["https://a.example/cb#f"]})),
        web(json!({"redirect_uris": ["https://a.example@b.example/cb"]})),
        web(json!({"redirect_uris": ["com.example.app:/cb"]})),
        web(json!({"redirect_uris": ["javascript:alert(1)"]})),
    ] {
        let answer = cp.browse(&ada, Method::POST, APPS, Some(body.clone())).await;
        assert_eq!(answer.status.as_u16(), 422, "{body} {:?}", answer.body);
    }
    for id in ["ABC-1234567", "x", "..", "%00", "' OR '1'='1"] {
        let path = format!("{APPS}/{}", id.replace(' ', "%20"));
        assert_eq!(cp.browse(&ada, Method::GET, &path, None).await.status.as_u16(), 404, "{id}");
    }
}

#[tokio::test]
async fn the_store_never_holds_an_apps_secret() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let ada = person(&test, "default", "member").await;
    let app = made(&cp, &ada, "Agent", "agent").await;
    let rest = text(&app, "client_secret").split_off(4);
    assert!(!test.files().windows(rest.len()).any(|window| window == rest.as_bytes()));
}

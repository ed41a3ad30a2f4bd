//! People through an OAuth client: what they are told who are not let in, and who is let in how far.

use std::sync::atomic::Ordering;
use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::plane::Outcome;
use airlock_core::principal::ActorKind;
use airlock_cp::passage::Passage;
use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::harness::*;
use crate::apps_people::{Person, access_token, client, org, person};
use crate::harness::{Cp, TestStore, on_both};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const METADATA: &str = "http://127.0.0.1:8080/.well-known/oauth-protected-resource/mcp/acme";

#[track_caller]
fn told(got: &Got, status: u16, challenge: &str) {
    assert_eq!(got.status, status, "{got:?}");
    assert_eq!(got.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn the_challenges_are_the_documented_ones() {
    let e = endpoint();
    let where_to = format!("Bearer resource_metadata=\"{METADATA}\", scope=\"mcp:read mcp:call\"");
    told(&e.post(LIST, &[("authorization", "-")]).await, 401, &where_to);
    let invalid = format!("{where_to}, error=\"invalid_token\"");
    for wrong in ["at_wrong", "ak_live_wrong", "airpat_wrong", "eyJ.eyJ.x", REVOKED] {
        let got = e.post(LIST, &[("authorization", &format!("Bearer {wrong}"))]).await;
        told(&got, 401, &invalid);
    }
    let scope = format!(
        "Bearer error=\"insufficient_scope\", scope=\"mcp:read mcp:call\", resource_metadata=\"{METADATA}\", \
         error_description=\"the access token was not given for this\""
    );
    let got = e.post(LIST, &[("authorization", &format!("Bearer {NOTHING}"))]).await;
    told(&got, 403, &scope);
    assert_eq!(got.json()["error"]["data"]["error_class"], "insufficient_scope");
    let row = e.audit.rows().pop().unwrap();
    assert_eq!((row.action, row.outcome), (Action::McpDenied, Outcome::Denied));
    assert_eq!((row.actor.kind, row.actor.name.as_deref()), (ActorKind::User, Some("Claude")));
    // Bound to a snapshot, the resource is the tenant's all the same.
    let got = e.send(post("/mcp/acme/s/u_42", LIST.into(), &[("authorization", "-")])).await;
    told(&got, 401, &where_to);
}

#[tokio::test]
async fn what_is_no_one_bearer_is_malformed_and_asked_of_nobody() {
    // T-001
    let e = endpoint();
    let malformed = format!(
        "Bearer resource_metadata=\"{METADATA}\", scope=\"mcp:read mcp:call\", error=\"invalid_request\""
    );
    let long = [b"Bearer ".as_slice(), &vec![b'a'; 1 << 20]].concat();
    let values: [&[&[u8]]; 13] = [
        &[b"Bearer"],
        &[b"Bearer "],
        &[b"Bearer  ak_live_all"],
        &[b"Bearer a b"],
        &[b"Bearer a,b"],
        &[b"Bearer \xc0\xaf"],
        &[b"Bearer \xe0\x80\xaf"],
        &["Bearer ключ".as_bytes()],
        &[b"Bearer ak_live_all", b"Bearer ak_live_all"],
        &[b"Bearer ak_live_all", b"Basic YTpi"],
        &[b"", b"Bearer ak_live_all"],
        &[b"Bearer ak\x80live"],
        &[&long],
    ];
    for values in values {
        let mut request = post("/mcp/acme", query(), &[("authorization", "-")]);
        for value in values {
            request.headers_mut().append("authorization", HeaderValue::from_bytes(value).unwrap());
        }
        told(&e.send(request).await, 400, &malformed);
    }
    // A NUL is no header's: HTTP refuses it before us.
    assert!(HeaderValue::from_bytes(b"Bearer a\0b").is_err());
    assert_eq!(e.door.looked_at.load(Ordering::Relaxed), 0);
    assert!(e.calls().is_empty());
}

#[tokio::test]
async fn a_token_anywhere_but_in_its_header_is_none() {
    // RFC 6750, 2.2 and 2.3, which RFC 9700, 4.3.2 and MCP forbid. T-010 for the address.
    let e = endpoint();
    let where_to = format!("Bearer resource_metadata=\"{METADATA}\", scope=\"mcp:read mcp:call\"");
    let inside = LIST.replace("\"id\"", &format!("\"access_token\":\"{READ}\",\"id\""));
    for (path, headers, body) in [
        (format!("/mcp/acme?access_token={READ}"), vec![], LIST.to_owned()),
        (format!("/mcp/acme?authorization=Bearer%20{READ}"), vec![], LIST.to_owned()),
        ("/mcp/acme".to_owned(), vec![], inside),
        ("/mcp/acme".to_owned(), vec![("cookie", format!("access_token={READ}"))], LIST.to_owned()),
        ("/mcp/acme".to_owned(), vec![("x-authorization", format!("Bearer {READ}"))], LIST.to_owned()),
        ("/mcp/acme".to_owned(), vec![("proxy-authorization", format!("Bearer {READ}"))], LIST.to_owned()),
        (
            "/mcp/acme".to_owned(),
            vec![("x-forwarded-authorization", format!("Bearer {READ}"))],
            LIST.to_owned(),
        ),
    ] {
        let mut all = vec![("authorization", "-")];
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        told(&e.send(post(&path, body, &all)).await, 401, &where_to);
    }
    assert_eq!(e.door.looked_at.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_unknown_tenant_answers_as_a_known_one_and_a_strange_name_is_not_repeated() {
    let e = endpoint();
    for headers in [[("authorization", "-")], [("authorization", "Bearer at_wrong")]] {
        let known = e.send(post("/mcp/acme", LIST.into(), &headers)).await;
        let unknown = e.send(post("/mcp/ghost", LIST.into(), &headers)).await;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        let as_known = unknown.header("www-authenticate").replace("/mcp/ghost", "/mcp/acme");
        assert_eq!(as_known, known.header("www-authenticate"));
        let names = |got: &Got| {
            let mut names: Vec<_> = got.headers.keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&known), names(&unknown));
    }
    for strange in ["%22%2C%20realm=%22x", "org", "a%0d%0ax", "ACME", "%00"] {
        let got = e.send(post(&format!("/mcp/{strange}"), LIST.into(), &[("authorization", "-")])).await;
        assert_eq!(
            got.header("www-authenticate"),
            "Bearer resource_metadata=\"http://127.0.0.1:8080/.well-known/oauth-protected-resource\", \
             scope=\"mcp:read mcp:call\"",
            "{strange}"
        );
    }
}

#[tokio::test]
async fn a_call_beyond_reading_is_challenged_before_anything_is_done() {
    let e = endpoint();
    let read = format!("Bearer {READ}");
    let headers = [("authorization", read.as_str())];
    let listed = e.post(LIST, &headers).await.json();
    let names: Vec<_> =
        listed["result"]["tools"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert_eq!(names, ["get_schema"]);
    assert_eq!(e.post(call("get_schema", "{}"), &headers).await.verdict(), (200, 0));
    let before = (e.calls().len(), e.audit.rows().len());
    for body in [query(), call("null_rates", r#"{"snapshot_id":"u_42"}"#)] {
        let got = e.post(body, &headers).await;
        assert_eq!(got.status, 403);
        assert!(
            got.header("www-authenticate")
                .starts_with("Bearer error=\"insufficient_scope\", scope=\"mcp:read mcp:call\"")
        );
        assert_eq!(got.json()["id"], 1);
        assert_eq!(got.json()["error"]["data"]["error_class"], "insufficient_scope");
    }
    assert_eq!(e.calls().len(), before.0);
    let rows = e.audit.rows();
    assert_eq!(rows.len(), before.1 + 2);
    let row = &rows[before.1];
    assert_eq!((row.action, row.outcome), (Action::ToolsCall, Outcome::Denied));
    assert_eq!(row.target.tool.as_deref(), Some("execute_sql"));
    assert_eq!(row.error_class.as_deref(), Some("insufficient_scope"));
    // What no authorization could open is not there.
    assert_eq!(e.post(call("nonsense", "{}"), &headers).await.verdict(), (200, -32602));
    // Its own limits, no new authorization lifts: a key is not challenged.
    let some = format!("Bearer {SOME}");
    let got = e.post(call("null_rates", r#"{"snapshot_id":"u_42"}"#), &[("authorization", &some)]).await;
    assert_eq!(got.verdict(), (200, -32602));
    // A snapshot that the grant does not name stays shut for a tool that is open.
    let got = e.post(call("get_schema", r#"{"snapshot_id":"u_42"}"#), &headers).await;
    assert_eq!(got.json()["error"]["message"], "this access token does not reach that snapshot");
    // Without a row nothing is said.
    e.audit.no_close.store(true, Ordering::Relaxed);
    let got = e.post(query(), &headers).await;
    assert_eq!(got.json()["error"]["data"]["error_class"], "audit_unavailable");
}

#[tokio::test]
async fn in_a_batch_the_message_alone_tells() {
    let e = endpoint();
    let read = format!("Bearer {READ}");
    let body = format!("[{LIST},{}]", query());
    let got = e.post(body, &[("authorization", &read)]).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.json()[1]["error"]["data"]["error_class"], "insufficient_scope");
    assert!(!got.headers.contains_key("www-authenticate"));
    assert!(e.calls().is_empty());
}

// With real tokens, on the composed routes.

struct Served {
    cp: Cp,
    router: Router,
}

impl Served {
    async fn on(test: &TestStore) -> Self {
        let cp = Cp::on(test.store.clone()).await;
        let router = Passage::new(&cp.app).router().unwrap();
        Self { cp, router }
    }

    async fn ask(&self, slug: &str, bearer: &str, body: &str) -> (u16, Value) {
        let request = Request::post(format!("/mcp/{slug}"))
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {bearer}"))
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn tools(&self, slug: &str, bearer: &str) -> (u16, Vec<String>) {
        let (status, body) = self.ask(slug, bearer, LIST).await;
        let tools = body["result"]["tools"].as_array().cloned().unwrap_or_default();
        (status, tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect())
    }

    async fn token(&self, test: &TestStore, who: &Person, resource: &str, scopes: &str) -> String {
        access_token(test, "claude", (&who.id, "default"), (resource, scopes)).await.0
    }
}

on_both! {
    keys_and_tokens_open_one_url_side_by_side(test) {
        let served = Served::on(&test).await;
        served.cp.tenant("acme").await;
        let (_, key) = served.cp.key("t_acme").await;
        client(&test, "claude", "Claude").await;
        let ada = person(&test, "default", "member").await;
        let token = served.token(&test, &ada, "/mcp/acme", "mcp:read mcp:call").await;
        assert_eq!(served.tools("acme", &key).await.1.len(), 3);
        assert_eq!(served.tools("acme", &token).await, (200, vec!["get_schema".to_owned()]));
        let put = json!({"allowed_snapshots": ["u_42"]});
        served.cp.ask(Method::PUT, "/api/v1/tenants/t_acme/grants/member", Some(put), &[]).await;
        assert_eq!(served.tools("acme", &token).await.1.len(), 3);
        let other = call("execute_sql", r#"{"snapshot_id":"u_5","sql":"select 1"}"#);
        assert_eq!(served.ask("acme", &token, &other).await.1["error"]["data"]["error_class"], "scope_denied");
        // Nobody is connected, and that far it went.
        assert_eq!(served.ask("acme", &token, &query()).await.1["error"]["data"]["error_class"], "worker_unavailable");
        let rows = served.cp.get("/api/v1/tenants/t_acme/audit?limit=100").await.body;
        let of_ada = rows["items"].as_array().unwrap().iter().filter(|row| row.to_string().contains(&ada.id)).count();
        assert!(of_ada >= 4, "{rows}");
        assert!(!rows.to_string().contains(&token));
    }

    a_token_opens_the_place_it_was_given_for(test) {
        let served = Served::on(&test).await;
        for slug in ["acme", "second", "theirs"] {
            served.cp.tenant(slug).await;
        }
        org(&test, "other").await;
        test.raw("UPDATE tenants SET org_id = 'org_other' WHERE id = 't_theirs'").await;
        client(&test, "claude", "Claude").await;
        let ada = person(&test, "default", "member").await;
        for (resource, scopes, slug, status) in [
            ("/mcp/acme", "mcp:read", "acme", 200),
            ("/mcp/acme", "mcp:read", "second", 401),
            ("/mcp/acme", "mcp:read", "theirs", 401),
            ("/mcp/acme", "mcp:read", "ghost", 401),
            ("/mcp/org/default", "mcp:call", "acme", 200),
            ("/mcp/org/default", "mcp:call", "second", 200),
            ("/mcp/org/default", "mcp:call", "theirs", 401),
            ("/mcp/theirs", "mcp:call", "theirs", 401),
            ("/mcp/org/other", "mcp:call", "theirs", 401),
            ("/mcp/acme", "openid profile email", "acme", 403),
        ] {
            let token = served.token(&test, &ada, resource, scopes).await;
            assert_eq!(served.tools(slug, &token).await.0, status, "{resource} {scopes} at {slug}");
        }
        let read = served.token(&test, &ada, "/mcp/acme", "mcp:read").await;
        let (status, body) = served.ask("acme", &read, &query()).await;
        assert_eq!((status, &body["error"]["data"]["error_class"]), (403, &json!("insufficient_scope")));
    }

    what_was_taken_back_opens_nothing(test) {
        let served = Served::on(&test).await;
        served.cp.tenant("acme").await;
        client(&test, "claude", "Claude").await;
        for (n, taken) in [
            "UPDATE token_families SET revoked_at = 1 WHERE user_id = '{id}'",
            "UPDATE users SET status = 'disabled' WHERE id = '{id}'",
            "DELETE FROM memberships WHERE user_id = '{id}'",
            "UPDATE access_tokens SET expires_at = 1 WHERE family_id IN (SELECT id FROM token_families WHERE user_id = '{id}')",
            "UPDATE access_tokens SET revoked_at = 1 WHERE family_id IN (SELECT id FROM token_families WHERE user_id = '{id}')",
            "UPDATE oauth_clients SET status = 'blocked' WHERE id = 'claude'",
        ].into_iter().enumerate() {
            let ada = person(&test, "default", "member").await;
            let token = served.token(&test, &ada, "/mcp/acme", "mcp:read").await;
            // Before it is used, so that no memory has it.
            test.raw(&taken.replace("{id}", &ada.id)).await;
            assert_eq!(served.tools("acme", &token).await.0, 401, "{n}: {taken}");
        }
    }
}

#[tokio::test]
async fn nothing_that_is_no_key_is_hashed_on_the_composed_routes() {
    // T-001
    let test = TestStore::sqlite().await;
    let served = Served::on(&test).await;
    served.cp.tenant("acme").await;
    let far_too_long = "a".repeat(5_000);
    for bearer in
        ["", "a b", "at_x", "airpat_x", "eyJ.eyJ.x", "ak_live_x", "ak_", "ak_live_%00", &far_too_long]
    {
        let (status, _) = served.ask("acme", bearer, LIST).await;
        assert!(status == 401 || status == 400, "{bearer}: {status}");
    }
    assert_eq!(served.cp.app.keys().hash_runs(), 0);
    served.cp.app.shut_down(Duration::from_secs(1)).await;
}

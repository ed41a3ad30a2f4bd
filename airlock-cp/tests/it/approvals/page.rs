//! The approver's side with a browser's session, under `/api/v1/approver`: as at `/v1`, and for a page alone.

use std::time::Duration;

use airlock_core::Host as _;
use airlock_core::approval::Verdict;
use airlock_core::approval::dnd;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::channels::Events;
use super::harness::*;
use crate::apps_people::{Person, org, person};
use crate::harness::{Answer, Cp, TestStore, on_both};

const ROOT: &str = "/api/v1/approver";

/// A page in a person's browser.
struct Page<'a> {
    cp: &'a Cp,
    person: Person,
}

impl<'a> Page<'a> {
    fn of(side: &Side<'a>) -> Self {
        Self {
            cp: side.cp,
            person: Person { id: side.person.id.clone(), cookie: side.person.cookie.clone() },
        }
    }
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.cp.browse(&self.person, method, &format!("{ROOT}{path}"), body).await
    }
    async fn get(&self, path: &str) -> Value {
        got(self.ask(Method::GET, path, None).await, 200)
    }
    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }
}

#[track_caller]
fn got(answer: Answer, status: u16) -> Value {
    assert_eq!(answer.status.as_u16(), status, "{:?}", answer.body);
    answer.body
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &json!(code)), "{:?}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

/// Pairs as the enforcer `enf-1` by its code.
async fn paired(enforcer: &Side<'_>, page: &Page<'_>) -> Paired {
    let begun = enforcer.initiate("enf-1").await;
    let told = got(page.post("/pairings/resolve", json!({"code": begun["pairingCode"]})).await, 200);
    assert_eq!(
        (&told["enforcerLabel"], &told["x25519PublicKey"]),
        (&json!("Build agent"), &json!(ENFORCER_KEY))
    );
    let keys = Keys::new();
    let nonce = told["pairingNonce"].as_str().unwrap().to_owned();
    let answer = keys.answer(&nonce, enforcer.cp.clock.now());
    let sent = json!({"pairingNonce": nonce, "responseJson": answer});
    let done = got(page.post("/pairings/complete", sent).await, 200);
    assert!(done.get("routingToken").is_none(), "that is the enforcer's: {done}");
    let status = ok(enforcer.get(&format!("/v1/pairing/{nonce}/status")).await, 200);
    Paired {
        keys,
        token: status["routingToken"].as_str().unwrap().to_owned(),
        nonce,
        approver_id: done["approverId"].as_str().unwrap().to_owned(),
    }
}

async fn acts(test: &TestStore, action: &str) -> usize {
    test.text(&format!("SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE action = '{action}'"))
        .await
        .parse()
        .unwrap()
}

on_both! {
    a_page_pairs_decides_and_sees_what_became_of_it(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let page = Page::of(&me);
        let Paired { keys, token, nonce, approver_id } = paired(&me, &page).await;
        for request in ["req-1", "req-2", "req-3"] {
            cp.clock.advance(Duration::from_millis(1));
            ok(me.submit(request, Some(&token)).await, 202);
        }
        let first = page.get("/inbox?limit=2").await;
        assert_eq!(first["approver_id"], approver_id.as_str());
        let ids = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|i| i["requestId"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(&first), ["req-3", "req-2"]);
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = page.get(&format!("/inbox?limit=2&cursor={cursor}")).await;
        assert_eq!((ids(&rest), &rest["next_cursor"]), (vec!["req-1".to_owned()], &Value::Null));
        // Item for item what the gateway tells.
        let by_token = ok(me.get("/v1/approvers/me/inbox").await, 200);
        assert_eq!(page.get("/inbox").await["items"], by_token["body"]["items"]);
        assert_eq!(rest["items"][0]["body"]["pairingNonce"], nonce.as_str());

        let sent = keys.decision("req-1", &hash_of("req-1"), Verdict::Approve);
        let forged = Keys::new().decision("req-1", &hash_of("req-1"), Verdict::Approve);
        refused(&page.post("/decisions", forged).await, 422, "invalid_arguments");
        assert_eq!(acts(&test, "exchange.decision_refused").await, 1);
        let taken = got(page.post("/decisions", sent.clone()).await, 200);
        assert_eq!((&taken["msgType"], &taken["body"]["state"]), (&json!("decision.accepted"), &json!("Decided")));
        // Once more is the same; another is too late.
        got(page.post("/decisions", sent).await, 200);
        let other = keys.decision("req-1", &hash_of("req-1"), Verdict::Reject);
        refused(&page.post("/decisions", other).await, 409, "conflict");
        assert_eq!(ok(me.wait("req-1", 1).await, 200)["body"]["decision"], "approve");
        let gone = keys.decision("req-none", &hash_of("req-1"), Verdict::Reject);
        refused(&page.post("/decisions", gone).await, 404, "not_found");
        let mut odd = keys.decision("req-2", &hash_of("req-2"), Verdict::Reject);
        odd["body"]["nonce"] = json!("a|b");
        refused(&page.post("/decisions", odd).await, 422, "invalid_arguments");

        assert_eq!(page.ask(Method::DELETE, "/inbox/req-2", None).await.status, StatusCode::NO_CONTENT);
        refused(&page.ask(Method::DELETE, "/inbox/req-none", None).await, 404, "not_found");
        refused(&page.post("/inbox/req-3/refresh", json!({"enforcer": "enf-1"})).await, 409, "conflict");
        ok(me.post("/v1/exchanges/req-3/withdraw", json!(null)).await, 200);
        let history = page.get("/history").await;
        let states: Vec<_> = history["items"].as_array().unwrap().iter()
            .map(|i| (i["requestId"].as_str().unwrap(), i["body"]["state"].as_str().unwrap(), i["decision"]["decision"].as_str(), i["decision"]["reason"].as_str()))
            .collect();
        assert!(states.contains(&("req-1", "Decided", Some("approve"), Some("looks fine"))), "{states:?}");
        assert!(states.contains(&("req-3", "Withdrawn", None, None)), "{states:?}");

        let list = page.get("/pairings").await;
        assert_eq!((&list["items"][0]["pairingNonce"], &list["items"][0]["isApprover"]), (&json!(nonce), &json!(true)));
        assert!(!list.to_string().contains(&token), "no token is told");
        let ended = got(page.post("/pairings/revoke", json!({"pairingNonce": nonce})).await, 200);
        assert_eq!(ended, json!({"status": "revoked", "enforcerId": "enf-1"}));
        assert_eq!(verdict(&me.submit("req-4", Some(&token)).await), (403, "pairing_revoked"));
        for (action, n) in [("pairing.completed", 1), ("exchange.decided", 5), ("exchange.dismissed", 2), ("pairing.revoked", 1)] {
            assert!(acts(&test, action).await >= n, "{action}: {}", acts(&test, action).await);
        }
    }

    a_page_makes_codes_refuses_and_takes_devices_back(test) {
        let cp = Cp::on(test.store.clone()).await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let page = Page::of(&me);
        refused(&page.post("/pairings/resolve", json!({"code": "AAAAAA"})).await, 404, "not_found");
        let made = got(page.post("/pairings/codes", json!({"label": "CI"})).await, 201);
        let code = json!({"code": made["pairingCode"]});
        assert_eq!(got(page.post("/pairings/resolve", code.clone()).await, 200)["deviceId"], "", "nobody took it up");
        let claim = json!({
            "pairingCode": made["pairingCode"], "deviceId": "d", "enforcerId": "e2", "enforcerLabel": "l",
            "workspaceName": "w", "x25519PublicKey": ENFORCER_KEY,
        });
        ok(me.post("/v1/pairing/claim", claim).await, 200);
        assert_eq!(got(page.post("/pairings/resolve", code).await, 200)["enforcerId"], "e2");
        refused(&page.post("/pairings/complete", json!({"pairingNonce": made["pairingNonce"]})).await, 422, "invalid_arguments");
        let forged = Keys::new().answer("another nonce", cp.clock.now());
        let sent = json!({"pairingNonce": made["pairingNonce"], "responseJson": forged});
        refused(&page.post("/pairings/complete", sent).await, 422, "invalid_arguments");
        let told = got(page.post("/pairings/reject", json!({"pairingNonce": made["pairingNonce"]})).await, 200);
        assert_eq!(told["status"], "rejected");
        let long = "x".repeat(300);
        refused(&page.post("/pairings/codes", json!({"label": long})).await, 422, "invalid_arguments");

        // A device that was registered keeps its name when it pairs.
        let keys = Keys::new();
        let device = json!({
            "deviceId": "phone", "signerKeyId": keys.id(), "publicKey": keys.signing.public().to_base64url(),
            "label": "Chrome on Android",
        });
        let known = got(page.post("/devices", device.clone()).await, 200);
        assert_eq!(known["fingerprint"], keys.signing.public().human_fingerprint());
        refused(&page.post("/devices", json!({"deviceId": "", "signerKeyId": "k", "publicKey": "x"})).await, 422, "invalid_arguments");
        let begun = me.initiate("enf-1").await;
        let answer = keys.answer(begun["pairingNonce"].as_str().unwrap(), cp.clock.now());
        let sent = json!({"pairingNonce": begun["pairingNonce"], "responseJson": answer});
        got(page.post("/pairings/complete", sent).await, 200);
        let listed = page.get("/devices").await;
        assert_eq!((&listed["items"][0]["label"], listed["items"].as_array().unwrap().len()), (&json!("Chrome on Android"), 1));
        let done = got(page.ask(Method::DELETE, &format!("/devices/{}", keys.id()), None).await, 200);
        assert_eq!(done["pairingsRevoked"], 1);
        assert!(page.get("/devices").await["items"][0]["revokedAt"].is_string());
        refused(&page.post("/devices", device).await, 409, "conflict");
        refused(&page.ask(Method::DELETE, "/devices/key-none", None).await, 404, "not_found");
        for action in ["pairing.pre_generated", "pairing.rejected", "approver.device.added", "approver.device.revoked"] {
            assert!(acts(&test, action).await >= 1, "{action}");
        }
    }

    a_page_decides_in_advance_sees_who_lives_and_speaks_on_apps(test) {
        let cp = Cp::on(test.store.clone()).await;
        let mut me = Side::new(&cp, &test, "default", "member").await;
        let page = Page::of(&me);
        let Paired { keys, .. } = paired(&me, &page).await;
        let mut policy = json!({
            "requestId": "dnd-1", "objectType": "airlock.dnd.workspace", "workspaceId": "shop", "enforcerId": "enf-1",
            "policyMode": "deny_all", "expiresAt": cp.clock.now().after(Duration::from_secs(900)).to_string(),
            "signerKeyId": keys.id(), "nonce": "n-1",
        }).as_object().unwrap().clone();
        refused(&page.post("/policies", json!(policy)).await, 422, "invalid_arguments");
        dnd::sign(&keys.signing, &mut policy).unwrap();
        assert_eq!(got(page.post("/policies", json!(policy)).await, 201)["requestId"], "dnd-1");
        assert_eq!(page.get("/policies").await["items"], json!([policy]));
        let effective = "/v1/policy/dnd/effective?enforcerId=enf-1&workspaceId=shop";
        assert_eq!(ok(me.get(effective).await, 200)["body"], json!([policy]));
        assert_eq!(page.ask(Method::DELETE, "/policies/dnd-1", None).await.status, StatusCode::NO_CONTENT);
        assert_eq!(ok(me.get(effective).await, 200)["body"], json!([]));
        refused(&page.ask(Method::DELETE, "/policies/dnd-1", None).await, 404, "not_found");

        assert_eq!(page.get("/enforcers").await["items"], json!([]));
        ok(me.post("/v1/presence/heartbeat", json!({"enforcerId": "enf-1"})).await, 200);
        assert_eq!(page.get("/enforcers").await["items"][0]["status"], "online");

        let (app_id, client, secret) = app(&cp, &me.person, "Build agent").await;
        me.app = Some((client, secret));
        let asked = me.get("/v1/consent/status").await;
        assert_eq!(verdict(&asked), (403, "app_consent_required"));
        // Where the person says it.
        let there = asked.body["consentUrl"].as_str().unwrap();
        let path = there.strip_prefix(cp.app.config().issuer()).unwrap();
        let html = cp.bare(Method::GET, path, None, &[
            ("cookie", &format!("__Host-airlock_session={}", me.person.cookie)), ("accept", "text/html"),
        ]).await;
        assert_eq!((html.status.as_u16(), path), (200, "/approvals/apps"));
        assert_eq!(page.get("/consents").await["items"][0]["state"], "Pending");
        for (said, state) in [("allow", "Allowed"), ("revoke", "Revoked"), ("deny", "Denied"), ("allow", "Allowed")] {
            let told = got(page.post(&format!("/consents/{app_id}/{said}"), json!({})).await, 200);
            assert_eq!(told["state"], state, "{said}");
        }
        assert_eq!(ok(me.get("/v1/consent/status").await, 200), json!({"status": "approved"}));
        refused(&page.post("/consents/AAA-0000000/allow", json!({})).await, 404, "not_found");
        for action in ["dnd.policy.set", "dnd.policy.revoked", "app.consent.allowed", "app.consent.denied", "app.consent.revoked"] {
            assert!(acts(&test, action).await >= 1, "{action}");
        }
    }

    what_is_anothers_is_not_there_for_a_page(test) {
        let cp = Cp::on(test.store.clone()).await;
        org(&test, "other").await;
        let me = Side::new(&cp, &test, "default", "member").await;
        let Paired { keys, token, nonce, .. } = paired(&me, &Page::of(&me)).await;
        ok(me.submit("req-1", Some(&token)).await, 202);
        ok(me.post("/v1/presence/heartbeat", json!({"enforcerId": "enf-1"})).await, 200);
        let (app_id, ..) = app(&cp, &me.person, "Build agent").await;
        let open = me.initiate("enf-1").await;
        let colleague = Side::new(&cp, &test, "default", "owner").await;
        let stranger = Side::new(&cp, &test, "org_other", "owner").await;
        for (other, same_org) in [(&colleague, true), (&stranger, false)] {
            let page = Page::of(other);
            for list in ["/inbox", "/history", "/devices", "/pairings", "/policies", "/consents", "/enforcers"] {
                assert_eq!(page.get(list).await["items"], json!([]), "{list}");
            }
            for (method, path, body) in [
                (Method::POST, "/decisions".to_owned(), Some(keys.decision("req-1", &hash_of("req-1"), Verdict::Approve))),
                (Method::DELETE, "/inbox/req-1".to_owned(), None),
                (Method::POST, "/inbox/req-1/refresh".to_owned(), Some(json!({"enforcer": "enf-1"}))),
                (Method::DELETE, format!("/devices/{}", keys.id()), None),
                (Method::POST, "/pairings/revoke".to_owned(), Some(json!({"pairingNonce": nonce}))),
                (Method::DELETE, "/policies/dnd-1".to_owned(), None),
            ] {
                refused(&page.ask(method, &path, body).await, 404, "not_found");
            }
            // Both may be told a code within the org, and consent to its apps; elsewhere neither is there.
            if !same_org {
                let code = json!({"code": open["pairingCode"]});
                refused(&page.post("/pairings/resolve", code).await, 404, "not_found");
                let answer = Keys::new().answer(open["pairingNonce"].as_str().unwrap(), cp.clock.now());
                let sent = json!({"pairingNonce": open["pairingNonce"], "responseJson": answer});
                refused(&page.post("/pairings/complete", sent).await, 404, "not_found");
                refused(&page.post("/pairings/reject", json!({"pairingNonce": open["pairingNonce"]})).await, 404, "not_found");
                for said in ["allow", "deny", "revoke"] {
                    refused(&page.post(&format!("/consents/{app_id}/{said}"), json!({})).await, 404, "not_found");
                }
            }
        }
        assert_eq!(me.state("req-1").await, "PendingApproval");
    }
}

#[tokio::test]
async fn only_a_page_of_this_person_in_this_org_may_ask() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let cookie = format!("__Host-airlock_session={}", me.person.cookie);
    let operations = cp.app.api().operations().to_vec();
    let mut asked = 0;
    for operation in operations.iter().filter(|o| o.path.starts_with(ROOT)) {
        let (method, path) = (operation.method.clone(), operation.path.replace(['{', '}'], ""));
        let nobody = cp.bare(method.clone(), &path, None, &[]).await;
        refused(&nobody, 401, "unauthorized");
        if !method.is_safe() {
            refused(&cp.bare(method.clone(), &path, None, &[("cookie", &cookie)]).await, 403, "csrf_failed");
        }
        let bearer = format!("Bearer {}", me.pat);
        refused(&cp.bare(method.clone(), &path, None, &[("authorization", &bearer)]).await, 403, "forbidden");
        let operator = cp.ask(method.clone(), &path, None, &[("airlock-org", "default")]).await;
        refused(&operator, 403, "forbidden");
        asked += 1;
    }
    assert!(asked >= 20, "{asked}");
    for role in ["auditor", "billing"] {
        let reader = person(&test, "default", role).await;
        refused(&cp.browse(&reader, Method::GET, "/api/v1/approver/inbox", None).await, 403, "forbidden");
        refused(&cp.browse(&reader, Method::GET, "/api/v1/approver/events", None).await, 403, "forbidden");
    }
    // A tab that was made for somebody else, or for another org of theirs.
    let own = format!("{}/{}", me.person.id, default_org(&test).await);
    for (made_for, status) in [(own.as_str(), 200), ("usr_other/org_default", 409), ("", 409)] {
        let headers = [("cookie", cookie.as_str()), ("airlock-as", made_for)];
        let answer = cp.bare(Method::GET, "/api/v1/approver/inbox", None, &headers).await;
        assert_eq!(answer.status.as_u16(), status, "{made_for}: {:?}", answer.body);
    }
    let path = "/api/v1/approver/events?as=usr_other%2Forg_default";
    refused(&cp.bare(Method::GET, path, None, &[("cookie", &cookie)]).await, 409, "conflict");
}

async fn default_org(test: &TestStore) -> String {
    test.text("SELECT id FROM orgs WHERE slug = 'default'").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_sees_what_happens_and_no_more_once_its_session_ended() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let me = Side::new(&cp, &test, "default", "member").await;
    let Paired { keys, token, .. } = paired(&me, &Page::of(&me)).await;
    ok(me.submit("req-1", Some(&token)).await, 202);
    let cookie = format!("__Host-airlock_session={}", me.person.cookie);
    let by_cookie = ("cookie", cookie.as_str());
    let mut events = Events::open_with(&cp, "/api/v1/approver/events", &[by_cookie]).await;
    let (kind, id, first) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &first["requestId"]), ("approval.request", &json!("req-1")));
    cp.clock.advance(Duration::from_millis(1));
    ok(me.submit("req-2", Some(&token)).await, 202);
    assert_eq!(events.next().await.unwrap().2["requestId"], "req-2");
    decide(&me, &keys, "req-1", Verdict::Reject).await;
    let (kind, _, decided) = events.next().await.unwrap();
    assert_eq!((kind.as_str(), &decided["body"]["decision"]), ("exchange.decided", &json!("reject")));
    // Read on after a break.
    let after = [by_cookie, ("last-event-id", id.as_deref().unwrap())];
    let mut again = Events::open_with(&cp, "/api/v1/approver/events", &after).await;
    assert_eq!(again.next().await.unwrap().2["requestId"], "req-2");
    let out = cp.browse(&me.person, Method::POST, "/api/v1/auth/logout", Some(json!({}))).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT, "{:?}", out.body);
    assert_eq!(events.next().await, None);
    assert_eq!(again.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pages_stream_ends_with_the_membership() {
    let test = TestStore::sqlite().await;
    let cp = Cp::on(test.store.clone()).await;
    let owner = person(&test, "default", "owner").await;
    let me = person(&test, "default", "member").await;
    let cookie = format!("__Host-airlock_session={}", me.cookie);
    let mut events = Events::open_with(&cp, "/api/v1/approver/events", &[("cookie", &cookie)]).await;
    let path = format!("/api/v1/org/members/{}", me.id);
    let gone = cp.browse(&owner, Method::DELETE, &path, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{:?}", gone.body);
    assert_eq!(events.next().await, None);
}

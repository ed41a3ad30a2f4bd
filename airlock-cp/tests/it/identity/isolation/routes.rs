//! Every route that takes an id, asked with the ids of another org.

use std::time::Duration;

use airlock_cp::http::Operation;
use http::Method;
use serde_json::{Value, json};

use super::things::{Asker, Things, fill, forget, nobodys};
use crate::harness::{Answer, on_both};

/// Beginnings of paths that say more than an id, or name what only its owner has a name for, and where others' are asked for.
const NOT_HERE: &[(&str, &str)] = &[
    (
        "/api/v1/invitations/{token}",
        "the link's secret, which opens it to whoever has it: identity::invitations",
    ),
    ("/api/v1/approver/", "names of others' making: approvals::page"),
    ("/v1/exchanges/{", "an enforcer's own word: approvals::isolation"),
    ("/v1/pairing/{", "approvals::isolation"),
    ("/v1/pairing/resolve/{", "a secret for whoever is told it, within the org: approvals::isolation"),
    ("/v1/approvers/{", "approvals::isolation"),
    ("/v1/sse/", "approvals::isolation, approvals::channels"),
    ("/v1/requests/{", "an enforcer's own word: approvals::isolation"),
    ("/v1/presence/enforcers/{", "an enforcer's own word: approvals::isolation"),
    ("/v1/policy/dnd/{", "an approver's own word: approvals::isolation"),
    ("/v1/consents/{", "colleagues may consent to the same app: approvals::isolation"),
];

/// Members of bodies that name something by its id, and what a stranger is told.
const IN_BODIES: &[(&str, &str, u16)] = &[
    ("/api/v1/me/org", "org_id", 404),
    // Both are the operator's to choose.
    ("/api/v1/org/clients", "org_id", 404),
    ("/api/v1/org/clients", "client_id", 422),
];

fn said(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    forget(&mut body, &["request_id"]);
    (answer.status.as_u16(), body)
}

/// A body that the route would take: what is asked is whether the id is known, not whether the body is right.
fn body(operation: &Operation) -> Option<Value> {
    let properties = operation.body.as_ref()?["properties"].as_object()?;
    let mut body = json!({});
    for (name, value) in [
        ("name", json!("Taken")),
        ("role", json!("auditor")),
        ("allowed_snapshots", Value::Null),
        ("allowedOrigins", json!(["https://evil.example"])),
    ] {
        if properties.contains_key(name) {
            body[name] = value;
        }
    }
    if let Some(status) = properties.get("status").and_then(|s| s["enum"].as_array()?.last()) {
        body["status"] = status.clone();
    }
    Some(body)
}

/// Routes with ids that people may ask, in an order in which those who may do it can do all of it.
fn routes(things: &Things) -> Vec<Operation> {
    let named =
        |o: &Operation| o.path.contains('{') && !NOT_HERE.iter().any(|(path, _)| o.path.starts_with(path));
    let all = things.town.cp.app.api().operations().to_vec();
    let mut found: Vec<_> = all.into_iter().filter(|o| named(o) && (o.person || !o.operator)).collect();
    for operation in &found {
        let path = fill(operation.path, &things.theirs);
        assert!(
            !path.contains('{'),
            "{} {} takes an id that this walk does not know: give it one of another org in `things.rs`, or, where other \
             tests prove that another's is not there, name the route and them in `NOT_HERE`",
            operation.method,
            operation.path
        );
    }
    let methods = [Method::GET, Method::PUT, Method::PATCH, Method::POST, Method::DELETE];
    let last = |path: &str| ["/org/clients/", "/org/members/"].iter().position(|part| path.contains(part));
    found.sort_by_key(|o| (last(o.path), methods.iter().position(|m| *m == o.method)));
    found
}

async fn is_not_there(things: &Things, who: &Asker, operation: &Operation, always: bool) {
    let cp = &things.town.cp;
    let (theirs, nobodys) = (fill(operation.path, &things.theirs), fill(operation.path, &nobodys()));
    let theirs_said = said(&who.ask(cp, &operation.method, &theirs, body(operation)).await);
    let nobodys_said = said(&who.ask(cp, &operation.method, &nobodys, body(operation)).await);
    let what = format!("{}: {} {theirs}", who.name, operation.method);
    assert_eq!(theirs_said, nobodys_said, "{what} tells that it is there");
    let refused = theirs_said.0 == 404 || (!always && [401, 403].contains(&theirs_said.0));
    assert!(refused, "{what}: {theirs_said:?}");
}

on_both! {
    what_another_org_has_is_not_there_on_any_route(test) {
        let things = Things::on(&test).await;
        let before = things.seen_by_them().await;
        let routes = routes(&things);
        assert!(routes.len() >= 25, "{}", routes.len());
        for operation in &routes {
            let names: Vec<_> = things.theirs.iter().filter(|(name, _)| operation.path.contains(**name)).collect();
            for (name, id) in names {
                let known = before.values().any(|seen| seen.to_string().contains(id.as_str()));
                assert!(known, "{name}: theirs is one that they see themselves");
            }
            let of_gateway = operation.path.starts_with("/v1/");
            for who in &things.strangers {
                // A page's session is nothing to the gateway, and a token does not do what a browser must.
                let always = who.name == "an owner elsewhere" && !of_gateway
                    || who.name == "an owner elsewhere, by token" && of_gateway
                    || who.name == "the operator" && operation.path.starts_with("/api/v1/org/");
                is_not_there(&things, who, operation, always).await;
            }
            if !operation.path.starts_with("/api/v1/org/") {
                for who in &things.neighbours {
                    let always = of_gateway == (who.name == "a neighbour, by token");
                    is_not_there(&things, who, operation, always).await;
                }
            }
        }
        assert_eq!(things.seen_by_them().await, before, "nothing was done to them");
        // And it was there: who may ask for it is told something else.
        for operation in &routes {
            let path = fill(operation.path, &things.theirs);
            let who = match (operation.path.starts_with("/api/v1/org/"), operation.path.starts_with("/v1/")) {
                (true, _) => &things.rightful[0],
                (_, false) => &things.rightful[1],
                (_, true) => &things.rightful[2],
            };
            let answer = who.ask(&things.town.cp, &operation.method, &path, body(operation)).await;
            assert_ne!(answer.status.as_u16(), 404, "{}: {} {path}: {:?}", who.name, operation.method, answer.body);
        }
    }
}

#[tokio::test]
async fn an_id_in_a_body_opens_no_more_than_one_in_a_path() {
    let test = crate::harness::TestStore::sqlite().await;
    let things = Things::on(&test).await;
    let before = things.seen_by_them().await;
    for operation in things.town.cp.app.api().operations() {
        let properties = operation.body.as_ref().and_then(|body| body["properties"].as_object());
        for name in properties.into_iter().flat_map(|p| p.keys()) {
            if !operation.person || !(name.ends_with("_id") || name.ends_with("Id")) {
                continue;
            }
            let known = IN_BODIES.iter().find(|(path, member, _)| (*path, *member) == (operation.path, name));
            let Some((path, _, status)) = known else {
                panic!(
                    "{} {}: say in `IN_BODIES` what a stranger is told of another's {name}",
                    operation.method, operation.path
                )
            };
            let id =
                if name == "org_id" { things.org.as_str() } else { things.theirs[name.as_str()].as_str() };
            let body = json!({"name": "Taken", "redirect_uris": ["https://mine.example/cb"], name: id});
            let body = if *path == "/api/v1/me/org" { json!({name: id}) } else { body };
            let answer = things.ada.ask(&things.town.cp, operation.method.clone(), path, Some(body)).await;
            assert_eq!(answer.status.as_u16(), *status, "{path} {name}: {:?}", answer.body);
        }
    }
    assert_eq!(things.seen_by_them().await, before);
}

#[tokio::test]
async fn the_operators_routes_tell_a_person_nothing() {
    let test = crate::harness::TestStore::sqlite().await;
    let things = Things::on(&test).await;
    let cp = &things.town.cp;
    let mut asked = 0;
    for operation in cp.app.api().operations() {
        if !operation.operator || operation.person || !operation.path.contains('{') {
            continue;
        }
        let (theirs, nobodys) = (fill(operation.path, &things.theirs), fill(operation.path, &nobodys()));
        assert!(!theirs.contains('{'), "{theirs}: give its id one of another org in `things.rs`");
        for who in things.strangers.iter().filter(|who| who.name != "the operator").chain(&things.rightful) {
            // Ten wrong tokens a minute are heard.
            cp.clock.advance(Duration::from_secs(15));
            let theirs = said(&who.ask(cp, &operation.method, &theirs, body(operation)).await);
            let nobodys = said(&who.ask(cp, &operation.method, &nobodys, body(operation)).await);
            assert!(
                [401, 403].contains(&theirs.0),
                "{}: {} {}: {theirs:?}",
                who.name,
                operation.method,
                operation.path
            );
            assert_eq!(theirs, nobodys, "{}: {} {}", who.name, operation.method, operation.path);
        }
        asked += 1;
    }
    assert!(asked >= 25, "{asked}");
}

#[tokio::test]
async fn a_list_has_ones_own_only() {
    let test = crate::harness::TestStore::sqlite().await;
    let things = Things::on(&test).await;
    let secrets = ["eve", "boss", "guest@", "Theirs", "Hers"];
    for operation in things.town.cp.app.api().operations() {
        // A stream of events has no end: `approvals::page`.
        let is_list = !operation.path.contains('{') && !operation.path.ends_with("/events");
        if operation.method != Method::GET || !is_list || !operation.person {
            continue;
        }
        for who in &things.strangers {
            let body = who.ask(&things.town.cp, &Method::GET, operation.path, None).await.body.to_string();
            let found = secrets.iter().find(|secret| body.contains(**secret));
            assert_eq!(found, None, "{}: {}: {body}", who.name, operation.path);
            let found =
                things.theirs.iter().find(|(name, id)| **name != "role" && body.contains(id.as_str()));
            assert_eq!(found, None, "{}: {}: {body}", who.name, operation.path);
        }
    }
    // The header is the operator's: with a session it changes nothing.
    for list in ["/api/v1/org", "/api/v1/org/members", "/api/v1/org/clients", "/api/v1/org/apps"] {
        let mut request = crate::harness::request(Method::GET, list, None);
        let cookie = format!("__Host-airlock_session={}", things.ada.cookie);
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request.headers_mut().insert("airlock-org", things.org.parse().unwrap());
        let body = things.town.cp.send(request).await.body.to_string();
        assert!(secrets.iter().all(|secret| !body.contains(secret)), "{list}: {body}");
    }
}

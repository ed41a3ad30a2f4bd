//! Clients that are known by the address of a document: fetched from a real server over TLS, and let in by a person.

use std::time::Duration;

use airlock_cp::oauth::{PageError, Step};
use serde_json::{Value, json};

use super::harness::{ADA, CALLBACK, VERIFIER, World, exchange, text, with};
use crate::web::{Page, Web};

const S: fn(u64) -> Duration = Duration::from_secs;

fn document(web: &Web) -> Value {
    json!({
        "client_id": web.url("/client.json"), "client_name": "Documented", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none", "client_uri": "https://app.example"
    })
}

async fn check(world: &World, id: &str) -> Step {
    world.oauth().authorize().check(&world.request(id), Some(&world.person(ADA))).await.unwrap()
}

fn is_unknown(step: &Step) -> bool {
    matches!(step, Step::Page(PageError::UnknownClient))
}

#[tokio::test]
async fn a_client_with_a_document_is_let_in_and_gets_tokens() {
    let (world, web) = World::with_web().await;
    web.put("/client.json", Page::json(&document(&web)));
    let id = web.url("/client.json");
    let Step::Consent(view) = check(&world, &id).await else { panic!() };
    let host = format!("localhost:{}", web.at.port());
    assert_eq!((view.client_name.as_str(), view.verified), ("Documented", false));
    assert_eq!(view.client_host.as_deref(), Some(host.as_str()), "its address is what it is known by");
    let code = world.code(&id).await;
    let mut form = exchange(&code).to_vec();
    form[1].1 = id.as_str();
    let tokens = world.form("/token", &form).await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    let verified = world.verify(&text(&tokens.body, "access_token")).await.unwrap();
    assert_eq!((verified.client_id.as_str(), verified.client_name.as_str()), (id.as_str(), "Documented"));
    let refresh = text(&tokens.body, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("client_id", &*id), ("refresh_token", &*refresh)];
    assert_eq!(world.form("/token", &form).await.status, 200);
    assert_eq!(web.asked(), ["/client.json"], "read once for all of it");
}

#[tokio::test]
async fn a_document_is_kept_as_long_as_it_says_within_bounds() {
    let (world, web) = World::with_web().await;
    let id = web.url("/client.json");
    let asked = async |after: u64| {
        world.cp.clock.advance(S(after));
        assert!(matches!(check(&world, &id).await, Step::Consent(_)));
        web.asked().len()
    };
    web.put("/client.json", Page::json(&document(&web)).with("cache-control", "no-store"));
    assert_eq!((asked(0).await, asked(299).await), (1, 1), "five minutes at least");
    web.put("/client.json", Page::json(&document(&web)).with("cache-control", "max-age=3600"));
    assert_eq!((asked(1).await, asked(3_599).await), (2, 2));
    web.put("/client.json", Page::json(&document(&web)).with("cache-control", "max-age=31536000"));
    assert_eq!((asked(1).await, asked(86_399).await, asked(1).await), (3, 3, 4), "a day at most");
}

#[tokio::test]
async fn what_a_document_no_longer_says_is_over() {
    let (world, web) = World::with_web().await;
    let id = web.url("/client.json");
    web.put("/client.json", Page::json(&document(&web)));
    let code = world.code(&id).await;
    let mut moved = document(&web);
    moved["redirect_uris"] = json!(["https://app.example/elsewhere"]);
    web.put("/client.json", Page::json(&moved));
    assert!(matches!(check(&world, &id).await, Step::Done(_)), "the copy holds for a while");
    world.cp.clock.advance(S(300));
    let step = check(&world, &id).await;
    assert!(matches!(step, Step::Page(PageError::UnknownRedirect)), "{step:?}");
    let elsewhere = with(&world.request(&id), "redirect_uri", Some("https://app.example/elsewhere"));
    let step = world.oauth().authorize().check(&elsewhere, Some(&world.person(ADA))).await.unwrap();
    assert!(matches!(step, Step::Consent(_)), "another address is asked for anew: {step:?}");
    web.remove("/client.json");
    world.cp.clock.advance(S(300));
    assert!(is_unknown(&check(&world, &id).await));
    let mut form = exchange(&code).to_vec();
    form[1].1 = id.as_str();
    assert_eq!(text(&world.form("/token", &form).await.body, "error"), "invalid_client");
    // It is back.
    web.put("/client.json", Page::json(&document(&web)));
    assert!(matches!(check(&world, &id).await, Step::Done(_)));
}

#[tokio::test]
async fn a_document_that_may_not_stand_is_no_client_and_nothing_tells_why() {
    // T-102
    let (world, web) = World::with_web().await;
    let mut refusals = Vec::new();
    let mut refuse = async |path: &str, page: Page| {
        // One host is read ten times a minute, no more.
        world.cp.clock.advance(S(60));
        web.put(path, page);
        let id = web.url(path);
        assert!(is_unknown(&check(&world, &id).await), "{path}");
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &*id),
            ("code", "ac_x"),
            ("code_verifier", "x"),
        ];
        refusals.push(world.form("/token", &form).await.body);
    };
    let at = |path: &str| {
        let mut good = document(&web);
        good["client_id"] = json!(web.url(path));
        good
    };
    let with = |path: &str, name: &str, value: Value| {
        let mut changed = at(path);
        changed[name] = value;
        Page::json(&changed)
    };
    refuse("/other.json", Page::json(&document(&web))).await;
    refuse("/secret.json", with("/secret.json", "token_endpoint_auth_method", json!("client_secret_basic")))
        .await;
    refuse("/keyless.json", with("/keyless.json", "token_endpoint_auth_method", json!("private_key_jwt")))
        .await;
    refuse("/plain.json", with("/plain.json", "redirect_uris", json!(["http://app.example/cb"]))).await;
    refuse("/none.json", with("/none.json", "redirect_uris", json!([]))).await;
    refuse("/script.json", with("/script.json", "redirect_uris", json!(["javascript:alert(1)"]))).await;
    refuse("/large.json", with("/large.json", "client_name", json!("x".repeat(65_536)))).await;
    refuse("/html.json", Page::text("text/html", &at("/html.json").to_string())).await;
    refuse("/gone.json", Page::json(&at("/gone.json")).status(404)).await;
    refuse("/array.json", Page::json(&json!([at("/array.json")]))).await;
    refuse("/moved.json", Page::moved("https://169.254.169.254/latest/meta-data")).await;
    refuse("/slow.json", Page::json(&at("/slow.json")).hanging()).await;
    let named = format!("https://localhost:{}@169.254.169.254/c", web.at.port());
    assert!(is_unknown(&check(&world, &named).await));
    assert!(refusals.iter().all(|body| *body == refusals[0]), "{refusals:?}");
    assert_eq!(text(&refusals[0], "error"), "invalid_client");
    web.put("/good.json", Page::json(&at("/good.json")));
    assert!(
        matches!(check(&world, &web.url("/good.json")).await, Step::Consent(_)),
        "and that was not the server"
    );
}

#[tokio::test]
async fn one_host_is_not_asked_without_end() {
    // T-103: who names a thousand addresses of a host does not make us ask it a thousand times.
    let (world, web) = World::with_web().await;
    for n in 0..50 {
        assert!(is_unknown(&check(&world, &web.url(&format!("/{n}.json"))).await));
    }
    assert_eq!(web.asked().len(), 20);
    world.cp.clock.advance(S(6));
    assert!(is_unknown(&check(&world, &web.url("/later.json")).await));
    assert_eq!(web.asked().len(), 21);
}

#[tokio::test]
async fn a_metadata_document_that_cannot_be_read_is_an_unknown_client() {
    // T-102: what is behind an address is not told.
    let world = World::fresh().await;
    let mut answers = Vec::new();
    for id in [
        "https://127.0.0.1/c",
        "https://[::1]/c",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/c",
        "https://[::ffff:10.0.0.1]/c",
        "https://localhost/c",
        "https://nowhere.invalid/c",
        "https://client.example/c",
        "http://client.example/c",
        "ghost",
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", id),
            ("code", "ac_x"),
            ("code_verifier", VERIFIER),
        ];
        answers.push(world.form("/token", &form).await.body);
    }
    assert!(answers.iter().all(|body| *body == answers[0]), "{answers:?}");
    assert_eq!(text(&answers[0], "error"), "invalid_client");
}

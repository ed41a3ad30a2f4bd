//! Clients that register themselves (RFC 7591).

use std::time::Duration;

use airlock_core::Host as _;
use serde_json::{Value, json};

use super::harness::{CHALLENGE, HOME, World, one, pairs, query, raw_request, text, with};
use crate::harness::{Answer, on_both};
use airlock_cp::oauth::Step;

async fn register_from(world: &World, ip: &str, body: Value) -> Answer {
    world.cp.send(raw_request(ip, "/register", "application/json", body.to_string())).await
}

async fn register(world: &World, body: Value) -> Answer {
    register_from(world, HOME, body).await
}

fn plain() -> Value {
    json!({"redirect_uris": ["https://dcr.example/cb"], "client_name": "Claude", "token_endpoint_auth_method": "none"})
}

on_both! {
    a_client_registers_itself_and_is_let_in(test) {
        let world = World::on(test).await;
        let answer = register(&world, plain()).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let body = answer.body;
        assert_eq!(body["client_id_issued_at"], world.cp.clock.now().as_millis() / 1_000);
        assert_eq!(body["redirect_uris"], json!(["https://dcr.example/cb"]));
        assert_eq!(body["grant_types"], json!(["authorization_code", "refresh_token"]));
        assert!(body.get("client_secret").is_none());
        let id = text(&body, "client_id");
        let request = with(&world.request(&id), "redirect_uri", Some("https://dcr.example/cb"));
        let Step::Consent(view) = world.oauth().authorize().check(&request, Some(&world.person(crate::oauth::harness::ADA))).await.unwrap() else { panic!() };
        assert_eq!((view.client_name.as_str(), view.verified), ("Claude", false));
        assert!(world.acts().await.contains(&"oauth.client.registered".to_owned()));
    }

    ten_an_hour_from_one_address_and_the_count_outlives_the_process(test) {
        // T-103
        let world = World::on(test).await;
        for _ in 0..10 {
            assert_eq!(register(&world, plain()).await.status, 201);
        }
        let refused = register(&world, plain()).await;
        assert_eq!((refused.status.as_u16(), text(&refused.body, "error").as_str()), (503, "temporarily_unavailable"));
        assert!(refused.headers.contains_key("retry-after"));
        assert_eq!(register_from(&world, "192.0.2.8", plain()).await.status, 201);
        world.cp.clock.advance(Duration::from_secs(3_599));
        assert_eq!(register(&world, plain()).await.status, 503);
        world.cp.clock.advance(Duration::from_secs(1));
        assert_eq!(register(&world, plain()).await.status, 201);
    }

    a_thousand_unused_are_kept_for_a_day_and_no_more(test) {
        // T-103
        let world = World::on(test).await;
        let now = world.cp.clock.now().as_millis();
        let rows = (0..1_000).map(|i| format!("('dcr_{i}', 'dcr', 'n', '{{}}', 'active', {now}, {now}, 1)"));
        let rows = rows.collect::<Vec<_>>().join(",");
        world.test.raw(&format!("INSERT INTO oauth_clients (id, kind, name, metadata, status, created_at, updated_at, version) VALUES {rows}")).await;
        assert_eq!(register(&world, plain()).await.status, 503);
        // One that is in use does not count, and stays.
        world.test.raw("UPDATE oauth_clients SET last_used_at = 1 WHERE id = 'dcr_0'").await;
        assert_eq!(register(&world, plain()).await.status, 201);
        world.cp.clock.advance(Duration::from_secs(86_401));
        world.oauth().clear_old().await.unwrap();
        assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM oauth_clients WHERE kind = 'dcr'").await, "1");
        // An admin's are not touched.
        assert!(world.oauth().clients().find("public-client").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_confidential_one_gets_a_secret_for_ninety_days() {
    let world = World::fresh().await;
    let body = json!({"redirect_uris": ["https://dcr.example/cb"], "client_name": "S"});
    let body = register(&world, body).await.body;
    assert_eq!(body["token_endpoint_auth_method"], "client_secret_basic");
    let ends = body["client_secret_expires_at"].as_i64().unwrap();
    assert_eq!(ends, (world.cp.clock.now().as_millis() + 90 * 86_400_000) / 1_000);
    let (id, secret) = (text(&body, "client_id"), text(&body, "client_secret"));
    assert!(secret.starts_with("ocs_"));
    let revoke = [("client_id", id.as_str()), ("client_secret", secret.as_str()), ("token", "x")];
    assert_eq!(world.form("/revoke", &revoke).await.status, 200);
    world.cp.clock.advance(Duration::from_secs(90 * 86_400));
    assert_eq!(world.form("/revoke", &revoke).await.status, 401);
}

#[tokio::test]
async fn a_loopback_client_comes_back_on_any_port_and_is_shown_with_a_warning() {
    // RFC 8252, 7.3
    let world = World::fresh().await;
    let body =
        json!({"redirect_uris": ["http://localhost:1234/callback"], "token_endpoint_auth_method": "none"});
    let id = text(&register(&world, body).await.body, "client_id");
    let asked = |address: &str| with(&world.request(&id), "redirect_uri", Some(address));
    let ada = world.person(crate::oauth::harness::ADA);
    let request = asked("http://localhost:49152/callback");
    let Step::Consent(view) = world.oauth().authorize().check(&request, Some(&ada)).await.unwrap() else {
        panic!()
    };
    assert!(view.all_loopback);
    assert_eq!(view.redirect_host, "localhost:49152");
    let Step::Done(to) = world.oauth().authorize().allow(&request, &ada).await.unwrap() else { panic!() };
    assert!(to.as_str().starts_with("http://localhost:49152/callback?code=ac_"), "{to}");
    // On another port another program may listen: the person is asked again.
    let again =
        world.oauth().authorize().check(&asked("http://localhost:49153/callback"), Some(&ada)).await.unwrap();
    assert!(matches!(again, Step::Consent(_)), "{again:?}");
    let same = world.oauth().authorize().check(&request, Some(&ada)).await.unwrap();
    assert!(matches!(same, Step::Done(_)), "{same:?}");
    let page =
        world.oauth().authorize().check(&asked("http://127.0.0.1:49152/callback"), Some(&ada)).await.unwrap();
    assert!(matches!(page, Step::Page(_)), "{page:?}");
}

#[tokio::test]
async fn our_own_sdks_need_no_registration() {
    let world = World::fresh().await;
    let request = pairs(&[
        ("response_type", "code"),
        ("client_id", "airlock-integrations"),
        ("redirect_uri", "http://localhost:50505/callback"),
        ("scope", "openid profile email"),
        ("state", "0123456789abcdef0123456789abcdef"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let Step::Done(to) =
        world.oauth().authorize().allow(&request, &world.person(crate::oauth::harness::ADA)).await.unwrap()
    else {
        panic!()
    };
    let code = one(&query(to.as_str()), "code");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "airlock-integrations"),
        ("code", code.as_str()),
        ("redirect_uri", "http://localhost:50505/callback"),
        ("code_verifier", crate::oauth::harness::VERIFIER),
    ];
    let tokens = world.form("/token", &form).await;
    assert_eq!(tokens.status, 200, "{:?}", tokens.body);
    assert_eq!(tokens.body["scope"], "openid profile email");
    assert!(tokens.body["id_token"].as_str().unwrap().starts_with("eyJ"));
    assert!(world.verify(&text(&tokens.body, "access_token")).await.is_some());
    for address in
        ["http://localhost:50505/other", "http://evil.example/callback", "https://localhost:1/callback"]
    {
        let page = world
            .oauth()
            .authorize()
            .check(&with(&request, "redirect_uri", Some(address)), None)
            .await
            .unwrap();
        assert!(matches!(page, Step::Page(_)), "{address}");
    }
}

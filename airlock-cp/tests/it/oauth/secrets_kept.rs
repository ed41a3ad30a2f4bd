//! T-108: a copy of the store opens nothing.

use std::time::Duration;

use serde_json::json;

use super::harness::{ADA, PUBLIC, World, exchange, text, with};
use crate::harness::TestStore;

#[tokio::test]
async fn the_store_has_none_of_the_texts_that_were_given_out() {
    let world = World::on(TestStore::sqlite().await).await;
    let mut given = vec![world.secret.clone()];
    let request = with(&world.request(PUBLIC), "scope", Some("openid mcp:call"));
    let code = world.code_for(&request, ADA).await;
    let tokens = world.form("/token", &exchange(&code)).await.body;
    given.push(code);
    given.extend(["access_token", "refresh_token", "id_token"].map(|name| text(&tokens, name)));
    let rotated = world.rotate(&text(&tokens, "refresh_token")).await.body;
    let repeated = world.rotate(&text(&tokens, "refresh_token")).await.body;
    assert_eq!(rotated["access_token"], repeated["access_token"]);
    given.extend(["access_token", "refresh_token"].map(|name| text(&rotated, name)));
    let device = world.form("/device_authorization", &[("client_id", "airlock-integrations")]).await.body;
    let user_code = text(&device, "user_code");
    world.oauth().devices().allow(&user_code, &world.person(ADA)).await.unwrap();
    world.cp.clock.advance(Duration::from_secs(5));
    let form = [
        ("grant_type", crate::oauth::harness::DEVICE_GRANT),
        ("client_id", "airlock-integrations"),
        ("device_code", &text(&device, "device_code")),
    ];
    let by_device = world.form("/token", &form).await.body;
    given.extend(["access_token", "refresh_token"].map(|name| text(&by_device, name)));
    given.push(text(&device, "device_code"));
    given.push(user_code.replace('-', ""));
    given.push(user_code);
    let registered = json!({"redirect_uris": ["https://dcr.example/cb"]}).to_string();
    let registered = crate::oauth::harness::raw_request(
        crate::oauth::harness::HOME,
        "/register",
        "application/json",
        registered,
    );
    given.push(text(&world.cp.send(registered).await.body, "client_secret"));
    let files = world.test.files();
    assert!(files.len() > 10_000);
    let has = |needle: &[u8]| files.windows(needle.len()).any(|window| window == needle);
    assert!(has(PUBLIC.as_bytes()), "the search works");
    for text in &given {
        assert!(!has(text.as_bytes()), "{}…", &text[..6]);
        // Nor the part after the prefix.
        let body = text.split_once('_').map_or(text.as_str(), |(_, body)| body);
        assert!(!has(body.as_bytes()), "{}…", &text[..6]);
    }
    assert_eq!(given.len(), 13);
}

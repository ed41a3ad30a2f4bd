//! The device authorization endpoint.

use super::{Row, borrowed, changed, refused_plainly};
use crate::oauth::harness::{KEEPER, PUBLIC, World};

const SDK: &str = "airlock-integrations";

#[tokio::test]
async fn a_device_is_of_a_client_that_may_be_one() {
    let world = World::fresh().await;
    let right = [("client_id", SDK), ("scope", "openid")];
    let (bolt, fragment) =
        (format!("{}/mcp/acme/", world.issuer()), format!("{}/mcp/acme#x", world.issuer()));
    let rows: &[Row<'_>] = &[
        ("RFC 8628 3.1", &[("-client_id", "")], 401, "invalid_client"),
        ("RFC 8628 3.1", &[("client_id", "")], 401, "invalid_client"),
        ("RFC 8628 3.1", &[("client_id", "ghost")], 401, "invalid_client"),
        ("RFC 8628 3.1", &[("client_id", KEEPER)], 401, "invalid_client"),
        ("RFC 8628 3.1", &[("client_secret", "s3cret")], 401, "invalid_client"),
        ("RFC 6749 3.2", &[("+client_id", SDK)], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+scope", "openid")], 400, "invalid_request"),
        ("RFC 6749 5.2", &[("client_id", PUBLIC)], 400, "unauthorized_client"),
        ("RFC 6749 5.2", &[("scope", "s3cret")], 400, "invalid_scope"),
        ("RFC 6749 3.3", &[("scope", "openid \"x\"")], 400, "invalid_scope"),
        ("RFC 8707 2.2", &[("resource", "https://evil.example")], 400, "invalid_target"),
        ("RFC 8707 2.2", &[("resource", &bolt)], 400, "invalid_target"),
        ("RFC 8707 2", &[("resource", &fragment)], 400, "invalid_target"),
    ];
    for (from, change, status, word) in rows {
        let form = changed(&right, change);
        let answer = world.form("/device_authorization", &borrowed(&form)).await;
        refused_plainly(&answer, &format!("{from}: {change:?}"), *status, word);
    }
    assert_eq!(world.form("/device_authorization", &right).await.status, 200);
    assert_eq!(world.test.text("SELECT CAST(COUNT(*) AS TEXT) FROM device_codes").await, "1");
}

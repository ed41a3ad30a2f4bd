//! The revocation endpoint. What it does not know is no error; what is no request, or of no client, is.

use super::{Row, borrowed, changed, refused_plainly};
use crate::oauth::harness::{KEEPER, PUBLIC, World, text};

#[tokio::test]
async fn a_revocation_names_one_token_and_comes_from_a_client() {
    let world = World::fresh().await;
    let tokens = world.tokens().await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let right = [("client_id", PUBLIC), ("token", refresh.as_str())];
    let long = "x".repeat(9_000);
    let rows: &[Row<'_>] = &[
        ("RFC 7009 2.1", &[("-token", "")], 400, "invalid_request"),
        ("RFC 7009 2.1", &[("token", "")], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+token", &access)], 400, "invalid_request"),
        ("RFC 6749 3.2", &[("+token_type_hint", "a"), ("+token_type_hint", "b")], 400, "invalid_request"),
        ("a bound", &[("token", &long)], 400, "invalid_request"),
        ("RFC 7009 2.1", &[("-client_id", "")], 401, "invalid_client"),
        ("RFC 7009 2.1", &[("client_id", "")], 401, "invalid_client"),
        ("RFC 7009 2.1", &[("client_id", "ghost")], 401, "invalid_client"),
        ("RFC 7009 2.1", &[("client_id", KEEPER)], 401, "invalid_client"),
        ("RFC 7009 2.1", &[("client_id", KEEPER), ("client_secret", "s3cret")], 401, "invalid_client"),
        ("RFC 7009 2.1", &[("client_secret", "s3cret")], 401, "invalid_client"),
        ("RFC 6749 3.2", &[("+client_id", PUBLIC)], 400, "invalid_request"),
    ];
    for (from, change, status, word) in rows {
        let form = changed(&right, change);
        let answer = world.form("/revoke", &borrowed(&form)).await;
        refused_plainly(&answer, &format!("{from}: {change:?}"), *status, word);
    }
    // Nor does an unknown token, or a wrong hint, say anything (RFC 7009, 2.2).
    let right_length = format!("rt_{}", "a".repeat(43));
    for token in ["x", "rt_", "at_x", "eyJ.eyJ.x", &right_length, &"x".repeat(5_000)] {
        let form = [("client_id", PUBLIC), ("token", token), ("token_type_hint", "nonsense")];
        let answer = world.form("/revoke", &form).await;
        assert_eq!((answer.status.as_u16(), answer.body.to_string().as_str()), (200, "{}"), "{token}");
    }
    assert!(world.verify(&access).await.is_some(), "nothing of this ended anything");
    assert_eq!(world.form("/revoke", &right).await.status, 200);
    assert!(world.verify(&access).await.is_none());
}

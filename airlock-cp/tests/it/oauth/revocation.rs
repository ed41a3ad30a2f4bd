//! The revocation endpoint (RFC 7009).

use super::harness::{KEEPER, PUBLIC, World, text};
use crate::harness::on_both;

on_both! {
    a_refresh_token_takes_its_family_along(test) {
        let world = World::on(test).await;
        let tokens = world.tokens().await;
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        assert!(world.verify(&access).await.is_some());
        let answer = world.form("/revoke", &[("client_id", PUBLIC), ("token", &refresh), ("token_type_hint", "refresh_token")]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(world.verify(&access).await.is_none());
        assert_eq!(text(&world.rotate(&refresh).await.body, "error"), "invalid_grant");
        assert!(world.acts().await.contains(&"oauth.token.revoked".to_owned()));
        // The client asks its person again.
        let step = world.oauth().authorize().check(&world.request(PUBLIC), Some(&world.person(crate::oauth::harness::ADA))).await.unwrap();
        assert!(matches!(step, airlock_cp::oauth::Step::Consent(_)), "{step:?}");
    }

    an_access_token_goes_alone(test) {
        let world = World::on(test).await;
        let tokens = world.tokens().await;
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        // The hint may be wrong.
        let form = [("client_id", PUBLIC), ("token", access.as_str()), ("token_type_hint", "refresh_token")];
        assert_eq!(world.form("/revoke", &form).await.status, 200);
        assert!(world.verify(&access).await.is_none());
        let next = world.rotate(&refresh).await;
        assert_eq!(next.status, 200);
        assert!(world.verify(&text(&next.body, "access_token")).await.is_some());
    }

    another_clients_token_stays(test) {
        let world = World::on(test).await;
        let tokens = world.tokens().await;
        let secret = world.secret.clone();
        for name in ["access_token", "refresh_token"] {
            let token = text(&tokens, name);
            let form = [("client_id", KEEPER), ("client_secret", secret.as_str()), ("token", token.as_str())];
            assert_eq!(world.form("/revoke", &form).await.status, 200);
        }
        assert!(world.verify(&text(&tokens, "access_token")).await.is_some());
        assert_eq!(world.rotate(&text(&tokens, "refresh_token")).await.status, 200);
    }

    an_old_refresh_token_revokes_too(test) {
        let world = World::on(test).await;
        let old = text(&world.tokens().await, "refresh_token");
        let next = world.rotate(&old).await.body;
        assert_eq!(world.form("/revoke", &[("client_id", PUBLIC), ("token", &old)]).await.status, 200);
        assert!(world.verify(&text(&next, "access_token")).await.is_none());
        assert_eq!(text(&world.rotate(&text(&next, "refresh_token")).await.body, "error"), "invalid_grant");
    }
}

//! Invitations: good once, for one address, for seven days.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::people::{OTHER, PASSWORD, Person, Town, cookie_of};
use crate::harness::on_both;

async fn accept(town: &Town, body: Value) -> crate::harness::Answer {
    town.open_post("/api/v1/invitations/accept", body).await
}

on_both! {
    a_stranger_joins_by_making_an_account(test) {
        let town = Town::on(test.store.clone()).await;
        let org = town.org("acme").await;
        let link = town.invite(&org, "Una@Example.com", "approver").await;
        assert!(town.mails.to("Una@example.com").await.text.contains(&link), "mailed as well");
        let view = town.cp.get(&format!("/api/v1/invitations/{link}")).await.body;
        assert_eq!((&view["org"], &view["role"], &view["has_account"]), (&json!("acme"), &json!("approver"), &json!(false)));
        assert_eq!(view.get("invited_by"), None, "the operator has no name");
        let weak = json!({"token": link, "name": "Una", "password": "una@example.com"});
        assert_eq!(accept(&town, weak).await.status.as_u16(), 422);
        let taken = accept(&town, json!({"token": link, "name": "Una", "password": PASSWORD})).await;
        assert_eq!(taken.status.as_u16(), 200, "{:?}", taken.body);
        let id = taken.body["user"]["id"].as_str().unwrap().parse().unwrap();
        let una = Person { id, cookie: cookie_of(&taken) };
        assert_eq!(una.get(&town.cp, "/api/v1/org").await.body["role"], "approver");
        assert_eq!(accept(&town, json!({"token": link, "name": "Eve", "password": OTHER})).await.status.as_u16(), 404);
        assert_eq!(town.login("una@example.com", PASSWORD).await.status.as_u16(), 200);
    }

    of_fifty_who_show_a_link_at_once_one_joins(test) {
        let town = Town::on(test.store.clone()).await;
        let org = town.org("acme").await;
        let ada = town.person("ada", "default", "owner").await;
        let link = town.invite(&org, "ada@example.com", "member").await;
        let takes = (0..50).map(|_| ada.post(&town.cp, "/api/v1/invitations/accept", json!({"token": link})));
        let answers = futures::future::join_all(takes).await;
        let joined = answers.iter().filter(|a| a.status.is_success()).count();
        assert_eq!(joined, 1);
        let told = |a: &crate::harness::Answer| matches!(a.status.as_u16(), 200 | 404 | 409);
        assert!(answers.iter().all(told), "{:?}", answers.iter().map(|a| a.status.as_u16()).collect::<Vec<_>>());
        let count = "SELECT CAST(COUNT(*) AS TEXT) FROM audit WHERE action = 'member.joined' AND outcome = 'ok'";
        assert_eq!(test.text(count).await, "2", "ada in default, ada in acme");
    }

    of_two_strangers_with_one_link_one_gets_the_account(test) {
        let town = Town::on(test.store.clone()).await;
        let link = town.invite("default", "una@example.com", "member").await;
        let (a, b) = tokio::join!(
            accept(&town, json!({"token": link, "name": "A", "password": PASSWORD})),
            accept(&town, json!({"token": link, "name": "B", "password": OTHER})),
        );
        assert_eq!([&a, &b].iter().filter(|x| x.status.is_success()).count(), 1, "{:?} {:?}", a.body, b.body);
        let winner = if a.status.is_success() { PASSWORD } else { OTHER };
        assert_eq!(town.login("una@example.com", winner).await.status.as_u16(), 200);
    }

    an_invitation_is_for_its_address_and_does_not_take_over_an_account(test) {
        let town = Town::on(test.store.clone()).await;
        let org = town.org("acme").await;
        town.with_password("ada@example.com").await;
        let eve = town.person("eve", "default", "member").await;
        let link = town.invite(&org, "ada@example.com", "owner").await;
        let taken = eve.post(&town.cp, "/api/v1/invitations/accept", json!({"token": link})).await;
        assert_eq!(taken.status.as_u16(), 403);
        // Whoever reads the mail must sign in to the account that is there.
        let anew = accept(&town, json!({"token": link, "name": "Eve", "password": OTHER})).await;
        assert_eq!(anew.status.as_u16(), 409);
        assert_eq!(town.login("ada@example.com", OTHER).await.status.as_u16(), 401);
        assert_eq!(town.login("ada@example.com", PASSWORD).await.status.as_u16(), 200);
    }

    an_account_that_somebody_began_in_anothers_name_goes_to_who_reads_the_mail(test) {
        let town = Town::open(test.store.clone()).await;
        let began = json!({"email": "una@example.com", "name": "Eve", "password": OTHER});
        town.open_post("/api/v1/auth/signup", began).await;
        let eves = town.mails.to("una@example.com").await.token();
        let link = town.invite("default", "una@example.com", "member").await;
        let taken = accept(&town, json!({"token": link, "name": "Una", "password": PASSWORD})).await;
        assert_eq!(taken.status.as_u16(), 200, "{:?}", taken.body);
        assert_eq!(taken.body["user"]["name"], "Una");
        let verify = town.open_post("/api/v1/auth/email/verify", json!({"token": eves})).await;
        assert_eq!(verify.status.as_u16(), 404, "the older link is dead");
        assert_eq!(town.login("una@example.com", OTHER).await.status.as_u16(), 401);
    }

    links_die_by_age_by_a_newer_one_and_by_being_taken_back(test) {
        let town = Town::on(test.store.clone()).await;
        let dead = async |link: &str| {
            let body = json!({"token": link, "name": "Una", "password": PASSWORD});
            let (view, taken) = (town.cp.get(&format!("/api/v1/invitations/{link}")).await, accept(&town, body).await);
            (view.status.as_u16(), taken.status.as_u16()) == (404, 404)
        };
        let first = town.invite("default", "una@example.com", "member").await;
        let second = town.invite("default", "una@example.com", "member").await;
        assert!(dead(&first).await, "invited again");
        let list = || town.cp.ask(Method::GET, "/api/v1/org/invitations", None, &[("airlock-org", "default")]);
        let items = list().await.body["items"].clone();
        assert_eq!(items.as_array().unwrap().len(), 1);
        let id = items[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/org/invitations/{id}");
        let again = town.cp.ask(Method::POST, &format!("{path}/resend"), Some(json!({})), &[("airlock-org", "default")]).await;
        let third = again.body["link"].as_str().unwrap().split_once("token=").unwrap().1.to_owned();
        assert!(dead(&second).await, "sent again");
        assert_eq!(town.cp.get(&format!("/api/v1/invitations/{third}")).await.status.as_u16(), 200);
        let revoke = || town.cp.ask(Method::DELETE, &path, None, &[("airlock-org", "default")]);
        assert_eq!((revoke().await.status.as_u16(), revoke().await.status.as_u16()), (204, 404));
        assert!(dead(&third).await, "taken back");
        let late = town.invite("default", "una@example.com", "member").await;
        town.cp.clock.advance(Duration::from_secs(7 * 86_400));
        assert!(dead(&late).await, "a week old");
        for odd in ["", "inv_", "x", "inv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &late.to_uppercase()] {
            assert_eq!(accept(&town, json!({"token": odd, "name": "U", "password": PASSWORD})).await.status.as_u16(), 404);
        }
    }
}

#[tokio::test]
async fn without_mail_only_the_operator_invites() {
    let store = airlock_cp::Store::memory().await.unwrap();
    let off = [("SMTP_URL", ""), ("MAIL_FROM", "")];
    let town = Town::with(store, crate::harness::Clock::new(), &off).await;
    let ada = town.person("ada", "default", "owner").await;
    let body = json!({"email": "una@example.com", "role": "member"});
    assert_eq!(ada.post(&town.cp, "/api/v1/org/invitations", body).await.status.as_u16(), 409);
    town.invite("default", "una@example.com", "member").await;
}

#[tokio::test]
async fn an_organizations_name_stays_inside_its_mail() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    let made = town.cp.post("/api/v1/admin/orgs", json!({"name": "Acme\r\nBcc: eve@example.com"})).await;
    assert_eq!(made.status.as_u16(), 422);
    let made = town.cp.post("/api/v1/admin/orgs", json!({"name": "Ünï \"Bcc: eve@example.com\" <x>"})).await;
    let org = made.body["id"].as_str().unwrap();
    town.invite(org, "una@example.com", "member").await;
    let mail = town.mails.to("una@example.com").await.text;
    let (head, _) = mail.split_once("\r\n\r\n").unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
}

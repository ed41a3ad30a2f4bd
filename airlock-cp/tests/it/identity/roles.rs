//! Who may do what in an org: the permission table, over every route; and the rules about owners.

use http::Method;
use serde_json::{Value, json};

use super::people::{Person, Town};
use super::sign_in::rows;
use crate::harness::on_both;

// o(wner) a(dmin) p(approver) m(ember) u(auditor) b(illing), as in the documentation.
const TABLE: &[(&str, &str, &str, &str)] = &[
    ("GET", "/api/v1/org", "oapmub", ""),
    ("PATCH", "/api/v1/org", "oa", r#"{"name": "Acme"}"#),
    ("GET", "/api/v1/org/members", "oapmu", ""),
    ("PATCH", "/api/v1/org/members/{member}", "oa", r#"{"role": "member"}"#),
    ("PATCH", "/api/v1/org/members/{member}", "o", r#"{"role": "owner"}"#),
    ("PATCH", "/api/v1/org/members/{owner}", "o", r#"{"role": "member"}"#),
    ("DELETE", "/api/v1/org/members/{member}", "oa", ""),
    ("DELETE", "/api/v1/org/members/{owner}", "o", ""),
    ("GET", "/api/v1/org/invitations", "oapmu", ""),
    ("POST", "/api/v1/org/invitations", "oa", r#"{"email": "new@example.com", "role": "admin"}"#),
    ("POST", "/api/v1/org/invitations", "o", r#"{"email": "new@example.com", "role": "owner"}"#),
    ("POST", "/api/v1/org/invitations/{invitation}/resend", "oa", "{}"),
    ("DELETE", "/api/v1/org/invitations/{invitation}", "oa", ""),
    ("POST", "/api/v1/org/invitations/{owners_invitation}/resend", "o", "{}"),
    ("DELETE", "/api/v1/org/invitations/{owners_invitation}", "o", ""),
    ("DELETE", "/api/v1/org", "o", ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_may_what_the_table_says_and_no_more() {
    let town = Town::on(airlock_cp::Store::memory().await.unwrap()).await;
    for (n, (role, letter)) in ["owner", "admin", "approver", "member", "auditor", "billing"]
        .into_iter()
        .zip("oapmub".chars())
        .enumerate()
    {
        for (i, (method, path, allowed, body)) in TABLE.iter().enumerate() {
            let slug = format!("org-{n}-{i}");
            let org = town.org(&slug).await;
            let names = |who: &str| format!("{who}-{n}-{i}");
            let actor = town.person(&names("actor"), &org, role).await;
            let member = town.person(&names("member"), &org, "member").await;
            let owner = town.person(&names("owner"), &org, "owner").await;
            town.person(&names("owner2"), &org, "owner").await;
            let invited = invitation(&town, &org, "guest@example.com", "member").await;
            let owners = invitation(&town, &org, "boss@example.com", "owner").await;
            let path = path
                .replace("{member}", member.id.as_str())
                .replace("{owner}", owner.id.as_str())
                .replace("{invitation}", &invited)
                .replace("{owners_invitation}", &owners);
            let body: Option<Value> = serde_json::from_str(body).ok();
            let answer = actor.ask(&town.cp, method.parse().unwrap(), &path, body).await;
            let may = allowed.contains(letter);
            assert_eq!(answer.status.is_success(), may, "{role}: {method} {path}: {:?}", answer.body);
            if !may {
                assert_eq!(answer.body["code"], "forbidden", "{role}: {method} {path}");
            }
            assert!(answer.body.get("link").is_none(), "a link is for the mail");
        }
    }
}

async fn invitation(town: &Town, org: &str, email: &str, role: &str) -> String {
    let path = "/api/v1/org/invitations";
    let body = Some(json!({"email": email, "role": role}));
    let made = town.cp.ask(Method::POST, path, body, &[("airlock-org", org)]).await;
    made.body["id"].as_str().unwrap().to_owned()
}

async fn set_role(town: &Town, who: &Person, whom: &Person, role: &str) -> u16 {
    let path = format!("/api/v1/org/members/{}", whom.id);
    who.ask(&town.cp, Method::PATCH, &path, Some(json!({"role": role}))).await.status.as_u16()
}

on_both! {
    an_org_keeps_an_owner_who_can_act(test) {
        let town = Town::on(test.store.clone()).await;
        let ada = town.person("ada", "default", "owner").await;
        let leave = async |who: &Person| who.post(&town.cp, "/api/v1/org/leave", json!({})).await.status.as_u16();
        let status = async |who: &Person, status: &str| {
            let path = format!("/api/v1/admin/users/{}", who.id);
            town.cp.ask(Method::PATCH, &path, Some(json!({"status": status})), &[]).await.status.as_u16()
        };
        let delete = async |who: &Person| {
            town.cp.ask(Method::DELETE, &format!("/api/v1/admin/users/{}", who.id), None, &[]).await.status.as_u16()
        };
        assert_eq!(leave(&ada).await, 409);
        assert_eq!(set_role(&town, &ada, &ada, "admin").await, 409);
        assert_eq!(status(&ada, "disabled").await, 409);
        assert_eq!(delete(&ada).await, 409);
        // A disabled owner does not count.
        let bob = town.person("bob", "default", "owner").await;
        assert_eq!(status(&bob, "disabled").await, 200);
        assert_eq!(leave(&ada).await, 409);
        assert_eq!(status(&bob, "active").await, 200);
        assert_eq!(leave(&ada).await, 204);
        assert_eq!(ada.get(&town.cp, "/api/v1/org").await.status.as_u16(), 404);
    }

    two_owners_who_leave_at_once_leave_one(test) {
        let town = Town::on(test.store.clone()).await;
        let ada = town.person("ada", "default", "owner").await;
        let bob = town.person("bob", "default", "owner").await;
        let (a, b) = tokio::join!(
            ada.post(&town.cp, "/api/v1/org/leave", json!({})),
            bob.post(&town.cp, "/api/v1/org/leave", json!({})),
        );
        let mut both = [a.status.as_u16(), b.status.as_u16()];
        both.sort_unstable();
        assert_eq!(both, [204, 409]);
    }

    nobody_raises_themselves(test) {
        let town = Town::on(test.store.clone()).await;
        let owner = town.person("owner", "default", "owner").await;
        let admin = town.person("admin", "default", "admin").await;
        let other = town.person("other", "default", "admin").await;
        assert_eq!(set_role(&town, &admin, &admin, "owner").await, 403);
        assert_eq!(set_role(&town, &admin, &other, "owner").await, 403);
        assert_eq!(set_role(&town, &admin, &owner, "member").await, 403);
        assert_eq!(set_role(&town, &admin, &other, "auditor").await, 200);
        assert_eq!(set_role(&town, &other, &other, "admin").await, 403);
        assert_eq!(set_role(&town, &admin, &admin, "member").await, 200, "down one may go");
        assert_eq!(set_role(&town, &admin, &admin, "admin").await, 403);
    }

    a_role_taken_back_is_gone_at_once_in_another_process_with_what_it_made(test) {
        let town = Town::on(test.store.clone()).await;
        let there = Town::with(test.again().await, town.cp.clock.clone(), &[]).await;
        let owner = town.person("owner", "default", "owner").await;
        let admin = town.person("admin", "default", "admin").await;
        let body = json!({"email": "sleeper@example.com", "role": "admin"});
        assert_eq!(admin.post(&town.cp, "/api/v1/org/invitations", body).await.status.as_u16(), 201);
        let sleeper = town.mails.to("sleeper@example.com").await.token();
        let path = format!("/api/v1/org/members/{}", admin.id);
        assert_eq!(owner.ask(&town.cp, Method::DELETE, &path, None).await.status.as_u16(), 204);
        assert_eq!(admin.get(&there.cp, "/api/v1/org/members").await.status.as_u16(), 404);
        assert!(admin.is_signed_in(&there.cp).await, "the person is still one");
        let view = format!("/api/v1/invitations/{sleeper}");
        assert_eq!(there.cp.get(&view).await.status.as_u16(), 404, "no way back in");
    }

    an_org_is_deleted_when_it_is_empty_of_tenants(test) {
        let town = Town::on(test.store.clone()).await;
        let org = town.org("acme").await;
        let ada = town.person("ada", &org, "owner").await;
        let delete = async || ada.ask(&town.cp, Method::DELETE, "/api/v1/org", None).await.status.as_u16();
        test.raw(&format!(
            "INSERT INTO tenants (id, org_id, slug, name, status, created_at, updated_at, version) \
             VALUES ('t_acme', '{org}', 'acme', 'Acme', 'active', 1, 1, 1)"
        )).await;
        assert_eq!(delete().await, 409);
        test.raw("UPDATE tenants SET status = 'deleted'").await;
        assert_eq!(delete().await, 204);
        assert_eq!(ada.get(&town.cp, "/api/v1/org").await.status.as_u16(), 404);
        assert_eq!(ada.get(&town.cp, "/api/v1/me/orgs").await.body["items"], json!([]));
        let boss = town.person("boss", "default", "owner").await;
        assert_eq!(boss.ask(&town.cp, Method::DELETE, "/api/v1/org", None).await.status.as_u16(), 409);
        // Its slug is free, its log stays.
        town.org("acme").await;
        assert_eq!(rows(&test, &org, "org.deleted", "ok").await, "1");
    }
}

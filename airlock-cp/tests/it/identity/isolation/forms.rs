//! Every form of the pages, sent with the ids of another org.

use http::header::{CONTENT_TYPE, COOKIE};

use super::super::people::Person;
use super::things::{Ids, Things, nobodys};
use crate::harness::{Cp, TestStore};
use crate::pages::forms;

/// Forms that name something by its id: the fields that do, and the name that a path has for such an id.
const WITH_IDS: &[(&str, &[(&str, &str)])] = &[
    ("/org/switch", &[("org", "org_id")]),
    ("/org/members/role", &[("user", "user_id")]),
    ("/org/members/remove", &[("user", "user_id")]),
    ("/org/invitations/resend", &[("id", "invitation_id")]),
    ("/org/invitations/revoke", &[("id", "invitation_id")]),
    ("/org/clients/block", &[("id", "client_id")]),
    ("/org/clients/unblock", &[("id", "client_id")]),
    ("/org/clients/delete", &[("id", "client_id")]),
    ("/org/apps/addresses", &[("id", "app_id")]),
    ("/org/apps/rotate", &[("id", "app_id")]),
    ("/org/apps/revoke", &[("id", "app_id"), ("confirm", "app_id")]),
    ("/org/grants", &[("tenant", "tenant_id")]),
    ("/org/grants/clear", &[("tenant", "tenant_id")]),
    ("/profile/sessions/revoke", &[("id", "session_id")]),
    ("/profile/clients/revoke", &[("id", "family_id")]),
    ("/profile/tokens/revoke", &[("id", "pat_id")]),
];

/// Forms that name nothing by an id, or by one that other tests send.
const WITHOUT: &[&str] = &[
    "/login",
    "/login/operator",
    "/logout",
    "/signup",
    "/verify",
    "/email/confirm",
    "/forgot",
    "/reset",
    "/invitations/accept",
    "/profile/name",
    "/profile/email",
    "/profile/password",
    "/profile/sessions/revoke-others",
    "/profile/tokens",
    "/profile/delete",
    "/org/name",
    "/org/invitations",
    "/org/leave",
    "/org/delete",
    "/org/clients",
    "/org/apps",
    // Codes are secrets; the org that goes with them is tried in `oauth::authorize` and `oauth::devices`.
    "/authorize",
    "/device",
    "/device/decide",
];

async fn send(cp: &Cp, who: &Person, path: &str, fields: &[(&str, &str)], ids: &Ids) -> (u16, String) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("csrf", &who.csrf()).append_pair("role", "auditor");
    for (field, id) in fields {
        form.append_pair(field, &ids[id]);
    }
    let mut request = crate::harness::request(http::Method::POST, path, None);
    *request.body_mut() = form.finish().into();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
    headers.insert(COOKIE, format!("__Host-airlock_session={}", who.cookie).parse().unwrap());
    headers.insert("accept", "text/html".parse().unwrap());
    let answer = cp.send(request).await;
    let html = answer.body.as_str().map_or_else(|| answer.body.to_string(), str::to_owned);
    let id = answer.headers["x-request-id"].to_str().unwrap();
    (answer.status.as_u16(), html.replace(id, ""))
}

#[tokio::test]
async fn every_form_is_known_to_this_walk() {
    let known = |path: &str| WITH_IDS.iter().any(|(p, _)| *p == path) != WITHOUT.contains(&path);
    for path in forms() {
        assert!(
            known(&path),
            "{path} is a form that this walk does not know: say in `WITH_IDS` which of its fields are ids, or name it in \
             `WITHOUT` if none is"
        );
    }
}

#[tokio::test]
async fn what_another_org_has_is_not_there_for_any_form() {
    let test = TestStore::sqlite().await;
    let mut things = Things::on(&test).await;
    let mut nobodys = nobodys();
    things.theirs.insert("org_id", things.org.clone());
    nobodys.insert("org_id", "org_nobodys".to_owned());
    let before = things.seen_by_them().await;
    for (path, fields) in WITH_IDS {
        let neighbour = path.starts_with("/profile/").then_some(("a neighbour", &things.finn));
        for (name, who) in [("an owner elsewhere", &things.ada)].into_iter().chain(neighbour) {
            let theirs = send(&things.town.cp, who, path, fields, &things.theirs).await;
            let none = send(&things.town.cp, who, path, fields, &nobodys).await;
            assert_eq!(theirs.0, 404, "{name}: {path}: {}", theirs.1);
            assert_eq!(theirs, none, "{name}: {path} tells that it is there");
        }
    }
    assert_eq!(things.seen_by_them().await, before, "nothing was done to them");
}

//! Routes of what is a person's own.

use airlock_core::id::{LoginId, OrgId};
use airlock_core::{Code, Secret};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DELETE, GET, PATCH, POST, People, secret, texts};
use crate::http::{Api, Body, Me, PathOf, Principal, Problem, Stamped, cookies, if_match};
use crate::identity::{Membership, Org, Sessions, User};
use crate::tenants::Page;

pub(super) fn api() -> Api<People> {
    const ME: &str = "/api/v1/me";
    const SESSIONS: &str = "/api/v1/me/sessions";
    Api::new()
        .route(GET, ME, "Show who asks, where, and the page's token", show)
        .route(PATCH, ME, "Rename oneself", patch)
        .body(texts(&["name"], &[]))
        .route(DELETE, ME, "Delete one's account", delete)
        .body(texts(&["password"], &[]))
        .route(POST, "/api/v1/me/password", "Change one's password; ends all other sessions", password)
        .body(texts(&["old_password", "new_password"], &[]))
        .route(POST, "/api/v1/me/email", "Ask for another address; a link goes there", email)
        .body(texts(&["password", "email"], &[]))
        .route(POST, "/api/v1/me/email/confirm", "Take in another address with the mailed token", confirm)
        .body(texts(&["token"], &[]))
        .route(GET, SESSIONS, "List the browsers one is signed in with", sessions)
        .route(DELETE, SESSIONS, "End all sessions but this one", end_others)
        .route(DELETE, "/api/v1/me/sessions/{session_id}", "End a session", end_session)
        .route(GET, "/api/v1/me/orgs", "List one's organizations", orgs)
        .route(POST, "/api/v1/me/org", "Show another organization in this browser", switch)
        .body(texts(&["org_id"], &[]))
        .person()
}

async fn show(who: Principal, State(people): State<People>) -> Result<Json<Value>, Problem> {
    let csrf = who.csrf().map(str::to_owned);
    let (user, org, session) = match &who {
        Principal::Person(me) => (Some(&me.user), me.org.clone(), me.login.as_ref()),
        Principal::Operator { org, login, .. } => {
            (None, org.clone().map(|org| (org, crate::authz::Role::Owner)), login.as_ref())
        }
    };
    let org = match org {
        Some((id, role)) => Some(Membership { org: people.orgs.show(&id).await?, role }),
        None => None,
    };
    Ok(Json(json!({
        "user": user, "operator": user.is_none(), "org": org, "session": session.map(|(login, _)| login),
        "csrf_token": csrf
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    name: String,
}

async fn patch(
    me: Me,
    State(people): State<People>,
    headers: HeaderMap,
    Body(asked): Body<Rename>,
) -> Result<Stamped<User>, Problem> {
    let user = people.users.rename(&me, &asked.name, if_match(&headers)?).await?;
    Ok(Stamped { version: user.version, body: user })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmed {
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
}

async fn delete(
    me: Me,
    State(people): State<People>,
    Body(asked): Body<Confirmed>,
) -> Result<Response, Problem> {
    in_a_browser(&me)?;
    people.users.delete_me(&me, &asked.password).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().append(SET_COOKIE, cookies::clear());
    Ok(response)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(deserialize_with = "secret")]
    old_password: Secret<String>,
    #[serde(deserialize_with = "secret")]
    new_password: Secret<String>,
}

async fn password(
    me: Me,
    State(people): State<People>,
    Body(asked): Body<Change>,
) -> Result<StatusCode, Problem> {
    people.users.change_password(&me, &asked.old_password, &asked.new_password).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    #[serde(deserialize_with = "secret")]
    password: Secret<String>,
    email: String,
}

async fn email(
    me: Me,
    State(people): State<People>,
    Body(asked): Body<NewAddress>,
) -> Result<Response, Problem> {
    people.users.change_email(&me, &asked.password, &asked.email).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"status": "check_your_mail"}))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(deserialize_with = "secret")]
    token: Secret<String>,
}

async fn confirm(
    me: Me,
    State(people): State<People>,
    Body(shown): Body<Token>,
) -> Result<Stamped<User>, Problem> {
    let user = people.users.confirm_email(&me, shown.token.expose()).await?;
    Ok(Stamped { version: user.version, body: user })
}

async fn sessions(me: Me, State(people): State<People>) -> Result<Json<Value>, Problem> {
    let this = me.login.as_ref().map(|(login, _)| &login.id);
    let all = people.logins.of_user(&me.user.id).await?;
    let items: Vec<Value> = all
        .iter()
        .map(|login| {
            let mut item = json!(login);
            item["current"] = Value::from(this == Some(&login.id));
            item
        })
        .collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

async fn end_others(me: Me, State(people): State<People>) -> Result<StatusCode, Problem> {
    in_a_browser(&me)?;
    let which = match &me.login {
        Some((login, _)) => Sessions::AllBut(login.id.clone()),
        None => Sessions::All,
    };
    people.users.revoke_sessions(&me.caller, &me.user.id, which).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn end_session(
    me: Me,
    State(people): State<People>,
    PathOf(session): PathOf<LoginId>,
) -> Result<StatusCode, Problem> {
    in_a_browser(&me)?;
    people.users.revoke_sessions(&me.caller, &me.user.id, Sessions::One(session)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn orgs(me: Me, State(people): State<People>) -> Result<Json<Page<Membership>>, Problem> {
    let mut items = people.orgs.of_user(&me.user.id).await?;
    // A token knows its own org only.
    if me.login.is_none() {
        items.retain(|m| me.org.as_ref().is_some_and(|(org, _)| *org == m.org.id));
    }
    Ok(Json(Page { items, next_cursor: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    org_id: String,
}

async fn switch(
    who: Principal,
    State(people): State<People>,
    Body(asked): Body<Switch>,
) -> Result<Json<Org>, Problem> {
    let id: OrgId = asked.org_id.parse().map_err(|_| Problem::new(Code::NotFound, "no such organization"))?;
    Ok(Json(people.orgs.switch(&who, &id).await?))
}

// Whoever has a token must not sign browsers out or delete the account with it.
fn in_a_browser(me: &Me) -> Result<(), Problem> {
    match me.login {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::Forbidden, "sign in with a browser for this; a token does not do")),
    }
}

//! Routes of the operator: all people, all orgs.

use airlock_core::id::{LoginId, OrgId, UserId};
use airlock_core::{Code, Secret};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DELETE, GET, PATCH, POST, People, operator, secret_opt, texts};
use crate::http::{Api, Body, Paging, PathOf, Principal, Problem, QueryOf, Stamped};
use crate::identity::{Login, NewOrg, NewUser, Org, OwnerOf, Sessions, User, UserStatus};
use crate::tenants::Page;

const ORGS: &str = "/api/v1/admin/orgs";

pub(super) fn api() -> Api<People> {
    const USERS: &str = "/api/v1/admin/users";
    const USER: &str = "/api/v1/admin/users/{user_id}";
    Api::new()
        .route(GET, ORGS, "List organizations", orgs)
        .query(&["limit", "cursor"])
        .route(GET, USERS, "List people", users)
        .query(&["limit", "cursor"])
        .route(
            POST,
            USERS,
            "Make a person; without a password, a link to choose one is in the answer",
            create,
        )
        .body(texts(&["email"], &["name", "password", "owner_of", "new_org"]))
        .route(GET, USER, "Show a person", show)
        .route(PATCH, USER, "Disable a person, or enable them again", patch)
        .body(json!({
            "type": "object", "required": ["status"], "additionalProperties": false,
            "properties": {"status": {"enum": ["active", "disabled"]}}
        }))
        .route(DELETE, USER, "Delete a person", delete)
        .route(GET, "/api/v1/admin/users/{user_id}/sessions", "List a person's sessions", sessions)
        .route(
            POST,
            "/api/v1/admin/users/{user_id}/sessions/revoke",
            "End one session of a person, or all with every token",
            revoke,
        )
        .body(texts(&[], &["session_id"]))
}

pub(super) fn asked_once() -> Api<People> {
    Api::new().route(POST, ORGS, "Make an organization", create_org).body(texts(&["name"], &["slug"]))
}

async fn orgs(
    who: Principal,
    State(people): State<People>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Org>>, Problem> {
    operator(who)?;
    Ok(Json(people.orgs.list(paging.cursor.as_deref(), paging.limit()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrgBody {
    name: String,
    slug: Option<String>,
}

async fn create_org(
    who: Principal,
    State(people): State<People>,
    Body(asked): Body<OrgBody>,
) -> Result<Response, Problem> {
    let new = NewOrg { name: asked.name, slug: asked.slug };
    let org = people.orgs.create(&operator(who)?, new).await?;
    Ok((StatusCode::CREATED, Stamped { version: org.version, body: org }).into_response())
}

async fn users(
    who: Principal,
    State(people): State<People>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<User>>, Problem> {
    operator(who)?;
    Ok(Json(people.users.list(paging.cursor.as_deref(), paging.limit()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserBody {
    email: String,
    name: Option<String>,
    #[serde(default, deserialize_with = "secret_opt")]
    password: Option<Secret<String>>,
    owner_of: Option<String>,
    new_org: Option<String>,
}

async fn create(
    who: Principal,
    State(people): State<People>,
    Body(asked): Body<UserBody>,
) -> Result<Response, Problem> {
    let caller = operator(who)?;
    let owner_of = match (asked.owner_of, asked.new_org) {
        (None, None) => None,
        (Some(named), None) => Some(OwnerOf::Existing(org_named(&people, &named).await?)),
        (None, Some(name)) => Some(OwnerOf::New(name)),
        (Some(_), Some(_)) => {
            return Err(Problem::new(Code::InvalidArguments, "owner_of or new_org, not both"));
        }
    };
    let new = NewUser { email: asked.email, name: asked.name, password: asked.password, owner_of };
    let made = people.users.create(&caller, new).await?;
    let mut body = json!(made.user);
    body["org"] = json!(made.org);
    if let Some(link) = &made.link {
        body["link"] = Value::from(link.expose().as_str());
    }
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

async fn org_named(people: &People, name: &str) -> Result<OrgId, Problem> {
    if let Ok(id) = name.parse::<OrgId>()
        && let Ok(org) = people.orgs.show(&id).await
    {
        return Ok(org.id);
    }
    let slug = name.parse().map_err(|_| Problem::new(Code::NotFound, "no such organization"))?;
    Ok(people.orgs.by_slug(&slug).await?.id)
}

async fn show(
    who: Principal,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
) -> Result<Stamped<User>, Problem> {
    operator(who)?;
    let user = people.users.show(&user).await?;
    Ok(Stamped { version: user.version, body: user })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    status: UserStatus,
}

async fn patch(
    who: Principal,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
    Body(asked): Body<Status>,
) -> Result<Stamped<User>, Problem> {
    let user = people.users.set_status(&operator(who)?, &user, asked.status).await?;
    Ok(Stamped { version: user.version, body: user })
}

async fn delete(
    who: Principal,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
) -> Result<StatusCode, Problem> {
    people.users.delete(&operator(who)?, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn sessions(
    who: Principal,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
) -> Result<Json<Page<Login>>, Problem> {
    operator(who)?;
    let user = people.users.show(&user).await?;
    Ok(Json(Page { items: people.logins.of_user(&user.id).await?, next_cursor: None }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    session_id: Option<LoginId>,
}

async fn revoke(
    who: Principal,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
    Body(asked): Body<Revoke>,
) -> Result<StatusCode, Problem> {
    let which = asked.session_id.map_or(Sessions::All, Sessions::One);
    people.users.revoke_sessions(&operator(who)?, &user, which).await?;
    Ok(StatusCode::NO_CONTENT)
}

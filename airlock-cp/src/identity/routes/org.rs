//! Routes of the org that somebody acts in, its members and invitations.

use airlock_core::Code;
use airlock_core::id::{InvitationId, UserId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DELETE, GET, PATCH, POST, People, texts};
use crate::authz::{Act, Role};
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, Me, OrgCtx, Paging, PathOf, Problem, QueryOf, Stamped, if_match};
use crate::identity::{Invitation, MadeInvitation, Member, Membership, Org, OrgPatch};
use crate::tenants::Page;

const INVITATIONS: &str = "/api/v1/org/invitations";

pub(super) fn api() -> Api<People> {
    const ORG: &str = "/api/v1/org";
    const MEMBER: &str = "/api/v1/org/members/{user_id}";
    Api::new()
        .route(GET, ORG, "Show the organization, and what one is in it", show)
        .route(PATCH, ORG, "Rename the organization", patch)
        .body(texts(&[], &["name", "slug"]))
        .route(DELETE, ORG, "Delete the organization; it must have no tenants", delete)
        .route(GET, "/api/v1/org/members", "List members", members)
        .query(&["limit", "cursor"])
        .route(PATCH, MEMBER, "Make a member something else", set_role)
        .body(json!({
            "type": "object", "required": ["role"], "additionalProperties": false,
            "properties": {"role": {"enum": Role::ALL}}
        }))
        .route(DELETE, MEMBER, "Remove a member", remove)
        .route(POST, "/api/v1/org/leave", "Leave the organization", leave)
        .route(GET, INVITATIONS, "List invitations that nobody took", invitations)
        .query(&["limit", "cursor"])
        .route(DELETE, "/api/v1/org/invitations/{invitation_id}", "Take an invitation back", revoke)
        .person()
}

pub(super) fn asked_once() -> Api<People> {
    Api::new()
        .route(POST, INVITATIONS, "Invite an address; the operator is given the link as well, once", invite)
        .body(json!({
            "type": "object", "required": ["email", "role"], "additionalProperties": false,
            "properties": {"email": {"type": "string"}, "role": {"enum": Role::ALL}}
        }))
        .route(
            POST,
            "/api/v1/org/invitations/{invitation_id}/resend",
            "Send an invitation again, with another link",
            resend,
        )
        .person()
}

async fn show(ctx: OrgCtx, State(people): State<People>) -> Result<Stamped<Membership>, Problem> {
    ctx.may(Act::SeeOrg)?;
    let org = people.orgs.show(ctx.org()).await?;
    Ok(Stamped { version: org.version, body: Membership { org, role: ctx.role() } })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    name: Option<String>,
    slug: Option<String>,
}

async fn patch(
    ctx: OrgCtx,
    State(people): State<People>,
    headers: HeaderMap,
    Body(asked): Body<Patch>,
) -> Result<Stamped<Org>, Problem> {
    ctx.may(Act::ChangeOrg)?;
    let patch = OrgPatch { name: asked.name, slug: asked.slug };
    let org = people.orgs.patch(&ctx, patch, if_match(&headers)?).await?;
    Ok(Stamped { version: org.version, body: org })
}

async fn delete(ctx: OrgCtx, State(people): State<People>) -> Result<StatusCode, Problem> {
    ctx.may(Act::DeleteOrg)?;
    people.orgs.delete(&ctx).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn members(
    ctx: OrgCtx,
    State(people): State<People>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Member>>, Problem> {
    ctx.may(Act::SeeMembers)?;
    Ok(Json(people.orgs.members(&ctx, paging.cursor.as_deref(), paging.limit()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRole {
    role: Role,
}

async fn set_role(
    ctx: OrgCtx,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
    Body(asked): Body<NewRole>,
) -> Result<Json<Member>, Problem> {
    ctx.may(Act::ManageMembers)?;
    Ok(Json(people.orgs.set_role(&ctx, &user, asked.role).await?))
}

async fn remove(
    ctx: OrgCtx,
    State(people): State<People>,
    PathOf(user): PathOf<UserId>,
) -> Result<StatusCode, Problem> {
    ctx.may(Act::ManageMembers)?;
    people.orgs.remove(&ctx, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(me: Me, State(people): State<People>) -> Result<StatusCode, Problem> {
    if me.login.is_none() {
        return Err(Problem::new(Code::Forbidden, "sign in with a browser for this; a token does not do"));
    }
    people.orgs.leave(&me).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn invitations(
    ctx: OrgCtx,
    State(people): State<People>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Invitation>>, Problem> {
    ctx.may(Act::SeeMembers)?;
    Ok(Json(people.invitations.list(&ctx, paging.cursor.as_deref(), paging.limit()).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invite {
    email: String,
    role: Role,
}

async fn invite(
    ctx: OrgCtx,
    State(people): State<People>,
    Body(asked): Body<Invite>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    Ok(made(StatusCode::CREATED, &people.invitations.create(&ctx, &asked.email, asked.role).await?))
}

async fn resend(
    ctx: OrgCtx,
    State(people): State<People>,
    PathOf(id): PathOf<InvitationId>,
) -> Result<Response, Problem> {
    ctx.may(Act::ManageMembers)?;
    Ok(made(StatusCode::OK, &people.invitations.resend(&ctx, &id).await?))
}

fn made(status: StatusCode, made: &MadeInvitation) -> Response {
    let mut body = json!(made.invitation);
    if let Some(link) = &made.link {
        body["link"] = Value::from(link.expose().as_str());
    }
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("link"));
    response
}

async fn revoke(
    ctx: OrgCtx,
    State(people): State<People>,
    PathOf(id): PathOf<InvitationId>,
) -> Result<StatusCode, Problem> {
    ctx.may(Act::ManageMembers)?;
    people.invitations.revoke(&ctx, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

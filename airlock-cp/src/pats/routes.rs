//! Routes of personal access tokens: one's own, and the org's for those who manage its members.

use airlock_core::Code;
use airlock_core::id::{OrgId, PatId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{MintedPat, NewPat, Pat, Pats};
use crate::authz::Act;
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, Me, OrgCtx, Paging, PathOf, Problem, QueryOf};
use crate::tenants::Page;

/// Routes of personal access tokens.
pub fn api(pats: Pats) -> Api {
    Api::new()
        .route(Method::GET, "/api/v1/me/pats", "List one's own personal access tokens", mine)
        .query(&["limit", "cursor"])
        .route(
            Method::POST,
            "/api/v1/me/pats",
            "Make a personal access token, from the browser only; its text is in the answer, once",
            create,
        )
        .body(json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {
                "name": {"type": "string"},
                "expires_at": {"type": ["string", "null"], "format": "date-time"}
            }
        }))
        .route(
            Method::DELETE,
            "/api/v1/me/pats/{pat_id}",
            "Revoke one's own personal access token",
            revoke_mine,
        )
        .route(Method::GET, "/api/v1/org/pats", "List the personal access tokens of the org's members", list)
        .query(&["limit", "cursor"])
        .route(Method::DELETE, "/api/v1/org/pats/{pat_id}", "Revoke a member's personal access token", revoke)
        .person()
        .with_state(pats)
}

/// A token acts within its own org; a browser's session sees them all.
fn within(me: &Me) -> Option<&OrgId> {
    if me.login.is_some() { None } else { me.org.as_ref().map(|(org, _)| org) }
}

async fn mine(
    me: Me,
    State(pats): State<Pats>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Pat>>, Problem> {
    let page = pats.list(Some(&me.user.id), within(&me), paging.cursor.as_deref(), paging.limit()).await?;
    Ok(Json(page))
}

async fn create(
    me: Me,
    ctx: OrgCtx,
    State(pats): State<Pats>,
    Body(new): Body<NewPat>,
) -> Result<Response, Problem> {
    if me.login.is_none() {
        return Err(Problem::new(Code::Forbidden, "a token makes no tokens; sign in with the browser"));
    }
    ctx.may(Act::OwnTokens)?;
    let MintedPat { pat, text } = pats.create(ctx.caller(), &me.user.id, ctx.org(), new).await?;
    let mut body = json!(pat);
    body["token"] = Value::from(text.expose().as_str());
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("token"));
    Ok(response)
}

async fn revoke_mine(
    me: Me,
    State(pats): State<Pats>,
    PathOf(id): PathOf<PatId>,
) -> Result<StatusCode, Problem> {
    pats.revoke(&me.caller, &id, Some(&me.user.id), within(&me)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn list(
    ctx: OrgCtx,
    State(pats): State<Pats>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Pat>>, Problem> {
    ctx.may(Act::ManageMembers)?;
    Ok(Json(pats.list(None, Some(ctx.org()), paging.cursor.as_deref(), paging.limit()).await?))
}

async fn revoke(
    ctx: OrgCtx,
    State(pats): State<Pats>,
    PathOf(id): PathOf<PatId>,
) -> Result<StatusCode, Problem> {
    ctx.may(Act::ManageMembers)?;
    pats.revoke(ctx.caller(), &id, None, Some(ctx.org())).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Routes of an org's apps: one's own for members, all for those who manage clients.

use airlock_core::Code;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{AppPatch, AppRecord, Apps, MintedApp, NewApp};
use crate::authz::Act;
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, OrgCtx, Paging, PathOf, Problem, QueryOf, Stamped, if_match};
use crate::tenants::Page;

/// Routes of apps.
pub fn api(apps: Apps) -> Api {
    const APPS: &str = "/api/v1/org/apps";
    const APP: &str = "/api/v1/org/apps/{app_id}";
    Api::new()
        .route(Method::GET, APPS, "List apps: one's own, or all of the org", list)
        .query(&["limit", "cursor"])
        .route(Method::POST, APPS, "Register an app; its secret is in the answer, once", create)
        .body(schema(&["name", "kind"]))
        .route(Method::GET, APP, "Show an app", show)
        .route(Method::PATCH, APP, "Change what an app says of itself, its origins and redirects", patch)
        .body(schema(&[]))
        .route(
            Method::POST,
            "/api/v1/org/apps/{app_id}/rotate-secret",
            "Give an app another secret; the old one is dead at once",
            rotate,
        )
        .route(
            Method::POST,
            "/api/v1/org/apps/{app_id}/revoke",
            "End an app for ever, with its tokens",
            revoke,
        )
        .person()
        .with_state(apps)
}

fn schema(required: &[&str]) -> Value {
    let list = json!({"type": ["array", "null"], "items": {"type": "string"}});
    let mut schema = json!({
        "type": "object", "required": required, "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "description": {"type": ["string", "null"]},
            "home_page_url": {"type": ["string", "null"]},
            "is_open_source": {"type": ["boolean", "null"]},
            "allowed_origins": list,
            "redirect_uris": list
        }
    });
    if required.contains(&"kind") {
        schema["properties"]["kind"] =
            json!({"enum": ["Agent", "Desktop", "VsCodeExtension", "Web", "Mobile"]});
    } else {
        schema["properties"]["requests_per_minute"] =
            json!({"oneOf": [{"type": "integer", "minimum": 1}, {"enum": ["unlimited", "default", null]}]});
    }
    schema
}

/// Whose apps somebody may do this to: everybody's in the org, or their own only.
fn reach(ctx: &OrgCtx, all: Act) -> Result<Option<String>, Problem> {
    match (ctx.may(all), ctx.user()) {
        (Ok(()), _) => Ok(None),
        (Err(_), Some(user)) if ctx.role().may(Act::OwnApps) => Ok(Some(user.to_string())),
        (Err(refused), _) => Err(refused),
    }
}

async fn found(ctx: &OrgCtx, apps: &Apps, id: &str, all: Act) -> Result<AppRecord, Problem> {
    Ok(apps.show(ctx.org(), id, reach(ctx, all)?.as_deref()).await?)
}

fn minted(status: StatusCode, minted: MintedApp) -> Response {
    let mut body = json!(minted.app);
    if let Some(secret) = minted.secret {
        body["client_secret"] = Value::from(secret.expose().as_str());
    }
    let mut response = (status, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("client_secret"));
    response
}

async fn list(
    ctx: OrgCtx,
    State(apps): State<Apps>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<AppRecord>>, Problem> {
    let owner = reach(&ctx, Act::SeeClients)?;
    Ok(Json(apps.list(ctx.org(), owner.as_deref(), paging.cursor.as_deref(), paging.limit()).await?))
}

async fn create(ctx: OrgCtx, State(apps): State<Apps>, Body(new): Body<NewApp>) -> Result<Response, Problem> {
    ctx.may(Act::OwnApps)?;
    Ok(minted(StatusCode::CREATED, apps.create(ctx.caller(), ctx.org(), new).await?))
}

async fn show(
    ctx: OrgCtx,
    State(apps): State<Apps>,
    PathOf(id): PathOf<String>,
) -> Result<Stamped<AppRecord>, Problem> {
    let app = found(&ctx, &apps, &id, Act::SeeClients).await?;
    Ok(Stamped { version: app.version, body: app })
}

async fn patch(
    ctx: OrgCtx,
    State(apps): State<Apps>,
    PathOf(id): PathOf<String>,
    headers: HeaderMap,
    Body(patch): Body<AppPatch>,
) -> Result<Stamped<AppRecord>, Problem> {
    if patch.requests_per_minute.is_some() && ctx.user().is_some() {
        let why = "how often an app may ask is for the operator to say";
        return Err(Problem::new(Code::Forbidden, why));
    }
    let before = found(&ctx, &apps, &id, Act::ManageClients).await?;
    let app = apps.patch(ctx.caller(), before, patch, if_match(&headers)?).await?;
    Ok(Stamped { version: app.version, body: app })
}

async fn rotate(
    ctx: OrgCtx,
    State(apps): State<Apps>,
    PathOf(id): PathOf<String>,
) -> Result<Response, Problem> {
    let before = found(&ctx, &apps, &id, Act::ManageClients).await?;
    Ok(minted(StatusCode::OK, apps.rotate(ctx.caller(), before).await?))
}

async fn revoke(
    ctx: OrgCtx,
    State(apps): State<Apps>,
    PathOf(id): PathOf<String>,
) -> Result<Json<AppRecord>, Problem> {
    let before = found(&ctx, &apps, &id, Act::ManageClients).await?;
    Ok(Json(apps.revoke(ctx.caller(), before).await?))
}

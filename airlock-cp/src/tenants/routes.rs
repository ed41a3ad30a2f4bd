//! Routes of tenants.

use airlock_core::id::TenantId;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::{NewTenant, Page, Tenant, TenantPatch, Tenants};
use crate::audit::Caller;
use crate::http::{Api, Body, Paging, PathOf, Problem, QueryOf, Stamped, if_match};

/// Routes of tenants.
pub fn api(tenants: Tenants) -> Api {
    Api::new()
        .route(Method::GET, "/api/v1/tenants", "List tenants", list)
        .query(&["limit", "cursor"])
        .route(Method::POST, "/api/v1/tenants", "Make a tenant", create)
        .body(json!({
            "type": "object", "required": ["slug"], "additionalProperties": false,
            "properties": {"slug": {"type": "string"}, "id": {"type": "string"}, "name": {"type": "string"}}
        }))
        .route(Method::GET, "/api/v1/tenants/{tenant_id}", "Show a tenant", show)
        .route(Method::PATCH, "/api/v1/tenants/{tenant_id}", "Rename, disable or enable a tenant", patch)
        .body(json!({
            "type": "object", "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "status": {"enum": ["active", "disabled"]}}
        }))
        .route(
            Method::DELETE,
            "/api/v1/tenants/{tenant_id}",
            "Delete a tenant with its keys and workers",
            delete,
        )
        .with_state(tenants)
}

async fn list(
    _: Caller,
    State(tenants): State<Tenants>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Tenant>>, Problem> {
    Ok(Json(tenants.list(paging.cursor.as_deref(), paging.limit()).await?))
}

async fn create(
    caller: Caller,
    State(tenants): State<Tenants>,
    Body(new): Body<NewTenant>,
) -> Result<Response, Problem> {
    let tenant = tenants.create(&caller, new).await?;
    let version = tenant.version;
    Ok((StatusCode::CREATED, Stamped { body: tenant, version }).into_response())
}

async fn show(
    _: Caller,
    State(tenants): State<Tenants>,
    PathOf(id): PathOf<TenantId>,
) -> Result<Stamped<Tenant>, Problem> {
    let tenant = tenants.show(&id).await?;
    Ok(Stamped { version: tenant.version, body: tenant })
}

async fn patch(
    caller: Caller,
    State(tenants): State<Tenants>,
    PathOf(id): PathOf<TenantId>,
    headers: HeaderMap,
    Body(patch): Body<TenantPatch>,
) -> Result<Stamped<Tenant>, Problem> {
    let tenant = tenants.patch(&caller, &id, patch, if_match(&headers)?).await?;
    Ok(Stamped { version: tenant.version, body: tenant })
}

async fn delete(
    caller: Caller,
    State(tenants): State<Tenants>,
    PathOf(id): PathOf<TenantId>,
) -> Result<StatusCode, Problem> {
    tenants.delete(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

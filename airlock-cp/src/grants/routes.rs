//! Routes of grants: the operator's for every tenant, an org's for its own.

use airlock_core::id::TenantId;
use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Grant, Grants, NewGrant};
use crate::audit::Caller;
use crate::authz::{Act, Role};
use crate::error::ServiceError;
use crate::http::{Api, Body, OrgCtx, Paging, PathOf, Problem, QueryOf};
use crate::tenants::{Page, Tenant, Tenants};

#[derive(Clone, Debug)]
struct Rooms {
    grants: Grants,
    tenants: Tenants,
}

impl Rooms {
    /// A tenant of this org. Another's is not there.
    async fn own(&self, ctx: &OrgCtx, id: &TenantId) -> Result<Tenant, ServiceError> {
        let tenant = self.tenants.show(id).await?;
        if tenant.org_id == *ctx.org() { Ok(tenant) } else { Err(ServiceError::NotFound("tenant")) }
    }
}

/// Routes for the operator.
pub fn operator_api(grants: Grants, tenants: Tenants) -> Api {
    const GRANTS: &str = "/api/v1/tenants/{tenant_id}/grants";
    const GRANT: &str = "/api/v1/tenants/{tenant_id}/grants/{role}";
    Api::new()
        .route(Method::GET, GRANTS, "List what roles reach of a tenant through OAuth", list)
        .route(Method::GET, GRANT, "Show what a role reaches of a tenant", show)
        .route(Method::PUT, GRANT, "Set what a role reaches of a tenant", put)
        .body(schema())
        .route(Method::DELETE, GRANT, "Take back what a role reaches; the schema is left", remove)
        .with_state(Rooms { grants, tenants })
}

/// Routes for an org's own tenants.
pub fn org_api(grants: Grants, tenants: Tenants) -> Api {
    const GRANTS: &str = "/api/v1/org/tenants/{tenant_id}/grants";
    const GRANT: &str = "/api/v1/org/tenants/{tenant_id}/grants/{role}";
    Api::new()
        .route(Method::GET, "/api/v1/org/tenants", "List the org's tenants", of_org)
        .query(&["limit", "cursor"])
        .route(Method::GET, GRANTS, "List what roles reach of a tenant of the org through OAuth", list_own)
        .route(Method::GET, GRANT, "Show what a role reaches of a tenant of the org", show_own)
        .route(Method::PUT, GRANT, "Set what a role reaches of a tenant of the org", put_own)
        .body(schema())
        .route(Method::DELETE, GRANT, "Take back what a role reaches; the schema is left", remove_own)
        .person()
        .with_state(Rooms { grants, tenants })
}

fn schema() -> Value {
    let list = json!({"type": ["array", "null"], "items": {"type": "string"}});
    json!({
        "type": "object", "required": ["allowed_snapshots"], "additionalProperties": false,
        "properties": {
            "allowed_snapshots": list,
            "tools": list,
            "max_rows": {"type": ["integer", "null"], "minimum": 1}
        }
    })
}

fn all(items: Vec<Grant>) -> Json<Page<Grant>> {
    // As many as there are roles.
    Json(Page { items, next_cursor: None })
}

async fn list(
    _: Caller,
    State(rooms): State<Rooms>,
    PathOf(tenant): PathOf<TenantId>,
) -> Result<Json<Page<Grant>>, Problem> {
    Ok(all(rooms.grants.list(&rooms.tenants.show(&tenant).await?).await?))
}

async fn show(
    _: Caller,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
) -> Result<Json<Grant>, Problem> {
    Ok(Json(rooms.grants.show(&rooms.tenants.show(&tenant).await?, role).await?))
}

async fn put(
    caller: Caller,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
    Body(new): Body<NewGrant>,
) -> Result<Json<Grant>, Problem> {
    let tenant = rooms.tenants.show(&tenant).await?;
    Ok(Json(rooms.grants.put(&caller, &tenant, role, new).await?))
}

async fn remove(
    caller: Caller,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
) -> Result<StatusCode, Problem> {
    let tenant = rooms.tenants.show(&tenant).await?;
    rooms.grants.remove(&caller, &tenant, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn of_org(
    ctx: OrgCtx,
    State(rooms): State<Rooms>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Tenant>>, Problem> {
    ctx.may(Act::SeeOrg)?;
    Ok(Json(rooms.tenants.of_org(ctx.org(), paging.cursor.as_deref(), paging.limit()).await?))
}

async fn list_own(
    ctx: OrgCtx,
    State(rooms): State<Rooms>,
    PathOf(tenant): PathOf<TenantId>,
) -> Result<Json<Page<Grant>>, Problem> {
    ctx.may(Act::SeeClients)?;
    Ok(all(rooms.grants.list(&rooms.own(&ctx, &tenant).await?).await?))
}

async fn show_own(
    ctx: OrgCtx,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
) -> Result<Json<Grant>, Problem> {
    ctx.may(Act::SeeClients)?;
    Ok(Json(rooms.grants.show(&rooms.own(&ctx, &tenant).await?, role).await?))
}

async fn put_own(
    ctx: OrgCtx,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
    Body(new): Body<NewGrant>,
) -> Result<Json<Grant>, Problem> {
    ctx.may(Act::ManageClients)?;
    let tenant = rooms.own(&ctx, &tenant).await?;
    Ok(Json(rooms.grants.put(ctx.caller(), &tenant, role, new).await?))
}

async fn remove_own(
    ctx: OrgCtx,
    State(rooms): State<Rooms>,
    PathOf((tenant, role)): PathOf<(TenantId, Role)>,
) -> Result<StatusCode, Problem> {
    ctx.may(Act::ManageClients)?;
    let tenant = rooms.own(&ctx, &tenant).await?;
    rooms.grants.remove(ctx.caller(), &tenant, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

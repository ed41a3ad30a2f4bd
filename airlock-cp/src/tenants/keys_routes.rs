//! Routes of API keys.

use airlock_core::id::{Kid, TenantId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::{ApiKeys, KeyPatch, KeyRecord, Minted, NewKey, Page, Rotate};
use crate::audit::Caller;
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, Paging, PathOf, Problem, QueryOf, Stamped, if_match};

/// Routes of API keys.
pub fn api(keys: ApiKeys) -> Api {
    const KEYS: &str = "/api/v1/tenants/{tenant_id}/api-keys";
    const KEY: &str = "/api/v1/tenants/{tenant_id}/api-keys/{kid}";
    Api::new()
        .route(Method::GET, KEYS, "List API keys", list)
        .query(&["limit", "cursor"])
        .route(Method::POST, KEYS, "Make an API key; its text is in the answer, once", create)
        .body(schema(&["name"]))
        .route(Method::GET, KEY, "Show an API key", show)
        .route(Method::PATCH, KEY, "Change an API key's name and reach", patch)
        .body(schema(&[]))
        .route(Method::POST, "/api/v1/tenants/{tenant_id}/api-keys/{kid}/revoke", "Revoke an API key", revoke)
        .route(
            Method::POST,
            "/api/v1/tenants/{tenant_id}/api-keys/{kid}/rotate",
            "Make a successor; the old key ends after the overlap",
            rotate,
        )
        .body(json!({
            "type": "object", "additionalProperties": false,
            "properties": {"overlap_s": {"type": "integer", "minimum": 0, "maximum": 7_776_000}}
        }))
        .with_state(keys)
}

fn schema(required: &[&str]) -> Value {
    let list = json!({"type": ["array", "null"], "items": {"type": "string"}});
    json!({
        "type": "object", "required": required, "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "allowed_snapshots": list,
            "tools": list,
            "max_rows": {"type": ["integer", "null"], "minimum": 1},
            "rate_limit": {"type": ["integer", "null"], "minimum": 0},
            "expires_at": {"type": ["string", "null"], "format": "date-time"}
        }
    })
}

fn minted(minted: Minted) -> Response {
    let Minted { record, text } = minted;
    let mut body = json!(record);
    body["api_key"] = Value::from(text.expose().as_str());
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("api_key"));
    response
}

async fn list(
    _: Caller,
    State(keys): State<ApiKeys>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<KeyRecord>>, Problem> {
    Ok(Json(keys.list(&tenant, paging.cursor.as_deref(), paging.limit()).await?))
}

async fn create(
    caller: Caller,
    State(keys): State<ApiKeys>,
    PathOf(tenant): PathOf<TenantId>,
    Body(new): Body<NewKey>,
) -> Result<Response, Problem> {
    Ok(minted(keys.create(&caller, &tenant, new).await?))
}

async fn show(
    _: Caller,
    State(keys): State<ApiKeys>,
    PathOf((tenant, kid)): PathOf<(TenantId, Kid)>,
) -> Result<Stamped<KeyRecord>, Problem> {
    let key = keys.show(&tenant, &kid).await?;
    Ok(Stamped { version: key.version, body: key })
}

async fn patch(
    caller: Caller,
    State(keys): State<ApiKeys>,
    PathOf((tenant, kid)): PathOf<(TenantId, Kid)>,
    headers: HeaderMap,
    Body(patch): Body<KeyPatch>,
) -> Result<Stamped<KeyRecord>, Problem> {
    let key = keys.patch(&caller, &tenant, &kid, patch, if_match(&headers)?).await?;
    Ok(Stamped { version: key.version, body: key })
}

async fn revoke(
    caller: Caller,
    State(keys): State<ApiKeys>,
    PathOf((tenant, kid)): PathOf<(TenantId, Kid)>,
) -> Result<Json<KeyRecord>, Problem> {
    Ok(Json(keys.revoke(&caller, &tenant, &kid).await?))
}

async fn rotate(
    caller: Caller,
    State(keys): State<ApiKeys>,
    PathOf((tenant, kid)): PathOf<(TenantId, Kid)>,
    Body(how): Body<Rotate>,
) -> Result<Response, Problem> {
    Ok(minted(keys.rotate(&caller, &tenant, &kid, how).await?))
}

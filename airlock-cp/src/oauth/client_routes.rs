//! Routes of OAuth clients: an org's own for its admins, all for the operator.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};

use super::Clients;
use super::client::Client;
use super::clients::{ClientPatch, MintedClient, NewClient, Owner};
use crate::audit::Caller;
use crate::authz::Act;
use crate::http::idempotency::ShownOnce;
use crate::http::{Api, Body, OrgCtx, Paging, PathOf, Problem, QueryOf, Stamped, if_match};
use crate::tenants::Page;

/// Routes of an org's own clients.
pub(super) fn org_api(clients: Clients) -> Api {
    const ALL: &str = "/api/v1/org/clients";
    const ONE: &str = "/api/v1/org/clients/{client_id}";
    Api::new()
        .route(Method::GET, ALL, "List the organization's OAuth clients", org_list)
        .query(&["limit", "cursor"])
        .route(Method::POST, ALL, "Register an OAuth client; its secret is in the answer, once", org_create)
        .body(new_schema())
        .route(Method::GET, ONE, "Show an OAuth client", org_show)
        .route(Method::PATCH, ONE, "Rename, block or unblock an OAuth client", org_patch)
        .body(patch_schema())
        .route(Method::DELETE, ONE, "Delete an OAuth client and end all that it was granted", org_delete)
        .with_state(clients)
}

/// Routes of all clients.
pub(super) fn admin_api(clients: Clients) -> Api {
    const ALL: &str = "/api/v1/admin/clients";
    const ONE: &str = "/api/v1/admin/clients/{client_id}";
    Api::new()
        .route(Method::GET, ALL, "List all OAuth clients", admin_list)
        .query(&["limit", "cursor"])
        .route(Method::POST, ALL, "Register an OAuth client; its secret is in the answer, once", admin_create)
        .body(new_schema())
        .route(Method::GET, ONE, "Show an OAuth client", admin_show)
        .route(Method::PATCH, ONE, "Rename, block or unblock an OAuth client", admin_patch)
        .body(patch_schema())
        .route(Method::DELETE, ONE, "Delete an OAuth client and end all that it was granted", admin_delete)
        .with_state(clients)
}

fn new_schema() -> Value {
    let list = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object", "required": ["name"], "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "client_id": {"type": "string", "description": "for the operator"},
            "org_id": {"type": ["string", "null"], "description": "for the operator"},
            "redirect_uris": list,
            "confidential": {"type": "boolean"},
            "token_endpoint_auth_method": {"enum": ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]},
            "grant_types": list,
            "token_format": {"enum": ["opaque", "jwt"]},
            "jwks": {"type": "object"},
            "jwks_uri": {"type": "string"}
        }
    })
}

fn patch_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "properties": {"name": {"type": "string"}, "status": {"enum": ["active", "blocked"]}}
    })
}

fn minted(minted: MintedClient) -> Response {
    let mut body = json!(minted.client);
    if let Some(secret) = &minted.secret {
        body["client_secret"] = json!(secret.expose());
    }
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.extensions_mut().insert(ShownOnce("client_secret"));
    response
}

fn stamped(client: Client) -> Stamped<Client> {
    Stamped { version: client.version, body: client }
}

fn own(org: &OrgCtx) -> Owner {
    Owner::Org(org.org().clone())
}

async fn org_list(
    org: OrgCtx,
    State(clients): State<Clients>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Client>>, Problem> {
    org.may(Act::SeeClients)?;
    Ok(Json(clients.list(&own(&org), paging.cursor.as_deref(), paging.limit()).await?))
}

async fn org_create(
    org: OrgCtx,
    State(clients): State<Clients>,
    Body(new): Body<NewClient>,
) -> Result<Response, Problem> {
    org.may(Act::ManageClients)?;
    Ok(minted(clients.create(org.caller(), &own(&org), new).await?))
}

async fn org_show(
    org: OrgCtx,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
) -> Result<Stamped<Client>, Problem> {
    org.may(Act::SeeClients)?;
    Ok(stamped(clients.show(&own(&org), &id).await?))
}

async fn org_patch(
    org: OrgCtx,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
    headers: HeaderMap,
    Body(patch): Body<ClientPatch>,
) -> Result<Stamped<Client>, Problem> {
    org.may(Act::ManageClients)?;
    Ok(stamped(clients.patch(org.caller(), &own(&org), &id, patch, if_match(&headers)?).await?))
}

async fn org_delete(
    org: OrgCtx,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    org.may(Act::ManageClients)?;
    clients.delete(org.caller(), &own(&org), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn admin_list(
    _: Caller,
    State(clients): State<Clients>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Page<Client>>, Problem> {
    Ok(Json(clients.list(&Owner::Instance, paging.cursor.as_deref(), paging.limit()).await?))
}

async fn admin_create(
    caller: Caller,
    State(clients): State<Clients>,
    Body(new): Body<NewClient>,
) -> Result<Response, Problem> {
    Ok(minted(clients.create(&caller, &Owner::Instance, new).await?))
}

async fn admin_show(
    _: Caller,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
) -> Result<Stamped<Client>, Problem> {
    Ok(stamped(clients.show(&Owner::Instance, &id).await?))
}

async fn admin_patch(
    caller: Caller,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
    headers: HeaderMap,
    Body(patch): Body<ClientPatch>,
) -> Result<Stamped<Client>, Problem> {
    Ok(stamped(clients.patch(&caller, &Owner::Instance, &id, patch, if_match(&headers)?).await?))
}

async fn admin_delete(
    caller: Caller,
    State(clients): State<Clients>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    clients.delete(&caller, &Owner::Instance, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

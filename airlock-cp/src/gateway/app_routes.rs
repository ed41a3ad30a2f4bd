//! One's own apps, in the gateway's words.

use axum::Json as Out;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Json;
use super::{Gateway, GatewayCaller, GatewayError};
use crate::apps::{AppKind, AppPatch, AppRecord, MintedApp, NewApp};
use crate::authz::Act;
use crate::http::Api;

pub(super) fn api() -> Api<Gateway> {
    const APPS: &str = "/v1/developer/apps";
    const APP: &str = "/v1/developer/apps/{app_id}";
    let origins = json!({
        "type": "object", "required": ["allowedOrigins"],
        "properties": {"allowedOrigins": {"type": "array", "items": {"type": "string"}}}
    });
    Api::new()
        .route(Method::GET, APPS, "List one's own apps", list)
        .route(Method::POST, APPS, "Register an app; its secret is in the answer, once", create)
        .body(schema(&["name", "kind"]))
        .route(Method::GET, APP, "Show an app of one's own", show)
        .route(Method::PATCH, APP, "Change an app of one's own", patch)
        .body(schema(&[]))
        .route(Method::PUT, "/v1/developer/apps/{app_id}/origins", "Set where an app's pages are", origins_of)
        .body(origins)
        .route(
            Method::POST,
            "/v1/developer/apps/{app_id}/rotate-secret",
            "Give an app another secret; the old one is dead at once",
            rotate,
        )
        .route(Method::POST, "/v1/developer/apps/{app_id}/revoke", "End an app for ever", revoke)
}

fn schema(required: &[&str]) -> Value {
    let list = json!({"type": "array", "items": {"type": "string"}});
    json!({
        "type": "object", "required": required,
        "properties": {
            "name": {"type": "string"},
            "kind": {"enum": ["Agent", "Desktop", "VsCodeExtension", "Web", "Mobile"]},
            "description": {"type": "string"},
            "homePageUrl": {"type": "string"},
            "isOpenSource": {"type": "boolean"},
            "allowedOrigins": list,
            "redirectUris": list
        }
    })
}

// Members that we do not know are passed over here, which the rooms' own forms refuse.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    name: String,
    kind: AppKind,
    #[serde(flatten)]
    more: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    description: Option<String>,
    home_page_url: Option<String>,
    is_open_source: Option<bool>,
    allowed_origins: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rename {
    name: Option<String>,
    #[serde(flatten)]
    more: Change,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Origins {
    allowed_origins: Vec<String>,
}

fn told(app: &AppRecord) -> Value {
    let mut body = json!({
        "appId": app.app_id,
        "clientId": app.client_id,
        "kind": app.kind,
        "name": app.name,
        "description": app.description,
        "isOpenSource": app.is_open_source,
        "allowedOrigins": app.allowed_origins,
        "redirectUris": app.redirect_uris,
        "status": app.status,
        "createdAt": app.created_at,
        "updatedAt": app.updated_at,
    });
    let present = [("homePageUrl", &app.home_page_url), ("clientSecretPrefix", &app.client_secret_hint)];
    for (name, text) in present {
        if let Some(text) = text {
            body[name] = Value::from(text.as_str());
        }
    }
    body
}

fn minted(status: StatusCode, minted: &MintedApp) -> Response {
    let mut body = told(&minted.app);
    if let Some(secret) = &minted.secret {
        body["clientSecret"] = Value::from(secret.expose().as_str());
    }
    let mut response = (status, Out(body)).into_response();
    let unkept = http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(http::header::CACHE_CONTROL, unkept);
    response
}

impl Gateway {
    /// An app that the caller may change: their own, or any of the org for those who manage clients.
    async fn changeable(&self, caller: &GatewayCaller, id: &str) -> Result<AppRecord, GatewayError> {
        let all = caller.role.may(Act::ManageClients);
        caller.may(Act::OwnApps)?;
        let owner = if all { None } else { Some(caller.user.as_str()) };
        Ok(self.apps.show(&caller.org, id, owner).await?)
    }
}

async fn list(caller: GatewayCaller, State(gateway): State<Gateway>) -> Result<Out<Value>, GatewayError> {
    caller.may(Act::OwnApps)?;
    // Published clients know no cursor: they get the whole list.
    let own = gateway.apps.of_owner(&caller.org, caller.user.as_str()).await?;
    Ok(Out(json!({"items": own.iter().map(told).collect::<Vec<_>>()})))
}

async fn create(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Json(new): Json<Register>,
) -> Result<Response, GatewayError> {
    caller.may(Act::OwnApps)?;
    let new = NewApp {
        name: new.name,
        kind: new.kind,
        description: new.more.description,
        home_page_url: new.more.home_page_url,
        is_open_source: new.more.is_open_source,
        allowed_origins: new.more.allowed_origins,
        redirect_uris: new.more.redirect_uris,
    };
    let made = gateway.apps.create(&caller.caller, &caller.org, new).await;
    Ok(minted(StatusCode::CREATED, &made?))
}

async fn show(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Out<Value>, GatewayError> {
    Ok(Out(told(&gateway.changeable(&caller, &id).await?)))
}

async fn patch(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    Json(patch): Json<Rename>,
) -> Result<Out<Value>, GatewayError> {
    let patch = AppPatch {
        name: patch.name,
        description: patch.more.description,
        home_page_url: patch.more.home_page_url,
        is_open_source: patch.more.is_open_source,
        allowed_origins: patch.more.allowed_origins,
        redirect_uris: patch.more.redirect_uris,
        ..AppPatch::default()
    };
    change(&caller, &gateway, &id, patch).await
}

async fn origins_of(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
    Json(origins): Json<Origins>,
) -> Result<Out<Value>, GatewayError> {
    let patch = AppPatch { allowed_origins: Some(origins.allowed_origins), ..AppPatch::default() };
    change(&caller, &gateway, &id, patch).await
}

async fn change(
    caller: &GatewayCaller,
    gateway: &Gateway,
    id: &str,
    patch: AppPatch,
) -> Result<Out<Value>, GatewayError> {
    let before = gateway.changeable(caller, id).await?;
    let app = gateway.apps.patch(&caller.caller, before, patch, None).await;
    Ok(Out(told(&app?)))
}

async fn rotate(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Response, GatewayError> {
    let before = gateway.changeable(&caller, &id).await?;
    let rotated = gateway.apps.rotate(&caller.caller, before).await;
    Ok(minted(StatusCode::OK, &rotated?))
}

async fn revoke(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<Out<Value>, GatewayError> {
    let before = gateway.changeable(&caller, &id).await?;
    let app = gateway.apps.revoke(&caller.caller, before).await;
    Ok(Out(told(&app?)))
}

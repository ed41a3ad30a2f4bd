//! What programs call: tokens, revocation, registration, devices, the key set, and the documents to find them by.
//!
//! Forms in, JSON out, also when it is a refusal: clients read the body before the status. Any web origin may read the
//! answers; no cookie is looked at.

use std::sync::Arc;

use airlock_core::crypto::PublicKey;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts as _, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::base::Seen;
use super::client_auth::ClientAuth;
use super::params::Params;
use super::revoke::RevocationEndpoint;
use super::{Clients, Devices, OauthError, Refusal, TokenEndpoint, Word, discovery, signing};
use crate::config::OauthConfig;
use crate::http::operator::user_agent;
use crate::http::{Peer, Problem};

const BODY_BYTES_MAX: usize = 64 * 1024;
const FORM: &str = "application/x-www-form-urlencoded";

/// What the routes need.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub(super) issuer: Arc<str>,
    pub(super) config: OauthConfig,
    pub(super) key: PublicKey,
    pub(super) clients: Clients,
    pub(super) tokens: TokenEndpoint,
    pub(super) revocation: RevocationEndpoint,
    pub(super) devices: Devices,
    pub(super) auth: ClientAuth,
}

pub(super) fn router(endpoints: Endpoints) -> Router {
    let server = get(server).options(preflight);
    Router::new()
        .route("/token", post(token).options(preflight))
        .route("/revoke", post(revoke).options(preflight))
        .route("/register", post(register).options(preflight))
        .route("/device_authorization", post(device).options(preflight))
        .route("/jwks", get(keys).options(preflight))
        .route("/.well-known/oauth-authorization-server", server.clone())
        .route("/.well-known/oauth-authorization-server/{*path}", get(server_below).options(preflight))
        .route("/.well-known/openid-configuration", server.clone())
        .route("/.well-known/openid-configuration/{*path}", get(server_below).options(preflight))
        .route("/realms/airlock/.well-known/openid-configuration", server)
        .route("/.well-known/oauth-protected-resource", get(resource_root).options(preflight))
        .route("/.well-known/oauth-protected-resource/{*path}", get(resource_below).options(preflight))
        .with_state(endpoints)
}

async fn token(State(endpoints): State<Endpoints>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let seen = seen(&parts).await;
    let done = async {
        let params = form(&parts, body).await?;
        endpoints.tokens.answer(&parts.headers, &params, &seen).await
    };
    answer(done.await.map(|tokens| (StatusCode::OK, tokens.body())))
}

async fn revoke(State(endpoints): State<Endpoints>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let seen = seen(&parts).await;
    let done = async {
        let params = form(&parts, body).await?;
        endpoints.revocation.answer(&parts.headers, &params, &seen).await
    };
    answer(done.await.map(|()| (StatusCode::OK, Value::Object(serde_json::Map::new()))))
}

async fn device(State(endpoints): State<Endpoints>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let seen = seen(&parts).await;
    let done = async {
        let params = form(&parts, body).await?;
        params.each_once()?;
        let client = endpoints.auth.client(&parts.headers, &params).await?;
        endpoints.devices.begin(&client, &params, &seen).await
    };
    answer(done.await.map(|started| (StatusCode::OK, started.body())))
}

async fn register(State(endpoints): State<Endpoints>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let seen = seen(&parts).await;
    let done = async {
        if media_type(&parts) != "application/json" {
            return Err(Refusal::new(Word::InvalidClientMetadata, "the metadata is JSON").into());
        }
        let body = bytes(body).await?;
        endpoints.clients.register(&body, &seen).await
    };
    answer(done.await.map(|minted| (StatusCode::CREATED, minted.answer())))
}

async fn keys(State(endpoints): State<Endpoints>) -> Response {
    document(signing::key_set(endpoints.key))
}

async fn server(State(endpoints): State<Endpoints>) -> Response {
    document(discovery::server(&endpoints.issuer, &endpoints.config))
}

// RFC 8414, 3.1: an issuer with a path has it inserted after the well-known part. Any other path is another issuer's.
async fn server_below(State(endpoints): State<Endpoints>, Path(path): Path<String>) -> Response {
    let own = endpoints.issuer.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    if own.is_some_and(|(_, own)| own == path) {
        document(discovery::server(&endpoints.issuer, &endpoints.config))
    } else {
        no_such_path()
    }
}

async fn resource_root(State(endpoints): State<Endpoints>) -> Response {
    discovery::resource(&endpoints.issuer, "").map_or_else(no_such_path, document)
}

// The path as it was sent: what a client compares is text.
async fn resource_below(State(endpoints): State<Endpoints>, request: Request) -> Response {
    let path = request.uri().path().strip_prefix("/.well-known/oauth-protected-resource").unwrap_or_default();
    let found = Some(path).filter(|path| !path.is_empty());
    found.and_then(|path| discovery::resource(&endpoints.issuer, path)).map_or_else(no_such_path, document)
}

async fn preflight() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    let allowed = HeaderValue::from_static("authorization, content-type, mcp-protocol-version");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

async fn seen(parts: &Parts) -> Seen {
    let Ok(Peer(ip)) = Peer::from_request_parts(&mut parts.clone(), &()).await;
    Seen { ip, user_agent: user_agent(&parts.headers) }
}

fn media_type(parts: &Parts) -> String {
    let value = parts.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn bytes(body: Body) -> Result<bytes::Bytes, Refusal> {
    let bad = |_| Refusal::request("the body is too large, or did not come in whole");
    to_bytes(body, BODY_BYTES_MAX).await.map_err(bad)
}

async fn form(parts: &Parts, body: Body) -> Result<Params, OauthError> {
    if media_type(parts) != FORM {
        return Err(Refusal::request("the body is application/x-www-form-urlencoded").into());
    }
    Ok(Params::read(&bytes(body).await?)?)
}

fn answer(done: Result<(StatusCode, Value), OauthError>) -> Response {
    let (status, body, refusal) = match done {
        Ok((status, body)) => (status, body, None),
        Err(error) => {
            let refusal = error.refusal();
            (refusal.status(), refusal.body(), Some(refusal))
        }
    };
    let mut response = json(status, &body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    if refusal.is_some_and(|r| r.word == Word::InvalidClient && r.basic) {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"airlock\""));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    response
}

fn document(body: Value) -> Response {
    let mut response = json(StatusCode::OK, &body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}

fn json(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn no_such_path() -> Response {
    let mut response = Problem::new(airlock_core::Code::NotFound, "no such path").into_response();
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

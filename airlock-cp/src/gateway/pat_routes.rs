//! Personal access tokens, in the gateway's words.

use axum::Json as Out;
use axum::extract::{Path, State};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::caller::Credential;
use super::{Gateway, GatewayCaller, GatewayError};
use crate::error::ServiceError;
use crate::http::Api;
use crate::pats::Pat;

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::GET, "/v1/pats", "List one's own personal access tokens", list)
        .route(Method::POST, "/v1/pats", "Refused: personal access tokens are made in the browser", create)
        .route(Method::DELETE, "/v1/pats/{pat_id}", "Revoke one's own personal access token", revoke)
}

fn told(pat: &Pat) -> Value {
    let mut body = json!({
        "id": pat.id,
        "name": pat.name,
        "hint": pat.hint,
        "createdAt": pat.created_at,
        "expiresAt": pat.expires_at,
    });
    for (name, at) in [("lastUsedAt", pat.last_used_at), ("revokedAt", pat.revoked_at)] {
        if let Some(at) = at {
            body[name] = json!(at);
        }
    }
    body
}

async fn list(caller: GatewayCaller, State(gateway): State<Gateway>) -> Result<Out<Value>, GatewayError> {
    // Published clients know no cursor: they get the whole list.
    let kept = gateway.pats.kept(&caller.user, Some(&caller.org)).await?;
    Ok(Out(json!({"items": kept.iter().map(told).collect::<Vec<_>>()})))
}

/// What was given to a program does not make what outlives it.
async fn create(caller: GatewayCaller) -> GatewayError {
    let message = match caller.credential {
        Credential::Pat => "a personal access token makes no other; sign in with the browser",
        Credential::AccessToken => "a client makes no personal access tokens; sign in with the browser",
    };
    GatewayError::forbidden("access_denied", message)
}

async fn revoke(
    caller: GatewayCaller,
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<StatusCode, GatewayError> {
    let id = id.parse().map_err(|_| ServiceError::NotFound("personal access token"))?;
    gateway.pats.revoke(&caller.caller, &id, Some(&caller.user), Some(&caller.org)).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! What anybody may ask: whether a gateway is here, and where people sign in.

use axum::Json;
use axum::extract::State;
use http::Method;
use serde_json::{Value, json};

use super::Gateway;
use crate::http::Api;

/// The client that first-party enforcers sign people in with.
const INTEGRATIONS: &str = "airlock-integrations";

pub(super) fn api() -> Api<Gateway> {
    Api::new().route(Method::GET, "/echo", "Tell the time: a gateway is here", echo).route(
        Method::GET,
        "/v1/integrations/discovery",
        "Tell where people sign in",
        discovery,
    )
}

async fn echo(State(gateway): State<Gateway>) -> Json<Value> {
    let utc = gateway.host.now().to_string();
    // Ours is a server: its own zone is UTC.
    let local = utc.replace('Z', "+00:00");
    Json(json!({"utc": utc, "local": local, "timezone": "UTC", "offsetMinutes": 0}))
}

async fn discovery(State(gateway): State<Gateway>) -> Json<Value> {
    Json(json!({
        "idp": {"baseUrl": format!("{}/realms/airlock", gateway.issuer), "clientId": INTEGRATIONS},
        "auth": {"patSupported": true}
    }))
}

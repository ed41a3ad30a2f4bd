//! Sign-in of devices and new tokens in JSON, for first-party enforcers. Nobody is known yet, so addresses are counted.

use std::net::IpAddr;

use airlock_core::Secret;
use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Json;
use super::{Gateway, GatewayError};
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::http::operator::user_agent;
use crate::http::{Api, Peer};
use crate::oauth::{Seen, TokenAnswer, UserCode, Word};

const DEVICES: Rate = Rate::per_minute(10);
// One device asks twelve times a minute; some live behind one address.
const POLLS: Rate = Rate::per_minute(240);
const REFRESHES: Rate = Rate::per_minute(60);
const TOKEN_BYTES_MAX: usize = 4_096;

pub(super) fn api() -> Api<Gateway> {
    let one = |member: &str| json!({"type": "object", "required": [member], "properties": {member: {"type": "string"}}});
    Api::new()
        .route(Method::POST, "/v1/auth/device", "Begin the sign-in of a device", begin)
        .body(json!({"type": "object"}))
        .route(Method::POST, "/v1/auth/device/token", "Ask what became of a device's sign-in", poll)
        .body(one("deviceCode"))
        .route(Method::POST, "/v1/auth/refresh", "Get new tokens for a refresh token", refresh)
        .body(one("refreshToken"))
        .route(Method::POST, "/v1/auth/enforcer/refresh", "Get new tokens for a refresh token", refresh)
        .body(one("refreshToken"))
}

#[derive(Debug, Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutDevice {
    device_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutToken {
    refresh_token: String,
}

impl Gateway {
    fn count(&self, buckets: &Buckets<IpAddr>, peer: IpAddr, rate: Rate) -> Result<(), GatewayError> {
        let taken = buckets.take(&neighbourhood(peer), rate, self.host.monotonic());
        taken.map_err(GatewayError::too_often)
    }
}

// Where tokens are inside, nothing on the way keeps a copy.
fn unkept(body: &Value) -> Response {
    let mut response = Out(body).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn bounded(text: &str) -> Result<&str, GatewayError> {
    if text.len() <= TOKEN_BYTES_MAX { Ok(text) } else { Err(GatewayError::bad_request("too long")) }
}

fn told(tokens: &TokenAnswer) -> Value {
    json!({
        "accessToken": tokens.access_token.expose(),
        "refreshToken": tokens.refresh_token.as_ref().map(Secret::expose),
        "expiresIn": tokens.expires_in,
    })
}

fn seen(ip: IpAddr, headers: &HeaderMap) -> Seen {
    Seen { ip, user_agent: user_agent(headers) }
}

async fn begin(
    State(gateway): State<Gateway>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Json(Nothing {}): Json<Nothing>,
) -> Result<Response, GatewayError> {
    gateway.count(&gateway.limits.devices, peer, DEVICES)?;
    let device = gateway.devices.start_first_party(UserCode::Six, &seen(peer, &headers)).await?;
    Ok(unkept(&json!({
        "deviceCode": device.device_code.expose(),
        "userCode": device.user_code,
        "verificationUri": device.verification_uri,
        "verificationUriComplete": device.verification_uri_complete,
        "expiresIn": device.expires_in,
        "interval": device.interval,
    })))
}

async fn poll(
    State(gateway): State<Gateway>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Json(about): Json<AboutDevice>,
) -> Result<Response, GatewayError> {
    gateway.count(&gateway.limits.polls, peer, POLLS)?;
    let code = bounded(&about.device_code)?;
    let error = match gateway.issuing.first_party_device(code, &seen(peer, &headers)).await {
        Ok(tokens) => {
            let mut body = told(&tokens);
            body["completed"] = Value::Bool(true);
            return Ok(unkept(&body));
        }
        Err(error) => error,
    };
    let error = match (error.refusal().word, error) {
        (word @ (Word::AuthorizationPending | Word::SlowDown | Word::AccessDenied), _) => word.as_str(),
        // Never given out, or used: for the device the same as too late.
        (Word::ExpiredToken | Word::InvalidGrant, _) => Word::ExpiredToken.as_str(),
        (_, error) => return Err(error.into()),
    };
    Ok(unkept(&json!({"completed": false, "error": error})))
}

async fn refresh(
    State(gateway): State<Gateway>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Json(about): Json<AboutToken>,
) -> Result<Response, GatewayError> {
    gateway.count(&gateway.limits.refreshes, peer, REFRESHES)?;
    let tokens =
        gateway.issuing.first_party_refresh(bounded(&about.refresh_token)?, &seen(peer, &headers)).await;
    Ok(unkept(&told(&tokens?)))
}

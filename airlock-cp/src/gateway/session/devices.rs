//! The keys that sign for a person.

use airlock_core::Code;
use airlock_proto::gateway::{ApproverDeviceRequest, ApproverDeviceResponse};
use axum::Json;
use axum::extract::State;
use http::Method;
use serde_json::{Value, json};

use super::Session;
use super::visitor::Visitor;
use crate::gateway::approver_routes::{device_of, devices_told};
use crate::http::{Api, Body, PathOf, Problem};

const DEVICES: &str = "/api/v1/approver/devices";
const ONE: &str = "/api/v1/approver/devices/{signer_key_id}";

pub(super) fn api() -> Api<Session> {
    Api::new()
        .route(Method::GET, DEVICES, "The devices that sign for oneself", list)
        .route(Method::POST, DEVICES, "Register a device that signs for oneself", add)
        .body(json!({"type": "object", "required": ["deviceId", "signerKeyId", "publicKey"]}))
        .route(Method::DELETE, ONE, "Take a device back, with its pairings and what waits on them", revoke)
}

async fn list(Visitor(party): Visitor, State(session): State<Session>) -> Result<Json<Value>, Problem> {
    let approvals = &session.gateway.approvals;
    let approver = approvals.approver(&party).await?;
    Ok(Json(devices_told(&approver, &approvals.devices(&approver).await?)))
}

async fn add(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<ApproverDeviceRequest>,
) -> Result<Json<ApproverDeviceResponse>, Problem> {
    let now = session.gateway.host.now();
    let (device, key) = device_of(&sent, now).map_err(|rule| Problem::new(Code::InvalidArguments, rule))?;
    let approver = session.gateway.approvals.approver(&party).await?;
    session.gateway.approvals.add_device(&party, &approver, device).await?;
    Ok(Json(ApproverDeviceResponse {
        status: "registered".to_owned(),
        approver_id: approver.id.to_string(),
        device_id: sent.device_id,
        signer_key_id: sent.signer_key_id,
        fingerprint: key.human_fingerprint(),
    }))
}

async fn revoke(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(key): PathOf<String>,
) -> Result<Json<Value>, Problem> {
    let approver = session.gateway.approvals.approver(&party).await?;
    let pairings = session.gateway.approvals.revoke_device(&party, &approver, &key).await?;
    Ok(Json(json!({"status": "revoked", "signerKeyId": key, "pairingsRevoked": pairings})))
}

//! An approver's inbox and devices.

use airlock_core::Timestamp;
use airlock_core::crypto::PublicKey;
use airlock_proto::gateway::{
    ApproverDeviceRequest, ApproverDeviceResponse, HarpEnvelope, InboxPageBody, RefreshResponse, msg_type,
    paths,
};
use axum::Json as Out;
use axum::extract::State;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::body::Json;
use super::party::Decides;
use super::url_parts::{Params, Segment, Segments};
use super::{Gateway, GatewayError};
use crate::approvals::{ApprovalError, Approver, ApproverDevice, Party, Shelf, approval_request};
use crate::http::Api;

const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 100;
const TEXT_BYTES_MAX: usize = 256;
const DEVICE_ONE: &str = "/v1/approvers/{approver_id}/devices/{signer_key_id}";

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::GET, paths::INBOX, "What waits for an approver", inbox)
        .query(&["cursor", "limit"])
        .route(Method::GET, paths::INBOX_EXPIRED, "What waited for an approver", history)
        .query(&["cursor", "limit"])
        .route(Method::DELETE, paths::INBOX_ONE, "Put a request out of the inbox", dismiss)
        .route(Method::GET, paths::APPROVER_DEVICES, "An approver's devices", devices)
        .route(Method::POST, paths::APPROVER_DEVICES, "Register an approver's device", add_device)
        .body(json!({"type": "object", "required": ["deviceId", "signerKeyId", "publicKey"]}))
        .route(Method::DELETE, DEVICE_ONE, "Take a device back, with its pairings", revoke_device)
        .route(Method::POST, paths::REFRESH, "Ask an enforcer to ask anew", refresh)
        .query(&["enforcerDeviceId"])
}

impl Gateway {
    /// The approver that a path names; another's is not there.
    pub(super) async fn approver(&self, party: &Party, id: &str) -> Result<Approver, GatewayError> {
        self.approvals.named(party, id).await.map_err(|error| match error.into() {
            error @ GatewayError { .. } if error.code() == "access_denied" => {
                ApprovalError::NotFound("approver").into()
            }
            error => error,
        })
    }

    async fn page(
        &self,
        party: &Party,
        id: &str,
        shelf: Shelf,
        params: &Params,
    ) -> Result<Out<HarpEnvelope<InboxPageBody>>, GatewayError> {
        let approver = self.approver(party, id).await?;
        let limit = params.text("limit").and_then(|text| text.parse().ok()).unwrap_or(PAGE_DEFAULT);
        let limit = limit.clamp(1, PAGE_MAX);
        let page = self.approvals.inbox(&approver, shelf, params.text("cursor"), limit).await?;
        let now = self.host.now();
        let items = page.items.iter().map(|item| approval_request(item, &approver, now)).collect();
        let body = InboxPageBody { items, next_cursor: page.next_cursor };
        let name = self.approvals.message_id();
        Ok(Out(HarpEnvelope::of_gateway(msg_type::INBOX_PAGE, &name, now.to_string(), body)))
    }
}

async fn inbox(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
    params: Params,
) -> Result<Out<HarpEnvelope<InboxPageBody>>, GatewayError> {
    gateway.page(&party, &id, Shelf::Waiting, &params).await
}

async fn history(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
    params: Params,
) -> Result<Out<HarpEnvelope<InboxPageBody>>, GatewayError> {
    gateway.page(&party, &id, Shelf::Over, &params).await
}

async fn dismiss(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segments(id, request): Segments,
) -> Result<StatusCode, GatewayError> {
    let approver = gateway.approver(&party, &id).await?;
    let nothing = |_| GatewayError::from(ApprovalError::NotFound("request in the inbox"));
    gateway.approvals.dismiss(&party, &approver, &request.parse().map_err(nothing)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn devices(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
) -> Result<Out<Value>, GatewayError> {
    let approver = gateway.approver(&party, &id).await?;
    let all = gateway.approvals.devices(&approver).await?;
    Ok(Out(devices_told(&approver, &all)))
}

/// An approver's devices, as they are told.
pub(super) fn devices_told(approver: &Approver, all: &[ApproverDevice]) -> Value {
    let told = |device: &ApproverDevice| {
        let mut all = json!({
            "deviceId": device.device_id,
            "signerKeyId": device.signer_key_id,
            "publicKey": device.public_key,
            "createdAt": device.created_at,
        });
        if let Ok(key) = PublicKey::parse(&device.public_key) {
            all["fingerprint"] = json!(key.human_fingerprint());
        }
        if let Some(label) = &device.label {
            all["label"] = json!(label);
        }
        if let Some(at) = device.revoked_at {
            all["revokedAt"] = json!(at);
        }
        all
    };
    json!({"approverId": approver.id, "items": all.iter().map(told).collect::<Vec<_>>()})
}

/// A device as it was sent, within bounds, and its key.
pub(super) fn device_of(
    sent: &ApproverDeviceRequest,
    now: Timestamp,
) -> Result<(ApproverDevice, PublicKey), &'static str> {
    let plain =
        |text: &str| (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if ![&sent.device_id, &sent.signer_key_id].into_iter().chain(&sent.label).all(|text| plain(text)) {
        return Err("deviceId, signerKeyId, label: 1-256 bytes of text");
    }
    let key = PublicKey::parse(&sent.public_key).map_err(|_| "publicKey: an Ed25519 key, base64url")?;
    let device = ApproverDevice {
        signer_key_id: sent.signer_key_id.clone(),
        public_key: key.to_base64url(),
        device_id: sent.device_id.clone(),
        label: sent.label.clone(),
        created_at: now,
        revoked_at: None,
    };
    Ok((device, key))
}

async fn add_device(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
    Json(sent): Json<ApproverDeviceRequest>,
) -> Result<Out<ApproverDeviceResponse>, GatewayError> {
    let approver = gateway.approver(&party, &id).await?;
    let (device, key) = device_of(&sent, gateway.host.now()).map_err(GatewayError::bad_request)?;
    gateway.approvals.add_device(&party, &approver, device).await?;
    Ok(Out(ApproverDeviceResponse {
        status: "registered".to_owned(),
        approver_id: approver.id.to_string(),
        device_id: sent.device_id,
        signer_key_id: sent.signer_key_id,
        fingerprint: key.human_fingerprint(),
    }))
}

async fn revoke_device(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segments(id, key): Segments,
) -> Result<Out<Value>, GatewayError> {
    let approver = gateway.approver(&party, &id).await?;
    let pairings = gateway.approvals.revoke_device(&party, &approver, &key).await?;
    Ok(Out(json!({"status": "revoked", "signerKeyId": key, "pairingsRevoked": pairings})))
}

async fn refresh(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(request): Segment,
    params: Params,
) -> Result<Out<RefreshResponse>, GatewayError> {
    let enforcer = params.needed("enforcerDeviceId")?;
    let nothing = |_| GatewayError::from(ApprovalError::NotFound("request in the inbox"));
    gateway.approvals.ask_again(&party, &request.parse().map_err(nothing)?, enforcer).await?;
    Ok(Out(RefreshResponse { status: "forwarded".to_owned() }))
}

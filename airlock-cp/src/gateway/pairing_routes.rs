//! Pairing: both sides of it.

use std::collections::BTreeMap;

use airlock_core::approval::PairingState;
use airlock_core::crypto::AgreementPublicKey;
use airlock_core::{Secret, Timestamp};
use airlock_proto::gateway::{
    PairingClaimRequest, PairingClaimResponse, PairingCompleteRequest, PairingCompleteResponse,
    PairingInitiateRequest, PairingInitiateResponse, PairingPreGenerateRequest, PairingPreGenerateResponse,
    PairingRejectRequest, PairingRejectResponse, PairingResolveResponse, PairingRevokeResponse,
    PairingStatusBatchRequest, PairingStatusBatchResponse, PairingStatusResponse, paths,
};
use axum::Json as Out;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Json;
use super::party::{Asks, Decides, Either};
use super::url_parts::Segment;
use super::{Gateway, GatewayError};
use crate::approvals::{EnforcerSide, Pairing, Party};
use crate::error::ServiceError;
use crate::http::Api;

const BATCH_MAX: usize = 200;
const TEXT_BYTES_MAX: usize = 256;
const GATEWAY_BYTES_MAX: usize = 1_024;
const NAME_OF_PAIRINGS: &str = "/v1/pairings";

pub(super) fn api() -> Api<Gateway> {
    let with = |members: &[&str]| json!({"type": "object", "required": members});
    Api::new()
        .route(Method::POST, paths::PAIRING_INITIATE, "Begin a pairing, as an enforcer", initiate)
        .body(with(&["deviceId", "enforcerId"]))
        .route(Method::GET, paths::PAIRING_STATUS, "How a pairing stands", status)
        .route(Method::GET, paths::PAIRING_RESOLVE, "Who wants to pair, by code", resolve)
        .route(Method::POST, paths::PAIRING_COMPLETE, "Agree to a pairing, as an approver", complete)
        .body(with(&["pairingNonce"]))
        .route(Method::POST, paths::PAIRING_REJECT, "Do not agree to a pairing", reject)
        .body(with(&["pairingNonce"]))
        .route(Method::POST, paths::PAIRING_PRE_GENERATE, "Begin a pairing, as an approver", pre_generate)
        .body(with(&[]))
        .route(Method::POST, paths::PAIRING_CLAIM, "Take up an approver's code", claim)
        .body(with(&["pairingCode", "deviceId", "enforcerId", "enforcerLabel", "workspaceName"]))
        .route(Method::POST, paths::PAIRING_REVOKE, "End a pairing, as either side", revoke)
        .body(with(&[]))
        .route(Method::POST, paths::PAIRING_STATUS_BATCH, "How several pairings stand", status_batch)
        .body(with(&["routingTokens"]))
        .route(Method::GET, NAME_OF_PAIRINGS, "All pairings that concern oneself", list)
}

/// What an enforcer says of itself, within bounds.
pub(super) fn peer(
    device_id: Option<String>,
    enforcer_id: Option<String>,
    label: Option<String>,
    workspace: Option<String>,
    gateway: Option<String>,
    key: Option<String>,
) -> Result<EnforcerSide, GatewayError> {
    let plain = |name: &str, text: &Option<String>, bytes_max: usize, may_be_empty: bool| match text {
        Some(text) if text.len() > bytes_max || text.chars().any(char::is_control) => {
            Err(GatewayError::bad_request(format!(
                "{name}: at most {bytes_max} bytes without control characters"
            )))
        }
        Some(text) if text.is_empty() && !may_be_empty => {
            Err(GatewayError::bad_request(format!("{name}: not empty")))
        }
        _ => Ok(()),
    };
    plain("deviceId", &device_id, TEXT_BYTES_MAX, false)?;
    plain("enforcerId", &enforcer_id, TEXT_BYTES_MAX, false)?;
    plain("enforcerLabel", &label, TEXT_BYTES_MAX, true)?;
    plain("workspaceName", &workspace, TEXT_BYTES_MAX, true)?;
    plain("gatewayUrl", &gateway, GATEWAY_BYTES_MAX, true)?;
    if key.as_deref().is_some_and(|key| AgreementPublicKey::parse(key).is_err()) {
        return Err(GatewayError::bad_request("x25519PublicKey: 32 bytes of base64url, or SPKI of 44"));
    }
    Ok(EnforcerSide { device_id, enforcer_id, label, workspace, gateway, key })
}

async fn initiate(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingInitiateRequest>,
) -> Result<(StatusCode, Out<PairingInitiateResponse>), GatewayError> {
    let PairingInitiateRequest {
        device_id,
        enforcer_id,
        enforcer_label,
        workspace_name,
        gateway_url,
        x25519_public_key,
    } = sent;
    let side = peer(
        Some(device_id.clone()),
        Some(enforcer_id),
        enforcer_label,
        workspace_name,
        gateway_url.clone(),
        x25519_public_key,
    )?;
    let begun = gateway.approvals.initiate(&party, side).await?;
    let answer = PairingInitiateResponse {
        pairing_nonce: begun.pairing.nonce,
        pairing_code: begun.code.to_string(),
        device_id,
        gateway_url,
        expires_at: Some(begun.pairing.session.expires_at().to_string()),
    };
    Ok((StatusCode::CREATED, Out(answer)))
}

async fn status(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Segment(nonce): Segment,
) -> Result<Out<PairingStatusResponse>, GatewayError> {
    let (pairing, token) = gateway.approvals.pairing_status(&party, &nonce).await?;
    let state = pairing.session.state(gateway.host.now());
    Ok(Out(PairingStatusResponse {
        pairing_nonce: pairing.nonce,
        state: state.to_string(),
        response_json: pairing.answer.filter(|_| state == PairingState::Completed),
        routing_token: token.map(|token| token.expose().clone()),
        expires_at: Some(pairing.session.expires_at().to_string()),
    }))
}

async fn resolve(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(code): Segment,
) -> Result<Out<PairingResolveResponse>, GatewayError> {
    Ok(Out(gateway.resolved(&party, &code).await?))
}

impl Gateway {
    /// Who wants to pair by a code.
    pub(super) async fn resolved(
        &self,
        party: &Party,
        code: &str,
    ) -> Result<PairingResolveResponse, ServiceError> {
        let pairing = self.approvals.resolve(party, code).await?;
        let app_name = self.approvals.app_name(pairing.app_id.as_deref()).await?;
        let state = pairing.session.state(self.host.now());
        Ok(PairingResolveResponse {
            pairing_nonce: pairing.nonce,
            device_id: pairing.peer.device_id.unwrap_or_default(),
            state: state.to_string(),
            enforcer_id: pairing.peer.enforcer_id,
            enforcer_label: pairing.peer.label,
            workspace_name: pairing.peer.workspace,
            app_name,
            gateway_url: pairing.peer.gateway,
            x25519_public_key: pairing.peer.key,
            expires_at: Some(pairing.session.expires_at().to_string()),
        })
    }

    /// A person's pairings, without what opens them.
    pub(super) async fn pairings_told(&self, party: &Party) -> Result<Value, ServiceError> {
        let own = self.approvals.approver_of(party).await?.map(|approver| approver.id);
        let now = self.host.now();
        let told = |p: &Pairing| told(p, own.is_some() && p.approver == own, now);
        let all = self.approvals.pairings(party).await?;
        Ok(json!({"items": all.iter().map(told).collect::<Vec<_>>()}))
    }
}

async fn complete(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingCompleteRequest>,
) -> Result<Out<PairingCompleteResponse>, GatewayError> {
    let done = gateway.approvals.complete(&party, &sent.pairing_nonce, sent.response_json).await?;
    Ok(Out(PairingCompleteResponse {
        status: "completed".to_owned(),
        pairing_nonce: done.pairing.nonce,
        routing_token: Secret::expose(&done.routing_token).clone(),
        approver_id: Some(done.approver.id.to_string()),
    }))
}

async fn reject(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingRejectRequest>,
) -> Result<Out<PairingRejectResponse>, GatewayError> {
    gateway.approvals.reject(&party, &sent.pairing_nonce).await?;
    Ok(Out(PairingRejectResponse { status: "rejected".to_owned(), pairing_nonce: sent.pairing_nonce }))
}

async fn pre_generate(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingPreGenerateRequest>,
) -> Result<(StatusCode, Out<PairingPreGenerateResponse>), GatewayError> {
    let hint = peer(None, None, sent.label, sent.workspace_name, None, None)?;
    let begun = gateway.approvals.pre_generate(&party, hint).await?;
    let answer = PairingPreGenerateResponse {
        pairing_code: begun.code.to_string(),
        pairing_nonce: begun.pairing.nonce,
        expires_at: begun.pairing.session.expires_at().to_string(),
    };
    Ok((StatusCode::CREATED, Out(answer)))
}

async fn claim(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingClaimRequest>,
) -> Result<Out<PairingClaimResponse>, GatewayError> {
    let side = peer(
        Some(sent.device_id),
        Some(sent.enforcer_id),
        Some(sent.enforcer_label),
        Some(sent.workspace_name),
        sent.gateway_url,
        sent.x25519_public_key,
    )?;
    let pairing = gateway.approvals.claim(&party, &sent.pairing_code, side).await?;
    Ok(Out(PairingClaimResponse {
        pairing_nonce: pairing.nonce,
        expires_at: Some(pairing.session.expires_at().to_string()),
    }))
}

/// Which pairing: an enforcer knows its token, an approver its nonce.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Which {
    routing_token: Option<String>,
    pairing_nonce: Option<String>,
}

async fn revoke(
    Either(party): Either,
    State(gateway): State<Gateway>,
    Json(which): Json<Which>,
) -> Result<Out<PairingRevokeResponse>, GatewayError> {
    let ended = match (which.routing_token, which.pairing_nonce) {
        (Some(token), _) => gateway.approvals.unpair(&party, &token).await?,
        (None, Some(nonce)) => gateway.approvals.unpair_by_nonce(&party, &nonce).await?,
        (None, None) => return Err(GatewayError::bad_request("missing field `routingToken`")),
    };
    Ok(Out(PairingRevokeResponse { status: "revoked".to_owned(), enforcer_id: ended.peer.enforcer_id }))
}

async fn status_batch(
    Either(party): Either,
    State(gateway): State<Gateway>,
    Json(sent): Json<PairingStatusBatchRequest>,
) -> Result<Out<PairingStatusBatchResponse>, GatewayError> {
    if sent.routing_tokens.len() > BATCH_MAX {
        return Err(GatewayError::bad_request(format!("at most {BATCH_MAX} routingTokens")));
    }
    let mut statuses = BTreeMap::new();
    for token in sent.routing_tokens {
        if let Some(state) = gateway.approvals.pairing_by_token(&party, &token).await? {
            statuses.insert(token, state.to_string());
        }
    }
    Ok(Out(PairingStatusBatchResponse { statuses }))
}

/// What one's own pairings are.
async fn list(Either(party): Either, State(gateway): State<Gateway>) -> Result<Out<Value>, GatewayError> {
    Ok(Out(gateway.pairings_told(&party).await?))
}

fn told(p: &Pairing, is_approver: bool, now: Timestamp) -> Value {
    let mut all = json!({
        "pairingNonce": p.nonce,
        "state": p.session.state(now).as_str(),
        "kind": p.session.kind().as_str(),
        "createdAt": p.created_at,
        "expiresAt": p.session.expires_at(),
        "isApprover": is_approver,
    });
    for (name, text) in [
        ("deviceId", &p.peer.device_id),
        ("enforcerId", &p.peer.enforcer_id),
        ("enforcerLabel", &p.peer.label),
        ("workspaceName", &p.peer.workspace),
        ("appId", &p.app_id),
        ("signerKeyId", &p.signer_key_id),
        ("x25519PublicKey", &p.peer.key),
    ] {
        if let Some(text) = text {
            all[name] = json!(text);
        }
    }
    if let Some(at) = p.completed_at {
        all["completedAt"] = json!(at);
    }
    all
}

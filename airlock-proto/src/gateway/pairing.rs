//! Pairing: plain JSON without an envelope.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `POST /v1/pairing/initiate`: an enforcer begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingInitiateRequest {
    /// The enforcer's device.
    pub device_id: String,
    /// The enforcer.
    pub enforcer_id: String,
    /// What the enforcer is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    /// Through which gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    /// The enforcer's X25519 key.
    #[serde(default, alias = "publicKey", skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
}

/// A session was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingInitiateResponse {
    /// Names the session.
    pub pairing_nonce: String,
    /// What a person types.
    pub pairing_code: String,
    /// The device, again.
    pub device_id: String,
    /// Through which gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `GET /v1/pairing/{nonce}/status`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingStatusResponse {
    /// Names the session.
    pub pairing_nonce: String,
    /// `Pending`, `Completed`, `Expired`, `Revoked`.
    pub state: String,
    /// A text that is JSON: what the approver answered, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_json: Option<String>,
    /// What selects the approver from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_token: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

impl std::fmt::Debug for PairingStatusResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingStatusResponse").field("state", &self.state).finish_non_exhaustive()
    }
}

/// `GET /v1/pairing/resolve/{code}`: who wants to pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingResolveResponse {
    /// Names the session.
    pub pairing_nonce: String,
    /// The enforcer's device; empty while a pre-generated code is unclaimed.
    pub device_id: String,
    /// How it stands.
    pub state: String,
    /// The enforcer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    /// Through which app it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// Through which gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    /// Its X25519 key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `POST /v1/pairing/complete`: the approver agrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingCompleteRequest {
    /// Names the session.
    #[serde(alias = "nonce")]
    pub pairing_nonce: String,
    /// A text that is JSON; the oldest SDK leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_json: Option<String>,
}

/// The pairing stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingCompleteResponse {
    /// `completed`.
    pub status: String,
    /// Names the session.
    pub pairing_nonce: String,
    /// What selects the approver from now on.
    pub routing_token: String,
    /// The approver's id, for decisions and the inbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_id: Option<String>,
}

impl std::fmt::Debug for PairingCompleteResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingCompleteResponse").field("status", &self.status).finish_non_exhaustive()
    }
}

/// `POST /v1/pairing/reject`: the approver does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRejectRequest {
    /// Names the session.
    #[serde(alias = "nonce")]
    pub pairing_nonce: String,
}

/// It will not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRejectResponse {
    /// `rejected`.
    pub status: String,
    /// Names the session.
    pub pairing_nonce: String,
}

/// `POST /v1/pairing/pre-generate`: an approver begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingPreGenerateRequest {
    /// For which workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A code was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingPreGenerateResponse {
    /// What a person types at the enforcer.
    pub pairing_code: String,
    /// Names the session.
    pub pairing_nonce: String,
    /// Until when.
    pub expires_at: String,
}

/// `POST /v1/pairing/claim`: an enforcer takes up a code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingClaimRequest {
    /// The code.
    pub pairing_code: String,
    /// The enforcer's device.
    pub device_id: String,
    /// The enforcer.
    pub enforcer_id: String,
    /// What it is called.
    pub enforcer_label: String,
    /// Where it works.
    pub workspace_name: String,
    /// Through which gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    /// The enforcer's X25519 key.
    #[serde(default, alias = "publicKey", skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
}

/// It is claimed. No routing token yet: poll the status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingClaimResponse {
    /// Names the session.
    pub pairing_nonce: String,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `POST /v1/pairing/revoke`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRevokeRequest {
    /// Which pairing.
    pub routing_token: String,
}

impl std::fmt::Debug for PairingRevokeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairingRevokeRequest")
    }
}

/// It is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingRevokeResponse {
    /// `revoked`.
    pub status: String,
    /// Whose it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
}

/// `POST /v1/pairing/status-batch`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingStatusBatchRequest {
    /// Which pairings; 200 at most.
    pub routing_tokens: Vec<String>,
}

impl std::fmt::Debug for PairingStatusBatchRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PairingStatusBatchRequest({})", self.routing_tokens.len())
    }
}

/// `Completed` or `Revoked`, by token; unknown ones are left out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingStatusBatchResponse {
    /// By token.
    pub statuses: BTreeMap<String, String>,
}

impl std::fmt::Debug for PairingStatusBatchResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PairingStatusBatchResponse({})", self.statuses.len())
    }
}

//! What is sent and answered, field by field as published code knows it.
//!
//! Structs are open, so that code which writes them out compiles. Those that hold a secret do not print it.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::crypto::EncryptedPayload;

/// The name that the payload had in earlier versions.
pub type CiphertextRef = EncryptedPayload;

/// Who sent an envelope.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct SenderInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
}

/// Whom an envelope is for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct RecipientInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver_id: Option<String>,
}

/// What exchanges travel in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct HarpEnvelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<String>,
    pub msg_type: String,
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<serde_json::Value>,
}

/// Body of an `artifact.submit`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ArtifactSubmitBody {
    pub artifact_type: String,
    pub artifact_hash: String,
    pub ciphertext: EncryptedPayload,
    pub expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<HashMap<String, String>>,
}

/// An artifact that is already encrypted and hashed.
#[derive(Clone)]
pub struct ArtifactSubmitRequest {
    /// Who asks.
    pub enforcer_id: String,
    /// What kind of thing; `command-approval` when `None`.
    pub artifact_type: Option<String>,
    /// What a decision will name.
    pub artifact_hash: String,
    /// The payload that only the approver can open.
    pub ciphertext: EncryptedPayload,
    /// RFC 3339; ten minutes from now when `None`.
    pub expires_at: Option<String>,
    /// Clear text beside it: `routingToken` above all.
    pub metadata: Option<HashMap<String, String>>,
    /// The caller's own id for it; the same id and hash is the same request.
    pub request_id: Option<String>,
}

/// An artifact in clear, with the key that the approver has as well.
#[derive(Clone)]
pub struct EncryptedArtifactRequest {
    /// Who asks.
    pub enforcer_id: String,
    /// What kind of thing; `command-approval` when `None`.
    pub artifact_type: Option<String>,
    /// JSON text; it is made canonical, hashed and encrypted here.
    pub plaintext_payload: String,
    /// 32 bytes, base64url: what [`derive_shared_key`](super::crypto::derive_shared_key) gave.
    pub encryption_key_base64url: String,
    /// RFC 3339; ten minutes from now when `None`.
    pub expires_at: Option<String>,
    /// Clear text beside it: `routingToken` above all.
    pub metadata: Option<HashMap<String, String>>,
    /// The caller's own id for it.
    pub request_id: Option<String>,
}

/// Body of a `decision.deliver`. Nothing in it is verified: see
/// [`verify_decision`](crate::approvals::verify_decision).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DecisionDeliverBody {
    pub artifact_hash: String,
    pub decision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_hash: Option<String>,
}

impl DecisionDeliverBody {
    /// Whether it says `approve`, in whatever case.
    pub fn is_approved(&self) -> bool {
        self.decision.eq_ignore_ascii_case("approve")
    }
    /// Whether it says `reject`, in whatever case.
    pub fn is_rejected(&self) -> bool {
        self.decision.eq_ignore_ascii_case("reject")
    }
}

/// A decision as the gateway hands it over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DecisionDeliverEnvelope {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<String>,
    pub msg_type: String,
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<DecisionDeliverBody>,
}

/// Where an exchange stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ExchangeStatusBody {
    pub request_id: String,
    /// `PendingApproval`, `Decided`, `Delivered`, `Expired`, `Withdrawn` or `Cancelled`.
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<serde_json::Value>,
}

/// Answer to `GET /v1/exchanges/{id}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ExchangeStatusResponse {
    pub msg_type: String,
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<ExchangeStatusBody>,
}

/// Begins a pairing from the enforcer's side.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingInitiateRequest {
    pub device_id: String,
    pub enforcer_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
}

/// A pairing that was begun: the code is for the approver.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingInitiateResponse {
    pub pairing_nonce: String,
    pub pairing_code: String,
    pub device_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// Takes up a code that an approver made beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingClaimRequest {
    pub pairing_code: String,
    pub device_id: String,
    pub enforcer_id: String,
    pub enforcer_label: String,
    pub workspace_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
}

/// A code that was claimed. The routing token comes with the pairing's status, once the approver completed it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingClaimResponse {
    pub pairing_nonce: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// Where a pairing stands; once `Completed`, with the approver's answer and the routing token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingStatusResponse {
    pub pairing_nonce: String,
    pub state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A pairing that was ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PairingRevokeResponse {
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
}

/// Says that an enforcer is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct PresenceHeartbeatRequest {
    pub enforcer_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
}

/// The gateway's clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct EchoResponse {
    pub utc: String,
    pub local: String,
    pub timezone: String,
    pub offset_minutes: i32,
}

/// A standing decision, as the gateway lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DndPolicy {
    pub request_id: String,
    pub object_type: String,
    pub workspace_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    pub enforcer_id: String,
    pub policy_mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_artifact_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_selector: Option<HashMap<String, serde_json::Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    pub expires_at: String,
}

/// Answer to `GET /v1/policy/dnd/effective`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct DndEffectiveResponse {
    pub msg_type: String,
    pub request_id: String,
    pub body: Vec<DndPolicy>,
}

/// Where the identity provider's endpoints are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct OidcDiscoveryResult {
    pub token_endpoint: String,
    pub device_authorization_endpoint: String,
    #[serde(default)]
    pub revocation_endpoint: String,
    pub authorization_endpoint: String,
}

/// A device's sign-in that waits for a person: show them the address and the code.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct DeviceCodeInfo {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    pub expires_in: i32,
    pub interval: Option<i32>,
}

/// Tokens.
#[derive(Clone, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct TokenResponse {
    pub access_token: String,
    pub refresh_token: String,
    pub token_type: String,
    pub expires_in: i32,
    #[serde(default)]
    pub scope: String,
}

/// What a person still has to allow, and where.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ConsentErrorInfo {
    pub error: String,
    pub message: String,
    pub consent_url: Option<String>,
    pub app_name: Option<String>,
    pub app_id: Option<String>,
}

/// An address to open in a browser, and what the callback is checked with.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct AuthCodeRequest {
    pub authorization_url: String,
    pub state: String,
    pub code_verifier: String,
    pub redirect_uri: String,
}

impl fmt::Debug for ArtifactSubmitRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("ArtifactSubmitRequest");
        out.field("enforcer_id", &self.enforcer_id).field("artifact_hash", &self.artifact_hash);
        out.field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for EncryptedArtifactRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("EncryptedArtifactRequest");
        out.field("enforcer_id", &self.enforcer_id)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PairingStatusResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairingStatusResponse").field("state", &self.state).finish_non_exhaustive()
    }
}

impl fmt::Debug for DeviceCodeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("DeviceCodeInfo");
        out.field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthCodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthCodeRequest").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

//! Standing decisions ("do not disturb").

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A policy as it is written. Members that we do not know are kept: the signature covers them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DndPolicyWire {
    /// Names it.
    pub request_id: String,
    /// `airlock.dnd.workspace` or `airlock.dnd.action`.
    pub object_type: String,
    /// For which workspace, exactly.
    pub workspace_id: String,
    /// For one session only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// For which enforcer, exactly.
    pub enforcer_id: String,
    /// `approve_all` or `deny_all`.
    pub policy_mode: String,
    /// For one type of artifact only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_artifact_type: Option<String>,
    /// For which actions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_selector: Option<Value>,
    /// SHA-256 of the selector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector_hash: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Until when.
    pub expires_at: String,
    /// What else it has: `signerKeyId`, `nonce`, `signature`.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// `GET /v1/policy/dnd/effective`: `body` is always a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DndEffectiveResponse {
    /// `dnd.policy.effective`.
    pub msg_type: String,
    /// Names the answer.
    pub request_id: String,
    /// What is in force.
    pub body: Vec<DndPolicyWire>,
}

/// A policy was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DndAcceptedResponse {
    /// `accepted`.
    pub status: String,
    /// Which.
    pub request_id: String,
}

/// One's own policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DndListResponse {
    /// Newest first.
    pub items: Vec<DndPolicyWire>,
}

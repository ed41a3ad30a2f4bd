//! What the approver's side sees.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{EncryptedPayload, HarpEnvelope};

/// Something that waits, with its envelope.
pub type ApprovalRequestEnvelope = HarpEnvelope<ApprovalRequestBody>;

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRequestBody {
    /// What kind of thing.
    pub artifact_type: String,
    /// Stands for the payload.
    pub artifact_hash: String,
    /// The payload; absent once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext: Option<EncryptedPayload>,
    /// The same in the form of the published drafts' examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciphertext_ref: Option<CiphertextRef>,
    /// Clear text for display. Nothing binds it to the payload.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Which enforcer asks.
    pub enforcer_id: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
    /// Through which app it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_name: Option<String>,
    /// Which pairing's key opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairing_nonce: Option<String>,
    /// How the exchange stands.
    pub state: String,
    /// `approve` or `reject`, where it was decided. Relayed as it is; the signature is for the enforcer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
}

/// Where the ciphertext is: here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiphertextRef {
    /// `inline`.
    pub kind: String,
    /// The data.
    pub data: String,
}

impl CiphertextRef {
    /// Here.
    pub fn inline(data: &str) -> Self {
        Self { kind: "inline".to_owned(), data: data.to_owned() }
    }
}

/// A page of the inbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InboxPageBody {
    /// Newest first.
    pub items: Vec<ApprovalRequestEnvelope>,
    /// Where the next page begins. Null, not absent, at the end: the published draft has it so.
    pub next_cursor: Option<String>,
}

/// `POST /v1/approvers/{approverId}/devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproverDeviceRequest {
    /// The device.
    pub device_id: String,
    /// Its key's id.
    pub signer_key_id: String,
    /// Its Ed25519 key.
    pub public_key: String,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// It is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApproverDeviceResponse {
    /// `registered`.
    pub status: String,
    /// Whose it is.
    pub approver_id: String,
    /// The device.
    pub device_id: String,
    /// Its key's id.
    pub signer_key_id: String,
    /// What people compare.
    pub fingerprint: String,
}

/// To an enforcer: ask again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshBody {
    /// Why.
    pub reason: String,
}

/// `POST /v1/requests/{requestId}/refresh`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshResponse {
    /// `forwarded`.
    pub status: String,
}

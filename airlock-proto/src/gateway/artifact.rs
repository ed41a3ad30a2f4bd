//! `POST /v1/artifacts`: an enforcer asks for an approval.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HarpEnvelope;

/// An artifact with its envelope.
pub type ArtifactSubmitEnvelope = HarpEnvelope<ArtifactSubmitBody>;

/// A sealed payload: opaque to the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EncryptedPayload {
    /// How it is sealed.
    pub alg: String,
    /// What is sealed.
    pub data: String,
    /// The nonce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What was authenticated beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aad: Option<String>,
    /// What else it came with.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What is to be approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactSubmitBody {
    /// What kind of thing: `command-approval`.
    pub artifact_type: String,
    /// Stands for the payload; the decision is signed over it.
    pub artifact_hash: String,
    /// The payload, sealed to the approver.
    pub ciphertext: EncryptedPayload,
    /// Until when it may be decided. Missing, or within a second of `createdAt`, is unspecified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Clear text: routing and display.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
}

/// It was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactAcceptedBody {
    /// How the exchange stands.
    pub state: String,
    /// Until when it may be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

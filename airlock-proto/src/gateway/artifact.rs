//! `POST /v1/artifacts`: an enforcer asks for an approval.

use std::collections::BTreeMap;

use airlock_core::Timestamp;
use airlock_core::approval::{ArtifactHash, ArtifactType, EnforcerId, Metadata, RequestId};
use serde::{Deserialize, Serialize};

use super::{HarpEnvelope, ShapeError, msg_type, parse_time};

pub use airlock_core::crypto::Ciphertext as EncryptedPayload;

/// An artifact with its envelope.
pub type ArtifactSubmitEnvelope = HarpEnvelope<ArtifactSubmitBody>;

/// What is to be approved. `Debug` leaves the metadata out: a routing token may be in it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
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

impl std::fmt::Debug for ArtifactSubmitBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("ArtifactSubmitBody");
        it.field("artifact_type", &self.artifact_type).field("expires_at", &self.expires_at);
        it.finish_non_exhaustive()
    }
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

/// An artifact as the rules know it.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The enforcer's name for it.
    pub request_id: RequestId,
    /// Who asks.
    pub enforcer: EnforcerId,
    /// What kind of thing.
    pub artifact_type: ArtifactType,
    /// Stands for the payload.
    pub artifact_hash: ArtifactHash,
    /// The payload, sealed.
    pub ciphertext: EncryptedPayload,
    /// Clear text.
    pub metadata: Metadata,
    /// When it was made, by the enforcer's clock.
    pub created_at: Option<Timestamp>,
    /// Until when it may be decided, by the enforcer's clock.
    pub expires_at: Option<Timestamp>,
}

impl TryFrom<ArtifactSubmitEnvelope> for Submission {
    type Error = ShapeError;
    fn try_from(sent: ArtifactSubmitEnvelope) -> Result<Self, ShapeError> {
        if sent.msg_type != msg_type::ARTIFACT_SUBMIT {
            return Err(ShapeError::new("msgType", "artifact.submit"));
        }
        let enforcer = sent.sender.and_then(|sender| sender.enforcer_id).unwrap_or_default();
        let name = "1-256 bytes without control characters";
        let metadata = Metadata::new(sent.body.metadata.unwrap_or_default());
        Ok(Self {
            request_id: request_id(&sent.request_id)?,
            enforcer: enforcer.parse().map_err(|_| ShapeError::new("sender.enforcerId", name))?,
            artifact_type: sent.body.artifact_type.parse().map_err(|_| {
                ShapeError::new("body.artifactType", "1-128 bytes without control characters")
            })?,
            artifact_hash: sent
                .body
                .artifact_hash
                .parse()
                .map_err(|_| ShapeError::new("body.artifactHash", name))?,
            ciphertext: sent.body.ciphertext,
            metadata: metadata.map_err(|_| ShapeError::new("body.metadata", "few and short texts"))?,
            created_at: time("createdAt", sent.created_at.as_deref())?,
            expires_at: time("body.expiresAt", sent.body.expires_at.as_deref())?,
        })
    }
}

pub(super) fn request_id(text: &str) -> Result<RequestId, ShapeError> {
    text.parse().map_err(|_| ShapeError::new("requestId", "1-128 letters, digits and . _ : ~ -"))
}

fn time(field: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, ShapeError> {
    let Some(text) = text else { return Ok(None) };
    parse_time(text).map(Some).ok_or(ShapeError::new(field, "an RFC 3339 time"))
}

//! An exchange from outside: status, decision, withdrawal, acknowledgement.

use airlock_core::approval::{Decision, DecisionNonce, RequestId};
use serde::{Deserialize, Serialize};

use super::artifact::request_id;
use super::{HarpEnvelope, ShapeError, msg_type};

/// A decision on its way to the enforcer.
pub type DecisionDeliverEnvelope = HarpEnvelope<DecisionBody>;

/// A decision: the approver's own strings, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionBody {
    /// What it is about.
    pub artifact_hash: String,
    /// `approve` or `reject`.
    pub decision: String,
    /// Why, in the approver's words; not signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whose key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_key_id: Option<String>,
    /// Once per signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Base64url of an Ed25519 signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Left out: its presence makes one published verifier expect another form of signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_hash: Option<String>,
}

impl DecisionBody {
    /// Whether it says yes. The signature is another question.
    pub fn is_approved(&self) -> bool {
        self.decision.eq_ignore_ascii_case("approve")
    }
    /// Whether it says no.
    pub fn is_rejected(&self) -> bool {
        self.decision.eq_ignore_ascii_case("reject")
    }
}

impl From<Decision> for DecisionBody {
    fn from(decision: Decision) -> Self {
        Self {
            artifact_hash: decision.artifact_hash,
            decision: decision.verdict.as_str().to_owned(),
            reason: decision.reason,
            signer_key_id: decision.signer_key_id,
            nonce: decision.nonce,
            signature: decision.signature,
            decision_hash: decision.decision_hash,
        }
    }
}

impl TryFrom<DecisionBody> for Decision {
    type Error = ShapeError;
    fn try_from(body: DecisionBody) -> Result<Self, ShapeError> {
        let verdict =
            body.decision.parse().map_err(|_| ShapeError::new("body.decision", "approve or reject"))?;
        Ok(Self {
            artifact_hash: body.artifact_hash,
            verdict,
            reason: body.reason,
            signer_key_id: body.signer_key_id,
            nonce: body.nonce,
            signature: body.signature,
            decision_hash: body.decision_hash,
        })
    }
}

/// A decision as the rules know it, with who says that they made it.
#[derive(Clone, Debug)]
pub struct DecisionSubmission {
    /// About what.
    pub request_id: RequestId,
    /// Who.
    pub approver_id: String,
    /// What they decided: signed, whether or not the signature holds.
    pub decision: Decision,
}

const REASON_BYTES_MAX: usize = 4_096;
const SIGNER_BYTES_MAX: usize = 256;
const SIGNATURE_BYTES_MAX: usize = 256;

impl TryFrom<HarpEnvelope<DecisionSubmitBody>> for DecisionSubmission {
    type Error = ShapeError;
    fn try_from(sent: HarpEnvelope<DecisionSubmitBody>) -> Result<Self, ShapeError> {
        if sent.msg_type != msg_type::DECISION_SUBMIT {
            return Err(ShapeError::new("msgType", "decision.submit"));
        }
        let approver_id = sent.sender.and_then(|sender| sender.approver_id);
        let within = |field, text: &Option<String>, max| match text {
            Some(text) if !text.is_empty() && text.len() <= max => Ok(()),
            _ => Err(ShapeError::new(field, "present, and not too long")),
        };
        within("body.signerKeyId", &sent.body.signer_key_id, SIGNER_BYTES_MAX)?;
        within("body.signature", &sent.body.signature, SIGNATURE_BYTES_MAX)?;
        if sent.body.nonce.as_deref().is_none_or(|nonce| nonce.parse::<DecisionNonce>().is_err()) {
            return Err(ShapeError::new("body.nonce", "1-128 visible ASCII characters, not |"));
        }
        if sent.body.reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
            return Err(ShapeError::new("body.reason", "4096 bytes at most"));
        }
        if sent.body.decision_hash.as_ref().is_some_and(|hash| hash.len() > SIGNER_BYTES_MAX) {
            return Err(ShapeError::new("body.decisionHash", "256 bytes at most"));
        }
        Ok(Self {
            request_id: request_id(&sent.request_id)?,
            approver_id: approver_id.ok_or(ShapeError::new("sender.approverId", "who decides"))?,
            decision: sent.body.try_into()?,
        })
    }
}

/// What an approver submits has the shape of what is delivered.
pub type DecisionSubmitBody = DecisionBody;

/// It was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionAcceptedBody {
    /// How the exchange stands.
    pub state: String,
}

/// `GET /v1/exchanges/{requestId}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeStatusResponse {
    /// `exchange.status`.
    pub msg_type: String,
    /// Which.
    pub request_id: String,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<ExchangeStatusBody>,
}

/// How an exchange stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeStatusBody {
    /// Which.
    pub request_id: String,
    /// `PendingApproval`, `Decided`, `Delivered`, `Expired`, `Withdrawn`, `Cancelled`.
    pub state: String,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Until when it may be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_hash: Option<String>,
    /// The decision, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionBody>,
}

/// It was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawnBody {
    /// `Withdrawn`.
    pub state: String,
    /// When.
    pub withdrawn_at: String,
    /// By whom, in words.
    pub reason: String,
}

/// Somebody got a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckSubmitBody {
    /// Which message.
    pub msg_id: String,
    /// `delivered`, `acknowledged`, `received`, `processed`: any word.
    pub status: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_at: Option<String>,
}

/// It was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AckAcceptedBody {
    /// Which message.
    pub msg_id: String,
}

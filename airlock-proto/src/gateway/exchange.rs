//! An exchange from outside: status, decision, withdrawal, acknowledgement.

use serde::{Deserialize, Serialize};

use super::HarpEnvelope;

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

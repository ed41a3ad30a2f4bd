//! The envelope around most messages.

use serde::{Deserialize, Serialize};

/// What this gateway calls itself in `sender.gatewayId`.
pub const GATEWAY_ID: &str = "airlock";

/// The words of `msgType`.
pub mod msg_type {
    /// An enforcer asks.
    pub const ARTIFACT_SUBMIT: &str = "artifact.submit";
    /// The gateway took it.
    pub const ARTIFACT_ACCEPTED: &str = "artifact.accepted";
    /// An approver decides.
    pub const DECISION_SUBMIT: &str = "decision.submit";
    /// The gateway took it.
    pub const DECISION_ACCEPTED: &str = "decision.accepted";
    /// Somebody got a message.
    pub const ACK_SUBMIT: &str = "ack.submit";
    /// The gateway took note.
    pub const ACK_ACCEPTED: &str = "ack.accepted";
    /// To an approver: something waits.
    pub const APPROVAL_REQUEST: &str = "approval.request";
    /// To an enforcer: it was decided.
    pub const DECISION_DELIVER: &str = "decision.deliver";
    /// What waits for an approver.
    pub const INBOX_PAGE: &str = "inbox.page";
    /// How an exchange stands.
    pub const EXCHANGE_STATUS: &str = "exchange.status";
    /// An exchange was withdrawn.
    pub const EXCHANGE_WITHDRAWN: &str = "exchange.withdrawn";
    /// An exchange ran out of time.
    pub const EXCHANGE_EXPIRED: &str = "exchange.expired";
    /// An exchange was cancelled.
    pub const EXCHANGE_CANCELLED: &str = "exchange.cancelled";
    /// Another approver, or a policy, decided.
    pub const EXCHANGE_DECIDED: &str = "exchange.decided";
    /// The standing decisions that are in force.
    pub const DND_POLICY_EFFECTIVE: &str = "dnd.policy.effective";
    /// An approver asks an enforcer to ask again.
    pub const REFRESH_REQUEST: &str = "refresh.request";
    /// To an approver: somebody claimed their code.
    pub const PAIRING_CLAIMED: &str = "pairing.claimed";
    /// To both: a pairing is over.
    pub const PAIRING_REVOKED: &str = "pairing.revoked";
    /// Something failed.
    pub const ERROR: &str = "error";
    /// WebSocket: a client introduces itself.
    pub const HELLO: &str = "hello";
    /// WebSocket: are you there?
    pub const PING: &str = "ping";
    /// WebSocket: I am.
    pub const PONG: &str = "pong";
}

/// Who sends. Acknowledgements come with an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderInfo {
    /// An enforcer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
    /// An approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_id: Option<String>,
    /// A gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
}

impl SenderInfo {
    /// An enforcer.
    pub fn enforcer(id: impl Into<String>) -> Self {
        Self { enforcer_id: Some(id.into()), ..Self::default() }
    }
    /// An approver.
    pub fn approver(id: impl Into<String>) -> Self {
        Self { approver_id: Some(id.into()), ..Self::default() }
    }
    /// This gateway.
    pub fn gateway() -> Self {
        Self { gateway_id: Some(GATEWAY_ID.to_owned()), ..Self::default() }
    }
}

/// For whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecipientInfo {
    /// An enforcer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_id: Option<String>,
    /// An approver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver_id: Option<String>,
}

/// A message with its envelope. Times are texts here; [`parse_time`](super::parse_time) reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HarpEnvelope<B> {
    /// Names the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg_id: Option<String>,
    /// What it is: a word of [`msg_type`].
    pub msg_type: String,
    /// What it is about.
    pub request_id: String,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Until when it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Who sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<SenderInfo>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<RecipientInfo>,
    /// What it says.
    pub body: B,
}

impl<B> HarpEnvelope<B> {
    /// A message of this gateway.
    pub fn of_gateway(msg_type: &str, request_id: &str, created_at: String, body: B) -> Self {
        Self {
            msg_id: None,
            msg_type: msg_type.to_owned(),
            request_id: request_id.to_owned(),
            created_at: Some(created_at),
            expires_at: None,
            sender: Some(SenderInfo::gateway()),
            recipient: None,
            body,
        }
    }
    /// The same under a name.
    #[must_use]
    pub fn named(mut self, msg_id: impl Into<String>) -> Self {
        self.msg_id = Some(msg_id.into());
        self
    }
}

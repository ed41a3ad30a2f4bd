//! A person's yes or no about one request, signed.

use airlock_core::Host;
use airlock_core::approval::{Decision, DecisionNonce, RequestId, Verdict, sign_decision};

use super::keys::ApproverKeys;
use super::waiting::Waiting;

/// A request that may be answered with yes: its hash fits what was opened, or a person was told that it does not. Only
/// [`Opened`](super::Opened) gives one out.
#[derive(Clone, Copy, Debug)]
pub struct Yes<'a>(pub(super) &'a Waiting);

/// What a person chose.
#[derive(Clone, Copy, Debug)]
pub enum Choice<'a> {
    /// Let it be done.
    Approve(Yes<'a>),
    /// Do not; also about what cannot be read.
    Reject(&'a Waiting),
}

/// A decision that was signed. Sent twice it is one decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDecision {
    pub(super) request_id: RequestId,
    pub(super) approver_id: Option<String>,
    pub(super) decision: Decision,
}

impl SignedDecision {
    /// About which request.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }
    /// What will be sent.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl ApproverKeys {
    /// Signs a choice, under a nonce that is used once. `reason` is shown to the enforcer; nothing signs it.
    pub fn sign(&self, choice: Choice<'_>, reason: Option<&str>, host: &dyn Host) -> SignedDecision {
        let (waiting, verdict) = match choice {
            Choice::Approve(Yes(waiting)) => (waiting, Verdict::Approve),
            Choice::Reject(waiting) => (waiting, Verdict::Reject),
        };
        let (id, nonce) = (self.signer_key_id(), DecisionNonce::random(host));
        SignedDecision {
            request_id: waiting.request_id.clone(),
            approver_id: waiting.approver_id.clone(),
            decision: sign_decision(self.signing(), &id, &waiting.artifact_hash, verdict, &nonce, reason),
        }
    }
}

//! What is remembered of each request, so that its decision can be believed after a restart: its hash and its end, not what
//! was asked.

use std::collections::BTreeMap;
use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::{
    ArtifactHash, Believed, DECISION_SKEW, Decision, Disbelief, KnownSigners, NonceJournal, RequestId,
    verify_decision,
};
use serde::{Deserialize, Serialize};

/// How long a request is remembered after its end.
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) artifact_hash: ArtifactHash,
    pub(super) expires_at: Timestamp,
    /// The decision that was believed, and when. Given again to whoever asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) decision: Decision,
    pub(super) at: Timestamp,
}

impl Ticket {
    /// Whether no decision could be believed any more.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        now > self.expires_at.after(DECISION_SKEW)
    }

    /// The decision that was believed before, verified once more: the file it came from proves nothing.
    pub(super) fn believed(&self, signers: &KnownSigners) -> Option<Result<Believed, Disbelief>> {
        let Answer { decision, at } = self.answer.as_ref()?;
        // Its nonce stands in the journal since it was believed; it is not used a second time here.
        let mut fresh = NonceJournal::new(NonceJournal::DEFAULT_TTL);
        let (hash, end) = (&self.artifact_hash, Some(self.expires_at));
        Some(verify_decision(decision, hash, signers, &mut fresh, end, *at))
    }
}

/// The requests of one enforcer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tickets(BTreeMap<RequestId, Ticket>);

impl Tickets {
    pub(super) fn put(&mut self, request: RequestId, ticket: Ticket) {
        self.0.insert(request, ticket);
    }
    pub(super) fn take(&mut self, request: &RequestId) {
        self.0.remove(request);
    }
    pub(super) fn of(&self, request: &RequestId) -> Option<&Ticket> {
        self.0.get(request)
    }
    pub(super) fn of_mut(&mut self, request: &RequestId) -> Option<&mut Ticket> {
        self.0.get_mut(request)
    }
    /// Those that may still be decided.
    pub(super) fn open(&self, now: Timestamp) -> Vec<RequestId> {
        let open = self.0.iter().filter(|(_, ticket)| ticket.answer.is_none() && !ticket.is_over(now));
        open.map(|(request, _)| request.clone()).collect()
    }
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        self.0.retain(|_, ticket| now <= ticket.expires_at.after(REMEMBERED_FOR));
    }
    /// Takes note of the nonces of what was believed, where the journal was written before that.
    pub(super) fn note_nonces(&self, journal: &mut NonceJournal) {
        for answer in self.0.values().filter_map(|ticket| ticket.answer.as_ref()) {
            if let Some(nonce) = &answer.decision.nonce {
                journal.try_record(nonce, answer.at);
            }
        }
    }
}

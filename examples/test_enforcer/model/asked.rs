//! One request, and what became of it.

use airlock_client::approver::Inert;
use airlock_core::Timestamp;
use airlock_core::approval::{RequestId, Verdict};

use crate::trouble::Trouble;

/// One request of this enforcer's.
pub(crate) struct Asked {
    /// Its number here, before the gateway knows of it.
    pub(crate) local: u64,
    pub(crate) request: Option<RequestId>,
    /// What was asked, for the list.
    pub(crate) about: Inert,
    pub(crate) state: State,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Sending,
    Waiting {
        until: Option<Timestamp>,
    },
    /// The person's, verified. The reason is theirs, and nobody signed it.
    Decided {
        verdict: Verdict,
        reason: Option<Inert>,
    },
    /// Decided in advance, verified.
    Standing(Verdict),
    Withdrawn,
    /// Over without a decision that could be believed: a no.
    Failed(Trouble),
}

impl State {
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }
    /// One word for a list.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Waiting { .. } => "waiting",
            Self::Decided { verdict: Verdict::Approve, .. } => "APPROVED",
            Self::Decided { verdict: Verdict::Reject, .. } => "REJECTED",
            Self::Standing(Verdict::Approve) => "APPROVED in advance",
            Self::Standing(Verdict::Reject) => "REJECTED in advance",
            Self::Withdrawn => "withdrawn",
            Self::Failed(_) => "not approved",
        }
    }
}

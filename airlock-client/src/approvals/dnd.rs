//! Standing decisions: what the person decided in advance, for this program to act on without asking.

use std::time::Duration;

use airlock_core::approval::dnd::{Asked, BelievedPolicy, Standing, believe, evaluate};
use airlock_core::approval::{Ask, Believed, Verdict};
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::enforcer::Approvals;
use super::pairing::Pairing;
use crate::calls;

/// How long the list of standing decisions is used before it is asked for again.
pub const STANDING_CACHED_FOR: Duration = Duration::from_secs(15);
/// Most standing decisions that are looked at.
const POLICIES_MAX: usize = 1_000;

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// The person, about this request.
    Person(Believed),
    /// The person, in advance.
    Standing(Standing),
}

impl Choice {
    /// Yes or no.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Person(believed) => believed.verdict(),
            Self::Standing(standing) => standing.verdict,
        }
    }
    /// Whether the act may be done.
    pub fn is_approved(&self) -> bool {
        self.verdict() == Verdict::Approve
    }
}

/// The standing decisions of one enforcer in one workspace and session, as they were a moment ago.
#[derive(Debug, Default)]
pub(super) struct StandingDecisions(Mutex<Option<(Duration, Vec<BelievedPolicy>)>>);

impl StandingDecisions {
    /// The one that holds for this. Whatever goes wrong means that there is none: a person is asked.
    pub(super) async fn choose(
        &self,
        approvals: &Approvals,
        pairing: &Pairing,
        ask: &Ask,
    ) -> Option<Standing> {
        let policies = self.policies(approvals, pairing).await;
        let enforcer = &approvals.enforcer;
        let asked = Asked {
            workspace: enforcer.workspace_id(),
            enforcer: enforcer.id.as_str(),
            session: enforcer.session.as_deref(),
            artifact_type: ask.artifact_type.as_str(),
            command: ask.payload.get("command").and_then(Value::as_str),
        };
        evaluate(&policies, &asked, approvals.now())
    }

    async fn policies(&self, approvals: &Approvals, pairing: &Pairing) -> Vec<BelievedPolicy> {
        let now = approvals.host().monotonic();
        if let Some((at, policies)) = &*self.0.lock()
            && now.saturating_sub(*at) < STANDING_CACHED_FOR
        {
            return policies.clone();
        }
        let enforcer = &approvals.enforcer;
        let call = calls::effective_dnd_as_sent(
            enforcer.id.as_str(),
            enforcer.workspace_id(),
            enforcer.session.as_deref(),
        );
        let policies = match approvals.airlock.call(&call).await {
            Ok(sent) => believed(&sent, approvals, pairing),
            Err(error) => {
                tracing::debug!(%error, "standing decisions are not known; a person is asked");
                Vec::new()
            }
        };
        *self.0.lock() = Some((now, policies.clone()));
        policies
    }
}

fn believed(sent: &[Map<String, Value>], approvals: &Approvals, pairing: &Pairing) -> Vec<BelievedPolicy> {
    let (signers, now) = (pairing.signers(), approvals.now());
    sent.iter().take(POLICIES_MAX).filter_map(|policy| believe(policy, &signers, now)).collect()
}

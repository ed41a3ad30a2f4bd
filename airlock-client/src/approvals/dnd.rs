//! Standing decisions: what the person decided in advance, for this program to act on without asking.
//!
//! A standing yes is believed only when the paired approver signed it: whoever relays it could make one up otherwise. A
//! standing no is believed of anybody; it costs no more than an act that is not done.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::dnd::{Asked, DndMode, DndPolicy, DndQuery, Standing, evaluate, verify};
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
pub(super) struct StandingDecisions(Mutex<Option<(Duration, Vec<DndPolicy>)>>);

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

    async fn policies(&self, approvals: &Approvals, pairing: &Pairing) -> Vec<DndPolicy> {
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

fn believed(sent: &[Map<String, Value>], approvals: &Approvals, pairing: &Pairing) -> Vec<DndPolicy> {
    let enforcer = &approvals.enforcer;
    let query = DndQuery {
        enforcer_id: enforcer.id.as_str(),
        workspace_id: enforcer.workspace_id(),
        session_id: enforcer.session.as_deref(),
    };
    let now = approvals.now();
    let sent = sent.iter().take(POLICIES_MAX);
    sent.filter_map(|policy| read(policy, pairing, now)).filter(|p| p.applies_to(&query, now)).collect()
}

/// A policy that may be acted on.
fn read(sent: &Map<String, Value>, pairing: &Pairing, now: Timestamp) -> Option<DndPolicy> {
    let policy: DndPolicy = serde_json::from_value(Value::Object(sent.clone())).ok()?;
    policy.validate(now).ok()?;
    let signed = || {
        let signer = pairing.signers().find(policy.signer_key_id.as_deref()?)?;
        verify(sent, signer.public_key).ok()
    };
    if policy.policy_mode == DndMode::DenyAll || signed().is_some() {
        return Some(policy);
    }
    tracing::debug!(policy.id = %policy.policy_id, "a standing yes is not signed by the paired approver");
    None
}

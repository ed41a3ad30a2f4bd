//! Rows for requests refused at the door. A flood of them must not fill the disk: the same refusal is kept once a minute,
//! and all together a bounded number.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use airlock_core::audit::{Action, AuditSink, Context, Counts, Event, Target};
use airlock_core::id::{AuditId, OrgId, TraceId};
use airlock_core::plane::Outcome;
use airlock_core::principal::{Actor, ActorKind};
use airlock_core::{Code, Host};

use super::door::Whose;

/// How long the same refusal is not kept again.
const QUIET: Duration = Duration::from_secs(60);

/// Most rows in that time.
const ROWS_MAX: usize = 200;

/// One refused request.
pub(super) struct Denial<'a> {
    /// The kind of refusal.
    pub(super) code: Code,
    /// The finer word.
    pub(super) why: &'static str,
    /// Who it was, when that is known.
    pub(super) actor: Option<&'a Actor>,
    /// Whose log it belongs to, when that is known.
    pub(super) of: Option<&'a Whose>,
    /// The tenant that was asked for, when it could be one.
    pub(super) slug: Option<&'a str>,
    pub(super) trace: &'a TraceId,
    /// The peer and its user agent.
    pub(super) context: Context,
    /// Time since the request came in.
    pub(super) latency: Duration,
}

/// Which refusals were kept of late.
#[derive(Debug, Default)]
pub(super) struct Denials {
    kept: Mutex<HashMap<Key, Duration>>,
}

type Key = (&'static str, Option<String>, Option<String>);

impl Denials {
    /// Keeps a row, unless the like was kept a moment ago. When it cannot be written the request is refused all the same.
    pub(super) async fn keep(&self, sink: &dyn AuditSink, host: &dyn Host, denial: Denial<'_>) {
        let key = (denial.why, denial.slug.map(str::to_owned), denial.context.ip.clone());
        if !self.admits(key, host.monotonic()) {
            return;
        }
        let (org_id, tenant_id) = match denial.of {
            Some(whose) => (whose.org.clone(), Some(whose.tenant.clone())),
            None => (default_org(), None),
        };
        let event = Event {
            id: AuditId::new(host),
            ts: host.now(),
            org_id,
            tenant_id,
            trace_id: Some(denial.trace.clone()),
            actor: denial.actor.cloned().unwrap_or_else(anonymous),
            action: Action::McpDenied,
            target: Target { resource: denial.slug.map(str::to_owned), ..Target::default() },
            outcome: Outcome::Denied,
            error_class: Some(denial.code.to_string()),
            error_code: Some(denial.code.rpc_code()),
            detail_code: Some(denial.why.to_owned()),
            context: denial.context,
            counts: Counts {
                latency_ms: u64::try_from(denial.latency.as_millis()).unwrap_or(u64::MAX),
                ..Counts::default()
            },
        };
        if sink.close(event).await.is_err() {
            tracing::error!("a refused request could not be written into the audit log");
        }
    }

    fn admits(&self, key: Key, now: Duration) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = |at: &Duration| now.saturating_sub(*at) < QUIET;
        if kept.get(&key).is_some_and(fresh) {
            return false;
        }
        if kept.len() >= ROWS_MAX {
            kept.retain(|_, at| fresh(at));
            if kept.len() >= ROWS_MAX {
                return false;
            }
        }
        kept.insert(key, now);
        true
    }
}

fn anonymous() -> Actor {
    Actor { kind: ActorKind::Anonymous, id: "anonymous".into(), name: None }
}

/// The org that every control plane begins with; what belongs to nobody we know stands in its log.
fn default_org() -> OrgId {
    "default".parse().expect("`default` is a valid org id")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        ("wrong_key", None, Some(n.to_string()))
    }

    #[test]
    fn the_same_refusal_is_kept_once_a_minute() {
        let denials = Denials::default();
        assert!(denials.admits(key(1), Duration::from_secs(10)));
        assert!(!denials.admits(key(1), Duration::from_secs(69)));
        assert!(denials.admits(key(2), Duration::from_secs(69)));
        assert!(denials.admits(key(1), Duration::from_secs(70)));
    }

    #[test]
    fn a_flood_of_different_refusals_is_bounded() {
        let denials = Denials::default();
        let kept = (0..10_000).filter(|n| denials.admits(key(*n), Duration::from_secs(10))).count();
        assert_eq!(kept, ROWS_MAX);
        assert!(denials.admits(key(1), Duration::from_secs(71)));
    }
}

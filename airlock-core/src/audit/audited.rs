//! A data plane whose every call leaves a row.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Action, AuditSink, Context, Counts, Event, Target};
use crate::error::{CallError, Code};
use crate::host::Host;
use crate::id::{AuditId, OrgId, TenantId};
use crate::plane::{DataPlane, Outcome, Rendered, ToolCall};

/// Wraps a plane: opens a row before each call and closes it with the outcome before the answer is given.
pub struct Audited<P> {
    plane: P,
    sink: Arc<dyn AuditSink>,
    host: Arc<dyn Host>,
    org: OrgId,
    tenant: Option<TenantId>,
}

impl<P> std::fmt::Debug for Audited<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Audited({})", self.org)
    }
}

impl<P: DataPlane> Audited<P> {
    /// Audits `plane` into `sink`, in the log of `org`.
    pub fn new(
        plane: P,
        sink: Arc<dyn AuditSink>,
        host: Arc<dyn Host>,
        org: OrgId,
        tenant: Option<TenantId>,
    ) -> Self {
        Self { plane, sink, host, org, tenant }
    }
}

#[async_trait]
impl<P: DataPlane> DataPlane for Audited<P> {
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        let begun = self.host.monotonic();
        let mut event = Event {
            id: AuditId::new(&*self.host),
            ts: self.host.now(),
            org_id: self.org.clone(),
            tenant_id: self.tenant.clone(),
            trace_id: Some(call.trace.clone()),
            actor: call.principal.actor.clone(),
            action: Action::ToolsCall,
            target: Target {
                tool: Some(call.tool.to_string()),
                snapshot_id: crate::tool::subject_of(&call),
                resource: None,
            },
            outcome: Outcome::Unknown,
            error_class: None,
            error_code: None,
            detail_code: None,
            context: Context { protocol: Some(call.revision.to_string()), ..Context::default() },
            counts: Counts::default(),
        };
        let unavailable = |_| CallError::new(Code::AuditUnavailable, "the audit log cannot be written");
        self.sink.open(&event).await.map_err(unavailable)?;
        let result = self.plane.call(call).await;
        event.complete(&result, self.host.monotonic().saturating_sub(begun));
        let suspected = event.enumeration_suspected(&*self.host);
        self.sink.close(event).await.map_err(unavailable)?;
        if let Some(suspected) = suspected {
            self.sink.close(suspected).await.map_err(unavailable)?;
        }
        result
    }
}

/// What a refused call's `detail_code` says when people should hear of it.
pub const ENUMERATION_SUSPECTED: &str = "enumeration_suspected";

impl Event {
    /// The event to write beside a call's own when it was refused for asking for too many different snapshots.
    pub fn enumeration_suspected(&self, host: &dyn Host) -> Option<Event> {
        (self.detail_code.as_deref() == Some(ENUMERATION_SUSPECTED)).then(|| Event {
            id: AuditId::new(host),
            action: Action::EnumerationSuspected,
            outcome: Outcome::Denied,
            target: Target::default(),
            counts: Counts::default(),
            ..self.clone()
        })
    }

    /// Fills in how the call ended: what a row may know of an answer is its head, never its body.
    pub fn complete(&mut self, result: &Result<Rendered, CallError>, latency: std::time::Duration) {
        self.counts.latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(rendered) => {
                let head = &rendered.head;
                self.outcome = head.outcome;
                self.error_class.clone_from(&head.error_class);
                self.error_code = head.error_class.as_deref().and_then(Code::parse).map(Code::rpc_code);
                self.detail_code.clone_from(&head.detail_code);
                self.counts = Counts {
                    latency_ms: self.counts.latency_ms,
                    worker_ms: Some(head.elapsed_ms),
                    queue_ms: Some(head.queue_ms),
                    cold: Some(head.cold),
                    rows: Some(head.rows),
                    bytes: Some(rendered.body.len() as u64),
                    truncated: Some(head.truncated),
                    generation: head.generation,
                    policy_hash: head.policy_hash.clone(),
                    sql_fingerprint: head.sql_fingerprint.clone(),
                };
            }
            Err(error) => {
                self.outcome = if error.code == Code::ScopeDenied { Outcome::Denied } else { Outcome::Error };
                self.error_class = Some(error.code.to_string());
                self.error_code = Some(error.code.rpc_code());
                self.detail_code.clone_from(&error.detail);
            }
        }
    }
}

//! One tool call: scopes, its audit row, the forward, and the end in order even when the client is gone.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use airlock_core::audit::{Action, Context, Counts, Event, Target};
use airlock_core::id::{AuditId, CallId, SubjectId, TraceId};
use airlock_core::plane::{ContentType, Outcome, Rendered, Revision, ToolCall};
use airlock_core::principal::ActorKind;
use airlock_core::{CallError, Code};
use airlock_proto::mcp::binding;
use airlock_proto::mcp::catalog::Call;
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::visit::Visit;

/// How a call is to be made.
pub(super) struct Way {
    pub(super) revision: Revision,
    pub(super) accept: ContentType,
    pub(super) trace: TraceId,
    /// The snapshot bound outside the model.
    pub(super) bound: Result<Option<SubjectId>, CallError>,
    /// What the row says of the client.
    pub(super) context: Context,
}

/// Makes the call and writes its row. Returns when both are done.
///
/// Dropping the future cancels the call; its row is still closed, as `cancelled`.
///
/// # Errors
/// With what goes into the JSON-RPC error.
pub(super) async fn make(visit: &Visit<'_>, call: Call, way: Way) -> Result<Rendered, CallError> {
    let deps = visit.deps;
    let principal = visit.visitor.principal.clone();
    let mut event = event(visit, &way, Action::ToolsCall);
    event.target.tool = Some(call.tool.to_string());

    let bound = match in_scope(visit, &call, &way.bound, &mut event) {
        Ok(bound) => bound,
        Err(error) => return Err(refuse(visit, event, error).await),
    };
    let tool_call = ToolCall {
        id: CallId::new(&*deps.host),
        tool: call.tool,
        arguments: call.arguments,
        bound,
        principal,
        trace: way.trace,
        budget: visit.time_left(),
        revision: way.revision,
        accept: way.accept,
    };
    let running = Running {
        deps: deps.clone(),
        tenant: visit.visitor.tenant.clone(),
        begun: visit.begun,
        gone: CancellationToken::new(),
        read_only: call.read_only,
    };
    // The task outlives a client that goes away: it cancels the call and closes the row.
    let _gone = running.gone.clone().drop_guard();
    let incident = tool_call.trace.clone();
    let (tell, told) = oneshot::channel();
    deps.tasks.spawn(Box::pin(async move {
        let _ = tell.send(running.finish(tool_call, event).await);
    }));
    told.await.unwrap_or_else(|_| Err(CallError::internal(incident.as_str())))
}

/// The snapshot that is bound outside the model, if what the call names is within the credential's scope.
fn in_scope(
    visit: &Visit<'_>,
    call: &Call,
    bound: &Result<Option<SubjectId>, CallError>,
    event: &mut Event,
) -> Result<Option<SubjectId>, CallError> {
    let bound = bound.clone()?;
    event.target.snapshot_id = bound.as_ref().map(|id| id.expose().to_owned());
    let named = binding::argument(&call.arguments)?;
    if let Some(named) = &named {
        event.target.snapshot_id = Some(named.expose().to_owned());
    }
    let subject = binding::agreed(bound.as_ref(), named)?;
    if subject.is_some_and(|id| !visit.visitor.principal.scope.snapshots.allows(&id)) {
        let what = match visit.visitor.principal.actor.kind {
            ActorKind::User => "this access token",
            _ => "this API key",
        };
        return Err(CallError::new(Code::ScopeDenied, format!("{what} does not reach that snapshot")));
    }
    Ok(bound)
}

/// A row with what is known before the end.
pub(super) fn event(visit: &Visit<'_>, way: &Way, action: Action) -> Event {
    Event {
        id: AuditId::new(&*visit.deps.host),
        ts: visit.deps.host.now(),
        org_id: visit.visitor.org.clone(),
        tenant_id: Some(visit.visitor.tenant.clone()),
        trace_id: Some(way.trace.clone()),
        actor: visit.visitor.principal.actor.clone(),
        action,
        target: Target::default(),
        outcome: Outcome::Unknown,
        error_class: None,
        error_code: None,
        detail_code: None,
        context: Context { protocol: Some(way.revision.to_string()), ..way.context.clone() },
        counts: Counts::default(),
    }
}

/// Writes the row of a call that is not made, and gives back what to tell the client.
pub(super) async fn refuse(visit: &Visit<'_>, mut event: Event, error: CallError) -> CallError {
    let denied = error.code == Code::InsufficientScope;
    let result = Err(error);
    event.complete(&result, visit.latency());
    if denied {
        event.outcome = Outcome::Denied;
    }
    match (visit.deps.audit.close(event).await, result) {
        (Ok(()), Err(error)) => error,
        _ => audit_unavailable(),
    }
}

pub(super) fn audit_unavailable() -> CallError {
    CallError::new(Code::AuditUnavailable, "the audit log cannot be written, so nothing is answered")
        .with_retry_after_ms(1000)
}

/// A call on its way, independent of the connection it came by.
struct Running {
    deps: super::McpDeps,
    tenant: airlock_core::id::TenantId,
    begun: Duration,
    gone: CancellationToken,
    read_only: bool,
}

impl Running {
    async fn finish(self, call: ToolCall, mut event: Event) -> Result<Rendered, CallError> {
        let intent = event.clone();
        let opened = self.deps.audit.open(&intent);
        let answered = self.forward(call);
        tokio::pin!(opened, answered);
        // What changes nothing may run while its intent is written; no answer is given before both are done.
        let (opened, answered) = if self.read_only {
            tokio::select! {
                opened = &mut opened => match opened {
                    Ok(()) => (Ok(()), answered.await),
                    Err(error) => return Err(self.unwritten(&error)),
                },
                answered = &mut answered => (opened.await, answered),
            }
        } else {
            match opened.await {
                Ok(()) => (Ok(()), answered.await),
                Err(error) => return Err(self.unwritten(&error)),
            }
        };
        if let Err(error) = opened {
            return Err(self.unwritten(&error));
        }
        let (result, through) = answered;
        if let Some((worker, session)) = through {
            event.context.worker_id = Some(worker);
            event.context.session_id = Some(session);
        }
        event.complete(&result, self.deps.host.monotonic().saturating_sub(self.begun));
        let suspected = event.enumeration_suspected(&*self.deps.host);
        for row in [Some(event), suspected].into_iter().flatten() {
            if let Err(error) = self.deps.audit.close(row).await {
                return Err(self.unwritten(&error));
            }
        }
        result
    }

    async fn forward(
        &self,
        call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<(airlock_core::id::WorkerId, airlock_core::id::SessionId)>)
    {
        let (budget, incident) = (call.budget, call.trace.to_string());
        tokio::select! {
            biased;
            () = self.gone.cancelled() => {
                (Err(CallError::new(Code::Cancelled, "the client went away")), None)
            }
            // A panic further in must still close the row.
            answered = AssertUnwindSafe(self.deps.planes.call(&self.tenant, call)).catch_unwind() => {
                answered.unwrap_or_else(|_| (Err(CallError::internal(&incident)), None))
            }
            () = tokio::time::sleep(budget) => {
                let error = CallError::new(Code::QueryTimeout, "the call ran past its deadline")
                    .with_hint("ask for less: filter earlier, join fewer tables, or aggregate");
                (Err(error), None)
            }
        }
    }

    fn unwritten(&self, error: &airlock_core::audit::AuditError) -> CallError {
        tracing::error!(%error, tenant.id = %self.tenant, "a call was not answered because its row could not be written");
        audit_unavailable()
    }
}

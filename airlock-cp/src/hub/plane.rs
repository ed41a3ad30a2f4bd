//! [`RemotePlane`]: a tenant's data plane, reached through whichever of its workers takes the call.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use airlock_core::crypto::hmac_sha256;
use airlock_core::error::{CallError, Code};
use airlock_core::id::{CallId, SessionId, TenantId, WorkerId};
use airlock_core::plane::{DataPlane, Rendered, ToolCall};
use airlock_core::tool::subject_of;

use super::Hub;
use super::registry::{Asked, Command, Ended, NoSlot, PATIENCE, Slot};

/// Workers asked for one call. More do not help a caller whose time runs.
const ATTEMPTS_MAX: usize = 3;
/// When to try again while no worker is connected: about when one that lost its tunnel is back.
const RETRY_AFTER_MS: u64 = 1000;

/// Which worker took a call, and through which tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// The worker.
    pub worker_id: WorkerId,
    /// Its tunnel.
    pub session_id: SessionId,
}

/// The data plane of one tenant, behind its workers' tunnels.
#[derive(Clone, Debug)]
pub struct RemotePlane {
    hub: Hub,
    tenant: TenantId,
}

impl RemotePlane {
    pub(super) fn new(hub: Hub, tenant: TenantId) -> Self {
        Self { hub, tenant }
    }
}

#[async_trait]
impl DataPlane for RemotePlane {
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        self.hub.call_via(&self.tenant, call).await.0
    }
}

impl Hub {
    /// Has one of the tenant's workers answer a call, and tells which was asked last. Asks another only while no byte of
    /// an answer came. Dropping the future cancels the call at the worker.
    pub async fn call_via(
        &self,
        tenant: &TenantId,
        mut call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<Via>) {
        let host = &self.0.host;
        let until = host.monotonic() + call.budget;
        let subject = self.subject(tenant, &call);
        let (mut tried, mut via) = (Vec::new(), None);
        while tried.len() < ATTEMPTS_MAX {
            call.budget = until.saturating_sub(host.monotonic());
            let patience = PATIENCE.min(call.budget);
            let slot = match self
                .0
                .registry
                .acquire(tenant, &call.principal.actor, subject.as_ref(), &tried, patience)
                .await
            {
                Ok(slot) => slot,
                Err(NoSlot::NoWorker) => break,
                Err(NoSlot::Busy) => {
                    let busy = CallError::new(Code::Busy, "all workers of the tenant are busy");
                    return (Err(busy.with_retry_after_ms(RETRY_AFTER_MS)), via);
                }
            };
            let worker = &slot.live().worker;
            tried.push(worker.session_id.clone());
            via = Some(Via { worker_id: worker.worker_id.clone(), session_id: worker.session_id.clone() });
            match ask(slot, call.clone()).await {
                Ended::Done(result) => return (result, via),
                Ended::Lost { begun: true } => break,
                Ended::Lost { begun: false } if call.budget == Duration::ZERO => break,
                Ended::Lost { begun: false } => {}
            }
        }
        let why = if via.is_none() {
            "no worker of the tenant is connected"
        } else {
            "the worker's tunnel dropped"
        };
        (Err(CallError::new(Code::WorkerUnavailable, why).with_retry_after_ms(RETRY_AFTER_MS)), via)
    }

    /// Digest of the call's subject, when it matters which worker is asked.
    fn subject(&self, tenant: &TenantId, call: &ToolCall) -> Option<[u8; 32]> {
        if !self.0.registry.has_choice(tenant) {
            return None;
        }
        let subject = subject_of(call)?;
        Some(hmac_sha256(&self.0.affinity_key, &[tenant.as_str().as_bytes(), b"\0", subject.as_bytes()]))
    }
}

/// Asks one worker.
async fn ask(slot: Slot, call: ToolCall) -> Ended {
    let live = slot.live().clone();
    let (answer, ended) = oneshot::channel();
    let id = call.id.clone();
    if live.commands.try_send(Command::Call(Box::new(Asked { call, answer, slot }))).is_err() {
        // The tunnel ended between choice and question; there is always room.
        return Ended::Lost { begun: false };
    }
    let mut cancel = CancelOnDrop { live: &live.commands, id: Some(id) };
    // A sender that is dropped without a word went down with its tunnel: whether it had begun is not known.
    let ended = ended.await.unwrap_or(Ended::Lost { begun: true });
    cancel.id = None;
    ended
}

/// Tells the tunnel that nobody waits any more.
struct CancelOnDrop<'a> {
    live: &'a tokio::sync::mpsc::Sender<Command>,
    id: Option<CallId>,
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            // Fails only when the tunnel has ended, and the call with it.
            let _ = self.live.try_send(Command::Cancel(id));
        }
    }
}

//! Which tunnels live, and which of them takes a call.
//!
//! A subject goes to the worker that its digest prefers, so that a warm snapshot is used again; a call without a subject
//! to the one with least in flight. A preferred worker that is full or gone is passed over for the next. When all are
//! full, a few callers wait a little, the rest hear `busy`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use airlock_core::crypto::sha256;
use airlock_core::error::CallError;
use airlock_core::id::{CallId, SessionId, TenantId, WorkerId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_proto::limits::CALLS_IN_FLIGHT_MAX;
use airlock_proto::session::CloseReason;

use super::LiveWorker;

/// Callers of one tenant that wait while all its workers are full.
pub(super) const WAITING_MAX: usize = 64;
/// How long they wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// Commands to one tunnel: each call in flight makes two at most, its start and its cancel, so none is ever refused.
pub(super) const COMMANDS_MAX: usize = 2 * CALLS_IN_FLIGHT_MAX;

/// What a caller wants of a tunnel.
#[derive(Debug)]
pub(super) enum Command {
    Call(Box<Asked>),
    Cancel(CallId),
}

/// A call handed to a tunnel.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) call: ToolCall,
    pub(super) answer: oneshot::Sender<Ended>,
    pub(super) slot: Slot,
}

/// How a call ended on one tunnel.
#[derive(Debug)]
pub(super) enum Ended {
    /// With the worker's word, or ours that it shall not be asked again.
    Done(Result<Rendered, CallError>),
    /// The tunnel went away under it.
    Lost {
        /// Whether its answer had begun.
        begun: bool,
    },
}

/// One live tunnel, as callers see it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) worker: LiveWorker,
    pub(super) commands: mpsc::Sender<Command>,
    /// Cancelled to end the tunnel at once, for the reason beside it.
    pub(super) end: CancellationToken,
    why: OnceLock<CloseReason>,
    draining: AtomicBool,
    in_flight: AtomicUsize,
    freed: Arc<Notify>,
}

/// The right to have one call in flight on a tunnel. Dropping it lets the next caller in.
#[derive(Debug)]
pub(super) struct Slot(Arc<Live>);

/// Why nobody takes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// No worker that could be asked is connected.
    NoWorker,
    /// All are full, and so is the queue, or it took too long.
    Busy,
}

#[derive(Debug, Default)]
pub(super) struct Registry(Mutex<HashMap<TenantId, Tenant>>);

#[derive(Debug, Default)]
struct Tenant {
    live: Vec<Arc<Live>>,
    freed: Arc<Notify>,
    waiting: usize,
}

impl Live {
    /// Ends the tunnel at once. The first reason stays.
    pub(super) fn end(&self, why: CloseReason) {
        let _ = self.why.set(why);
        self.end.cancel();
    }
    pub(super) fn why(&self) -> CloseReason {
        self.why.get().copied().unwrap_or(CloseReason::ShuttingDown)
    }
    /// No more calls for this tunnel.
    pub(super) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.freed.notify_waiters();
    }
    /// The worker and what is going on with it now.
    pub(super) fn snapshot(&self) -> LiveWorker {
        LiveWorker {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            draining: self.draining.load(Ordering::Relaxed),
            ..self.worker.clone()
        }
    }
}

impl Slot {
    pub(super) fn live(&self) -> &Arc<Live> {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

impl Registry {
    /// Adds a tunnel. An older one of the same worker is taken out and returned.
    pub(super) fn add(
        &self,
        worker: LiveWorker,
        commands: mpsc::Sender<Command>,
    ) -> (Arc<Live>, Option<Arc<Live>>) {
        let mut tenants = self.0.lock();
        let tenant = tenants.entry(worker.tenant_id.clone()).or_default();
        let older = tenant.live.iter().position(|l| l.worker.worker_id == worker.worker_id);
        let older = older.map(|at| tenant.live.swap_remove(at));
        let live = Arc::new(Live {
            worker,
            commands,
            end: CancellationToken::new(),
            why: OnceLock::new(),
            draining: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            freed: tenant.freed.clone(),
        });
        tenant.live.push(live.clone());
        tenant.freed.notify_waiters();
        (live, older)
    }

    /// Takes a tunnel out, if it is still in.
    pub(super) fn remove(&self, gone: &Live) {
        let mut tenants = self.0.lock();
        let Some(tenant) = tenants.get_mut(&gone.worker.tenant_id) else { return };
        tenant.live.retain(|l| l.worker.session_id != gone.worker.session_id);
        tenant.freed.notify_waiters();
        if tenant.live.is_empty() && tenant.waiting == 0 {
            tenants.remove(&gone.worker.tenant_id);
        }
    }

    /// Takes out every tunnel for which `which` holds.
    pub(super) fn take(&self, which: impl Fn(&LiveWorker) -> bool) -> Vec<Arc<Live>> {
        let mut tenants = self.0.lock();
        let mut taken = Vec::new();
        for tenant in tenants.values_mut() {
            taken.extend(tenant.live.extract_if(.., |l| which(&l.worker)));
            tenant.freed.notify_waiters();
        }
        tenants.retain(|_, t| !t.live.is_empty() || t.waiting > 0);
        taken
    }

    /// Every worker.
    pub(super) fn all(&self) -> Vec<LiveWorker> {
        self.0.lock().values().flat_map(|t| &t.live).map(|l| l.snapshot()).collect()
    }

    /// The tenant's workers, by name.
    pub(super) fn workers(&self, tenant: &TenantId) -> Vec<LiveWorker> {
        let tenants = self.0.lock();
        let mut all: Vec<_> =
            tenants.get(tenant).map_or(&[][..], |t| &t.live).iter().map(|l| l.snapshot()).collect();
        all.sort_by(|a, b| a.worker_id.cmp(&b.worker_id));
        all
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().values().map(|t| t.live.len()).sum()
    }

    /// Whether more than one worker could take a call of this tenant, so that a preference matters.
    pub(super) fn has_choice(&self, tenant: &TenantId) -> bool {
        self.0.lock().get(tenant).is_some_and(|t| t.live.len() > 1)
    }

    /// Waits for a worker that may take a call. `subject`: digest by which one is preferred. `tried`: tunnels not to be
    /// asked. Dropping the future gives up the place in the queue.
    pub(super) async fn acquire(
        &self,
        tenant: &TenantId,
        subject: Option<&[u8; 32]>,
        tried: &[SessionId],
        patience: Duration,
    ) -> Result<Slot, NoSlot> {
        if let Some(answer) = self.pick(tenant, subject, tried) {
            return answer;
        }
        let place = Waiting::enter(self, tenant)?;
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        loop {
            let mut notified = std::pin::pin!(place.freed.notified());
            // Registered before the look, so that what is freed between look and wait is not missed.
            notified.as_mut().enable();
            if let Some(answer) = self.pick(tenant, subject, tried) {
                return answer;
            }
            tokio::select! {
                () = notified => {}
                () = &mut late => return Err(NoSlot::Busy),
            }
        }
    }

    /// A slot, the news that there is no worker, or `None` when all are full.
    fn pick(
        &self,
        tenant: &TenantId,
        subject: Option<&[u8; 32]>,
        tried: &[SessionId],
    ) -> Option<Result<Slot, NoSlot>> {
        let tenants = self.0.lock();
        let live = tenants.get(tenant).map_or(&[][..], |t| &t.live);
        let usable = || {
            live.iter()
                .filter(|l| !l.draining.load(Ordering::Relaxed) && !tried.contains(&l.worker.session_id))
        };
        if usable().next().is_none() {
            return Some(Err(NoSlot::NoWorker));
        }
        let free = usable().filter(|l| l.in_flight.load(Ordering::Relaxed) < CALLS_IN_FLIGHT_MAX);
        let chosen = match subject {
            Some(subject) => free.max_by_key(|l| preference(subject, &l.worker.worker_id)),
            None => free.min_by_key(|l| l.in_flight.load(Ordering::Relaxed)),
        }?;
        // Only raised under the lock, so the bound holds.
        chosen.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Ok(Slot(chosen.clone())))
    }
}

/// Rendezvous hashing: when a worker comes or goes, only its own subjects move.
///
/// Source: D. Thaler, C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998.
fn preference(subject: &[u8; 32], worker: &WorkerId) -> [u8; 32] {
    sha256(&[subject, worker.as_str().as_bytes()])
}

/// A place in a tenant's queue.
struct Waiting<'a> {
    registry: &'a Registry,
    tenant: &'a TenantId,
    freed: Arc<Notify>,
}

impl<'a> Waiting<'a> {
    fn enter(registry: &'a Registry, tenant: &'a TenantId) -> Result<Self, NoSlot> {
        match registry.0.lock().get_mut(tenant) {
            None => Err(NoSlot::NoWorker),
            Some(t) if t.waiting >= WAITING_MAX => Err(NoSlot::Busy),
            Some(t) => {
                t.waiting += 1;
                Ok(Self { registry, tenant, freed: t.freed.clone() })
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut tenants = self.registry.0.lock();
        if let Some(tenant) = tenants.get_mut(self.tenant) {
            tenant.waiting -= 1;
            if tenant.waiting == 0 && tenant.live.is_empty() {
                tenants.remove(self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests;

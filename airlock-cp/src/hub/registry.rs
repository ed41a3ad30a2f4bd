//! Which tunnels live, and which of them takes a call.
//!
//! A subject goes to the worker that its digest prefers, so that a warm snapshot is used again; a call without a subject
//! to the one with least in flight. A preferred worker that is full or gone is passed over for the next. When all are
//! full, a few callers wait a little, served in turn by who asks; the rest hear `busy`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use airlock_core::crypto::sha256;
use airlock_core::error::CallError;
use airlock_core::fair::{Entry, FairQueue, Ticket};
use airlock_core::id::{CallId, SessionId, TenantId, WorkerId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::principal::Actor;
use airlock_proto::limits::CALLS_IN_FLIGHT_MAX;
use airlock_proto::session::CloseReason;

use super::LiveWorker;
use crate::metrics::{Counted, Metrics};

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
    queue: Arc<Queue>,
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
pub(super) struct Registry(Mutex<HashMap<TenantId, Tenant>>, Metrics);

#[derive(Debug, Default)]
struct Tenant {
    live: Vec<Arc<Live>>,
    queue: Arc<Queue>,
}

/// A tenant's callers that wait. A word to one of them means: look again.
#[derive(Debug)]
struct Queue(Mutex<FairQueue<Actor, oneshot::Sender<()>>>);

impl Default for Queue {
    fn default() -> Self {
        Self(Mutex::new(FairQueue::new(WAITING_MAX)))
    }
}

impl Queue {
    /// Tells the next one.
    fn wake_one(&self) {
        let mut waiting = self.0.lock();
        // One that left meanwhile is passed over.
        while let Some(next) = waiting.pop() {
            if next.send(()).is_ok() {
                return;
            }
        }
    }

    /// Tells all: a worker came, or went.
    fn wake_all(&self) {
        let mut waiting = self.0.lock();
        while let Some(next) = waiting.pop() {
            let _ = next.send(());
        }
    }
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
        self.queue.wake_all();
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
        self.0.queue.wake_one();
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
            queue: tenant.queue.clone(),
        });
        tenant.live.push(live.clone());
        tenant.queue.wake_all();
        (live, older)
    }

    /// Takes a tunnel out, if it is still in.
    pub(super) fn remove(&self, gone: &Live) {
        let mut tenants = self.0.lock();
        let Some(tenant) = tenants.get_mut(&gone.worker.tenant_id) else { return };
        tenant.live.retain(|l| l.worker.session_id != gone.worker.session_id);
        tenant.queue.wake_all();
        if tenant.live.is_empty() {
            tenants.remove(&gone.worker.tenant_id);
        }
    }

    /// Takes out every tunnel for which `which` holds.
    pub(super) fn take(&self, which: impl Fn(&LiveWorker) -> bool) -> Vec<Arc<Live>> {
        let mut tenants = self.0.lock();
        let mut taken = Vec::new();
        for tenant in tenants.values_mut() {
            taken.extend(tenant.live.extract_if(.., |l| which(&l.worker)));
            tenant.queue.wake_all();
        }
        tenants.retain(|_, t| !t.live.is_empty());
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

    /// Nobody connected. `metrics`: counts who waits.
    pub(super) fn new(metrics: Metrics) -> Self {
        Self(Mutex::default(), metrics)
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
        asker: &Actor,
        subject: Option<&[u8; 32]>,
        tried: &[SessionId],
        patience: Duration,
    ) -> Result<Slot, NoSlot> {
        if let Some(answer) = self.pick(tenant, subject, tried) {
            return answer;
        }
        let late = tokio::time::sleep(patience);
        tokio::pin!(late);
        loop {
            let mut place = Place::enter(self.queue(tenant)?, asker, &self.1)?;
            // In the queue before the look, so that what is freed in between is not missed.
            if let Some(answer) = self.pick(tenant, subject, tried) {
                return answer;
            }
            tokio::select! {
                // Another asker needs the place more.
                woken = place.turn() => woken?,
                () = &mut late => return Err(NoSlot::Busy),
            }
            if let Some(answer) = self.pick(tenant, subject, tried) {
                place.used = true;
                return answer;
            }
        }
    }

    fn queue(&self, tenant: &TenantId) -> Result<Arc<Queue>, NoSlot> {
        self.0.lock().get(tenant).map(|t| t.queue.clone()).ok_or(NoSlot::NoWorker)
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
struct Place<'a> {
    queue: Arc<Queue>,
    asker: &'a Actor,
    ticket: Ticket,
    turn: oneshot::Receiver<()>,
    /// Told that something is free.
    woken: bool,
    /// And took it.
    used: bool,
    _counted: Counted,
}

impl<'a> Place<'a> {
    fn enter(queue: Arc<Queue>, asker: &'a Actor, metrics: &Metrics) -> Result<Self, NoSlot> {
        let (sender, turn) = oneshot::channel();
        let entry = queue.0.lock().push(asker.clone(), sender);
        match entry {
            Entry::Queued(ticket) | Entry::Displaced(ticket, _) => {
                let _counted = metrics.waits_for_tunnel();
                Ok(Self { queue, asker, ticket, turn, woken: false, used: false, _counted })
            }
            Entry::Full(_) => Err(NoSlot::Busy),
        }
    }

    async fn turn(&mut self) -> Result<(), NoSlot> {
        (&mut self.turn).await.map_err(|_| NoSlot::Busy)?;
        self.woken = true;
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.queue.0.lock().remove(self.asker, self.ticket));
        // Who was told and did not take it lets the next one look.
        if (self.woken || self.turn.try_recv().is_ok()) && !self.used {
            self.queue.wake_one();
        }
    }
}

#[cfg(test)]
mod tests;

//! The snapshots of one policy: at most one per subject, one export at a time for each, gone when stale.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;

use super::breaker::Breaker;
use super::error::ExportError;
use super::export::Export;
use super::newcomers::Newcomers;
use super::plan::ExportPlan;
use super::source::Source;
use super::store::{Snapshot, SnapshotStore};
use crate::host::Host;
use crate::id::{Generation, SubjectHandle, SubjectId};
use crate::mask::MaskKeys;
use crate::policy::limits::Limits;
use crate::principal::Actor;

/// Makes snapshots on demand and keeps them while they are fresh. Cheap to clone; clones share everything.
///
/// A subject is absent, exporting, ready or stale. Whoever asks first begins the export; whoever asks meanwhile waits
/// for the same one and gets the same result, failure included. The export is a future that is polled by those who
/// wait: it goes on while one of them is left, and is dropped with the last. A snapshot that was given out lives until
/// its last reader drops it, whatever happens here.
///
/// A new policy needs a new value, because its masks are others.
#[derive(Debug)]
pub struct Snapshots<S: SnapshotStore>(Arc<Inner<S>>);

impl<S: SnapshotStore> Clone for Snapshots<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What [`Snapshots`] is made of.
#[derive(Debug)]
pub struct SnapshotsSetup<S> {
    /// Which rows and masks.
    pub plan: Arc<ExportPlan>,
    /// Where the rows are.
    pub source: Arc<dyn Source>,
    /// Keys of the masks.
    pub keys: MaskKeys,
    /// `limits:`.
    pub limits: Limits,
    /// How long a snapshot is fresh; zero exports for every call.
    pub ttl: Duration,
    /// Where the masked rows go.
    pub store: S,
    /// Clocks.
    pub host: Arc<dyn Host>,
}

/// Whether a call had to wait for an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cold {
    /// It waited.
    Yes,
    /// The snapshot was there.
    No,
}

/// Numbers for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotStats {
    /// Snapshots kept.
    pub kept: u64,
    /// Their Arrow bytes, those still read after they were dropped included.
    pub bytes: u64,
    /// Subjects whose export runs or waits for its turn.
    pub exporting: u64,
    /// Calls that found a fresh snapshot.
    pub hits: u64,
    /// Calls that did not.
    pub misses: u64,
    /// Exports that ended with a snapshot.
    pub exported: u64,
    /// Exports that ended without one.
    pub failed: u64,
    /// Snapshots dropped for want of room.
    pub evicted: u64,
}

struct Inner<S: SnapshotStore> {
    setup: SnapshotsSetup<S>,
    exports: Arc<Semaphore>,
    state: Mutex<State<S>>,
}

impl<S: SnapshotStore> std::fmt::Debug for Inner<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Snapshots({:?})", lock(&self.state).stats)
    }
}

type Exported<S> = Result<Arc<Snapshot<<S as SnapshotStore>::Data>>, ExportError>;
type Flight<S> = BoxFuture<'static, Exported<S>>;

struct State<S: SnapshotStore> {
    slots: HashMap<SubjectHandle, Slot<S>>,
    /// Snapshots that were dropped here while someone may still read them.
    lingering: Vec<(Weak<Snapshot<S::Data>>, u64)>,
    missing: Missing,
    newcomers: Newcomers,
    breaker: Breaker,
    /// Counts generations, which also name flights.
    generation: u64,
    /// Counts uses, to know the least recent.
    tick: u64,
    stats: SnapshotStats,
}

enum Slot<S: SnapshotStore> {
    /// The flight lives while someone waits for it.
    Exporting {
        generation: Generation,
        flight: WeakShared<Flight<S>>,
    },
    Ready {
        snapshot: Arc<Snapshot<S::Data>>,
        used: u64,
    },
}

impl<S: SnapshotStore> Snapshots<S> {
    /// Nothing yet.
    pub fn new(setup: SnapshotsSetup<S>) -> Self {
        let exports = usize::try_from(setup.limits.max_concurrent_exports).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            setup,
            exports: Arc::new(Semaphore::new(exports.clamp(1, Semaphore::MAX_PERMITS))),
            state: Mutex::new(State {
                slots: HashMap::new(),
                lingering: vec![],
                missing: Missing::default(),
                newcomers: Newcomers::default(),
                breaker: Breaker::default(),
                generation: 0,
                tick: 0,
                stats: SnapshotStats::default(),
            }),
        }))
    }

    /// The subject's snapshot: the one at hand while it is fresh, else a new one.
    ///
    /// Waits at most `export_timeout_ms` for its turn and as long for the export. Needs a tokio runtime with time.
    /// Dropping the future is safe; others that wait for the same export are not disturbed.
    ///
    /// # Errors
    /// [`ExportError`], the same for everyone who waited. That a subject does not exist is remembered for ten seconds.
    pub async fn get(&self, subject: &SubjectId) -> Result<(Arc<Snapshot<S::Data>>, Cold), ExportError> {
        self.get_as(None, subject).await
    }

    /// The same for a caller, who may ask for `new_subjects_per_minute` that are not at hand and no more.
    ///
    /// # Errors
    /// As [`Self::get`], and [`ExportError::TooManySubjects`].
    pub async fn get_for(
        &self,
        asker: &Actor,
        subject: &SubjectId,
    ) -> Result<(Arc<Snapshot<S::Data>>, Cold), ExportError> {
        self.get_as(Some(asker), subject).await
    }

    async fn get_as(
        &self,
        asker: Option<&Actor>,
        subject: &SubjectId,
    ) -> Result<(Arc<Snapshot<S::Data>>, Cold), ExportError> {
        let flight = match self.find(asker, subject)? {
            Found::Ready(snapshot) => return Ok((snapshot, Cold::No)),
            Found::Exporting(flight) => flight,
        };
        flight.await.map(|snapshot| (snapshot, Cold::Yes))
    }

    /// Drops what is no longer fresh. To be called every few seconds: data at rest lives that much longer than its TTL.
    pub fn sweep(&self) {
        let now = self.0.setup.host.monotonic();
        let mut state = lock(&self.0.state);
        let state = &mut *state;
        state.slots.retain(|_, slot| match slot {
            Slot::Exporting { flight, .. } => flight.upgrade().is_some(),
            Slot::Ready { snapshot, .. } if snapshot.fresh_until > now => true,
            Slot::Ready { snapshot, .. } => {
                linger(&mut state.lingering, snapshot);
                false
            }
        });
        state.missing.sweep(now);
        state.newcomers.sweep(now);
        state.lingering.retain(|(weak, _)| weak.strong_count() > 0);
    }

    /// Drops one subject's snapshot, now. An export that runs meanwhile is given to those who wait for it, and not kept.
    pub fn drop_subject(&self, subject: &SubjectId) {
        let handle = self.0.handle(subject);
        let mut state = lock(&self.0.state);
        state.missing.forget(&handle);
        state.remove(&handle);
    }

    /// Drops every snapshot, now.
    pub fn drop_all(&self) {
        let mut state = lock(&self.0.state);
        let handles: Vec<SubjectHandle> = state.slots.keys().copied().collect();
        handles.iter().for_each(|handle| state.remove(handle));
        state.missing = Missing::default();
    }

    /// Numbers for metrics.
    pub fn stats(&self) -> SnapshotStats {
        let state = lock(&self.0.state);
        let kept = state.ready().count() as u64;
        SnapshotStats {
            kept,
            bytes: state.bytes(),
            exporting: state.slots.len() as u64 - kept,
            ..state.stats
        }
    }

    fn find(&self, asker: Option<&Actor>, subject: &SubjectId) -> Result<Found<S>, ExportError> {
        let inner = &self.0;
        let (handle, now) = (inner.handle(subject), inner.setup.host.monotonic());
        let mut state = lock(&inner.state);
        state.tick += 1;
        let tick = state.tick;
        if let Some(Slot::Ready { snapshot, used }) = state.slots.get_mut(&handle)
            && snapshot.fresh_until > now
        {
            *used = tick;
            let snapshot = snapshot.clone();
            state.stats.hits += 1;
            return Ok(Found::Ready(snapshot));
        }
        if let Some(asker) = asker {
            let max = inner.setup.limits.new_subjects_per_minute;
            state.newcomers.admit(asker, handle, max, now)?;
        }
        if let Some(Slot::Exporting { flight, .. }) = state.slots.get(&handle)
            && let Some(flight) = flight.upgrade()
        {
            state.stats.misses += 1;
            return Ok(Found::Exporting(flight));
        }
        state.stats.misses += 1;
        state.remove(&handle);
        if state.missing.knows(&handle, now) {
            return Err(inner.not_found());
        }
        state.breaker.admit(now).map_err(|retry_after| ExportError::Resting { retry_after })?;
        state.generation += 1;
        let generation = Generation(state.generation);
        let flight = inner.clone().export(subject.clone(), handle, generation).boxed().shared();
        let weak = flight.downgrade().expect("it has not been polled");
        state.slots.insert(handle, Slot::Exporting { generation, flight: weak });
        Ok(Found::Exporting(flight))
    }
}

enum Found<S: SnapshotStore> {
    Ready(Arc<Snapshot<S::Data>>),
    Exporting(Shared<Flight<S>>),
}

impl<S: SnapshotStore> Inner<S> {
    fn handle(&self, subject: &SubjectId) -> SubjectHandle {
        self.setup.keys.subject_handle(&self.setup.plan.policy_hash, subject)
    }

    fn not_found(&self) -> ExportError {
        let root_table = self.setup.plan.tables.first().map(|t| t.name.clone()).unwrap_or_default();
        ExportError::NotFound { root_table }
    }

    async fn export(
        self: Arc<Self>,
        subject: SubjectId,
        handle: SubjectHandle,
        generation: Generation,
    ) -> Exported<S> {
        let result = self.run(&subject, handle, generation).await;
        let now = self.setup.host.monotonic();
        let mut state = lock(&self.state);
        match &result {
            Err(error) if error.is_outage() => state.breaker.failed(now),
            Err(ExportError::Busy) => {}
            _ => state.breaker.succeeded(),
        }
        // The slot is another's when the subject was dropped meanwhile.
        let is_ours = matches!(state.slots.get(&handle), Some(Slot::Exporting { generation: g, .. }) if *g == generation);
        if is_ours {
            state.slots.remove(&handle);
        }
        let result = result.and_then(|snapshot| {
            let snapshot = Arc::new(snapshot);
            if is_ours && snapshot.fresh_until > now {
                state.keep(handle, snapshot.clone(), &self.setup.limits)?;
            } else {
                linger(&mut state.lingering, &snapshot);
            }
            Ok(snapshot)
        });
        if is_ours && matches!(result, Err(ExportError::NotFound { .. })) {
            state.missing.learn(handle, now);
        }
        match &result {
            Ok(_) => state.stats.exported += 1,
            Err(_) => state.stats.failed += 1,
        }
        result
    }

    async fn run(
        &self,
        subject: &SubjectId,
        handle: SubjectHandle,
        generation: Generation,
    ) -> Result<Snapshot<S::Data>, ExportError> {
        let setup = &self.setup;
        let turn = tokio::time::timeout(setup.limits.export_timeout(), self.exports.acquire());
        let _turn = turn.await.map_err(|_| ExportError::Busy)?.map_err(|_| ExportError::Busy)?;
        let export = Export {
            plan: &setup.plan,
            source: setup.source.as_ref(),
            keys: &setup.keys,
            limits: &setup.limits,
            ttl: setup.ttl,
            store: &setup.store,
            host: setup.host.as_ref(),
        };
        export.run(subject, handle, generation).await
    }
}

impl<S: SnapshotStore> State<S> {
    /// Keeps a snapshot; the least recently used go until it fits.
    fn keep(
        &mut self,
        handle: SubjectHandle,
        snapshot: Arc<Snapshot<S::Data>>,
        limits: &Limits,
    ) -> Result<(), ExportError> {
        let bytes = snapshot.manifest.bytes();
        self.lingering.retain(|(weak, _)| weak.strong_count() > 0);
        while self.ready().count() as u64 >= limits.max_snapshots.max(1)
            || self.bytes() + bytes > limits.max_total_bytes
        {
            let oldest = self.ready().min_by_key(|(_, _, used)| *used).map(|(handle, ..)| handle);
            let Some(oldest) = oldest else { return Err(ExportError::TooLarge { limit: "max_total_bytes" }) };
            self.remove(&oldest);
            self.stats.evicted += 1;
            self.lingering.retain(|(weak, _)| weak.strong_count() > 0);
        }
        self.slots.insert(handle, Slot::Ready { snapshot, used: self.tick });
        Ok(())
    }

    fn remove(&mut self, handle: &SubjectHandle) {
        if let Some(Slot::Ready { snapshot, .. }) = self.slots.remove(handle) {
            linger(&mut self.lingering, &snapshot);
        }
    }

    fn ready(&self) -> impl Iterator<Item = (SubjectHandle, &Arc<Snapshot<S::Data>>, u64)> {
        self.slots.iter().filter_map(|(handle, slot)| match slot {
            Slot::Ready { snapshot, used } => Some((*handle, snapshot, *used)),
            Slot::Exporting { .. } => None,
        })
    }

    fn bytes(&self) -> u64 {
        let lingering =
            self.lingering.iter().filter(|(weak, _)| weak.strong_count() > 0).map(|(_, bytes)| bytes);
        self.ready().map(|(_, snapshot, _)| snapshot.manifest.bytes()).sum::<u64>() + lingering.sum::<u64>()
    }
}

/// Remembers a snapshot that is dropped here as long as someone reads it.
fn linger<D>(lingering: &mut Vec<(Weak<Snapshot<D>>, u64)>, snapshot: &Arc<Snapshot<D>>) {
    lingering.push((Arc::downgrade(snapshot), snapshot.manifest.bytes()));
}

/// Subjects known not to exist, so that guessing ids does not reach the source twice.
#[derive(Default)]
struct Missing {
    until: HashMap<SubjectHandle, Duration>,
    /// In the order of their ends.
    order: VecDeque<(SubjectHandle, Duration)>,
}

impl Missing {
    fn knows(&self, handle: &SubjectHandle, now: Duration) -> bool {
        self.until.get(handle).is_some_and(|until| *until > now)
    }
    fn learn(&mut self, handle: SubjectHandle, now: Duration) {
        self.sweep(now);
        while self.order.len() >= MISSING_MAX {
            self.pop();
        }
        let until = now.saturating_add(MISSING_FOR);
        self.until.insert(handle, until);
        self.order.push_back((handle, until));
    }
    fn forget(&mut self, handle: &SubjectHandle) {
        self.until.remove(handle);
    }
    fn sweep(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(_, until)| *until <= now) {
            self.pop();
        }
    }
    fn pop(&mut self) {
        if let Some((handle, until)) = self.order.pop_front()
            && self.until.get(&handle) == Some(&until)
        {
            self.until.remove(&handle);
        }
    }
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long it is remembered that a subject does not exist.
const MISSING_FOR: Duration = Duration::from_secs(10);
/// Missing subjects remembered.
const MISSING_MAX: usize = 1024;

#[cfg(test)]
mod tests;

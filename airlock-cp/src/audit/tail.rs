//! Tells those who watch what is appended, also by other processes: one reader of the store for any number of watchers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use airlock_core::audit::Record;
use airlock_core::id::OrgId;
use airlock_core::principal::Actor;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{AuditFilter, Scope, repo};
use crate::store::{Store, StoreError};
use crate::tasks::{TaskKind, Tasks};

/// How often the store is asked for what other processes wrote.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// Who is further behind is dropped.
pub(super) const QUEUED_MAX: usize = 1_000;
const FOLLOWERS_MAX: usize = 512;
/// One person's browser tabs and scripts; who leaves them open does not take everybody's place.
const FOLLOWERS_OF_ONE_MAX: usize = 20;
const PAGE: i64 = 1_000;

struct Subscriber {
    watcher: Actor,
    scope: Scope,
    filter: AuditFilter,
    queue: mpsc::Sender<Arc<Record>>,
}

/// Watches the log for many. Cloning shares it.
#[derive(Clone)]
pub struct Tail {
    inner: Arc<Inner>,
    stop: CancellationToken,
}

struct Inner {
    store: Store,
    subscribers: Mutex<Vec<Subscriber>>,
    // Wakes the reader when a watcher comes.
    came: Notify,
    // Rounds of the reader: begun, and ended well.
    begun: AtomicU64,
    ended: watch::Sender<u64>,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tail({} watchers)", self.watchers())
    }
}

/// A watcher's end. It ends when the watcher was too slow, or the process stops.
#[derive(Debug)]
pub struct Follower {
    queue: mpsc::Receiver<Arc<Record>>,
}

impl Follower {
    /// The next record of the watcher's tenant that matches the watcher's filter.
    pub async fn next(&mut self) -> Option<Arc<Record>> {
        self.queue.recv().await
    }
}

impl Tail {
    /// Starts the reader, which sleeps while nobody watches. `committed` changes when this process has written.
    pub fn start(store: Store, committed: watch::Receiver<u64>, tasks: &Tasks) -> Self {
        let (begun, ended) = (AtomicU64::new(0), watch::Sender::new(0));
        let inner =
            Arc::new(Inner { store, subscribers: Mutex::default(), came: Notify::new(), begun, ended });
        tasks.spawn(TaskKind::Follow, run(inner.clone(), committed, tasks.stop()));
        Self { inner, stop: tasks.stop() }
    }

    /// Watches a tenant's rows: every one that is appended after this returns, perhaps some from before. `None` when too
    /// many watch already, `watcher` too often among them, or the process stops.
    pub async fn follow(&self, watcher: &Actor, scope: Scope, filter: AuditFilter) -> Option<Follower> {
        let (queue, receiver) = mpsc::channel(QUEUED_MAX);
        let mut ended = self.inner.ended.subscribe();
        let round = {
            let mut subscribers = self.inner.subscribers.lock();
            subscribers.retain(|s| !s.queue.is_closed());
            let own = subscribers.iter().filter(|s| s.watcher == *watcher).count();
            if subscribers.len() >= FOLLOWERS_MAX || own >= FOLLOWERS_OF_ONE_MAX {
                return None;
            }
            subscribers.push(Subscriber { watcher: watcher.clone(), scope, filter, queue });
            self.inner.begun.load(Ordering::SeqCst) + 1
        };
        self.inner.came.notify_one();
        // The first round that began with this watcher knows where it starts.
        tokio::select! {
            done = ended.wait_for(|ended| *ended >= round) => done.ok()?,
            () = self.stop.cancelled() => return None,
        };
        Some(Follower { queue: receiver })
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.inner.subscribers.lock().iter().filter(|s| !s.queue.is_closed()).count()
    }
}

async fn run(inner: Arc<Inner>, mut committed: watch::Receiver<u64>, stop: CancellationToken) {
    let mut told: HashMap<OrgId, u64> = HashMap::new();
    loop {
        if inner.is_idle() {
            // Nothing was promised to nobody: begin anew at the end when somebody comes.
            told.clear();
            tokio::select! {
                () = stop.cancelled() => break,
                () = inner.came.notified() => {}
            }
        }
        let round = inner.begun.fetch_add(1, Ordering::SeqCst) + 1;
        match inner.tell_news(&mut told).await {
            Ok(()) => drop(inner.ended.send_replace(round)),
            Err(e) => tracing::warn!(error = %e, "the audit log cannot be followed just now"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = inner.came.notified() => {}
            () = tokio::time::sleep(POLL_EVERY) => {}
            changed = committed.changed() => if changed.is_err() {
                tokio::time::sleep(POLL_EVERY).await; // the writer has ended; others may still write
            },
        }
    }
    inner.subscribers.lock().clear(); // ends every stream
}

impl Inner {
    fn is_idle(&self) -> bool {
        let mut subscribers = self.subscribers.lock();
        subscribers.retain(|s| !s.queue.is_closed());
        subscribers.is_empty()
    }

    async fn tell_news(&self, told: &mut HashMap<OrgId, u64>) -> Result<(), StoreError> {
        for (org, end) in repo::ends(&self.store).await? {
            let last = told.entry(org.clone()).or_insert(end);
            while *last < end {
                let page = repo::of_org(&self.store, &org, *last, PAGE).await?;
                let Some(newest) = page.last() else { break };
                *last = newest.seq;
                self.tell(page.into_iter().map(Arc::new).collect());
            }
        }
        Ok(())
    }

    fn tell(&self, records: Vec<Arc<Record>>) {
        self.subscribers.lock().retain(|s| {
            records
                .iter()
                .filter(|record| s.filter.matches(&s.scope, &record.event))
                .all(|record| s.queue.try_send(record.clone()).is_ok())
        });
    }
}

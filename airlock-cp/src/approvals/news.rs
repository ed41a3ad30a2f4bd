//! Tells those who wait what happened, in whichever process it happened.
//!
//! What happens is written beside the change itself, in its transaction; every process with somebody who waits reads on from
//! where it was. News are a hint: who is woken looks at the store. Who could not be told what was missed is told so.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use airlock_core::id::{ApproverId, ExchangeId, OrgId, UserId};
use airlock_core::{Host, Timestamp};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::store::{Row, Sql, Store, StoreError, Tx};

/// How often the store is asked while somebody waits.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(50);
/// Who is further behind is dropped.
const QUEUED_MAX: usize = 256;
const PAGE: i64 = 2_000;
const KEPT: Duration = Duration::from_secs(600);

/// Whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Those who wait for a decision.
    Exchange(ExchangeId),
    /// An approver's open channels.
    Approver(ApproverId),
    /// An enforcer's open channels.
    Enforcer(OrgId, UserId, String),
}

impl Topic {
    fn name(&self) -> String {
        match self {
            Self::Exchange(id) => id.to_string(),
            Self::Approver(id) => id.to_string(),
            // An enforcer's name may be anything, so it stands last.
            Self::Enforcer(org, user, enforcer) => format!("{org}/{user}/{enforcer}"),
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something waits for an approver.
    Asked,
    /// It was decided.
    Decided,
    /// It ended without a decision.
    Ended,
    /// An approver's code was claimed.
    Claimed,
    /// A pairing is over.
    Unpaired,
    /// An approver wants to be asked again.
    Refresh,
    /// It is not known what was missed.
    Missed,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Asked, Self::Decided, Self::Ended, Self::Claimed, Self::Unpaired, Self::Refresh];
    const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Decided => "decided",
            Self::Ended => "ended",
            Self::Claimed => "claimed",
            Self::Unpaired => "unpaired",
            Self::Refresh => "refresh",
            Self::Missed => "missed",
        }
    }
}

/// One thing that happened, and to what: an exchange or a pairing by its id, or a request by its enforcer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) kind: Kind,
    pub(crate) about: String,
    /// Whether nobody in this process began to listen to the same later than who has this.
    pub(crate) to_newest: bool,
}

/// Reads the news and tells them. Cloning shares it.
#[derive(Clone)]
pub(crate) struct NewsDesk {
    inner: Arc<Inner>,
}

/// Those who listen to one topic, each by a number of their own.
type Ears = Vec<(usize, mpsc::Sender<News>)>;

struct Inner {
    store: Store,
    host: Arc<dyn Host>,
    listeners: Mutex<HashMap<String, Ears>>,
    listening: AtomicUsize,
    next: AtomicUsize,
    applied: AtomicI64,
    reading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for NewsDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewsDesk({} listening)", self.inner.listening.load(Ordering::Relaxed))
    }
}

/// Hears of one topic until it is dropped.
pub(crate) struct Listener {
    inner: Arc<Inner>,
    topic: String,
    id: usize,
    queue: mpsc::Receiver<News>,
}

impl Listener {
    /// What happened next; `None` when the listener was too slow.
    pub(crate) async fn next(&mut self) -> Option<News> {
        self.queue.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.inner.listeners.lock();
        if let Some(of_topic) = listeners.get_mut(&self.topic) {
            of_topic.retain(|(id, _)| *id != self.id);
            if of_topic.is_empty() {
                listeners.remove(&self.topic);
            }
        }
        self.inner.listening.fetch_sub(1, Ordering::AcqRel);
    }
}

impl NewsDesk {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>) -> Self {
        let inner = Inner {
            store,
            host,
            listeners: Mutex::default(),
            listening: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            applied: AtomicI64::new(0),
            reading: tokio::sync::Mutex::new(()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Listens from now on, unless `max` listen to this topic already. Look at the store after, not before.
    pub(crate) fn listen(&self, topic: &Topic, max: usize) -> Option<Listener> {
        let topic = topic.name();
        let (sender, queue) = mpsc::channel(QUEUED_MAX);
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let mut listeners = self.inner.listeners.lock();
        let of_topic = listeners.entry(topic.clone()).or_default();
        if of_topic.len() >= max {
            return None;
        }
        of_topic.push((id, sender));
        self.inner.listening.fetch_add(1, Ordering::AcqRel);
        Some(Listener { inner: self.inner.clone(), topic, id, queue })
    }

    /// How many listen to a topic in this process.
    pub(crate) fn listening_to(&self, topic: &Topic) -> usize {
        self.inner.listeners.lock().get(&topic.name()).map_or(0, Vec::len)
    }
    /// How many listen in this process.
    pub(crate) fn listening(&self) -> usize {
        self.inner.listening.load(Ordering::Acquire)
    }

    /// Writes down, in the transaction of the change, what happened.
    pub(crate) async fn tell(
        tx: &mut Tx,
        now: Timestamp,
        topic: &Topic,
        kind: Kind,
        about: &str,
    ) -> Result<(), StoreError> {
        // The row lock on the counter makes positions visible in their order.
        let next =
            Sql::new("UPDATE counters SET value = value + 1 WHERE name = 'approval_news' RETURNING value");
        let next = tx.optional(next).await?.ok_or(StoreError::Damaged("counters"))?.get::<i64>("value")?;
        let insert =
            Sql::new("INSERT INTO approval_news (seq, ts, topic, kind, about) VALUES (?, ?, ?, ?, ?)");
        let insert = insert.bind(next).bind(now).bind(topic.name()).bind(kind.as_str()).bind(about);
        tx.execute(insert).await.map(|_| ())
    }

    /// Reads what is new, if anybody listens, and tells them.
    pub(crate) async fn poll(&self) -> Result<(), StoreError> {
        let inner = &*self.inner;
        if self.listening() == 0 {
            return Ok(());
        }
        let _one = inner.reading.lock().await;
        let counter = Sql::new("SELECT value FROM counters WHERE name = 'approval_news'");
        let newest: i64 =
            inner.store.optional(counter).await?.ok_or(StoreError::Damaged("counters"))?.get("value")?;
        let applied = inner.applied.load(Ordering::Acquire);
        if newest == applied {
            return Ok(());
        }
        let rows =
            Sql::new("SELECT topic, kind, about FROM approval_news WHERE seq > ? ORDER BY seq LIMIT ?");
        let rows = inner.store.all(rows.bind(applied).bind(PAGE)).await?;
        inner.applied.store(newest, Ordering::Release);
        // Not all of them: cleared away, more than a page, or the store went back in time.
        if newest > applied && i64::try_from(rows.len()).is_ok_and(|n| n >= newest - applied) {
            for row in &rows {
                inner.pass_on(row);
            }
        } else {
            inner.pass_on_that_some_were_missed();
        }
        Ok(())
    }

    /// Clears away what every process has long read.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        let before = self.inner.host.now().before(KEPT);
        self.inner
            .store
            .execute(Sql::new("DELETE FROM approval_news WHERE ts < ?").bind(before))
            .await
            .map(|_| ())
    }
}

impl Inner {
    fn pass_on(&self, row: &Row) {
        let text = |column| row.get::<String>(column).ok();
        let (Some(topic), Some(kind), Some(about)) = (text("topic"), text("kind"), text("about")) else {
            return;
        };
        // A word that is not known was written by a newer process.
        let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind).unwrap_or(Kind::Missed);
        if let Some(of_topic) = self.listeners.lock().get_mut(&topic) {
            send(of_topic, &News { kind, about, to_newest: false });
        }
    }
    fn pass_on_that_some_were_missed(&self) {
        let missed = News { kind: Kind::Missed, about: String::new(), to_newest: false };
        for of_topic in self.listeners.lock().values_mut() {
            send(of_topic, &missed);
        }
    }
}

fn send(of_topic: &mut Ears, news: &News) {
    let newest = of_topic.last().map(|(id, _)| *id);
    of_topic.retain(|(id, queue)| {
        let to_newest = newest == Some(*id);
        queue.try_send(News { to_newest, ..news.clone() }).is_ok()
    });
}

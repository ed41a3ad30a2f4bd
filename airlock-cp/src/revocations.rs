//! What was taken back: read from the store often, so that every process knows within a quarter of a second.
//!
//! A process that could not read it for a second does not use its caches: it cannot prove that a key still holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use airlock_core::Host;
use airlock_core::Timestamp;
use airlock_core::id::{FamilyId, LoginId, OrgId, PatId, TenantId, UserId};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::store::{Row, Sql, Store, StoreError, Tx};

/// How often the store is asked.
pub const POLL_EVERY: Duration = Duration::from_millis(200);
/// How old the last answer may be.
pub const FRESH_MAX: Duration = Duration::from_secs(1);
// What one read takes in; when more happened at once, caches start anew.
const PAGE: i64 = 1_000;
const KEPT: Duration = Duration::from_secs(86_400);

/// One thing taken back or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// An API key was revoked, or its scopes changed.
    Key {
        /// Whose.
        tenant: TenantId,
        /// Its public part.
        kid: String,
    },
    /// A worker was revoked, or enrolled anew with another key.
    Worker {
        /// Whose.
        tenant: TenantId,
        /// Its id.
        worker: String,
    },
    /// A tenant was disabled, enabled or deleted.
    Tenant {
        /// Which.
        tenant: TenantId,
    },
    /// A person was disabled, deleted, signed out or got another password: their sessions and tokens are void.
    User {
        /// Who.
        user: UserId,
    },
    /// A person's role in an org changed, or they left it.
    Membership {
        /// Which org.
        org: OrgId,
        /// Who.
        user: UserId,
    },
    /// An org was changed or deleted.
    Org {
        /// Which.
        org: OrgId,
    },
    /// One browser's session was ended.
    Login {
        /// Which.
        login: LoginId,
    },
    /// A family of tokens was revoked.
    Family {
        /// Which.
        family: FamilyId,
    },
    /// One access token was revoked.
    AccessToken {
        /// SHA-256 of its text, in hex.
        digest: String,
    },
    /// An OAuth client or app was changed, blocked or revoked.
    Client {
        /// Its client id.
        client: String,
    },
    /// A personal access token was revoked.
    Pat {
        /// Which.
        pat: PatId,
    },
    /// What a role reaches of a tenant was changed.
    Grant {
        /// Whose.
        tenant: TenantId,
    },
    /// It is not known what was missed: whatever is cached may be void.
    Everything,
}

impl Revoked {
    // The second is what the third belongs to: a tenant, an org, or nothing.
    fn columns(&self) -> Option<(&'static str, &str, &str)> {
        Some(match self {
            Self::Key { tenant, kid } => ("key", tenant.as_str(), kid),
            Self::Worker { tenant, worker } => ("worker", tenant.as_str(), worker),
            Self::Tenant { tenant } => ("tenant", tenant.as_str(), ""),
            Self::User { user } => ("user", "", user.as_str()),
            Self::Membership { org, user } => ("membership", org.as_str(), user.as_str()),
            Self::Org { org } => ("org", org.as_str(), ""),
            Self::Login { login } => ("login", "", login.as_str()),
            Self::Family { family } => ("family", "", family.as_str()),
            Self::AccessToken { digest } => ("access_token", "", digest),
            Self::Client { client } => ("client", "", client),
            Self::Pat { pat } => ("pat", "", pat.as_str()),
            Self::Grant { tenant } => ("grant", tenant.as_str(), ""),
            Self::Everything => return None,
        })
    }
}

type Listener = Box<dyn Fn(&Revoked) + Send + Sync>;

/// Follows the store's revocations. Cloning shares it.
#[derive(Clone)]
pub struct Revocations {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    host: Arc<dyn Host>,
    listeners: RwLock<Vec<Listener>>,
    // Everything up to here was told to the listeners, or is being told.
    applied: AtomicI64,
    // When the last good read began: milliseconds of the host's monotonic clock, plus one; 0 is never.
    read_at: AtomicU64,
    // One read at a time, so that listeners hear each thing once and in order.
    reading: Mutex<()>,
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Revocations(applied {})", self.applied())
    }
}

impl Revocations {
    /// Knows nothing until [`Revocations::poll`] was called once.
    pub fn new(store: Store, host: Arc<dyn Host>) -> Self {
        let (applied, read_at) = (AtomicI64::new(-1), AtomicU64::new(0));
        let (listeners, reading) = (RwLock::default(), Mutex::new(()));
        Self { inner: Arc::new(Inner { store, host, listeners, applied, read_at, reading }) }
    }

    /// Calls `listener` for each thing taken back from now on. It must not block.
    pub fn listen(&self, listener: impl Fn(&Revoked) + Send + Sync + 'static) {
        self.inner.listeners.write().push(Box::new(listener));
    }

    /// How far the listeners have heard.
    pub fn applied(&self) -> i64 {
        self.inner.applied.load(Ordering::Acquire)
    }

    /// Whether the last answer of the store is young enough for caches to be used.
    pub fn is_fresh(&self) -> bool {
        let read_at = self.inner.read_at.load(Ordering::Acquire);
        let now = self.inner.now_ms();
        read_at > 0 && now.saturating_sub(read_at - 1) <= FRESH_MAX.as_millis() as u64
    }

    /// Reads what is new and tells the listeners.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let _one = inner.reading.lock().await;
        let began = inner.now_ms();
        let counter = Sql::new("SELECT value FROM counters WHERE name = 'revocations'");
        let counter = inner.store.optional(counter).await?.ok_or(StoreError::Damaged("counters"))?;
        let newest: i64 = counter.get("value")?;
        let applied = self.applied();
        let mut news = Vec::new();
        if (0..newest).contains(&applied) {
            let rows = Sql::new(
                "SELECT seq, kind, tenant_id, name FROM revocations WHERE seq > ? ORDER BY seq LIMIT ?",
            );
            let rows = inner.store.all(rows.bind(applied).bind(PAGE)).await?;
            // Not all of them: cleared away before we read them, or more than a page.
            let whole = i64::try_from(rows.len()).is_ok_and(|n| n >= newest - applied);
            news = if whole { rows.iter().map(read).collect() } else { vec![Revoked::Everything] };
        } else if newest < applied {
            news.push(Revoked::Everything); // the store went back in time: a restored backup
        }
        // First the position, then the listeners: what a listener is about to remember, it remembers either before it is
        // told, or not at all because the position moved.
        inner.applied.store(newest, Ordering::Release);
        for what in &news {
            inner.tell(what);
        }
        inner.read_at.store(began + 1, Ordering::Release);
        Ok(())
    }

    /// Writes down, in the transaction that takes it back, that something was taken back.
    pub(crate) async fn record(tx: &mut Tx, what: &Revoked, now: Timestamp) -> Result<(), StoreError> {
        let Some((kind, of, name)) = what.columns() else { return Ok(()) };
        // The row lock on the counter makes positions visible in their order.
        let next =
            Sql::new("UPDATE counters SET value = value + 1 WHERE name = 'revocations' RETURNING value");
        let next = tx.optional(next).await?.ok_or(StoreError::Damaged("counters"))?;
        let insert =
            Sql::new("INSERT INTO revocations (seq, ts, kind, tenant_id, name) VALUES (?, ?, ?, ?, ?)");
        let insert = insert.bind(next.get::<i64>("value")?).bind(now).bind(kind).bind(of).bind(name);
        tx.execute(insert).await.map(|_| ())
    }

    /// Clears away what every process has long read.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        let before = self.inner.host.now().as_millis() - KEPT.as_millis() as i64;
        let delete = Sql::new("DELETE FROM revocations WHERE ts < ?").bind(before);
        self.inner.store.execute(delete).await.map(|_| ())
    }
}

fn read(row: &Row) -> Revoked {
    // What cannot be read was written by a newer process.
    parse(row).unwrap_or(Revoked::Everything)
}

fn parse(row: &Row) -> Option<Revoked> {
    let text = |column| row.get::<String>(column).ok();
    let (kind, of, name) = (text("kind")?, text("tenant_id")?, text("name")?);
    Some(match kind.as_str() {
        "key" => Revoked::Key { tenant: of.parse().ok()?, kid: name },
        "worker" => Revoked::Worker { tenant: of.parse().ok()?, worker: name },
        "tenant" => Revoked::Tenant { tenant: of.parse().ok()? },
        "user" => Revoked::User { user: name.parse().ok()? },
        "membership" => Revoked::Membership { org: of.parse().ok()?, user: name.parse().ok()? },
        "org" => Revoked::Org { org: of.parse().ok()? },
        "login" => Revoked::Login { login: name.parse().ok()? },
        "family" => Revoked::Family { family: name.parse().ok()? },
        "access_token" => Revoked::AccessToken { digest: name },
        "client" => Revoked::Client { client: name },
        "pat" => Revoked::Pat { pat: name.parse().ok()? },
        "grant" => Revoked::Grant { tenant: of.parse().ok()? },
        _ => return None,
    })
}

impl Inner {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.host.monotonic().as_millis()).unwrap_or(u64::MAX - 1)
    }
    fn tell(&self, what: &Revoked) {
        for listener in self.listeners.read().iter() {
            listener(what);
        }
    }
}

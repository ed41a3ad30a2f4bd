//! A bearer to a verified key: parse, look up, one Argon2id, and a short memory of what was verified.
//!
//! Nothing malformed is hashed; an unknown key costs what a wrong one costs; a revoked key leaves the memory of every
//! process within a quarter of a second, and a process that cannot know does not use its memory.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::hmac_sha256;
use airlock_core::id::{Kid, OrgId, TenantId, TenantSlug};
use airlock_core::principal::Scope;
use airlock_core::{Host, Secret, Timestamp};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::hashing::{Hashing, Overloaded};
use super::{TenantStatus, api_key, keys_repo as repo};
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::revocations::{Revocations, Revoked};
use crate::store::{Store, StoreError};

const CACHE_FOR: Duration = Duration::from_secs(60);
const CACHED_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 10_000;
// A client's first calls come in a burst, each a miss; wrong keys are not given back.
const MISSES: Rate = Rate { per_minute: 20, burst: 60 };
const CALLS_PER_MINUTE: u32 = 600;

/// A key that was shown and holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedKey {
    /// Whose.
    pub org: OrgId,
    /// Whose, within the org.
    pub tenant: TenantId,
    /// The tenant's name in the URL.
    pub slug: TenantSlug,
    /// The key's public part.
    pub kid: Kid,
    /// What people call it.
    pub name: String,
    /// How far it reaches.
    pub scope: Scope,
    /// Calls a minute; `None` is without limit.
    pub rate_limit: Option<u32>,
}

/// Why a bearer is not let in. A caller hears one word for all but the last two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such key, or the wrong secret.
    #[error("unknown key")]
    Unknown,
    /// It was taken back, or its tenant is disabled.
    #[error("revoked key")]
    Revoked,
    /// It is past its time.
    #[error("expired key")]
    Expired,
    /// It is another tenant's. Outward the same as [`KeyError::Unknown`].
    #[error("another tenant's key")]
    WrongTenant,
    /// Too many keys from this address had to be checked of late.
    #[error("too many attempts")]
    TooManyAttempts {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store does not answer, so nobody can be let in.
    #[error("keys cannot be checked now")]
    Unavailable,
}

/// Checks keys. Cloning shares its memory.
#[derive(Clone, Debug)]
pub struct Keys {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    host: Arc<dyn Host>,
    revocations: Revocations,
    hashing: Hashing,
    // Keys are remembered by a keyed digest: a dump of the memory gives no key.
    process_secret: Secret<[u8; 32]>,
    cache: Mutex<HashMap<[u8; 32], Known>>,
    checks: Mutex<HashMap<([u8; 32], IpAddr), Told>>,
    misses: Buckets<IpAddr>,
    calls: Buckets<Kid>,
    used: Mutex<HashMap<Kid, Timestamp>>,
}

#[derive(Clone)]
struct Known {
    key: Arc<VerifiedKey>,
    revoked: bool,
    // Judged by both clocks: a wall clock set back does not make a key live longer.
    ends: Option<(Timestamp, Duration)>,
    until: Duration,
}

/// What came of a check that is under way.
type Told = Arc<OnceCell<Result<(), KeyError>>>;

/// One who waits for a check, and perhaps makes it.
struct Check<'a> {
    of: &'a Inner,
    shown: ([u8; 32], IpAddr),
    told: Told,
}

impl Drop for Check<'_> {
    fn drop(&mut self) {
        let mut checks = self.of.checks.lock();
        // The last to leave, without an end: those who made it went away.
        if Arc::strong_count(&self.told) <= 2
            && checks.get(&self.shown).is_some_and(|told| Arc::ptr_eq(told, &self.told))
        {
            checks.remove(&self.shown);
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, revocations: Revocations, hashing: Hashing) -> Self {
        let mut secret = [0; 32];
        host.random(&mut secret);
        let inner = Arc::new(Inner {
            store,
            host,
            revocations: revocations.clone(),
            hashing,
            process_secret: Secret::new(secret),
            cache: Mutex::default(),
            checks: Mutex::default(),
            misses: Buckets::new(ADDRESSES_MAX),
            calls: Buckets::new(CACHED_MAX),
            used: Mutex::default(),
        });
        let weak = Arc::downgrade(&inner);
        revocations.listen(move |what| {
            if let Some(inner) = weak.upgrade() {
                inner.forget(what);
            }
        });
        Self { inner }
    }

    /// Checks a bearer shown for the tenant of this slug by a peer at this address.
    ///
    /// # Errors
    /// When it is not let in. Only [`KeyError::TooManyAttempts`] and [`KeyError::Unavailable`] may be told apart outside.
    pub async fn verify(&self, slug: &str, bearer: &str, peer: IpAddr) -> Result<VerifiedKey, KeyError> {
        let inner = &*self.inner;
        let kid = api_key::kid_of(bearer).ok_or(KeyError::Unknown)?;
        let digest = hmac_sha256(inner.process_secret.expose(), &[bearer.as_bytes()]);
        let known = match inner.recall(&digest) {
            Some(known) => known,
            None => inner.learn_once(&kid, digest, bearer, neighbourhood(peer)).await?,
        };
        inner.judge(&known, slug)
    }

    /// Takes one call from the key's allowance.
    ///
    /// # Errors
    /// With the time after which the next is allowed.
    pub fn take(&self, key: &VerifiedKey) -> Result<(), Duration> {
        match key.rate_limit {
            None => Ok(()),
            Some(n) => self.inner.calls.take(&key.kid, Rate::per_minute(n), self.inner.host.monotonic()),
        }
    }

    /// How many hashes were computed so far.
    pub fn hash_runs(&self) -> u64 {
        self.inner.hashing.runs()
    }

    /// Writes down when keys were last used; called once a minute.
    pub(crate) async fn flush_used(&self) -> Result<(), StoreError> {
        let used: Vec<_> = std::mem::take(&mut *self.inner.used.lock()).into_iter().collect();
        if used.is_empty() { Ok(()) } else { repo::touch(&self.inner.store, &used).await }
    }
}

impl Inner {
    fn recall(&self, digest: &[u8; 32]) -> Option<Known> {
        if !self.revocations.is_fresh() {
            return None;
        }
        let now = self.host.monotonic();
        self.cache.lock().get(digest).filter(|known| now < known.until).cloned()
    }

    /// Those who show one key at the same moment wait for one check of it: a client's many connections are one miss, also
    /// when the memory of its key has just ended for all of them.
    async fn learn_once(
        &self,
        kid: &Kid,
        digest: [u8; 32],
        bearer: &str,
        from: IpAddr,
    ) -> Result<Known, KeyError> {
        let shown = (digest, from);
        let check = Check { of: self, shown, told: self.checks.lock().entry(shown).or_default().clone() };
        let mut own = None;
        let learn = async || {
            let learned = self.learn(kid, digest, bearer, from).await;
            // Who comes from now on must not hear what was read before.
            self.checks.lock().remove(&shown);
            let told = learned.as_ref().map(drop).map_err(Clone::clone);
            own = Some(learned);
            told
        };
        let told = check.told.get_or_init(learn).await.clone();
        if let Some(learned) = own {
            return learned;
        }
        told?;
        // By way of the memory, which knows what was revoked in the meantime.
        match self.recall(&digest) {
            Some(known) => Ok(known),
            None => self.learn(kid, digest, bearer, from).await,
        }
    }

    async fn learn(
        &self,
        kid: &Kid,
        digest: [u8; 32],
        bearer: &str,
        from: IpAddr,
    ) -> Result<Known, KeyError> {
        let too_many = |retry_after| KeyError::TooManyAttempts { retry_after };
        self.misses.take(&from, MISSES, self.host.monotonic()).map_err(too_many)?;
        // A revocation between reading the row and remembering it must not be lost.
        let heard = self.revocations.applied();
        let found =
            repo::verifiable(&self.store, kid, self.host.now()).await.map_err(|_| KeyError::Unavailable)?;
        let phc = found.as_ref().map(|f| f.phc.clone());
        let still_needed = || self.recall(&digest).is_none();
        let matches = self.hashing.matches(Secret::new(bearer.to_owned()), phc, still_needed).await;
        let known = match (matches, found) {
            (Err(Overloaded), _) => return Err(too_many(Duration::from_secs(1))),
            (Ok(None), _) => self.recall(&digest).ok_or(KeyError::Unavailable)?,
            (Ok(Some((true, _seat))), Some(found)) => {
                let known = self.known(found).map_err(|_| KeyError::Unavailable)?;
                self.remember(digest, known.clone(), heard);
                known
            }
            _ => return Err(KeyError::Unknown),
        };
        self.misses.refund(&from, MISSES);
        Ok(known)
    }

    fn known(&self, found: repo::Verifiable) -> Result<Known, StoreError> {
        let record = found.record;
        let (now, mono) = (self.host.now(), self.host.monotonic());
        let rate_limit = match record.rate_limit {
            None => Some(CALLS_PER_MINUTE),
            Some(0) => None,
            Some(n) => Some(n),
        };
        Ok(Known {
            revoked: record.revoked_at.is_some() || found.tenant_status != TenantStatus::Active,
            ends: record.ends_at().map(|at| (at, mono + at.since(now))),
            until: mono + CACHE_FOR,
            key: Arc::new(VerifiedKey {
                org: found.org,
                slug: found.slug,
                scope: record.scope()?,
                tenant: record.tenant_id,
                kid: record.kid,
                name: record.name,
                rate_limit,
            }),
        })
    }

    fn remember(&self, digest: [u8; 32], known: Known, heard: i64) {
        let mut cache = self.cache.lock();
        if self.revocations.applied() != heard || known.revoked {
            return;
        }
        if cache.len() >= CACHED_MAX {
            let now = self.host.monotonic();
            cache.retain(|_, k| now < k.until);
            let oldest = cache.iter().min_by_key(|(_, k)| k.until).map(|(d, _)| *d);
            if cache.len() >= CACHED_MAX
                && let Some(oldest) = oldest
            {
                cache.remove(&oldest);
            }
        }
        cache.insert(digest, known);
    }

    fn judge(&self, known: &Known, slug: &str) -> Result<VerifiedKey, KeyError> {
        let (now, mono) = (self.host.now(), self.host.monotonic());
        if known.key.slug.as_str() != slug {
            return Err(KeyError::WrongTenant);
        }
        if known.revoked {
            return Err(KeyError::Revoked);
        }
        if known.ends.is_some_and(|(wall, end)| now >= wall || mono >= end) {
            return Err(KeyError::Expired);
        }
        let mut used = self.used.lock();
        if used.len() < CACHED_MAX || used.contains_key(&known.key.kid) {
            used.insert(known.key.kid.clone(), now);
        }
        Ok((*known.key).clone())
    }

    fn forget(&self, what: &Revoked) {
        let mut cache = self.cache.lock();
        match what {
            Revoked::Key { kid, .. } => cache.retain(|_, k| k.key.kid.as_str() != kid),
            Revoked::Tenant { tenant } => cache.retain(|_, k| k.key.tenant != *tenant),
            Revoked::Everything => cache.clear(),
            _ => {}
        }
    }
}

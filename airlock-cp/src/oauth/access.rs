//! Checks access tokens: bound to account, client and resource, looked up by digest.
//!
//! What was checked is remembered for half a minute at most, dropped when anything behind it is taken back, and not used
//! by a process that cannot know of that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::id::{FamilyId, OrgId, UserId};
use parking_lot::Mutex;

use super::authorize::granted;
use super::base::Base;
use super::client::{Client, FIRST_PARTY};
use super::{Resource, Scopes};
use crate::authz::Role;
use crate::revocations::Revoked;
use crate::secrets::{Prefix, digest};
use crate::store::{Sql, StoreError};

const CACHE_FOR: Duration = Duration::from_secs(30);
const CACHED_MAX: usize = 10_000;
const JWT_BYTES_MAX: usize = 4_096;

/// A token that was shown and holds, with its person as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// What it came of.
    pub family: FamilyId,
    /// Whose.
    pub user: UserId,
    /// In which org.
    pub org: OrgId,
    /// What they are in it.
    pub role: Role,
    /// Which client asked for it.
    pub client_id: String,
    /// What the client calls itself.
    pub client_name: String,
    /// What it opens.
    pub resource: Resource,
    /// How far.
    pub scopes: Scopes,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Checks access tokens. Cloning shares its memory.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    inner: Arc<Inner>,
}

struct Inner {
    base: Base,
    cache: Mutex<HashMap<[u8; 32], Known>>,
}

#[derive(Clone)]
struct Known {
    token: Arc<VerifiedToken>,
    // By the monotonic clock too: a wall clock set back does not make a token live longer.
    ends: Duration,
    until: Duration,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessTokens")
    }
}

impl AccessTokens {
    pub(super) fn new(base: Base) -> Self {
        let revocations = base.revocations.clone();
        let inner = Arc::new(Inner { base, cache: Mutex::default() });
        let weak = Arc::downgrade(&inner);
        revocations.listen(move |what| {
            if let Some(inner) = weak.upgrade() {
                inner.forget(what);
            }
        });
        Self { inner }
    }

    /// The token of this text (`at_…`, or a JWT of ours); `None` if it is none, is past its time or was revoked, or if
    /// its person, membership, org or client no longer holds.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn verify(&self, shown: &str) -> Result<Option<VerifiedToken>, StoreError> {
        let inner = &*self.inner;
        let Some(hash) = hash_of(shown) else { return Ok(None) };
        let known = match inner.recall(&hash) {
            Some(known) => known,
            None => match inner.learn(&hash).await? {
                Some(known) => known,
                None => return Ok(None),
            },
        };
        let (now, mono) = (inner.base.now(), inner.base.host.monotonic());
        let in_time = now < known.token.expires_at && mono < known.ends;
        Ok(in_time.then(|| (*known.token).clone()))
    }
}

// A JWT is known by its digest like any other text: its signature is for those who do not have our store.
fn hash_of(shown: &str) -> Option<[u8; 32]> {
    if shown.starts_with("eyJ") && shown.len() <= JWT_BYTES_MAX {
        return Some(digest(shown));
    }
    Prefix::Access.digest_of(shown)
}

impl Inner {
    fn recall(&self, hash: &[u8; 32]) -> Option<Known> {
        if !self.base.revocations.is_fresh() {
            return None;
        }
        let mono = self.base.host.monotonic();
        self.cache.lock().get(hash).filter(|known| mono < known.until).cloned()
    }

    async fn learn(&self, hash: &[u8; 32]) -> Result<Option<Known>, StoreError> {
        // What is taken back between reading and remembering must not be lost.
        let heard = self.base.revocations.applied();
        let Some(token) = self.read(hash).await? else { return Ok(None) };
        let (now, mono) = (self.base.now(), self.base.host.monotonic());
        let ends = mono + token.expires_at.since(now);
        let known = Known { token: Arc::new(token), ends, until: mono + CACHE_FOR };
        let mut cache = self.cache.lock();
        if self.base.revocations.applied() == heard {
            make_room(&mut cache, mono);
            cache.insert(*hash, known.clone());
        }
        Ok(Some(known))
    }

    async fn read(&self, hash: &[u8; 32]) -> Result<Option<VerifiedToken>, StoreError> {
        let sql = Sql::new(
            "SELECT a.resource, a.scopes, a.expires_at, f.id, f.user_id, f.org_id, f.client_id, f.ends_at, m.role, \
             c.name AS client_name, c.status AS client_status \
             FROM access_tokens a JOIN token_families f ON f.id = a.family_id \
             JOIN users u ON u.id = f.user_id JOIN orgs o ON o.id = f.org_id \
             JOIN memberships m ON m.org_id = f.org_id AND m.user_id = f.user_id \
             LEFT JOIN oauth_clients c ON c.id = f.client_id \
             WHERE a.revoked_at IS NULL AND f.revoked_at IS NULL AND u.status = 'active' AND o.status <> 'deleted' \
             AND a.hash = ?",
        );
        let Some(row) = self.base.store.optional(sql.bind(hash.as_slice())).await? else { return Ok(None) };
        let client_id: String = row.get("client_id")?;
        let status = row.get::<Option<String>>("client_status")?;
        let client_holds = match status.as_deref() {
            Some(status) => status == "active",
            None => client_id == FIRST_PARTY,
        };
        let expires_at = row.time("expires_at")?.min(row.time("ends_at")?);
        let role: Role = row.parse("role")?;
        let scopes = granted(Some(&row.parse("scopes")?), role);
        if !client_holds || scopes.is_empty() || self.base.now() >= expires_at {
            return Ok(None);
        }
        Ok(Some(VerifiedToken {
            family: row.parse("id")?,
            user: row.parse("user_id")?,
            org: row.parse("org_id")?,
            role,
            client_name: client_name(&client_id, row.get("client_name")?),
            client_id,
            resource: row.parse("resource")?,
            scopes,
            expires_at,
        }))
    }

    fn forget(&self, what: &Revoked) {
        let mut cache = self.cache.lock();
        match what {
            Revoked::User { user } => cache.retain(|_, k| k.token.user != *user),
            Revoked::Membership { org, user } => {
                cache.retain(|_, k| k.token.user != *user || k.token.org != *org);
            }
            Revoked::Org { org } => cache.retain(|_, k| k.token.org != *org),
            Revoked::Family { family } => cache.retain(|_, k| k.token.family != *family),
            Revoked::Client { client } => cache.retain(|_, k| k.token.client_id != *client),
            Revoked::AccessToken { digest } => {
                let mut hash = [0; 32];
                if hex::decode_to_slice(digest, &mut hash).is_ok() {
                    cache.remove(&hash);
                }
            }
            // Which tokens open a tenant is not known here.
            Revoked::Tenant { .. } | Revoked::Everything => cache.clear(),
            Revoked::Key { .. }
            | Revoked::Worker { .. }
            | Revoked::Login { .. }
            | Revoked::Pat { .. }
            | Revoked::Grant { .. } => {}
        }
    }
}

fn make_room(cache: &mut HashMap<[u8; 32], Known>, mono: Duration) {
    if cache.len() < CACHED_MAX {
        return;
    }
    cache.retain(|_, known| mono < known.until);
    let oldest = cache.iter().min_by_key(|(_, known)| known.until).map(|(hash, _)| *hash);
    if cache.len() >= CACHED_MAX
        && let Some(oldest) = oldest
    {
        cache.remove(&oldest);
    }
}

/// What a client is called, also when the store has no row for it.
pub(super) fn client_name(client_id: &str, kept: Option<String>) -> String {
    match kept {
        Some(name) => name,
        None if client_id == FIRST_PARTY => Client::first_party().name,
        None => "a client that was deleted".to_owned(),
    }
}

//! Makes, lists, checks and revokes personal access tokens.
//!
//! There is no cache: a token that was taken back opens nothing at the next request, in any process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::id::{OrgId, PatId, UserId};
use airlock_core::{Host, Timestamp};
use parking_lot::Mutex;

use super::repo::{self, Of};
use super::{MintedPat, NewPat, Pat};
use crate::audit::{Caller, Journal, Subject};
use crate::authz::Role;
use crate::error::ServiceError;
use crate::identity::{Orgs, User, Users};
use crate::revocations::{Revocations, Revoked};
use crate::secrets::{Prefix, digest};
use crate::store::{Store, StoreError};
use crate::tenants::{Page, clean_name};

const LIFE_DEFAULT: Duration = Duration::from_secs(90 * 86_400);
const LIFE_MAX: Duration = Duration::from_secs(366 * 86_400);
// Of one person, good at one time.
const GOOD_MAX: u64 = 100;
// Read from the store.
const AT_ONCE: usize = 500;
const HINT_CHARS: usize = 11;
const USED_MAX: usize = 10_000;

/// A token that was shown and holds, with its owner as they are now.
#[derive(Clone, Debug)]
pub struct VerifiedPat {
    /// The token.
    pub pat: Pat,
    /// Its owner.
    pub user: User,
    /// What they are in the token's org.
    pub role: Role,
}

/// Personal access tokens. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Pats {
    store: Store,
    host: Arc<dyn Host>,
    users: Users,
    orgs: Orgs,
    journal: Journal,
    revocations: Revocations,
    used: Arc<Mutex<HashMap<PatId, Timestamp>>>,
}

impl Pats {
    pub(crate) fn new(
        store: Store,
        host: Arc<dyn Host>,
        users: Users,
        orgs: Orgs,
        journal: Journal,
        revocations: Revocations,
    ) -> Self {
        Self { store, host, users, orgs, journal, revocations, used: Arc::default() }
    }

    /// The token of this text with its owner; `None` if it is none, is past its time, was taken back, or its owner is
    /// disabled or has left the org.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn verify(&self, shown: &str) -> Result<Option<VerifiedPat>, ServiceError> {
        let Some(hash) = Prefix::Pat.digest_of(shown) else { return Ok(None) };
        let Some(pat) = repo::by_hash(&self.store, &hash).await? else { return Ok(None) };
        let now = self.host.now();
        if pat.revoked_at.is_some() || now >= pat.expires_at {
            return Ok(None);
        }
        let Some(role) = self.orgs.role_of(&pat.org_id, &pat.user_id).await? else { return Ok(None) };
        let user = match self.users.show(&pat.user_id).await {
            Ok(user) => user,
            Err(ServiceError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut used = self.used.lock();
        if used.len() < USED_MAX || used.contains_key(&pat.id) {
            used.insert(pat.id.clone(), now);
        }
        drop(used);
        Ok(Some(VerifiedPat { pat, user, role }))
    }

    /// Makes a token of a person in an org they belong to. Its caller has checked that it is not a token that asks.
    ///
    /// # Errors
    /// When the name or the end is not allowed, or they have too many.
    pub async fn create(
        &self,
        caller: &Caller,
        user: &UserId,
        org: &OrgId,
        new: NewPat,
    ) -> Result<MintedPat, ServiceError> {
        let now = self.host.now();
        let expires_at = new.expires_at.unwrap_or_else(|| now.after(LIFE_DEFAULT));
        if expires_at <= now || expires_at > now.after(LIFE_MAX) {
            return Err(ServiceError::invalid("expires_at", "in the future, within a year"));
        }
        let text = Prefix::Pat.mint(&*self.host);
        let pat = Pat {
            id: PatId::new(&*self.host),
            user_id: user.clone(),
            org_id: org.clone(),
            name: clean_name("name", &new.name)?,
            hint: text.expose().chars().take(HINT_CHARS).collect(),
            created_at: now,
            expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let (this, made, hash) = (self.clone(), pat.clone(), digest(text.expose()));
        let work = async move {
            let mut tx = this.store.begin().await?;
            if repo::count_good(&mut tx, &made.user_id, now).await? >= GOOD_MAX {
                return Err(ServiceError::Conflict("100 tokens are good already; revoke some first"));
            }
            repo::insert(&mut tx, &hash, &made).await?;
            Ok(tx.commit().await?)
        };
        self.journal.act(caller, Action::PatCreated, subject(&pat), work).await?;
        Ok(MintedPat { pat, text })
    }

    /// Tokens of a person, of an org, or of a person in an org, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        user: Option<&UserId>,
        org: Option<&OrgId>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Pat>, ServiceError> {
        let items = repo::list(&self.store, Of { user, org }, cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |p| p.id.to_string()))
    }

    /// All tokens of a person that nobody took back; in an org, where one is named.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn kept(&self, user: &UserId, org: Option<&OrgId>) -> Result<Vec<Pat>, ServiceError> {
        let (mut kept, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.list(Some(user), org, cursor.as_deref(), AT_ONCE).await?;
            kept.extend(page.items.into_iter().filter(|pat| pat.revoked_at.is_none()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(kept);
            }
        }
    }

    /// Takes a token back; of this person and in this org, where one is named. No request that begins after this
    /// returns is let in with it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another's. Revoking twice is no error.
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: &PatId,
        user: Option<&UserId>,
        org: Option<&OrgId>,
    ) -> Result<Pat, ServiceError> {
        let found = repo::find(&self.store, id, Of { user, org }).await?;
        let pat = found.ok_or(ServiceError::NotFound("personal access token"))?;
        if pat.revoked_at.is_some() {
            return Ok(pat);
        }
        let (this, about, mut after) = (self.clone(), subject(&pat), pat);
        let work = async move {
            let now = this.host.now();
            let mut tx = this.store.begin().await?;
            repo::revoke(&mut tx, &after.id, now).await?;
            Revocations::record(&mut tx, &Revoked::Pat { pat: after.id.clone() }, now).await?;
            tx.commit().await?;
            this.revocations.poll().await?;
            after.revoked_at = Some(now);
            Ok(after)
        };
        self.journal.act(caller, Action::PatRevoked, about, work).await
    }

    /// Writes down when tokens were last used; called once a minute.
    pub(crate) async fn flush_used(&self) -> Result<(), StoreError> {
        let used: Vec<_> = std::mem::take(&mut *self.used.lock()).into_iter().collect();
        if used.is_empty() { Ok(()) } else { repo::touch(&self.store, &used).await }
    }
}

fn subject(pat: &Pat) -> Subject {
    Subject { org: pat.org_id.clone(), tenant: None, resource: Some(pat.id.to_string()) }
}

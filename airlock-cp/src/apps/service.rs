//! Registers, shows, changes, rotates, revokes and recognizes apps.
//!
//! There is no cache: a secret that was rotated, or an app that was revoked, opens nothing at the next request.

use std::sync::Arc;

use airlock_core::audit::Action;
use airlock_core::id::OrgId;
use airlock_core::{Host, Secret};
use subtle::ConstantTimeEq as _;

use super::check::{ANY, checked};
use super::{AppKind, AppPatch, AppRate, AppRecord, AppStatus, MintedApp, NewApp, repo};
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::secrets::digest;
use crate::store::{Store, StoreError, Tx};
use crate::tenants::Page;

const CLIENT_ID_CHARS: usize = 20;
const SECRET_CHARS: usize = 40;
const HINT_CHARS: usize = 4;
// Read from the store.
const AT_ONCE: usize = 500;
// Of one org.
const ACTIVE_MAX: u64 = 500;

/// What a request shows of an app.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The client id.
    pub client_id: &'a str,
    /// The secret.
    pub secret: Option<&'a str>,
    /// The origin that the browser tells.
    pub origin: Option<&'a str>,
}

/// Why an app is not taken for the one it says it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotProven {
    /// No such app, or not its secret. Which of both is not told.
    #[error("unknown app, or not its secret")]
    Unknown,
    /// Its pages are elsewhere.
    #[error("this origin is not one of the app's")]
    Origin,
    /// It was revoked.
    #[error("the app was revoked")]
    Revoked,
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Apps. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Apps {
    store: Store,
    host: Arc<dyn Host>,
    journal: Journal,
    revocations: Revocations,
}

impl Apps {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, journal: Journal, revocations: Revocations) -> Self {
        Self { store, host, journal, revocations }
    }

    /// Registers an app in an org. Its owner is who asks.
    ///
    /// # Errors
    /// When a field is not allowed, or the org has an app of this name.
    pub async fn create(&self, caller: &Caller, org: &OrgId, new: NewApp) -> Result<MintedApp, ServiceError> {
        let host = &*self.host;
        let now = host.now();
        let secret = new.kind.is_confidential().then(|| Secret::new(drawn(host, SECRET_CHARS)));
        let app = checked(AppRecord {
            app_id: app_id(host),
            client_id: drawn(host, CLIENT_ID_CHARS),
            org_id: org.clone(),
            owner_id: caller.actor.id.clone(),
            kind: new.kind,
            name: new.name,
            description: new.description.unwrap_or_default(),
            home_page_url: new.home_page_url,
            is_open_source: new.is_open_source.unwrap_or_default(),
            allowed_origins: new.allowed_origins.unwrap_or_default(),
            redirect_uris: new.redirect_uris.unwrap_or_default(),
            client_secret_hint: secret.as_ref().map(hint),
            requests_per_minute: AppRate::Default,
            status: AppStatus::Active,
            created_at: now,
            updated_at: now,
            version: 1,
        })?;
        let hash = secret.as_ref().map(|secret| digest(secret.expose()));
        let (this, made) = (self.clone(), app.clone());
        let work = async move {
            let mut tx = this.store.begin().await?;
            if repo::count_active(&mut tx, &made.org_id).await? >= ACTIVE_MAX {
                return Err(ServiceError::Conflict("the organization has 500 apps; revoke some first"));
            }
            named(repo::insert(&mut tx, &made, hash).await)?;
            Ok(tx.commit().await?)
        };
        self.journal.act(caller, Action::AppCreated, subject(&app), work).await?;
        Ok(MintedApp { app, secret })
    }

    /// Apps of an org by id, from after `cursor`; of this owner, where one is named.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        org: &OrgId,
        owner: Option<&str>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<AppRecord>, ServiceError> {
        let items = repo::list(&self.store, org, owner, cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |a| a.app_id.clone()))
    }

    /// All apps of an owner in an org.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_owner(&self, org: &OrgId, owner: &str) -> Result<Vec<AppRecord>, ServiceError> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.list(org, Some(owner), cursor.as_deref(), AT_ONCE).await?;
            all.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// One app of an org; of this owner, where one is named.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another org's or owner's.
    pub async fn show(&self, org: &OrgId, id: &str, owner: Option<&str>) -> Result<AppRecord, ServiceError> {
        repo::find(&self.store, org, id, owner).await?.ok_or(ServiceError::NotFound("app"))
    }

    /// Changes an app; `if_version` is what the caller last saw, when it said so.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] if it was changed since; when a field is not allowed, or the app is revoked.
    pub async fn patch(
        &self,
        caller: &Caller,
        before: AppRecord,
        patch: AppPatch,
        if_version: Option<i64>,
    ) -> Result<AppRecord, ServiceError> {
        let version = before.version;
        let active = before.status == AppStatus::Active;
        let after = checked(AppRecord {
            name: patch.name.unwrap_or(before.name),
            description: patch.description.unwrap_or(before.description),
            home_page_url: patch.home_page_url.or(before.home_page_url),
            is_open_source: patch.is_open_source.unwrap_or(before.is_open_source),
            allowed_origins: patch.allowed_origins.unwrap_or(before.allowed_origins),
            redirect_uris: patch.redirect_uris.unwrap_or(before.redirect_uris),
            requests_per_minute: patch.requests_per_minute.unwrap_or(before.requests_per_minute),
            ..before
        })?;
        let (this, about) = (self.clone(), subject(&after));
        let work = async move {
            if if_version.is_some_and(|v| v != version) {
                return Err(ServiceError::Stale);
            }
            if !active {
                return Err(REVOKED);
            }
            let mut tx = this.store.begin().await?;
            if !named(repo::update(&mut tx, &after, version, this.host.now()).await)? {
                return Err(ServiceError::Stale);
            }
            this.commit(tx, &after).await?;
            this.show(&after.org_id, &after.app_id, None).await
        };
        self.journal.act(caller, Action::AppUpdated, about, work).await
    }

    /// Gives an app another secret; the old one is dead when this returns.
    ///
    /// # Errors
    /// When the app has none, or is revoked.
    pub async fn rotate(&self, caller: &Caller, before: AppRecord) -> Result<MintedApp, ServiceError> {
        if !before.kind.is_confidential() {
            return Err(ServiceError::Conflict("an app of this kind has no secret"));
        }
        let secret = Secret::new(drawn(&*self.host, SECRET_CHARS));
        let (hash, hint) = (digest(secret.expose()), hint(&secret));
        let (this, about) = (self.clone(), subject(&before));
        let work = async move {
            if before.status != AppStatus::Active {
                return Err(REVOKED);
            }
            let mut tx = this.store.begin().await?;
            if !repo::rotate(&mut tx, &before, &hash, &hint, this.host.now()).await? {
                return Err(ServiceError::Stale);
            }
            this.commit(tx, &before).await?;
            this.show(&before.org_id, &before.app_id, None).await
        };
        let app = self.journal.act(caller, Action::AppRotated, about, work).await?;
        Ok(MintedApp { app, secret: Some(secret) })
    }

    /// Ends an app for ever, with every token that people gave it.
    ///
    /// # Errors
    /// When the store does not answer. Revoking twice is no error.
    pub async fn revoke(&self, caller: &Caller, app: AppRecord) -> Result<AppRecord, ServiceError> {
        if app.status == AppStatus::Revoked {
            return Ok(app);
        }
        let (this, about) = (self.clone(), subject(&app));
        let work = async move {
            let mut tx = this.store.begin().await?;
            repo::revoke(&mut tx, &app, this.host.now()).await?;
            this.commit(tx, &app).await?;
            this.show(&app.org_id, &app.app_id, None).await
        };
        self.journal.act(caller, Action::AppRevoked, about, work).await
    }

    /// The app that a request shows, if it proves that it is it.
    ///
    /// # Errors
    /// When it does not. That an app was revoked is told only to who has its proof.
    pub async fn prove(&self, shown: Shown<'_>) -> Result<AppRecord, NotProven> {
        let plain = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain(shown.client_id) || !shown.secret.is_none_or(plain) {
            return Err(NotProven::Unknown);
        }
        let found = repo::by_client_id(&self.store, shown.client_id).await?.ok_or(NotProven::Unknown)?;
        match (&found.hash, shown.secret) {
            (Some(hash), Some(secret)) if digest(secret).as_slice().ct_eq(hash).into() => {}
            (None, None) if !found.app.kind.is_confidential() => is_at_home(&found.app, shown.origin)?,
            _ => return Err(NotProven::Unknown),
        }
        if found.blocked || found.app.status != AppStatus::Active {
            return Err(NotProven::Revoked);
        }
        Ok(found.app)
    }

    /// Whether a page of this origin may call the gateway: some active public app has it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn origin_is_known(&self, origin: &str) -> Result<bool, StoreError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:/[]".contains(&b);
        if origin.len() > 300 || !origin.contains("://") || !origin.bytes().all(plain) {
            return Ok(false);
        }
        let found = repo::origins_like(&self.store, &format!("%\"{origin}\"%")).await?;
        // `_` in a pattern is any character; the list says it exactly.
        Ok(found.iter().flatten().any(|one| one == origin))
    }

    async fn commit(&self, mut tx: Tx, app: &AppRecord) -> Result<(), ServiceError> {
        let what = Revoked::Client { client: app.client_id.clone() };
        Revocations::record(&mut tx, &what, self.host.now()).await?;
        tx.commit().await?;
        Ok(self.revocations.poll().await?)
    }
}

const REVOKED: ServiceError = ServiceError::Conflict("the app is revoked");

/// A browser tells its page's origin; a phone's program has none to tell.
fn is_at_home(app: &AppRecord, origin: Option<&str>) -> Result<(), NotProven> {
    let at_home = match origin {
        Some(origin) => app.allowed_origins.iter().any(|one| one == origin && one != ANY),
        None => app.kind == AppKind::Mobile || app.allowed_origins.iter().any(|one| one == ANY),
    };
    if at_home { Ok(()) } else { Err(NotProven::Origin) }
}

fn named<T>(done: Result<T, StoreError>) -> Result<T, ServiceError> {
    match done {
        Err(StoreError::Conflict) => {
            Err(ServiceError::Conflict("the organization has an app of this name already"))
        }
        other => Ok(other?),
    }
}

fn subject(app: &AppRecord) -> Subject {
    Subject { org: app.org_id.clone(), tenant: None, resource: Some(app.app_id.clone()) }
}

fn hint(secret: &Secret<String>) -> String {
    secret.expose().chars().take(HINT_CHARS).collect()
}

fn app_id(host: &dyn Host) -> String {
    format!("{}-{}", from(host, UPPER, 3), from(host, DIGITS, 7))
}

fn drawn(host: &dyn Host, n: usize) -> String {
    from(host, ALPHANUMERIC, n)
}

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &[u8] = b"0123456789";
const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// So many characters, each as likely as any other: bytes past the last whole round of the alphabet are drawn anew.
fn from(host: &dyn Host, alphabet: &[u8], n: usize) -> String {
    let rounds = 256 - 256 % alphabet.len();
    let mut out = String::with_capacity(n);
    while out.len() < n {
        let mut random = [0; 64];
        host.random(&mut random);
        let fair = random.into_iter().map(usize::from).filter(|byte| *byte < rounds);
        out.extend(fair.take(n - out.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    out
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn ids_and_secrets_have_their_documented_shapes() {
        let host = SystemHost::new();
        for _ in 0..100 {
            let id = app_id(&host);
            let (letters, digits) = id.split_once('-').unwrap();
            assert!(letters.len() == 3 && letters.bytes().all(|b| b.is_ascii_uppercase()), "{id}");
            assert!(digits.len() == 7 && digits.bytes().all(|b| b.is_ascii_digit()), "{id}");
            let secret = drawn(&host, SECRET_CHARS);
            assert!(secret.len() == 40 && secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
        }
    }
}

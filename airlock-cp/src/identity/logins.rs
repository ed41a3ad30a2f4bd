//! Browsers' sessions: opened at sign-in, shown by a cookie, ended by sign-out, age or another process.
//!
//! There is no cache: a session that was ended is not there at the next request, in any process.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::sha256;
use airlock_core::id::{LoginId, OrgId, UserId};
use airlock_core::{Host, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Login, logins_repo as repo};
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::secrets::{Prefix, digest};
use crate::store::{Store, StoreError, Tx};

/// Unused for so long, a session ends.
pub const IDLE_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Used or not, a session ends.
pub const AGE_MAX: Duration = Duration::from_secs(7 * 86_400);
const TOUCH_EVERY: Duration = Duration::from_secs(60);

/// A session just opened: the only time its cookie is seen.
#[derive(Debug)]
pub struct OpenedLogin {
    /// The cookie's value.
    pub cookie: Secret<String>,
    /// What is known of it.
    pub login: Login,
}

/// Who signs in, and from where.
#[derive(Clone, Debug)]
pub struct WhoLogsIn {
    /// The person; `None` for the operator token.
    pub user: Option<UserId>,
    /// The org to show first.
    pub org: Option<OrgId>,
    /// From where.
    pub ip: Option<IpAddr>,
    /// The browser, cleaned.
    pub user_agent: Option<String>,
}

/// Browsers' sessions. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Logins {
    store: Store,
    host: Arc<dyn Host>,
    revocations: Revocations,
    // Digest of the operator token of this process: an operator's session lives no longer than the token it was opened with.
    operator_proof: Option<[u8; 32]>,
}

impl Logins {
    pub(crate) fn new(
        store: Store,
        host: Arc<dyn Host>,
        revocations: Revocations,
        operator: Option<&Secret<String>>,
    ) -> Self {
        let operator_proof =
            operator.map(|t| sha256(&[b"airlock/operator-login/v1/", t.expose().as_bytes()]));
        Self { store, host, revocations, operator_proof }
    }

    /// Opens a session. Its caller has checked the credential and writes the audit row.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn open(&self, who: WhoLogsIn) -> Result<OpenedLogin, StoreError> {
        let mut tx = self.store.begin().await?;
        let opened = self.open_in(&mut tx, who).await?;
        tx.commit().await?;
        Ok(opened)
    }

    /// The same within a transaction, which sees that the credential still holds.
    pub(super) async fn open_in(&self, tx: &mut Tx, who: WhoLogsIn) -> Result<OpenedLogin, StoreError> {
        let cookie = Prefix::Login.mint(&*self.host);
        let now = self.host.now();
        let proof = if who.user.is_none() { self.operator_proof } else { None };
        let login = Login {
            id: LoginId::new(&*self.host),
            user_id: who.user,
            org_id: who.org,
            ip: who.ip.map(|ip| ip.to_string()),
            user_agent: who.user_agent,
            created_at: now,
            auth_at: now,
            last_seen_at: now,
            expires_at: now.after(AGE_MAX),
        };
        repo::insert(tx, &digest(cookie.expose()), proof.as_ref(), &login).await?;
        Ok(OpenedLogin { cookie, login })
    }

    /// The session of a cookie, if it still holds. Being looked up keeps it alive.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn check(&self, cookie: &str) -> Result<Option<Login>, StoreError> {
        let Some(hash) = Prefix::Login.digest_of(cookie) else { return Ok(None) };
        let Some((mut login, proof)) = repo::by_hash(&self.store, &hash).await? else { return Ok(None) };
        let now = self.host.now();
        let tied = match (&login.user_id, self.operator_proof) {
            (Some(_), _) => true,
            (None, Some(token)) => proof.as_deref() == Some(token.as_slice()),
            (None, None) => false,
        };
        if !tied || now >= login.expires_at || now.since(login.last_seen_at) >= IDLE_MAX {
            return Ok(None);
        }
        if now.since(login.last_seen_at) >= TOUCH_EVERY {
            repo::touch(&self.store, &login.id, now).await?;
            login.last_seen_at = now;
        }
        Ok(Some(login))
    }

    /// What a form or script of the page shows to prove that it is ours: derived from the cookie, so nothing is kept.
    pub fn csrf_token(cookie: &str) -> String {
        URL_SAFE_NO_PAD.encode(sha256(&[b"airlock/csrf/v1/", cookie.as_bytes()]))
    }

    /// A person's sessions, newest first, 100 at most.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Login>, StoreError> {
        repo::of_user(&self.store, user, self.host.now()).await
    }

    /// Shows another org from now on. Its caller has checked the membership.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn set_org(&self, login: &LoginId, org: &OrgId) -> Result<(), StoreError> {
        repo::set_org(&self.store, login, org).await
    }

    /// Ends one session; of `owner`, when one is named.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another person's.
    pub async fn revoke(&self, login: &LoginId, owner: Option<&UserId>) -> Result<(), ServiceError> {
        let now = self.host.now();
        let mut tx = self.store.begin().await?;
        if !repo::revoke(&mut tx, login, owner, now).await? {
            return Err(ServiceError::NotFound("session"));
        }
        Revocations::record(&mut tx, &Revoked::Login { login: login.clone() }, now).await?;
        tx.commit().await?;
        Ok(self.revocations.poll().await?)
    }

    /// Ends all sessions of a person but `keep`, within a transaction of theirs.
    pub(crate) async fn revoke_all_in(
        &self,
        tx: &mut Tx,
        user: &UserId,
        keep: Option<&LoginId>,
    ) -> Result<(), StoreError> {
        repo::revoke_all(tx, user, keep, self.host.now()).await.map(|_| ())
    }

    /// Ends all sessions that were opened with the operator token, within a transaction of theirs.
    pub(super) async fn revoke_operators_in(&self, tx: &mut Tx) -> Result<(), StoreError> {
        repo::revoke_operators(tx, self.host.now()).await
    }

    /// Forgets sessions that ended a month ago.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        let month = Duration::from_secs(30 * 86_400);
        repo::clear_old(&self.store, self.host.now().before(month)).await
    }
}

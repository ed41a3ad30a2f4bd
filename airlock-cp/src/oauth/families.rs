//! Families of tokens, as their person sees them: the AI clients that are connected.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::audit::Action;
use airlock_core::id::{FamilyId, OrgId, UserId};
use serde::Serialize;

use super::base::{Base, subject};
use super::consents::Consents;
use super::{codes_repo, devices_repo, families_repo as repo};
use crate::audit::Caller;
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::store::{Sql, StoreError};

/// So long after sign-in all tokens end, used or not.
pub const FAMILY_FOR: Duration = Duration::from_secs(30 * 86_400);
// How long what ended is kept, for those who ask what happened.
const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);

/// A client that somebody let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Family {
    /// Names it.
    pub id: FamilyId,
    /// Who let it in.
    #[serde(skip)]
    pub user_id: UserId,
    /// Into which org.
    pub org_id: OrgId,
    /// Which client.
    pub client_id: String,
    /// What that calls itself.
    pub client_name: String,
    /// What it reaches: the path of the address.
    pub resource: String,
    /// How far.
    pub scopes: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last got tokens.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub ends_at: Timestamp,
}

/// Families of tokens. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Families {
    base: Base,
    consents: Consents,
}

impl Families {
    pub(super) fn new(base: Base, consents: Consents) -> Self {
        Self { base, consents }
    }

    /// The clients that a person let in, newest first, 500 at most.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Family>, StoreError> {
        repo::of_user(&self.base.store, user, self.base.now()).await
    }

    /// Ends one of them: neither its access nor its refresh token holds when this returns, in no process a quarter of a
    /// second later. The client asks again before it comes back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another person's.
    pub async fn revoke(&self, caller: &Caller, user: &UserId, id: &FamilyId) -> Result<(), ServiceError> {
        let found = repo::find(&self.base.store, user, id, self.base.now()).await?;
        let family = found.ok_or(ServiceError::NotFound("client"))?;
        let about = subject(&family.org_id, &family.client_id);
        let base = self.base.clone();
        let work = async move {
            let now = base.now();
            let mut tx = base.store.begin().await?;
            repo::revoke(&mut tx, &family.id, "revoked", now).await?;
            Revocations::record(&mut tx, &Revoked::Family { family: family.id }, now).await?;
            tx.commit().await?;
            base.hear().await
        };
        self.base.journal.act(caller, Action::TokenRevoked, about, work).await
    }

    /// Forgets what ended: codes and device codes after a day, families after a month.
    pub(crate) async fn clear_old(&self) -> Result<(), StoreError> {
        let (store, now) = (&self.base.store, self.base.now());
        codes_repo::clear_old(store, now.before(DAY)).await?;
        devices_repo::clear_old(store, now.before(DAY)).await?;
        let assertions = Sql::new("DELETE FROM client_assertions WHERE expires_at < ?");
        store.execute(assertions.bind(now.before(DAY))).await?;
        self.consents.clear_old().await?;
        repo::clear_old(store, now, now.before(KEPT_FOR)).await
    }
}

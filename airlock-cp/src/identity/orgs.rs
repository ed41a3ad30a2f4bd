//! Orgs, and who is what in them.

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::id::{OrgId, OrgSlug, UserId};

use super::{Membership, Org, orgs_repo as repo};
use crate::audit::Journal;
use crate::authz::Role;
use crate::error::ServiceError;
use crate::revocations::Revocations;
use crate::store::{Store, StoreError};

/// Orgs, and who is what in them. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Orgs {
    store: Store,
    #[expect(dead_code, reason = "the acts that need it come next")]
    host: Arc<dyn Host>,
    #[expect(dead_code, reason = "the acts that need it come next")]
    journal: Journal,
    #[expect(dead_code, reason = "the acts that need it come next")]
    revocations: Revocations,
}

impl Orgs {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, journal: Journal, revocations: Revocations) -> Self {
        Self { store, host, journal, revocations }
    }

    /// The org of this id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: &OrgId) -> Result<Org, ServiceError> {
        repo::by_id(&self.store, id).await?.ok_or(ServiceError::NotFound("organization"))
    }

    /// The org of this slug.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn by_slug(&self, slug: &OrgSlug) -> Result<Org, ServiceError> {
        repo::by_slug(&self.store, slug).await?.ok_or(ServiceError::NotFound("organization"))
    }

    /// The orgs of a person, by name.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Membership>, StoreError> {
        repo::of_user(&self.store, user).await
    }

    /// What a person is in an org; `None` for those who are not in it, are disabled, or whose org is deleted.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn role_of(&self, org: &OrgId, user: &UserId) -> Result<Option<Role>, StoreError> {
        repo::role_of(&self.store, org, user).await
    }
}

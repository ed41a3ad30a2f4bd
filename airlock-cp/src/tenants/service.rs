//! Makes, shows, changes and deletes tenants.

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::audit::Action;
use airlock_core::id::{OrgId, TenantId, TenantSlug};

use super::model::clean_name;
use super::{NewTenant, Page, Tenant, TenantPatch, TenantStatus, repo};
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::store::{Store, StoreError};

/// Makes, shows, changes and deletes tenants. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Tenants {
    store: Store,
    host: Arc<dyn Host>,
    journal: Journal,
    revocations: Revocations,
}

impl Tenants {
    /// The tenants of this store.
    pub fn new(store: Store, host: Arc<dyn Host>, journal: Journal, revocations: Revocations) -> Self {
        Self { store, host, journal, revocations }
    }

    /// Makes a tenant in the org `default`.
    ///
    /// # Errors
    /// When the slug or id is not allowed, or taken.
    pub async fn create(&self, caller: &Caller, new: NewTenant) -> Result<Tenant, ServiceError> {
        let slug: TenantSlug = new.slug.parse().map_err(|e| ServiceError::invalid("slug", format!("{e}")))?;
        let id = match &new.id {
            Some(id) => id.parse().map_err(|e| ServiceError::invalid("id", format!("{e}")))?,
            None => slug.default_tenant_id(),
        };
        let name = clean_name("name", new.name.as_deref().unwrap_or(slug.as_str()))?;
        let (org_id, now): (OrgId, _) = (default_org(), self.host.now());
        let status = TenantStatus::Active;
        let tenant = Tenant { id, org_id, slug, name, status, created_at: now, updated_at: now, version: 1 };
        let (store, made) = (self.store.clone(), tenant.clone());
        let work = async move {
            match repo::insert(&store, &made).await {
                Err(StoreError::Conflict) => Err(ServiceError::Conflict(
                    "a tenant of this slug or id exists, or existed; give another id",
                )),
                other => Ok(other?),
            }
        };
        self.journal.act(caller, Action::TenantCreated, subject(&tenant), work).await?;
        Ok(tenant)
    }

    /// The tenant of this id.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn show(&self, id: &TenantId) -> Result<Tenant, ServiceError> {
        repo::by_id(&self.store, id).await?.ok_or(ServiceError::NotFound("tenant"))
    }

    /// The tenant of this slug.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn by_slug(&self, slug: &TenantSlug) -> Result<Tenant, ServiceError> {
        repo::by_slug(&self.store, slug).await?.ok_or(ServiceError::NotFound("tenant"))
    }

    /// Tenants by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, cursor: Option<&str>, limit: usize) -> Result<Page<Tenant>, ServiceError> {
        let items = repo::list(&self.store, None, cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |t| t.id.to_string()))
    }

    /// An org's tenants by id, from after `cursor`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of_org(
        &self,
        org: &OrgId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<Tenant>, ServiceError> {
        let items = repo::list(&self.store, Some(org), cursor, limit as i64 + 1).await?;
        Ok(Page::cut(items, limit, |t| t.id.to_string()))
    }

    /// Changes a tenant; `if_version` is what the caller last saw, when it said so.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] if it was changed since.
    pub async fn patch(
        &self,
        caller: &Caller,
        id: &TenantId,
        patch: TenantPatch,
        if_version: Option<i64>,
    ) -> Result<Tenant, ServiceError> {
        let before = self.show(id).await?;
        let name = match &patch.name {
            Some(name) => clean_name("name", name)?,
            None => before.name.clone(),
        };
        let status = patch.status.unwrap_or(before.status);
        let (this, id, about) = (self.clone(), id.clone(), subject(&before));
        let work = async move {
            if if_version.is_some_and(|v| v != before.version) {
                return Err(ServiceError::Stale);
            }
            let now = this.host.now();
            let mut tx = this.store.begin().await?;
            if !repo::update(&mut tx, &id, before.version, &name, status, now).await? {
                return Err(ServiceError::Stale);
            }
            if status != before.status {
                Revocations::record(&mut tx, &Revoked::Tenant { tenant: id.clone() }, now).await?;
            }
            tx.commit().await?;
            this.revocations.poll().await?;
            this.show(&id).await
        };
        self.journal.act(caller, Action::TenantUpdated, about, work).await
    }

    /// Deletes a tenant with its keys, workers, tokens and grants. Its rows in the audit log stay.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn delete(&self, caller: &Caller, id: &TenantId) -> Result<(), ServiceError> {
        let before = self.show(id).await?;
        let (this, id, about) = (self.clone(), id.clone(), subject(&before));
        let work = async move {
            let now = this.host.now();
            let mut tx = this.store.begin().await?;
            if !repo::delete(&mut tx, &id, now).await? {
                return Err(ServiceError::NotFound("tenant"));
            }
            Revocations::record(&mut tx, &Revoked::Tenant { tenant: id }, now).await?;
            tx.commit().await?;
            Ok(this.revocations.poll().await?)
        };
        self.journal.act(caller, Action::TenantDeleted, about, work).await
    }
}

fn subject(tenant: &Tenant) -> Subject {
    let resource = Some(tenant.slug.to_string());
    Subject { org: tenant.org_id.clone(), tenant: Some(tenant.id.clone()), resource }
}

/// The org that a fresh store has.
pub(crate) fn default_org() -> OrgId {
    "default".parse().expect("`default` is an org id")
}

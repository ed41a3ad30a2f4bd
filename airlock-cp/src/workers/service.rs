//! Lists and revokes workers, makes and takes back enrollment tokens, and keeps the book of who is connected.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Action, Event};
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::{Host, Secret};

use super::{EnrollmentRecord, EnrollmentStatus, NewEnrollment, WorkerKey, WorkerRecord, repo, token};
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::store::Store;
use crate::tenants::{Page, Tenant, Tenants};

const TTL_DEFAULT_S: u64 = 3_600;
const TTL_MAX_S: u64 = 86_400;

/// A token just made: the only time its text is seen.
#[derive(Debug)]
pub struct MintedEnrollment {
    /// What is known of it.
    pub record: EnrollmentRecord,
    /// Its text.
    pub text: Secret<String>,
}

/// The workers of all tenants. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Workers {
    store: Store,
    host: Arc<dyn Host>,
    journal: Journal,
    revocations: Revocations,
    tenants: Tenants,
}

impl Workers {
    /// The workers of this store.
    pub fn new(
        store: Store,
        host: Arc<dyn Host>,
        journal: Journal,
        revocations: Revocations,
        tenants: Tenants,
    ) -> Self {
        Self { store, host, journal, revocations, tenants }
    }

    /// What the tunnel's handshake needs of a worker; `None` if there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn key(&self, tenant: &TenantId, id: &WorkerId) -> Result<Option<WorkerKey>, ServiceError> {
        Ok(repo::key(&self.store, tenant, id).await?)
    }

    /// Notes that a worker's tunnel is up. `version` is in its own words.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn connected(
        &self,
        tenant: &TenantId,
        id: &WorkerId,
        session: &SessionId,
        version: &str,
    ) -> Result<(), ServiceError> {
        let version = Event::clean_name(version);
        Ok(repo::connected(&self.store, tenant, id, session, &version, self.host.now()).await?)
    }

    /// Notes that a worker is still heard of; [`WorkerDirectory`](super::WorkerDirectory) does so while its tunnel is up.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn seen(
        &self,
        tenant: &TenantId,
        id: &WorkerId,
        session: &SessionId,
    ) -> Result<(), ServiceError> {
        Ok(repo::seen(&self.store, tenant, id, session, self.host.now()).await?)
    }

    /// Notes that a worker's tunnel is down; a newer tunnel of the same worker is not touched.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn disconnected(
        &self,
        tenant: &TenantId,
        id: &WorkerId,
        session: &SessionId,
    ) -> Result<(), ServiceError> {
        Ok(repo::disconnected(&self.store, tenant, id, session, self.host.now()).await?)
    }

    /// A tenant's workers by id, from after `cursor`.
    ///
    /// # Errors
    /// When the tenant does not exist.
    pub async fn list(
        &self,
        tenant: &TenantId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<WorkerRecord>, ServiceError> {
        let tenant = self.tenants.show(tenant).await?;
        let items = repo::list(&self.store, &tenant.id, cursor, limit as i64 + 1, self.host.now()).await?;
        Ok(Page::cut(items, limit, |w| w.id.to_string()))
    }

    /// One worker of a tenant.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another tenant's worker.
    pub async fn show(&self, tenant: &TenantId, id: &WorkerId) -> Result<WorkerRecord, ServiceError> {
        let found = repo::find(&self.store, tenant, id, self.host.now()).await?;
        found.ok_or(ServiceError::NotFound("worker"))
    }

    /// Takes a worker back: its tunnel drops, and it is not let in again unless it is enrolled anew.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another tenant's worker. Revoking twice is no error.
    pub async fn revoke(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        id: &WorkerId,
    ) -> Result<WorkerRecord, ServiceError> {
        let (owner, record) = (self.tenants.show(tenant).await?, self.show(tenant, id).await?);
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        let (this, tenant, id, about) =
            (self.clone(), tenant.clone(), id.clone(), subject(&owner, id.as_str()));
        let work = async move {
            let now = this.host.now();
            let mut tx = this.store.begin().await?;
            repo::revoke(&mut tx, &tenant, &id, now).await?;
            let what = Revoked::Worker { tenant: tenant.clone(), worker: id.to_string() };
            Revocations::record(&mut tx, &what, now).await?;
            tx.commit().await?;
            this.revocations.poll().await?;
            this.show(&tenant, &id).await
        };
        self.journal.act(caller, Action::WorkerRevoked, about, work).await
    }

    /// Makes an enrollment token.
    ///
    /// # Errors
    /// When the tenant does not exist, the worker's id is none, or the time is too long.
    pub async fn mint(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        new: NewEnrollment,
    ) -> Result<MintedEnrollment, ServiceError> {
        let tenant = self.tenants.show(tenant).await?;
        let worker_id: WorkerId =
            new.worker_id.parse().map_err(|e| ServiceError::invalid("worker_id", format!("{e}")))?;
        let ttl = new.ttl_s.unwrap_or(TTL_DEFAULT_S);
        if !(1..=TTL_MAX_S).contains(&ttl) {
            return Err(ServiceError::invalid("ttl_s", format!("1-{TTL_MAX_S}")));
        }
        let (id, text) = token::generate(&*self.host);
        let (hash, now) = (token::digest(text.expose()), self.host.now());
        let record = EnrollmentRecord {
            id,
            tenant_id: tenant.id.clone(),
            worker_id,
            status: EnrollmentStatus::Pending,
            created_at: now,
            expires_at: now.after(Duration::from_secs(ttl)),
            used_at: None,
        };
        let (store, made) = (self.store.clone(), record.clone());
        let work = async move { Ok(repo::insert_token(&store, &made, &hash).await?) };
        self.journal.act(caller, Action::EnrollmentCreated, subject(&tenant, &record.id), work).await?;
        Ok(MintedEnrollment { record, text })
    }

    /// A tenant's enrollment tokens by id, from after `cursor`.
    ///
    /// # Errors
    /// When the tenant does not exist.
    pub async fn enrollments(
        &self,
        tenant: &TenantId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<EnrollmentRecord>, ServiceError> {
        let tenant = self.tenants.show(tenant).await?;
        let items = repo::tokens(&self.store, &tenant.id, cursor, limit as i64 + 1, self.host.now()).await?;
        Ok(Page::cut(items, limit, |e| e.id.clone()))
    }

    /// Takes an unused enrollment token back.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another tenant's token; [`ServiceError::Conflict`] if it was used.
    pub async fn revoke_enrollment(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        id: &str,
    ) -> Result<(), ServiceError> {
        let now = self.host.now();
        let owner = self.tenants.show(tenant).await?;
        let found = repo::token_by_id(&self.store, id, now).await?.filter(|t| t.record.tenant_id == *tenant);
        let found = found.ok_or(ServiceError::NotFound("enrollment token"))?.record;
        if found.status == EnrollmentStatus::Revoked {
            return Ok(());
        }
        let (store, tenant, about) = (self.store.clone(), tenant.clone(), subject(&owner, id));
        let work = async move {
            match repo::revoke_token(&store, &tenant, &found.id, now).await? {
                true => Ok(()),
                false => Err(ServiceError::Conflict("the token was used")),
            }
        };
        self.journal.act(caller, Action::EnrollmentRevoked, about, work).await
    }
}

fn subject(tenant: &Tenant, resource: &str) -> Subject {
    let resource = Some(resource.to_owned());
    Subject { org: tenant.org_id.clone(), tenant: Some(tenant.id.clone()), resource }
}

//! Sets, shows and applies grants. What was read is remembered for a moment, unless the store said that it changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Host;
use airlock_core::audit::Action;
use airlock_core::id::{TenantId, TenantSlug};
use airlock_core::principal::Scope;
use parking_lot::Mutex;

use super::model::schema_only;
use super::{Grant, NewGrant, Reached, repo};
use crate::audit::{Caller, Journal, Subject};
use crate::authz::Role;
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::store::{Store, StoreError};
use crate::tenants::Tenant;

const REMEMBERED_FOR: Duration = Duration::from_secs(30);
const REMEMBERED_MAX: usize = 10_000;

/// Grants. Cloning shares its memory.
#[derive(Clone)]
pub struct Grants {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    host: Arc<dyn Host>,
    journal: Journal,
    revocations: Revocations,
    known: Mutex<HashMap<(TenantSlug, Role), Known>>,
}

#[derive(Clone)]
struct Known {
    reached: Arc<Reached>,
    until: Duration,
}

impl std::fmt::Debug for Grants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grants")
    }
}

impl Grants {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, journal: Journal, revocations: Revocations) -> Self {
        let known = Mutex::default();
        let inner = Arc::new(Inner { store, host, journal, revocations: revocations.clone(), known });
        let weak = Arc::downgrade(&inner);
        revocations.listen(move |what| {
            if let Some(inner) = weak.upgrade() {
                inner.forget(what);
            }
        });
        Self { inner }
    }

    /// A tenant's grants, by role.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, tenant: &Tenant) -> Result<Vec<Grant>, ServiceError> {
        Ok(repo::of_tenant(&self.inner.store, &tenant.id).await?)
    }

    /// What was granted to a role.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when nothing was.
    pub async fn show(&self, tenant: &Tenant, role: Role) -> Result<Grant, ServiceError> {
        let found = repo::find(&self.inner.store, &tenant.id, role).await?;
        found.ok_or(ServiceError::NotFound("grant"))
    }

    /// Grants to a role, in the place of what was granted before. It holds when this returns, also in other processes
    /// within a quarter of a second.
    ///
    /// # Errors
    /// When a field is not allowed, or the tenant is gone.
    pub async fn put(
        &self,
        caller: &Caller,
        tenant: &Tenant,
        role: Role,
        new: NewGrant,
    ) -> Result<Grant, ServiceError> {
        new.check(role)?;
        let grant = Grant {
            tenant_id: tenant.id.clone(),
            role,
            allowed_snapshots: new.allowed_snapshots,
            tools: new.tools,
            max_rows: new.max_rows,
            updated_at: self.inner.host.now(),
        };
        let this = self.clone();
        let work = async move {
            let mut tx = this.inner.store.begin().await?;
            if !repo::put(&mut tx, &grant).await? {
                return Err(ServiceError::NotFound("tenant"));
            }
            this.changed(tx, &grant.tenant_id).await?;
            Ok(grant)
        };
        self.inner.journal.act(caller, Action::GrantChanged, subject(tenant, role), work).await
    }

    /// Takes back what was granted to a role: the schema is left.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when nothing was.
    pub async fn remove(&self, caller: &Caller, tenant: &Tenant, role: Role) -> Result<(), ServiceError> {
        let (this, id) = (self.clone(), tenant.id.clone());
        let work = async move {
            let mut tx = this.inner.store.begin().await?;
            if !repo::delete(&mut tx, &id, role).await? {
                return Err(ServiceError::NotFound("grant"));
            }
            this.changed(tx, &id).await
        };
        self.inner.journal.act(caller, Action::GrantChanged, subject(tenant, role), work).await
    }

    /// How far a role reaches into a tenant.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn scope_of(&self, tenant: &TenantId, role: Role) -> Result<Scope, StoreError> {
        let found = repo::find(&self.inner.store, tenant, role).await?;
        found.map_or_else(|| Ok(schema_only()), |grant| grant.scope())
    }

    /// The tenant of a slug, with how far a role reaches into it; `None` when there is none. Asked on each call, so it
    /// is remembered.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn reach(&self, slug: &TenantSlug, role: Role) -> Result<Option<Arc<Reached>>, StoreError> {
        let inner = &*self.inner;
        let key = (slug.clone(), role);
        if let Some(reached) = inner.recall(&key) {
            return Ok(Some(reached));
        }
        // A change between reading the row and remembering it must not be lost.
        let heard = inner.revocations.applied();
        let Some(reached) = repo::reached(&inner.store, slug, role).await? else { return Ok(None) };
        let reached = Arc::new(reached);
        inner.remember(key, reached.clone(), heard);
        Ok(Some(reached))
    }

    async fn changed(&self, mut tx: crate::store::Tx, tenant: &TenantId) -> Result<(), ServiceError> {
        let inner = &*self.inner;
        let what = Revoked::Grant { tenant: tenant.clone() };
        Revocations::record(&mut tx, &what, inner.host.now()).await?;
        tx.commit().await?;
        Ok(inner.revocations.poll().await?)
    }
}

impl Inner {
    fn recall(&self, key: &(TenantSlug, Role)) -> Option<Arc<Reached>> {
        if !self.revocations.is_fresh() {
            return None;
        }
        let now = self.host.monotonic();
        self.known.lock().get(key).filter(|known| now < known.until).map(|known| known.reached.clone())
    }

    fn remember(&self, key: (TenantSlug, Role), reached: Arc<Reached>, heard: i64) {
        let mut known = self.known.lock();
        if self.revocations.applied() != heard {
            return;
        }
        let now = self.host.monotonic();
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, k| now < k.until);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(key, Known { reached, until: now + REMEMBERED_FOR });
        }
    }

    fn forget(&self, what: &Revoked) {
        let mut known = self.known.lock();
        match what {
            Revoked::Grant { tenant } | Revoked::Tenant { tenant } => {
                known.retain(|_, k| k.reached.tenant != *tenant);
            }
            Revoked::Org { org } => known.retain(|_, k| k.reached.org != *org),
            Revoked::Everything => known.clear(),
            _ => {}
        }
    }
}

fn subject(tenant: &Tenant, role: Role) -> Subject {
    Subject {
        org: tenant.org_id.clone(),
        tenant: Some(tenant.id.clone()),
        resource: Some(role.as_str().to_owned()),
    }
}

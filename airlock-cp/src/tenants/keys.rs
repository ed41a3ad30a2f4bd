//! Makes, lists, narrows, rotates and revokes API keys.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::Action;
use airlock_core::id::{Kid, TenantId, ToolName};
use airlock_core::principal::SnapshotPattern;
use airlock_core::{Host, Secret, Timestamp};
use serde::{Deserialize, Deserializer};

use super::hashing::{Hashing, Overloaded};
use super::model::clean_name;
use super::{KeyRecord, KeyStatus, Page, Tenant, Tenants, api_key, keys_repo as repo};
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::revocations::{Revocations, Revoked};
use crate::store::{Store, StoreError};

const LIST_MAX: usize = 1_000;
const OVERLAP_DEFAULT: Duration = Duration::from_secs(7 * 86_400);
const OVERLAP_MAX: Duration = Duration::from_secs(90 * 86_400);

/// A key to be made. A list that is absent or `null` reaches everything the worker exposes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// Exact snapshot ids, or prefixes that end in `*`.
    pub allowed_snapshots: Option<Vec<String>>,
    /// Names of tools.
    pub tools: Option<Vec<String>>,
    /// Most rows an answer may have.
    pub max_rows: Option<u32>,
    /// Calls a minute; 0 is without limit.
    pub rate_limit: Option<u32>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    // Known by name and not built: silently ignoring a restriction would widen the key.
    #[serde(default)]
    ip_allowlist: Option<serde_json::Value>,
    #[serde(default)]
    require_subject_token: Option<serde_json::Value>,
}

impl NewKey {
    /// A key of this name that reaches everything the worker exposes.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What to change of a key. A field that is absent stays; `null` lifts its limit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPatch {
    /// A new name.
    pub name: Option<String>,
    /// Exact snapshot ids, or prefixes that end in `*`.
    #[serde(default, deserialize_with = "present")]
    pub allowed_snapshots: Option<Option<Vec<String>>>,
    /// Names of tools.
    #[serde(default, deserialize_with = "present")]
    pub tools: Option<Option<Vec<String>>>,
    /// Most rows an answer may have.
    #[serde(default, deserialize_with = "present")]
    pub max_rows: Option<Option<u32>>,
    /// Calls a minute; 0 is without limit.
    #[serde(default, deserialize_with = "present")]
    pub rate_limit: Option<Option<u32>>,
    /// When it ends.
    #[serde(default, deserialize_with = "present")]
    pub expires_at: Option<Option<Timestamp>>,
    #[serde(default)]
    ip_allowlist: Option<serde_json::Value>,
    #[serde(default)]
    require_subject_token: Option<serde_json::Value>,
}

/// How to rotate a key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// How long the old key stays good, seconds; a week when absent, at most 90 days.
    pub overlap_s: Option<u64>,
}

fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// A key just made: the only time its text is seen.
#[derive(Debug)]
pub struct Minted {
    /// What is known of it.
    pub record: KeyRecord,
    /// Its text.
    pub text: Secret<String>,
}

/// Makes, lists, narrows, rotates and revokes API keys. Cloning shares it.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    store: Store,
    host: Arc<dyn Host>,
    journal: Journal,
    revocations: Revocations,
    tenants: Tenants,
    hashing: Hashing,
}

impl ApiKeys {
    pub(crate) fn new(
        store: Store,
        host: Arc<dyn Host>,
        journal: Journal,
        revocations: Revocations,
        tenants: Tenants,
        hashing: Hashing,
    ) -> Self {
        Self { store, host, journal, revocations, tenants, hashing }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// When the tenant does not exist or a field is not allowed.
    pub async fn create(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        new: NewKey,
    ) -> Result<Minted, ServiceError> {
        let tenant = self.tenants.show(tenant).await?;
        refuse_unbuilt(&new.ip_allowlist, &new.require_subject_token)?;
        let now = self.host.now();
        let (kid, text) = api_key::generate(&*self.host);
        let record = checked(
            KeyRecord {
                kid,
                tenant_id: tenant.id.clone(),
                name: new.name,
                status: KeyStatus::Active,
                allowed_snapshots: new.allowed_snapshots,
                tools: new.tools,
                max_rows: new.max_rows,
                rate_limit: new.rate_limit,
                created_at: now,
                expires_at: new.expires_at,
                retires_at: None,
                successor: None,
                revoked_at: None,
                last_used_at: None,
                version: 1,
            },
            now,
        )?;
        let phc = self.hash(&text).await?;
        let (this, made) = (self.clone(), record.clone());
        let work = async move {
            let mut tx = this.store.begin().await?;
            repo::insert(&mut tx, &made, &phc).await?;
            Ok(tx.commit().await?)
        };
        self.journal.act(caller, Action::KeyCreated, subject(&tenant, &record.kid), work).await?;
        Ok(Minted { record, text })
    }

    /// A tenant's keys by id, from after `cursor`.
    ///
    /// # Errors
    /// When the tenant does not exist.
    pub async fn list(
        &self,
        tenant: &TenantId,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<KeyRecord>, ServiceError> {
        let tenant = self.tenants.show(tenant).await?;
        let items = repo::list(&self.store, &tenant.id, cursor, limit as i64 + 1, self.host.now()).await?;
        Ok(Page::cut(items, limit, |k| k.kid.to_string()))
    }

    /// One key of a tenant.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another tenant's key.
    pub async fn show(&self, tenant: &TenantId, kid: &Kid) -> Result<KeyRecord, ServiceError> {
        let found = repo::find(&self.store, tenant, kid, self.host.now()).await?;
        found.ok_or(ServiceError::NotFound("API key"))
    }

    /// Takes a key back: no call that begins after this returns is let in with it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another tenant's key. Revoking twice is no error.
    pub async fn revoke(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        kid: &Kid,
    ) -> Result<KeyRecord, ServiceError> {
        let (owner, record) = (self.tenants.show(tenant).await?, self.show(tenant, kid).await?);
        if record.revoked_at.is_some() {
            return Ok(record);
        }
        let (this, tenant, kid, about) = (self.clone(), tenant.clone(), kid.clone(), subject(&owner, kid));
        let work = async move {
            let now = this.host.now();
            let mut tx = this.store.begin().await?;
            repo::revoke(&mut tx, &tenant, &kid, now).await?;
            this.commit(tx, &tenant, &kid).await?;
            this.show(&tenant, &kid).await
        };
        self.journal.act(caller, Action::KeyRevoked, about, work).await
    }

    /// Changes a key's name and reach; `if_version` is what the caller last saw, when it said so.
    ///
    /// # Errors
    /// [`ServiceError::Stale`] if it was changed since; when a field is not allowed, or the key is revoked.
    pub async fn patch(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        kid: &Kid,
        patch: KeyPatch,
        if_version: Option<i64>,
    ) -> Result<KeyRecord, ServiceError> {
        let (owner, before) = (self.tenants.show(tenant).await?, self.show(tenant, kid).await?);
        refuse_unbuilt(&patch.ip_allowlist, &patch.require_subject_token)?;
        let version = before.version;
        let after = checked(
            KeyRecord {
                name: patch.name.unwrap_or(before.name),
                allowed_snapshots: patch.allowed_snapshots.unwrap_or(before.allowed_snapshots),
                tools: patch.tools.unwrap_or(before.tools),
                max_rows: patch.max_rows.unwrap_or(before.max_rows),
                rate_limit: patch.rate_limit.unwrap_or(before.rate_limit),
                expires_at: patch.expires_at.unwrap_or(before.expires_at),
                ..before
            },
            self.host.now(),
        )?;
        let (this, about) = (self.clone(), subject(&owner, kid));
        let work = async move {
            if if_version.is_some_and(|v| v != version) {
                return Err(ServiceError::Stale);
            }
            if after.revoked_at.is_some() {
                return Err(ServiceError::Conflict("the key is revoked"));
            }
            let mut tx = this.store.begin().await?;
            if !repo::update(&mut tx, &after, version).await? {
                return Err(ServiceError::Stale);
            }
            this.commit(tx, &after.tenant_id, &after.kid).await?;
            this.show(&after.tenant_id, &after.kid).await
        };
        self.journal.act(caller, Action::KeyScopeChanged, about, work).await
    }

    /// Makes a successor of the same reach; the old key stays good for the overlap, then ends.
    ///
    /// # Errors
    /// When the key is revoked, ended, or has a successor already.
    pub async fn rotate(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        kid: &Kid,
        how: Rotate,
    ) -> Result<Minted, ServiceError> {
        let (owner, old) = (self.tenants.show(tenant).await?, self.show(tenant, kid).await?);
        let overlap = how.overlap_s.map_or(OVERLAP_DEFAULT, Duration::from_secs);
        if overlap > OVERLAP_MAX {
            return Err(ServiceError::invalid("overlap_s", "at most 90 days"));
        }
        if old.status != KeyStatus::Active {
            return Err(ServiceError::Conflict("only an active key without a successor can be rotated"));
        }
        let now = self.host.now();
        let (new_kid, text) = api_key::generate(&*self.host);
        let record =
            KeyRecord { kid: new_kid, created_at: now, last_used_at: None, version: 1, ..old.clone() };
        let phc = self.hash(&text).await?;
        let (this, made) = (self.clone(), record.clone());
        let work = async move {
            let mut tx = this.store.begin().await?;
            repo::insert(&mut tx, &made, &phc).await?;
            let version = old.version;
            let retiring =
                KeyRecord { retires_at: Some(now.after(overlap)), successor: Some(made.kid.clone()), ..old };
            if !repo::update(&mut tx, &retiring, version).await? {
                return Err(ServiceError::Stale);
            }
            this.commit(tx, &retiring.tenant_id, &retiring.kid).await
        };
        self.journal.act(caller, Action::KeyRotated, subject(&owner, kid), work).await?;
        Ok(Minted { record, text })
    }

    // Every change of a key is told to all processes in the transaction that makes it, and heard here before it returns.
    async fn commit(
        &self,
        mut tx: crate::store::Tx,
        tenant: &TenantId,
        kid: &Kid,
    ) -> Result<(), ServiceError> {
        let what = Revoked::Key { tenant: tenant.clone(), kid: kid.to_string() };
        Revocations::record(&mut tx, &what, self.host.now()).await?;
        tx.commit().await?;
        Ok(self.revocations.poll().await?)
    }

    async fn hash(&self, text: &Secret<String>) -> Result<String, ServiceError> {
        let hash = self.hashing.hash(&*self.host, text.clone()).await;
        hash.map_err(|Overloaded| StoreError::Unavailable("too many keys are being hashed").into())
    }
}

fn subject(tenant: &Tenant, kid: &Kid) -> Subject {
    Subject { org: tenant.org_id.clone(), tenant: Some(tenant.id.clone()), resource: Some(kid.to_string()) }
}

fn refuse_unbuilt(
    ip_allowlist: &Option<serde_json::Value>,
    require_subject_token: &Option<serde_json::Value>,
) -> Result<(), ServiceError> {
    for (field, value) in [("ip_allowlist", ip_allowlist), ("require_subject_token", require_subject_token)] {
        if value.is_some() {
            return Err(ServiceError::invalid(field, "this restriction is not built yet, so it is refused"));
        }
    }
    Ok(())
}

fn checked(mut key: KeyRecord, now: Timestamp) -> Result<KeyRecord, ServiceError> {
    key.name = clean_name("name", &key.name)?;
    for (field, list) in [("allowed_snapshots", &key.allowed_snapshots), ("tools", &key.tools)] {
        if list.as_ref().is_some_and(|l| l.len() > LIST_MAX) {
            return Err(ServiceError::invalid(field, format!("at most {LIST_MAX} entries")));
        }
    }
    for pattern in key.allowed_snapshots.iter().flatten() {
        SnapshotPattern::parse(pattern).map_err(|rule| ServiceError::invalid("allowed_snapshots", rule))?;
        if pattern.len() > 256 || pattern.chars().any(char::is_control) {
            return Err(ServiceError::invalid("allowed_snapshots", "1-256 bytes without control characters"));
        }
    }
    for tool in key.tools.iter().flatten() {
        tool.parse::<ToolName>().map_err(|e| ServiceError::invalid("tools", e.to_string()))?;
    }
    if key.max_rows == Some(0) {
        return Err(ServiceError::invalid("max_rows", "at least 1"));
    }
    if key.expires_at.is_some_and(|at| at <= now) && key.revoked_at.is_none() {
        return Err(ServiceError::invalid("expires_at", "must be in the future"));
    }
    Ok(key)
}

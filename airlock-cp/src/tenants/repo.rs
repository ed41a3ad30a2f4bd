//! Tenants in the store.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, TenantId, TenantSlug};

use super::{Tenant, TenantStatus};
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, org_id, slug, name, status, created_at, updated_at, version FROM tenants WHERE status <> 'deleted'";

fn tenant(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.parse("id")?,
        org_id: row.parse("org_id")?,
        slug: row.parse("slug")?,
        name: row.get("name")?,
        status: row.parse("status")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.get("version")?,
    })
}

pub(super) async fn by_id(store: &Store, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND id = ?").bind(id)).await?.as_ref().map(tenant).transpose()
}

pub(super) async fn by_slug(store: &Store, slug: &TenantSlug) -> Result<Option<Tenant>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND slug = ?").bind(slug)).await?.as_ref().map(tenant).transpose()
}

/// By id, from after `after`; of this org when one is named.
pub(super) async fn list(
    store: &Store,
    org: Option<&OrgId>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Tenant>, StoreError> {
    let sql = Sql::new(COLUMNS).push_if(" AND org_id = ?", org.map(OrgId::as_str));
    let sql = sql.push_if(" AND id > ?", after).push(" ORDER BY id LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(tenant).collect()
}

pub(super) async fn insert(store: &Store, t: &Tenant) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO tenants (id, org_id, slug, name, status, created_at, updated_at, version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&t.id).bind(&t.org_id).bind(&t.slug).bind(&t.name).bind(t.status.as_str());
    store.execute(sql.bind(t.created_at).bind(t.updated_at).bind(t.version)).await.map(|_| ())
}

/// Changes a tenant that has still this version; whether it had.
pub(super) async fn update(
    tx: &mut Tx,
    id: &TenantId,
    version: i64,
    name: &str,
    status: TenantStatus,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE tenants SET name = ?, status = ?, updated_at = ?, version = version + 1 \
         WHERE id = ? AND version = ? AND status <> 'deleted'",
    );
    Ok(tx.execute(sql.bind(name).bind(status.as_str()).bind(now).bind(id).bind(version)).await? == 1)
}

/// Deletes a tenant with all it has; whether there was one. Its row stays as a stone with its id on it.
pub(super) async fn delete(tx: &mut Tx, id: &TenantId, now: Timestamp) -> Result<bool, StoreError> {
    let stone = Sql::new(
        "UPDATE tenants SET status = 'deleted', name = '', updated_at = ?, version = version + 1 \
         WHERE id = ? AND status <> 'deleted'",
    );
    if tx.execute(stone.bind(now).bind(id)).await? == 0 {
        return Ok(false);
    }
    for sql in [
        "DELETE FROM api_keys WHERE tenant_id = ?",
        "DELETE FROM enrollment_tokens WHERE tenant_id = ?",
        "DELETE FROM workers WHERE tenant_id = ?",
        "DELETE FROM tenant_grants WHERE tenant_id = ?",
    ] {
        tx.execute(Sql::new(sql).bind(id)).await?;
    }
    Ok(true)
}

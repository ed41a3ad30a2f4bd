//! Grants in the store.

use airlock_core::id::{TenantId, TenantSlug};

use super::model::schema_only;
use super::{Grant, Reached};
use crate::authz::Role;
use crate::store::{Row, Sql, Store, StoreError, Tx};

fn list(row: &Row, column: &'static str) -> Result<Option<Vec<String>>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|_| StoreError::Damaged(column))).transpose()
}

fn grant(row: &Row) -> Result<Grant, StoreError> {
    let max_rows: Option<i64> = row.get("max_rows")?;
    Ok(Grant {
        tenant_id: row.parse("tenant_id")?,
        role: row.parse("role")?,
        allowed_snapshots: list(row, "snapshots")?,
        tools: list(row, "tools")?,
        max_rows: max_rows
            .map(|n| u32::try_from(n).map_err(|_| StoreError::Damaged("max_rows")))
            .transpose()?,
        updated_at: row.time("updated_at")?,
    })
}

const COLUMNS: &str =
    "SELECT tenant_id, role, snapshots, tools, max_rows, updated_at FROM tenant_grants WHERE tenant_id = ?";

pub(super) async fn of_tenant(store: &Store, tenant: &TenantId) -> Result<Vec<Grant>, StoreError> {
    store.all(Sql::new(COLUMNS).bind(tenant).push(" ORDER BY role")).await?.iter().map(grant).collect()
}

pub(super) async fn find(store: &Store, tenant: &TenantId, role: Role) -> Result<Option<Grant>, StoreError> {
    let sql = Sql::new(COLUMNS).bind(tenant).push(" AND role = ?").bind(role.as_str());
    store.optional(sql).await?.as_ref().map(grant).transpose()
}

/// The tenant of a slug, with what a role reaches of it.
pub(super) async fn reached(
    store: &Store,
    slug: &TenantSlug,
    role: Role,
) -> Result<Option<Reached>, StoreError> {
    let sql = Sql::new(
        "SELECT t.id, t.org_id, t.status, o.slug AS org_slug, g.tenant_id, g.role, g.snapshots, g.tools, g.max_rows, \
         g.updated_at FROM tenants t JOIN orgs o ON o.id = t.org_id \
         LEFT JOIN tenant_grants g ON g.tenant_id = t.id AND g.role = ? \
         WHERE t.status <> 'deleted' AND o.status <> 'deleted' AND t.slug = ?",
    );
    let Some(row) = store.optional(sql.bind(role.as_str()).bind(slug)).await? else { return Ok(None) };
    let granted = row.get::<Option<String>>("role")?.is_some();
    Ok(Some(Reached {
        tenant: row.parse("id")?,
        org: row.parse("org_id")?,
        org_slug: row.parse("org_slug")?,
        status: row.parse("status")?,
        scope: if granted { grant(&row)?.scope()? } else { schema_only() },
    }))
}

/// Sets a grant of a tenant that is there; whether it is.
pub(super) async fn put(tx: &mut Tx, g: &Grant) -> Result<bool, StoreError> {
    let json = |list: &Option<Vec<String>>| list.as_ref().map(|list| serde_json::json!(list).to_string());
    let sql = Sql::new(
        "INSERT INTO tenant_grants (tenant_id, role, snapshots, tools, max_rows, updated_at) \
         SELECT id, ?, ?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM tenants WHERE id = ? AND status <> 'deleted' \
         ON CONFLICT (tenant_id, role) DO UPDATE SET snapshots = excluded.snapshots, tools = excluded.tools, \
         max_rows = excluded.max_rows, updated_at = excluded.updated_at",
    );
    let sql = sql.bind(g.role.as_str()).bind(json(&g.allowed_snapshots)).bind(json(&g.tools));
    let sql = sql.bind(g.max_rows.map(i64::from)).bind(g.updated_at).bind(&g.tenant_id);
    Ok(tx.execute(sql).await? == 1)
}

/// Takes a grant away; whether there was one.
pub(super) async fn delete(tx: &mut Tx, tenant: &TenantId, role: Role) -> Result<bool, StoreError> {
    let sql = Sql::new("DELETE FROM tenant_grants WHERE tenant_id = ? AND role = ?");
    Ok(tx.execute(sql.bind(tenant).bind(role.as_str())).await? == 1)
}

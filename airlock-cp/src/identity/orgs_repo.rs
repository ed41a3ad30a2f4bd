//! Orgs in the store.

use airlock_core::Timestamp;
use airlock_core::audit::Chain;
use airlock_core::id::{OrgId, OrgSlug, UserId};

use super::{Membership, Org};
use crate::authz::Role;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, slug, name, created_at, version FROM orgs WHERE status <> 'deleted'";

fn org(row: &Row) -> Result<Org, StoreError> {
    Ok(Org {
        id: row.parse("id")?,
        slug: row.parse("slug")?,
        name: row.get("name")?,
        created_at: row.time("created_at")?,
        version: row.get("version")?,
    })
}

pub(super) async fn by_id(store: &Store, id: &OrgId) -> Result<Option<Org>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND id = ?").bind(id)).await?.as_ref().map(org).transpose()
}

pub(super) async fn by_slug(store: &Store, slug: &OrgSlug) -> Result<Option<Org>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND slug = ?").bind(slug)).await?.as_ref().map(org).transpose()
}

pub(super) async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<Org>, StoreError> {
    let sql = Sql::new(COLUMNS).push_if(" AND id > ?", after).push(" ORDER BY id LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(org).collect()
}

/// The orgs of a person, by name.
pub(super) async fn of_user(store: &Store, user: &UserId) -> Result<Vec<Membership>, StoreError> {
    let sql = Sql::new(
        "SELECT o.id, o.slug, o.name, o.created_at, o.version, m.role FROM memberships m \
         JOIN orgs o ON o.id = m.org_id WHERE o.status <> 'deleted' AND m.user_id = ? ORDER BY o.name, o.id",
    );
    let rows = store.all(sql.bind(user)).await?;
    rows.iter().map(|row| Ok(Membership { org: org(row)?, role: row.parse("role")? })).collect()
}

/// What an active person is in a live org.
pub(super) async fn role_of(store: &Store, org: &OrgId, user: &UserId) -> Result<Option<Role>, StoreError> {
    let sql = Sql::new(
        "SELECT m.role FROM memberships m JOIN orgs o ON o.id = m.org_id JOIN users u ON u.id = m.user_id \
         WHERE o.status <> 'deleted' AND u.status = 'active' AND m.org_id = ?",
    );
    let sql = sql.bind(org).push(" AND m.user_id = ?").bind(user);
    store.optional(sql).await?.map(|row| row.parse("role")).transpose()
}

pub(super) async fn insert(tx: &mut Tx, o: &Org) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO orgs (id, slug, name, created_at, updated_at, status, version, audit_seq, audit_head) \
         VALUES (?, ?, ?, ?, ?, 'active', 1, 0, ?)",
    );
    let sql = sql.bind(&o.id).bind(&o.slug).bind(&o.name).bind(o.created_at).bind(o.created_at);
    tx.execute(sql.bind(Chain::default().head())).await.map(|_| ())
}

/// Renames an org that has still this version, when one is named; whether it had.
pub(super) async fn rename(
    store: &Store,
    id: &OrgId,
    version: Option<i64>,
    (name, slug): (&str, &OrgSlug),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE orgs SET name = ?, slug = ?, updated_at = ?, version = version + 1 WHERE status <> 'deleted' AND id = ?",
    );
    let sql = sql.bind(name).bind(slug).bind(now).bind(id).push_if(" AND version = ?", version);
    Ok(store.execute(sql).await? == 1)
}

pub(super) async fn has_tenants(tx: &mut Tx, id: &OrgId) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT id FROM tenants WHERE status <> 'deleted' AND org_id = ? LIMIT 1").bind(id);
    Ok(tx.optional(sql).await?.is_some())
}

/// Deletes an org with its memberships, invitations and tokens. Its row stays, with its log.
pub(super) async fn delete(tx: &mut Tx, id: &OrgId, now: Timestamp) -> Result<(), StoreError> {
    for text in [
        "UPDATE orgs SET status = 'deleted', name = '', updated_at = ?, version = version + 1 WHERE id = ?",
        "UPDATE token_families SET revoked_at = ?, reason = 'org_deleted' WHERE revoked_at IS NULL AND org_id = ?",
        "UPDATE pats SET revoked_at = ? WHERE revoked_at IS NULL AND org_id = ?",
        "UPDATE invitations SET revoked_at = ? WHERE revoked_at IS NULL AND used_at IS NULL AND org_id = ?",
    ] {
        tx.execute(Sql::new(text).bind(now).bind(id)).await?;
    }
    for text in
        ["DELETE FROM memberships WHERE org_id = ?", "UPDATE logins SET org_id = NULL WHERE org_id = ?"]
    {
        tx.execute(Sql::new(text).bind(id)).await?;
    }
    Ok(())
}

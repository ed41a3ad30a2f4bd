//! Orgs and memberships in the store.

use airlock_core::id::{OrgId, OrgSlug, UserId};

use super::{Membership, Org};
use crate::authz::Role;
use crate::store::{Row, Sql, Store, StoreError};

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

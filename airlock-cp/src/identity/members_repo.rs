//! Who is what in an org, in the store.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, UserId};

use super::Member;
use crate::authz::Role;
use crate::store::{Row, Sql, Store, StoreError, Tx};

fn member(row: &Row) -> Result<Member, StoreError> {
    Ok(Member {
        user_id: row.parse("user_id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        status: row.parse("status")?,
        role: row.parse("role")?,
        joined_at: row.time("joined_at")?,
    })
}

const COLUMNS: &str = "SELECT m.user_id, u.email, u.name, u.status, m.role, m.joined_at FROM memberships m \
     JOIN users u ON u.id = m.user_id WHERE u.status <> 'deleted' AND m.org_id = ?";

pub(super) async fn list(
    store: &Store,
    org: &OrgId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Member>, StoreError> {
    let sql = Sql::new(COLUMNS).bind(org).push_if(" AND m.user_id > ?", after);
    let sql = sql.push(" ORDER BY m.user_id LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(member).collect()
}

/// How many there are.
pub(super) async fn count(store: &Store, org: &OrgId) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "SELECT COUNT(*) AS n FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.status <> 'deleted' AND m.org_id = ?",
    );
    store.optional(sql.bind(org)).await?.ok_or(StoreError::Damaged("memberships"))?.count("n")
}

pub(super) async fn find(store: &Store, org: &OrgId, user: &UserId) -> Result<Option<Member>, StoreError> {
    let sql = Sql::new(COLUMNS).bind(org).push(" AND m.user_id = ?").bind(user);
    store.optional(sql).await?.as_ref().map(member).transpose()
}

/// Holds the org's members until the transaction ends; whether there is such an org.
pub(super) async fn lock(tx: &mut Tx, org: &OrgId) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT id FROM orgs WHERE status <> 'deleted' AND id = ? {for_update}").bind(org);
    Ok(tx.optional(sql).await?.is_some())
}

/// What a person is in an org that is held.
pub(super) async fn role_in(tx: &mut Tx, org: &OrgId, user: &UserId) -> Result<Option<Role>, StoreError> {
    let sql = Sql::new("SELECT role FROM memberships WHERE org_id = ?").bind(org);
    let row = tx.optional(sql.push(" AND user_id = ?").bind(user)).await?;
    row.map(|row| row.parse("role")).transpose()
}

/// Whether an org that is held has an owner besides this person who can act.
pub(super) async fn has_other_owner(tx: &mut Tx, org: &OrgId, user: &UserId) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.role = 'owner' AND u.status = 'active' AND m.org_id = ?",
    );
    let sql = sql.bind(org).push(" AND m.user_id <> ?").bind(user).push(" LIMIT 1");
    Ok(tx.optional(sql).await?.is_some())
}

/// The live orgs of a person, in the order in which they are held.
pub(super) async fn orgs_of(tx: &mut Tx, user: &UserId) -> Result<Vec<(OrgId, Role)>, StoreError> {
    let sql = Sql::new(
        "SELECT m.org_id, m.role FROM memberships m JOIN orgs o ON o.id = m.org_id \
         WHERE o.status <> 'deleted' AND m.user_id = ? ORDER BY m.org_id",
    );
    let rows = tx.all(sql.bind(user)).await?;
    rows.iter().map(|row| Ok((row.parse("org_id")?, row.parse("role")?))).collect()
}

/// The org that a person joined first. Nobody is looked for like somebody.
pub(super) async fn home_of(store: &Store, user: Option<&UserId>) -> Result<Option<OrgId>, StoreError> {
    let sql = Sql::new(
        "SELECT m.org_id FROM memberships m JOIN orgs o ON o.id = m.org_id \
         WHERE o.status <> 'deleted' AND m.user_id = ? ORDER BY m.joined_at, m.org_id LIMIT 1",
    );
    let row = store.optional(sql.bind(user.map_or("", UserId::as_str))).await?;
    row.map(|row| row.parse("org_id")).transpose()
}

/// Lets a person in; whether they were not in already.
pub(super) async fn insert(
    tx: &mut Tx,
    org: &OrgId,
    user: &UserId,
    role: Role,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "INSERT INTO memberships (org_id, user_id, role, joined_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (org_id, user_id) DO NOTHING",
    );
    Ok(tx.execute(sql.bind(org).bind(user).bind(role.as_str()).bind(now)).await? == 1)
}

pub(super) async fn set_role(tx: &mut Tx, org: &OrgId, user: &UserId, role: Role) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE memberships SET role = ? WHERE org_id = ? AND user_id = ?");
    tx.execute(sql.bind(role.as_str()).bind(org).bind(user)).await.map(|_| ())
}

pub(super) async fn remove(tx: &mut Tx, org: &OrgId, user: &UserId) -> Result<(), StoreError> {
    let sql = Sql::new("DELETE FROM memberships WHERE org_id = ? AND user_id = ?").bind(org).bind(user);
    tx.execute(sql).await.map(|_| ())
}

/// Takes back the invitations that a person made and nobody took: they could be their way back in.
pub(super) async fn revoke_invitations_of(
    tx: &mut Tx,
    user: &UserId,
    org: Option<&OrgId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE invitations SET revoked_at = ? WHERE used_at IS NULL AND revoked_at IS NULL AND invited_by = ?",
    );
    let sql = sql.bind(now).bind(user).push_if(" AND org_id = ?", org.map(OrgId::as_str));
    tx.execute(sql).await.map(|_| ())
}

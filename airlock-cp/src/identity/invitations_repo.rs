//! Invitations in the store: digests of their links only.

use airlock_core::Timestamp;
use airlock_core::id::{InvitationId, OrgId, UserId};

use super::Invitation;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT i.id, i.org_id, i.email, i.role, i.invited_by, i.created_at, i.expires_at, o.name AS org_name, \
     u.name AS inviter FROM invitations i JOIN orgs o ON o.id = i.org_id LEFT JOIN users u ON u.id = i.invited_by \
     WHERE o.status <> 'deleted' AND i.used_at IS NULL AND i.revoked_at IS NULL";

/// An invitation, with the names that people know its org and its inviter by; the operator has none.
pub(super) struct Found {
    pub(super) invitation: Invitation,
    pub(super) org: String,
    pub(super) inviter: Option<String>,
}

fn found(row: &Row) -> Result<Found, StoreError> {
    Ok(Found { invitation: invitation(row)?, org: row.get("org_name")?, inviter: row.get("inviter")? })
}

fn invitation(row: &Row) -> Result<Invitation, StoreError> {
    Ok(Invitation {
        id: row.parse("id")?,
        org_id: row.parse("org_id")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        invited_by: row.get("invited_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// The invitation of a link's digest, if it can be taken still.
pub(super) async fn by_hash(
    store: &Store,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND i.hash = ?").bind(hash.as_slice());
    store.optional(sql.push(" AND i.expires_at > ?").bind(now)).await?.as_ref().map(found).transpose()
}

/// An invitation of an org that nobody took.
pub(super) async fn find(store: &Store, org: &OrgId, id: &InvitationId) -> Result<Option<Found>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND i.org_id = ?").bind(org).push(" AND i.id = ?").bind(id);
    store.optional(sql).await?.as_ref().map(found).transpose()
}

pub(super) async fn list(
    store: &Store,
    org: &OrgId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Invitation>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND i.org_id = ?").bind(org).push_if(" AND i.id > ?", after);
    store.all(sql.push(" ORDER BY i.id LIMIT ?").bind(limit)).await?.iter().map(invitation).collect()
}

/// Whether a person of this address is in the org.
pub(super) async fn is_member(store: &Store, org: &OrgId, key: &str) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.status <> 'deleted' AND m.org_id = ?",
    );
    Ok(store.optional(sql.bind(org).push(" AND u.email_key = ?").bind(key)).await?.is_some())
}

pub(super) async fn insert(
    tx: &mut Tx,
    i: &Invitation,
    key: &str,
    hash: &[u8; 32],
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO invitations (id, org_id, email, email_key, role, hash, invited_by, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&i.id).bind(&i.org_id).bind(&i.email).bind(key).bind(i.role.as_str());
    let sql = sql.bind(hash.as_slice()).bind(&i.invited_by).bind(i.created_at).bind(i.expires_at);
    tx.execute(sql).await.map(|_| ())
}

/// Takes back what an address was invited to before.
pub(super) async fn revoke_of_address(
    tx: &mut Tx,
    org: &OrgId,
    key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE invitations SET revoked_at = ? WHERE used_at IS NULL AND revoked_at IS NULL AND org_id = ?",
    );
    tx.execute(sql.bind(now).bind(org).push(" AND email_key = ?").bind(key)).await.map(|_| ())
}

/// Gives an invitation that nobody took another link; whether there was one.
pub(super) async fn renew(
    tx: &mut Tx,
    org: &OrgId,
    id: &InvitationId,
    hash: &[u8; 32],
    ends: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE invitations SET hash = ?, expires_at = ? WHERE used_at IS NULL AND revoked_at IS NULL AND org_id = ?",
    );
    let sql = sql.bind(hash.as_slice()).bind(ends).bind(org).push(" AND id = ?").bind(id);
    Ok(tx.execute(sql).await? == 1)
}

/// Takes an invitation back; whether there was one that nobody took.
pub(super) async fn revoke(
    tx: &mut Tx,
    org: &OrgId,
    id: &InvitationId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE invitations SET revoked_at = ? WHERE used_at IS NULL AND revoked_at IS NULL AND org_id = ?",
    );
    Ok(tx.execute(sql.bind(now).bind(org).push(" AND id = ?").bind(id)).await? == 1)
}

/// Uses an invitation up by its link's digest; whether it could be taken still.
pub(super) async fn consume(
    tx: &mut Tx,
    hash: &[u8; 32],
    user: &UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE invitations SET used_at = ?, used_by = ? WHERE used_at IS NULL AND revoked_at IS NULL AND hash = ?",
    );
    let sql = sql.bind(now).bind(user).bind(hash.as_slice()).push(" AND expires_at > ?").bind(now);
    Ok(tx.execute(sql).await? == 1)
}

//! Browsers' sessions in the store.

use airlock_core::Timestamp;
use airlock_core::id::{LoginId, OrgId, UserId};

use super::Login;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, user_id, org_id, ip, user_agent, created_at, auth_at, last_seen_at, expires_at, proof FROM logins WHERE revoked_at IS NULL";

fn login(row: &Row) -> Result<Login, StoreError> {
    Ok(Login {
        id: row.parse("id")?,
        user_id: row.parse_opt("user_id")?,
        org_id: row.parse_opt("org_id")?,
        ip: row.get("ip")?,
        user_agent: row.get("user_agent")?,
        created_at: row.time("created_at")?,
        auth_at: row.time("auth_at")?,
        last_seen_at: row.time("last_seen_at")?,
        expires_at: row.time("expires_at")?,
    })
}

/// A session by its cookie's digest, with what ties an operator's to the token.
pub(super) async fn by_hash(
    store: &Store,
    hash: &[u8; 32],
) -> Result<Option<(Login, Option<Vec<u8>>)>, StoreError> {
    let row = store.optional(Sql::new(COLUMNS).push(" AND hash = ?").bind(hash.as_slice())).await?;
    row.as_ref().map(|row| Ok((login(row)?, row.get("proof")?))).transpose()
}

pub(super) async fn of_user(store: &Store, user: &UserId, now: Timestamp) -> Result<Vec<Login>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND user_id = ?").bind(user).push(" AND expires_at > ?").bind(now);
    store.all(sql.push(" ORDER BY created_at DESC LIMIT 100")).await?.iter().map(login).collect()
}

pub(super) async fn insert(
    tx: &mut Tx,
    hash: &[u8; 32],
    proof: Option<&[u8; 32]>,
    l: &Login,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO logins (hash, id, user_id, org_id, proof, ip, user_agent, created_at, auth_at, last_seen_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql
        .bind(hash.as_slice())
        .bind(&l.id)
        .bind(l.user_id.as_ref().map(UserId::as_str))
        .bind(l.org_id.as_ref().map(OrgId::as_str))
        .bind(proof.copied())
        .bind(l.ip.as_deref())
        .bind(l.user_agent.as_deref());
    let sql = sql.bind(l.created_at).bind(l.auth_at).bind(l.last_seen_at).bind(l.expires_at);
    tx.execute(sql).await.map(|_| ())
}

pub(super) async fn touch(store: &Store, id: &LoginId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE logins SET last_seen_at = ? WHERE id = ?").bind(now).bind(id);
    store.execute(sql).await.map(|_| ())
}

pub(super) async fn set_org(store: &Store, id: &LoginId, org: &OrgId) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE logins SET org_id = ? WHERE id = ?").bind(org).bind(id);
    store.execute(sql).await.map(|_| ())
}

/// Ends one session, of this owner when one is named; whether there was one.
pub(super) async fn revoke(
    tx: &mut Tx,
    id: &LoginId,
    owner: Option<&UserId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql =
        Sql::new("UPDATE logins SET revoked_at = ? WHERE revoked_at IS NULL AND id = ?").bind(now).bind(id);
    Ok(tx.execute(sql.push_if(" AND user_id = ?", owner.map(UserId::as_str))).await? == 1)
}

/// Ends all sessions of a person but `keep`.
pub(super) async fn revoke_all(
    tx: &mut Tx,
    user: &UserId,
    keep: Option<&LoginId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new("UPDATE logins SET revoked_at = ? WHERE revoked_at IS NULL AND user_id = ?")
        .bind(now)
        .bind(user);
    tx.execute(sql.push_if(" AND id <> ?", keep.map(LoginId::as_str))).await
}

/// Ends all sessions of the operator token.
pub(super) async fn revoke_operators(tx: &mut Tx, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE logins SET revoked_at = ? WHERE revoked_at IS NULL AND user_id IS NULL");
    tx.execute(sql.bind(now)).await.map(|_| ())
}

/// Forgets sessions that ended long ago.
pub(super) async fn clear_old(store: &Store, before: Timestamp) -> Result<(), StoreError> {
    store.execute(Sql::new("DELETE FROM logins WHERE expires_at < ?").bind(before)).await.map(|_| ())
}

//! People in the store.

use airlock_core::Timestamp;
use airlock_core::id::UserId;

use super::{User, UserStatus};
use crate::mail::EmailAddress;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, email, email_key, email_verified_at, name, phc, status, created_at, last_login_at, version FROM users WHERE status <> 'deleted'";

/// A person with what only sign-in looks at.
pub(super) struct Known {
    pub(super) user: User,
    pub(super) key: String,
    pub(super) phc: Option<String>,
}

fn user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.parse("id")?,
        email: row.get("email")?,
        email_verified_at: row.time_opt("email_verified_at")?,
        name: row.get("name")?,
        status: row.parse("status")?,
        created_at: row.time("created_at")?,
        last_login_at: row.time_opt("last_login_at")?,
        version: row.get("version")?,
    })
}

fn known(row: &Row) -> Result<Known, StoreError> {
    Ok(Known { user: user(row)?, key: row.get("email_key")?, phc: row.get("phc")? })
}

pub(super) async fn by_id(store: &Store, id: &UserId) -> Result<Option<User>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND id = ?").bind(id)).await?.as_ref().map(user).transpose()
}

pub(super) async fn with_phc(store: &Store, id: &UserId) -> Result<Option<Known>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND id = ?").bind(id)).await?.as_ref().map(known).transpose()
}

/// The same within a transaction, and held until its end.
pub(super) async fn locked(tx: &mut Tx, id: &UserId) -> Result<Option<Known>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND id = ?").bind(id).push(" {for_update}");
    tx.optional(sql).await?.as_ref().map(known).transpose()
}

pub(super) async fn by_key(store: &Store, key: &str) -> Result<Option<Known>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND email_key = ?").bind(key);
    store.optional(sql).await?.as_ref().map(known).transpose()
}

pub(super) async fn list(store: &Store, after: Option<&str>, limit: i64) -> Result<Vec<User>, StoreError> {
    let sql = Sql::new(COLUMNS).push_if(" AND id > ?", after).push(" ORDER BY id LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(user).collect()
}

pub(super) async fn insert(
    tx: &mut Tx,
    u: &User,
    email: &EmailAddress,
    phc: Option<&str>,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO users (id, email, email_key, email_verified_at, name, phc, status, created_at, updated_at, version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&u.id).bind(email.as_str()).bind(email.key()).bind(u.email_verified_at).bind(&u.name);
    let sql = sql.bind(phc).bind(u.status.as_str()).bind(u.created_at).bind(u.created_at).bind(u.version);
    tx.execute(sql).await.map(|_| ())
}

/// Renames a person who has still this version, when one is named; whether they had.
pub(super) async fn rename(
    tx: &mut Tx,
    id: &UserId,
    version: Option<i64>,
    name: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE users SET name = ?, updated_at = ?, version = version + 1 WHERE status <> 'deleted' AND id = ?",
    );
    let sql = sql.bind(name).bind(now).bind(id).push_if(" AND version = ?", version);
    Ok(tx.execute(sql).await? == 1)
}

pub(super) async fn set_status(
    tx: &mut Tx,
    id: &UserId,
    status: UserStatus,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE users SET status = ?, updated_at = ?, version = version + 1 WHERE status <> 'deleted' AND id = ?",
    );
    tx.execute(sql.bind(status.as_str()).bind(now).bind(id)).await.map(|_| ())
}

pub(super) async fn set_phc(tx: &mut Tx, id: &UserId, phc: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE users SET phc = ?, updated_at = ? WHERE status <> 'deleted' AND id = ?");
    tx.execute(sql.bind(phc).bind(now).bind(id)).await.map(|_| ())
}

/// The address is shown to be theirs; the first time counts.
pub(super) async fn set_verified(tx: &mut Tx, id: &UserId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE users SET email_verified_at = ?, updated_at = ?, version = version + 1 \
         WHERE email_verified_at IS NULL AND status <> 'deleted' AND id = ?",
    );
    tx.execute(sql.bind(now).bind(now).bind(id)).await.map(|_| ())
}

pub(super) async fn set_email(
    tx: &mut Tx,
    id: &UserId,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE users SET email = ?, email_key = ?, email_verified_at = ?, updated_at = ?, version = version + 1 \
         WHERE status <> 'deleted' AND id = ?",
    );
    tx.execute(sql.bind(email.as_str()).bind(email.key()).bind(now).bind(now).bind(id)).await.map(|_| ())
}

pub(super) async fn touch_login(tx: &mut Tx, id: &UserId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE users SET last_login_at = ? WHERE id = ?").bind(now).bind(id);
    tx.execute(sql).await.map(|_| ())
}

/// Leaves a stone with the id on it.
pub(super) async fn delete(tx: &mut Tx, id: &UserId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE users SET status = 'deleted', email = '', email_key = '', email_verified_at = NULL, name = '', \
         phc = NULL, last_login_at = NULL, updated_at = ?, version = version + 1 WHERE id = ?",
    );
    tx.execute(sql.bind(now).bind(id)).await.map(|_| ())
}

//! Families of tokens in the store: what came of one consent is revoked together.

use airlock_core::Timestamp;
use airlock_core::id::{FamilyId, OrgId, UserId};

use super::families::Family;
use super::{Resource, Scopes};
use crate::store::{Row, Sql, Store, StoreError, Tx};

/// Revokes all families of a person, or those in one org. The caller records [`crate::revocations::Revoked::User`] or
/// `Membership` in the same transaction, which empties the caches of every process.
pub(crate) async fn revoke_of_user(
    tx: &mut Tx,
    user: &UserId,
    org: Option<&OrgId>,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "UPDATE token_families SET revoked_at = ?, reason = ? WHERE revoked_at IS NULL AND user_id = ?",
    );
    let sql = sql.bind(now).bind(reason).bind(user);
    tx.execute(sql.push_if(" AND org_id = ?", org.map(OrgId::as_str))).await
}

/// Revokes all families of a client, and what people agreed to. The caller records
/// [`crate::revocations::Revoked::Client`] in the same transaction.
pub(crate) async fn revoke_of_client(
    tx: &mut Tx,
    client_id: &str,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let consents = Sql::new("UPDATE consents SET revoked_at = ? WHERE revoked_at IS NULL AND client_id = ?");
    tx.execute(consents.bind(now).bind(client_id)).await?;
    let sql = Sql::new(
        "UPDATE token_families SET revoked_at = ?, reason = ? WHERE revoked_at IS NULL AND client_id = ?",
    );
    tx.execute(sql.bind(now).bind(reason).bind(client_id)).await
}

/// Revokes one family with the consents behind it; whether it was live. The caller records
/// [`crate::revocations::Revoked::Family`] in the same transaction.
pub(super) async fn revoke(
    tx: &mut Tx,
    id: &FamilyId,
    reason: &'static str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql =
        Sql::new("UPDATE token_families SET revoked_at = ?, reason = ? WHERE revoked_at IS NULL AND id = ?");
    if tx.execute(sql.bind(now).bind(reason).bind(id)).await? == 0 {
        return Ok(false);
    }
    let consents = Sql::new(
        "UPDATE consents SET revoked_at = ? WHERE revoked_at IS NULL AND EXISTS (SELECT 1 FROM token_families f \
         WHERE f.user_id = consents.user_id AND f.org_id = consents.org_id AND f.client_id = consents.client_id \
         AND f.resource = consents.resource AND f.id = ?)",
    );
    tx.execute(consents.bind(now).bind(id)).await?;
    Ok(true)
}

const COLUMNS: &str = "SELECT f.id, f.user_id, f.org_id, f.client_id, c.name AS client_name, f.resource, f.scopes, f.created_at, f.last_used_at, f.ends_at \
     FROM token_families f LEFT JOIN oauth_clients c ON c.id = f.client_id WHERE f.revoked_at IS NULL AND f.ends_at > ? ";

fn family(row: &Row) -> Result<Family, StoreError> {
    let client_id: String = row.get("client_id")?;
    let name = row.get::<Option<String>>("client_name")?;
    Ok(Family {
        id: row.parse("id")?,
        user_id: row.parse("user_id")?,
        org_id: row.parse("org_id")?,
        client_name: super::access::client_name(&client_id, name),
        client_id,
        resource: row.parse::<Resource>("resource")?.to_string(),
        scopes: row.parse::<Scopes>("scopes")?.to_string(),
        created_at: row.time("created_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        ends_at: row.time("ends_at")?,
    })
}

/// A person's live families, newest first.
pub(super) async fn of_user(store: &Store, user: &UserId, now: Timestamp) -> Result<Vec<Family>, StoreError> {
    let sql = Sql::new(COLUMNS).bind(now).push("AND f.user_id = ?").bind(user);
    store
        .all(sql.push(" ORDER BY f.created_at DESC, f.id DESC LIMIT 500"))
        .await?
        .iter()
        .map(family)
        .collect()
}

/// One live family of a person.
pub(super) async fn find(
    store: &Store,
    user: &UserId,
    id: &FamilyId,
    now: Timestamp,
) -> Result<Option<Family>, StoreError> {
    let sql = Sql::new(COLUMNS).bind(now).push("AND f.user_id = ? AND f.id = ?").bind(user).bind(id);
    store.optional(sql).await?.as_ref().map(family).transpose()
}

/// Forgets tokens that ended, and families that ended before `before`.
pub(super) async fn clear_old(store: &Store, now: Timestamp, before: Timestamp) -> Result<(), StoreError> {
    store.execute(Sql::new("DELETE FROM access_tokens WHERE expires_at < ?").bind(now)).await?;
    let mut tx = store.begin().await?;
    let texts = [
        "DELETE FROM access_tokens WHERE family_id IN (SELECT id FROM token_families WHERE ends_at < ? OR revoked_at < ?)",
        "DELETE FROM refresh_tokens WHERE family_id IN (SELECT id FROM token_families WHERE ends_at < ? OR revoked_at < ?)",
        "DELETE FROM token_families WHERE ends_at < ? OR revoked_at < ?",
    ];
    for text in texts {
        tx.execute(Sql::new(text).bind(before).bind(before)).await?;
    }
    tx.commit().await
}

//! Authorization codes in the store, by digest.

use airlock_core::Timestamp;
use airlock_core::id::{FamilyId, OrgId, UserId};

use super::{Resource, Scopes};
use crate::store::{Sql, Store, StoreError, Tx};

/// What a code stands for.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) user: UserId,
    pub(super) org: OrgId,
    pub(super) redirect_uri: String,
    pub(super) redirect_given: bool,
    pub(super) resource: Resource,
    pub(super) scopes: Scopes,
    pub(super) challenge: String,
    pub(super) nonce: Option<String>,
    pub(super) auth_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) used_at: Option<Timestamp>,
    pub(super) family: Option<FamilyId>,
}

pub(super) async fn insert(
    tx: &mut Tx,
    hash: &[u8; 32],
    code: &Code,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO auth_codes (hash, client_id, user_id, org_id, redirect_uri, redirect_given, resource, scopes, challenge, nonce, auth_at, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(hash.as_slice()).bind(&code.client_id).bind(&code.user).bind(&code.org);
    let sql = sql.bind(&code.redirect_uri).bind(code.redirect_given).bind(code.resource.to_string());
    let sql = sql.bind(code.scopes.to_string()).bind(&code.challenge).bind(code.nonce.as_deref());
    tx.execute(sql.bind(code.auth_at).bind(now).bind(code.expires_at)).await.map(|_| ())
}

/// A code, locked until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Code>, StoreError> {
    let sql = Sql::new(
        "SELECT client_id, user_id, org_id, redirect_uri, redirect_given, resource, scopes, challenge, nonce, auth_at, expires_at, used_at, family_id \
         FROM auth_codes WHERE hash = ? {for_update}",
    );
    let row = tx.optional(sql.bind(hash.as_slice())).await?;
    row.map(|row| {
        Ok(Code {
            client_id: row.get("client_id")?,
            user: row.parse("user_id")?,
            org: row.parse("org_id")?,
            redirect_uri: row.get("redirect_uri")?,
            redirect_given: row.get("redirect_given")?,
            resource: row.parse("resource")?,
            scopes: row.parse("scopes")?,
            challenge: row.get("challenge")?,
            nonce: row.get("nonce")?,
            auth_at: row.time("auth_at")?,
            expires_at: row.time("expires_at")?,
            used_at: row.time_opt("used_at")?,
            family: row.parse_opt("family_id")?,
        })
    })
    .transpose()
}

/// Uses a code up for this family.
pub(super) async fn use_up(
    tx: &mut Tx,
    hash: &[u8; 32],
    family: &FamilyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE auth_codes SET used_at = ?, family_id = ? WHERE hash = ?");
    tx.execute(sql.bind(now).bind(family).bind(hash.as_slice())).await.map(|_| ())
}

/// Forgets codes that ended before `before`.
pub(super) async fn clear_old(store: &Store, before: Timestamp) -> Result<(), StoreError> {
    store.execute(Sql::new("DELETE FROM auth_codes WHERE expires_at < ?").bind(before)).await.map(|_| ())
}

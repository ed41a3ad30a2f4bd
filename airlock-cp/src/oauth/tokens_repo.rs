//! Tokens in the store, by digest, and the person behind them as they are now.

use std::net::IpAddr;

use airlock_core::Timestamp;
use airlock_core::id::{FamilyId, OrgId, UserId};

use super::{Resource, Scopes};
use crate::authz::Role;
use crate::store::{Row, Sql, StoreError, Tx};

/// Who tokens are for, as they are now.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) email_verified: bool,
    pub(super) role: Role,
}

/// A family, as far as issuing needs it.
#[derive(Clone, Debug)]
pub(super) struct FamilyRow {
    pub(super) id: FamilyId,
    pub(super) user: UserId,
    pub(super) org: OrgId,
    pub(super) client_id: String,
    pub(super) resource: Resource,
    pub(super) scopes: Scopes,
    pub(super) auth_at: Timestamp,
    pub(super) ends_at: Timestamp,
    pub(super) revoked_at: Option<Timestamp>,
}

/// A refresh token with its family.
#[derive(Clone, Debug)]
pub(super) struct RefreshRow {
    pub(super) family: FamilyRow,
    /// When it was used, from where, and what was asked.
    pub(super) used: Option<Use>,
}

/// One use of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) at: Timestamp,
    pub(super) from: String,
    pub(super) scopes: String,
    pub(super) resource: String,
}

fn family(row: &Row) -> Result<FamilyRow, StoreError> {
    Ok(FamilyRow {
        id: row.parse("id")?,
        user: row.parse("user_id")?,
        org: row.parse("org_id")?,
        client_id: row.get("client_id")?,
        resource: row.parse("resource")?,
        scopes: row.parse("scopes")?,
        auth_at: row.time("auth_at")?,
        ends_at: row.time("ends_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}

/// An active person in a live org. Locks the person first, so that whoever disables them or signs them out at this moment
/// finds the tokens made here, or these are not made.
pub(super) async fn person(tx: &mut Tx, user: &UserId, org: &OrgId) -> Result<Option<Person>, StoreError> {
    tx.optional(Sql::new("SELECT id FROM users WHERE id = ? {for_update}").bind(user)).await?;
    let sql = Sql::new(
        "SELECT u.name, u.email, u.email_verified_at, m.role FROM users u JOIN memberships m ON m.user_id = u.id \
         JOIN orgs o ON o.id = m.org_id WHERE u.status = 'active' AND o.status <> 'deleted' AND u.id = ? AND o.id = ?",
    );
    let row = tx.optional(sql.bind(user).bind(org)).await?;
    row.map(|row| {
        Ok(Person {
            name: row.get("name")?,
            email: row.get("email")?,
            email_verified: row.time_opt("email_verified_at")?.is_some(),
            role: row.parse("role")?,
        })
    })
    .transpose()
}

pub(super) async fn insert_family(tx: &mut Tx, f: &FamilyRow, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO token_families (id, user_id, org_id, client_id, resource, scopes, auth_at, created_at, last_used_at, ends_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&f.id).bind(&f.user).bind(&f.org).bind(&f.client_id).bind(f.resource.to_string());
    tx.execute(sql.bind(f.scopes.to_string()).bind(f.auth_at).bind(now).bind(now).bind(f.ends_at))
        .await
        .map(|_| ())
}

pub(super) async fn touch_family(tx: &mut Tx, id: &FamilyId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE token_families SET last_used_at = ? WHERE id = ?").bind(now).bind(id);
    tx.execute(sql).await.map(|_| ())
}

pub(super) async fn insert_refresh(
    tx: &mut Tx,
    hash: &[u8; 32],
    family: &FamilyId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new("INSERT INTO refresh_tokens (hash, family_id, issued_at) VALUES (?, ?, ?)");
    tx.execute(sql.bind(hash.as_slice()).bind(family).bind(now)).await.map(|_| ())
}

/// Keeps an access token; one that is there already stays as it is.
pub(super) async fn insert_access(
    tx: &mut Tx,
    hash: &[u8; 32],
    family: &FamilyId,
    (resource, scopes): (&Resource, &Scopes),
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO access_tokens (hash, family_id, resource, scopes, issued_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (hash) DO NOTHING",
    );
    let sql = sql.bind(hash.as_slice()).bind(family).bind(resource.to_string()).bind(scopes.to_string());
    tx.execute(sql.bind(now).bind(expires_at)).await.map(|_| ())
}

/// Whose a refresh token is, without a lock: the person is locked before the token.
pub(super) async fn owner_of_refresh(
    tx: &mut Tx,
    hash: &[u8; 32],
) -> Result<Option<(UserId, OrgId)>, StoreError> {
    let sql = Sql::new(
        "SELECT f.user_id, f.org_id FROM refresh_tokens r JOIN token_families f ON f.id = r.family_id WHERE r.hash = ?",
    );
    let row = tx.optional(sql.bind(hash.as_slice())).await?;
    row.map(|row| Ok((row.parse("user_id")?, row.parse("org_id")?))).transpose()
}

/// A refresh token with its family, both locked until the transaction ends.
pub(super) async fn lock_refresh(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<RefreshRow>, StoreError> {
    let sql = Sql::new(
        "SELECT f.id, f.user_id, f.org_id, f.client_id, f.resource, f.scopes, f.auth_at, f.ends_at, f.revoked_at, \
         r.used_at, r.used_from, r.used_scopes, r.used_resource \
         FROM refresh_tokens r JOIN token_families f ON f.id = r.family_id WHERE r.hash = ? {for_update}",
    );
    let row = tx.optional(sql.bind(hash.as_slice())).await?;
    row.map(|row| {
        let text = |column| Ok::<_, StoreError>(row.get::<Option<String>>(column)?.unwrap_or_default());
        let used = match row.time_opt("used_at")? {
            None => None,
            Some(at) => Some(Use {
                at,
                from: text("used_from")?,
                scopes: text("used_scopes")?,
                resource: text("used_resource")?,
            }),
        };
        Ok(RefreshRow { family: family(&row)?, used })
    })
    .transpose()
}

/// Whether a refresh token is there and unused.
pub(super) async fn is_unused(tx: &mut Tx, hash: &[u8; 32]) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT family_id FROM refresh_tokens WHERE used_at IS NULL AND hash = ?");
    Ok(tx.optional(sql.bind(hash.as_slice())).await?.is_some())
}

pub(super) async fn use_refresh(tx: &mut Tx, hash: &[u8; 32], used: &Use) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE refresh_tokens SET used_at = ?, used_from = ?, used_scopes = ?, used_resource = ? WHERE used_at IS NULL AND hash = ?",
    );
    let sql = sql.bind(used.at).bind(&used.from).bind(&used.scopes).bind(&used.resource);
    Ok(tx.execute(sql.bind(hash.as_slice())).await? == 1)
}

/// The family of an access token, whether it holds or not.
pub(super) async fn family_of_access(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<FamilyRow>, StoreError> {
    let sql = Sql::new(
        "SELECT f.id, f.user_id, f.org_id, f.client_id, f.resource, f.scopes, f.auth_at, f.ends_at, f.revoked_at \
         FROM access_tokens a JOIN token_families f ON f.id = a.family_id WHERE a.hash = ?",
    );
    tx.optional(sql.bind(hash.as_slice())).await?.as_ref().map(family).transpose()
}

pub(super) async fn revoke_access(tx: &mut Tx, hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new("UPDATE access_tokens SET revoked_at = ? WHERE revoked_at IS NULL AND hash = ?");
    Ok(tx.execute(sql.bind(now).bind(hash.as_slice())).await? == 1)
}

/// Whether a tenant is one of this org's.
pub(super) async fn tenant_is_of(tx: &mut Tx, slug: &str, org: &OrgId) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT id FROM tenants WHERE status <> 'deleted' AND slug = ? AND org_id = ?");
    Ok(tx.optional(sql.bind(slug).bind(org)).await?.is_some())
}

/// How an address is kept with a use.
pub(super) fn from(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

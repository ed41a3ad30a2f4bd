//! API keys in the store.

use std::collections::BTreeSet;

use airlock_core::Timestamp;
use airlock_core::id::{Kid, OrgId, TenantId, TenantSlug, ToolName};
use airlock_core::principal::{Scope, SnapshotPattern, SnapshotScope, ToolScope};
use serde::Serialize;

use super::TenantStatus;
use crate::store::{Row, Sql, Store, StoreError, Tx};

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// Good.
    Active,
    /// Good until its successor has taken over.
    Retiring,
    /// Past its time.
    Expired,
    /// Taken back.
    Revoked,
}

/// What is known of a key: never its text, and its hash only inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Its public part.
    pub kid: Kid,
    /// Whose.
    pub tenant_id: TenantId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub status: KeyStatus,
    /// Which snapshots it reaches; `null` is all.
    pub allowed_snapshots: Option<Vec<String>>,
    /// Which tools it reaches; `null` is all.
    pub tools: Option<Vec<String>>,
    /// Most rows an answer may have.
    pub max_rows: Option<u32>,
    /// Calls a minute; `null` is the default, 0 is without limit.
    pub rate_limit: Option<u32>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When rotation ends it.
    pub retires_at: Option<Timestamp>,
    /// The key that takes over.
    pub successor: Option<Kid>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Counts its changes; the entity tag.
    pub version: i64,
}

impl KeyRecord {
    /// When it ends by itself.
    pub fn ends_at(&self) -> Option<Timestamp> {
        [self.expires_at, self.retires_at].into_iter().flatten().min()
    }
    /// How far it reaches.
    pub(crate) fn scope(&self) -> Result<Scope, StoreError> {
        let snapshots = match &self.allowed_snapshots {
            None => SnapshotScope::All,
            Some(list) => SnapshotScope::Only(
                list.iter()
                    .map(|p| SnapshotPattern::parse(p).map_err(|_| StoreError::Damaged("snapshots")))
                    .collect::<Result<_, _>>()?,
            ),
        };
        let tools =
            match &self.tools {
                None => ToolScope::All,
                Some(list) => ToolScope::Only(
                    list.iter()
                        .map(|t| t.parse().map_err(|_| StoreError::Damaged("tools")))
                        .collect::<Result<BTreeSet<ToolName>, _>>()?,
                ),
            };
        Ok(Scope { snapshots, tools, max_rows: self.max_rows })
    }
}

/// A key with what verification needs.
pub(super) struct Verifiable {
    pub(super) record: KeyRecord,
    pub(super) phc: String,
    pub(super) org: OrgId,
    pub(super) slug: TenantSlug,
    pub(super) tenant_status: TenantStatus,
}

const COLUMNS: &str = "SELECT k.kid, k.tenant_id, k.name, k.phc, k.snapshots, k.tools, k.max_rows, k.rate_limit, \
     k.created_at, k.expires_at, k.retires_at, k.successor, k.revoked_at, k.last_used_at, k.version, \
     t.org_id, t.slug, t.status FROM api_keys k JOIN tenants t ON t.id = k.tenant_id WHERE t.status <> 'deleted'";

fn list_of(row: &Row, column: &'static str) -> Result<Option<Vec<String>>, StoreError> {
    let text: Option<String> = row.get(column)?;
    text.map(|t| serde_json::from_str(&t).map_err(|_| StoreError::Damaged(column))).transpose()
}

fn small(row: &Row, column: &'static str) -> Result<Option<u32>, StoreError> {
    let n: Option<i64> = row.get(column)?;
    n.map(|n| u32::try_from(n).map_err(|_| StoreError::Damaged(column))).transpose()
}

fn record(row: &Row, now: Timestamp) -> Result<KeyRecord, StoreError> {
    let mut key = KeyRecord {
        kid: row.parse("kid")?,
        tenant_id: row.parse("tenant_id")?,
        name: row.get("name")?,
        status: KeyStatus::Active,
        allowed_snapshots: list_of(row, "snapshots")?,
        tools: list_of(row, "tools")?,
        max_rows: small(row, "max_rows")?,
        rate_limit: small(row, "rate_limit")?,
        created_at: row.time("created_at")?,
        expires_at: row.time_opt("expires_at")?,
        retires_at: row.time_opt("retires_at")?,
        successor: row.parse_opt("successor")?,
        revoked_at: row.time_opt("revoked_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        version: row.get("version")?,
    };
    key.status = if key.revoked_at.is_some() {
        KeyStatus::Revoked
    } else if key.ends_at().is_some_and(|end| end <= now) {
        KeyStatus::Expired
    } else if key.retires_at.is_some() {
        KeyStatus::Retiring
    } else {
        KeyStatus::Active
    };
    Ok(key)
}

pub(super) async fn verifiable(
    store: &Store,
    kid: &Kid,
    now: Timestamp,
) -> Result<Option<Verifiable>, StoreError> {
    let Some(row) = store.optional(Sql::new(COLUMNS).push(" AND k.kid = ?").bind(kid)).await? else {
        return Ok(None);
    };
    Ok(Some(Verifiable {
        record: record(&row, now)?,
        phc: row.get("phc")?,
        org: row.parse("org_id")?,
        slug: row.parse("slug")?,
        tenant_status: row.parse("status")?,
    }))
}

pub(super) async fn find(
    store: &Store,
    tenant: &TenantId,
    kid: &Kid,
    now: Timestamp,
) -> Result<Option<KeyRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND k.tenant_id = ?").bind(tenant).push(" AND k.kid = ?").bind(kid);
    store.optional(sql).await?.map(|row| record(&row, now)).transpose()
}

pub(super) async fn list(
    store: &Store,
    tenant: &TenantId,
    after: Option<&str>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<KeyRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" AND k.tenant_id = ?").bind(tenant).push_if(" AND k.kid > ?", after);
    let rows = store.all(sql.push(" ORDER BY k.kid LIMIT ?").bind(limit)).await?;
    rows.iter().map(|row| record(row, now)).collect()
}

fn json(list: Option<&Vec<String>>) -> Option<String> {
    list.map(|list| serde_json::json!(list).to_string())
}

pub(super) async fn insert(tx: &mut Tx, key: &KeyRecord, phc: &str) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO api_keys (kid, tenant_id, name, phc, snapshots, tools, max_rows, rate_limit, created_at, \
         expires_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    );
    let sql = sql.bind(&key.kid).bind(&key.tenant_id).bind(&key.name).bind(phc);
    let sql = sql.bind(json(key.allowed_snapshots.as_ref())).bind(json(key.tools.as_ref()));
    let sql = sql.bind(key.max_rows.map(i64::from)).bind(key.rate_limit.map(i64::from));
    tx.execute(sql.bind(key.created_at).bind(key.expires_at)).await.map(|_| ())
}

/// Writes what may change of a key that has still this version and is not revoked; whether it had.
pub(super) async fn update(tx: &mut Tx, key: &KeyRecord, version: i64) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE api_keys SET name = ?, snapshots = ?, tools = ?, max_rows = ?, rate_limit = ?, expires_at = ?, \
         retires_at = ?, successor = ?, version = version + 1 \
         WHERE kid = ? AND tenant_id = ? AND version = ? AND revoked_at IS NULL",
    );
    let sql = sql.bind(&key.name).bind(json(key.allowed_snapshots.as_ref())).bind(json(key.tools.as_ref()));
    let sql = sql.bind(key.max_rows.map(i64::from)).bind(key.rate_limit.map(i64::from)).bind(key.expires_at);
    let sql = sql.bind(key.retires_at).bind(key.successor.as_ref().map(Kid::as_str));
    Ok(tx.execute(sql.bind(&key.kid).bind(&key.tenant_id).bind(version)).await? == 1)
}

/// Takes a key back; whether it was not already.
pub(super) async fn revoke(
    tx: &mut Tx,
    tenant: &TenantId,
    kid: &Kid,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE api_keys SET revoked_at = ?, version = version + 1 \
         WHERE kid = ? AND tenant_id = ? AND revoked_at IS NULL",
    );
    Ok(tx.execute(sql.bind(now).bind(kid).bind(tenant)).await? == 1)
}

/// Notes when keys were last used.
pub(super) async fn touch(store: &Store, used: &[(Kid, Timestamp)]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (kid, at) in used {
        let sql =
            Sql::new("UPDATE api_keys SET last_used_at = ? WHERE kid = ? AND COALESCE(last_used_at, 0) < ?");
        tx.execute(sql.bind(*at).bind(kid).bind(*at)).await?;
    }
    tx.commit().await
}

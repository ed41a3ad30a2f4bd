//! Device codes in the store, by digest.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, UserId};

use super::{Resource, Scopes};
use crate::store::{Row, Sql, Store, StoreError, Tx};

/// Where a device code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Approved,
    Denied,
    Used,
}

impl State {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Used => "used",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Pending, Self::Approved, Self::Denied, Self::Used]
            .into_iter()
            .find(|s| s.as_str() == text)
            .ok_or(())
    }
}

/// A device that waits.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) client_id: String,
    /// What it asked for; empty is the usual.
    pub(super) scopes: Scopes,
    pub(super) resource: Option<Resource>,
    pub(super) state: State,
    pub(super) interval_s: i64,
    pub(super) polled_at: Option<Timestamp>,
    pub(super) ip: Option<String>,
    pub(super) user: Option<UserId>,
    pub(super) org: Option<OrgId>,
    pub(super) auth_at: Option<Timestamp>,
    pub(super) expires_at: Timestamp,
}

const COLUMNS: &str = "SELECT client_id, scopes, resource, state, interval_s, polled_at, ip, user_id, org_id, auth_at, expires_at FROM device_codes WHERE ";

fn device(row: &Row) -> Result<Device, StoreError> {
    Ok(Device {
        client_id: row.get("client_id")?,
        scopes: row.parse("scopes")?,
        resource: row.parse_opt("resource")?,
        state: row.parse("state")?,
        interval_s: row.get("interval_s")?,
        polled_at: row.time_opt("polled_at")?,
        ip: row.get("ip")?,
        user: row.parse_opt("user_id")?,
        org: row.parse_opt("org_id")?,
        auth_at: row.time_opt("auth_at")?,
        expires_at: row.time("expires_at")?,
    })
}

pub(super) async fn insert(
    store: &Store,
    (hash, user_code): (&[u8; 32], &[u8; 32]),
    d: &Device,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO device_codes (hash, user_code_hash, client_id, scopes, resource, state, interval_s, ip, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql =
        sql.bind(hash.as_slice()).bind(user_code.as_slice()).bind(&d.client_id).bind(d.scopes.to_string());
    let sql =
        sql.bind(d.resource.as_ref().map(ToString::to_string)).bind(d.state.as_str()).bind(d.interval_s);
    store.execute(sql.bind(d.ip.as_deref()).bind(now).bind(d.expires_at)).await.map(|_| ())
}

/// How many wait for their person.
pub(super) async fn count_pending(store: &Store, now: Timestamp) -> Result<i64, StoreError> {
    let sql = Sql::new("SELECT COUNT(*) AS n FROM device_codes WHERE state = 'pending' AND expires_at > ?")
        .bind(now);
    store.optional(sql).await?.ok_or(StoreError::Damaged("device_codes"))?.get("n")
}

/// A device that waits for the person with this code.
pub(super) async fn pending(
    store: &Store,
    user_code: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Device>, StoreError> {
    let sql = Sql::new(COLUMNS).push("state = 'pending' AND user_code_hash = ? AND expires_at > ?");
    store.optional(sql.bind(user_code.as_slice()).bind(now)).await?.as_ref().map(device).transpose()
}

/// A device code, locked until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Device>, StoreError> {
    let sql = Sql::new(COLUMNS).push("hash = ? {for_update}").bind(hash.as_slice());
    tx.optional(sql).await?.as_ref().map(device).transpose()
}

pub(super) async fn polled(
    tx: &mut Tx,
    hash: &[u8; 32],
    interval_s: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE device_codes SET polled_at = ?, interval_s = ? WHERE hash = ?");
    tx.execute(sql.bind(now).bind(interval_s).bind(hash.as_slice())).await.map(|_| ())
}

pub(super) async fn use_up(tx: &mut Tx, hash: &[u8; 32]) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE device_codes SET state = 'used' WHERE hash = ?").bind(hash.as_slice());
    tx.execute(sql).await.map(|_| ())
}

/// What a person decided: whether the device still waited.
pub(super) async fn decide(
    tx: &mut Tx,
    user_code: &[u8; 32],
    d: &Device,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE device_codes SET state = ?, scopes = ?, resource = ?, user_id = ?, org_id = ?, auth_at = ? \
         WHERE state = 'pending' AND user_code_hash = ? AND expires_at > ?",
    );
    let sql = sql
        .bind(d.state.as_str())
        .bind(d.scopes.to_string())
        .bind(d.resource.as_ref().map(ToString::to_string));
    let sql =
        sql.bind(d.user.as_ref().map(UserId::as_str)).bind(d.org.as_ref().map(OrgId::as_str)).bind(d.auth_at);
    Ok(tx.execute(sql.bind(user_code.as_slice()).bind(now)).await? == 1)
}

/// Forgets device codes that ended before `before`.
pub(super) async fn clear_old(store: &Store, before: Timestamp) -> Result<(), StoreError> {
    store.execute(Sql::new("DELETE FROM device_codes WHERE expires_at < ?").bind(before)).await.map(|_| ())
}

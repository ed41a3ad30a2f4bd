//! Workers and enrollment tokens in the store.

use airlock_core::Timestamp;
use airlock_core::crypto::PublicKey;
use airlock_core::id::{OrgId, SessionId, TenantId, TenantSlug, WorkerId};

use super::model::SILENT_MAX;
use super::{EnrollmentRecord, EnrollmentStatus, WorkerKey, WorkerRecord, WorkerStatus};
use crate::store::{Row, Sql, Store, StoreError, Tx};
use crate::tenants::TenantStatus;

const WORKER: &str = "SELECT w.tenant_id, w.id, w.public_key, w.hostname, w.version, w.enrolled_at, w.revoked_at, \
     w.session_id, w.connected_at, w.last_seen_at, t.org_id, t.slug, t.status \
     FROM workers w JOIN tenants t ON t.id = w.tenant_id WHERE t.status <> 'deleted'";

fn public_key(row: &Row) -> Result<PublicKey, StoreError> {
    PublicKey::from_bytes(&row.get::<Vec<u8>>("public_key")?).map_err(|_| StoreError::Damaged("public_key"))
}

fn worker(row: &Row, now: Timestamp) -> Result<WorkerRecord, StoreError> {
    let mut record = WorkerRecord {
        id: row.parse("id")?,
        tenant_id: row.parse("tenant_id")?,
        status: WorkerStatus::Disconnected,
        key_fingerprint: public_key(row)?.fingerprint(),
        hostname: row.get("hostname")?,
        version: row.get("version")?,
        enrolled_at: row.time("enrolled_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        session_id: row.parse_opt("session_id")?,
        connected_at: row.time_opt("connected_at")?,
        last_seen_at: row.time_opt("last_seen_at")?,
    };
    if record.revoked_at.is_some() {
        record.status = WorkerStatus::Revoked;
    } else if record.session_id.is_some()
        && record.last_seen_at.is_some_and(|seen| now.since(seen) <= SILENT_MAX)
    {
        record.status = WorkerStatus::Connected;
    }
    if record.status != WorkerStatus::Connected {
        (record.session_id, record.connected_at) = (None, None);
    }
    Ok(record)
}

pub(super) async fn key(
    store: &Store,
    tenant: &TenantId,
    id: &WorkerId,
) -> Result<Option<WorkerKey>, StoreError> {
    let sql = Sql::new(WORKER).push(" AND w.tenant_id = ?").bind(tenant).push(" AND w.id = ?").bind(id);
    let Some(row) = store.optional(sql).await? else { return Ok(None) };
    Ok(Some(WorkerKey {
        org: row.parse("org_id")?,
        slug: row.parse("slug")?,
        public_key: public_key(&row)?,
        revoked: row.get::<Option<i64>>("revoked_at")?.is_some(),
        tenant_disabled: row.parse::<TenantStatus>("status")? != TenantStatus::Active,
    }))
}

pub(super) async fn find(
    store: &Store,
    tenant: &TenantId,
    id: &WorkerId,
    now: Timestamp,
) -> Result<Option<WorkerRecord>, StoreError> {
    let sql = Sql::new(WORKER).push(" AND w.tenant_id = ?").bind(tenant).push(" AND w.id = ?").bind(id);
    store.optional(sql).await?.map(|row| worker(&row, now)).transpose()
}

pub(super) async fn list(
    store: &Store,
    tenant: &TenantId,
    after: Option<&str>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<WorkerRecord>, StoreError> {
    let sql = Sql::new(WORKER).push(" AND w.tenant_id = ?").bind(tenant).push_if(" AND w.id > ?", after);
    let rows = store.all(sql.push(" ORDER BY w.id LIMIT ?").bind(limit)).await?;
    rows.iter().map(|row| worker(row, now)).collect()
}

/// Takes a worker back; whether it was not already.
pub(super) async fn revoke(
    tx: &mut Tx,
    tenant: &TenantId,
    id: &WorkerId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE workers SET revoked_at = ?, session_id = NULL WHERE tenant_id = ? AND id = ? AND revoked_at IS NULL",
    );
    Ok(tx.execute(sql.bind(now).bind(tenant).bind(id)).await? == 1)
}

pub(super) async fn connected(
    store: &Store,
    tenant: &TenantId,
    id: &WorkerId,
    session: &SessionId,
    version: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE workers SET session_id = ?, version = ?, connected_at = ?, last_seen_at = ? \
         WHERE tenant_id = ? AND id = ?",
    );
    store.execute(sql.bind(session).bind(version).bind(now).bind(now).bind(tenant).bind(id)).await.map(|_| ())
}

/// Notes that the worker of this session is still heard of.
pub(super) async fn seen(
    store: &Store,
    tenant: &TenantId,
    id: &WorkerId,
    session: &SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        Sql::new("UPDATE workers SET last_seen_at = ? WHERE tenant_id = ? AND id = ? AND session_id = ?");
    store.execute(sql.bind(now).bind(tenant).bind(id).bind(session)).await.map(|_| ())
}

/// Notes that a session ended; a newer one of the same worker stays.
pub(super) async fn disconnected(
    store: &Store,
    tenant: &TenantId,
    id: &WorkerId,
    session: &SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE workers SET session_id = NULL, connected_at = NULL, last_seen_at = ? \
         WHERE tenant_id = ? AND id = ? AND session_id = ?",
    );
    store.execute(sql.bind(now).bind(tenant).bind(id).bind(session)).await.map(|_| ())
}

/// A token as the store has it.
pub(super) struct TokenRow {
    pub(super) record: EnrollmentRecord,
    pub(super) hash: Vec<u8>,
    pub(super) used_key: Option<Vec<u8>>,
    pub(super) org: OrgId,
    pub(super) slug: TenantSlug,
    pub(super) tenant_status: TenantStatus,
}

const TOKEN: &str = "SELECT e.id, e.tenant_id, e.worker_id, e.hash, e.created_at, e.expires_at, e.used_at, e.used_key, \
     e.revoked_at, t.org_id, t.slug, t.status \
     FROM enrollment_tokens e JOIN tenants t ON t.id = e.tenant_id WHERE t.status <> 'deleted'";

fn token(row: &Row, now: Timestamp) -> Result<EnrollmentRecord, StoreError> {
    let (expires_at, used_at) = (row.time("expires_at")?, row.time_opt("used_at")?);
    let status = if row.get::<Option<i64>>("revoked_at")?.is_some() {
        EnrollmentStatus::Revoked
    } else if used_at.is_some() {
        EnrollmentStatus::Used
    } else if expires_at <= now {
        EnrollmentStatus::Expired
    } else {
        EnrollmentStatus::Pending
    };
    let (id, tenant_id, worker_id) = (row.get("id")?, row.parse("tenant_id")?, row.parse("worker_id")?);
    Ok(EnrollmentRecord {
        id,
        tenant_id,
        worker_id,
        status,
        created_at: row.time("created_at")?,
        expires_at,
        used_at,
    })
}

pub(super) async fn token_by_id(
    store: &Store,
    id: &str,
    now: Timestamp,
) -> Result<Option<TokenRow>, StoreError> {
    let Some(row) = store.optional(Sql::new(TOKEN).push(" AND e.id = ?").bind(id)).await? else {
        return Ok(None);
    };
    Ok(Some(TokenRow {
        record: token(&row, now)?,
        hash: row.get("hash")?,
        used_key: row.get("used_key")?,
        org: row.parse("org_id")?,
        slug: row.parse("slug")?,
        tenant_status: row.parse("status")?,
    }))
}

pub(super) async fn tokens(
    store: &Store,
    tenant: &TenantId,
    after: Option<&str>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<EnrollmentRecord>, StoreError> {
    let sql = Sql::new(TOKEN).push(" AND e.tenant_id = ?").bind(tenant).push_if(" AND e.id > ?", after);
    let rows = store.all(sql.push(" ORDER BY e.id LIMIT ?").bind(limit)).await?;
    rows.iter().map(|row| token(row, now)).collect()
}

pub(super) async fn insert_token(
    store: &Store,
    t: &EnrollmentRecord,
    hash: &[u8; 32],
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO enrollment_tokens (id, tenant_id, worker_id, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&t.id).bind(&t.tenant_id).bind(&t.worker_id).bind(hash.as_slice());
    store.execute(sql.bind(t.created_at).bind(t.expires_at)).await.map(|_| ())
}

/// Takes a token back; whether it could still have been used.
pub(super) async fn revoke_token(
    store: &Store,
    tenant: &TenantId,
    id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE enrollment_tokens SET revoked_at = ? \
         WHERE tenant_id = ? AND id = ? AND revoked_at IS NULL AND used_at IS NULL",
    );
    Ok(store.execute(sql.bind(now).bind(tenant).bind(id)).await? == 1)
}

/// Uses a token up; whether this call was the one that did. Of any number at once, one is.
pub(super) async fn consume(
    tx: &mut Tx,
    id: &str,
    hash: &[u8; 32],
    key: PublicKey,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE enrollment_tokens SET used_at = ?, used_key = ? \
         WHERE id = ? AND hash = ? AND used_at IS NULL AND revoked_at IS NULL AND expires_at > ?",
    );
    let sql = sql.bind(now).bind(key.to_bytes().to_vec()).bind(id).bind(hash.as_slice()).bind(now);
    Ok(tx.execute(sql).await? == 1)
}

/// What a worker says of itself, and its key.
pub(super) struct Enrolled<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) id: &'a WorkerId,
    pub(super) key: PublicKey,
    pub(super) hostname: &'a str,
    pub(super) version: &'a str,
}

/// Writes the worker unless one of this id stands with another key and is not revoked; whether it was written.
pub(super) async fn enroll(tx: &mut Tx, w: Enrolled<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "INSERT INTO workers (tenant_id, id, public_key, hostname, version, enrolled_at) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (tenant_id, id) DO UPDATE SET public_key = excluded.public_key, hostname = excluded.hostname, \
         version = excluded.version, enrolled_at = excluded.enrolled_at, revoked_at = NULL, session_id = NULL \
         WHERE workers.revoked_at IS NOT NULL OR workers.public_key = excluded.public_key",
    );
    let sql = sql.bind(w.tenant).bind(w.id).bind(w.key.to_bytes().to_vec()).bind(w.hostname);
    Ok(tx.execute(sql.bind(w.version).bind(now)).await? == 1)
}

/// Gives a worker another key, if it still has the present one; whether it has it now.
pub(super) async fn rotate(
    tx: &mut Tx,
    (tenant, id): (&TenantId, &WorkerId),
    present: PublicKey,
    next: PublicKey,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE workers SET public_key = ?, session_id = NULL \
         WHERE tenant_id = ? AND id = ? AND public_key = ? AND revoked_at IS NULL",
    );
    let sql = sql.bind(next.to_bytes().to_vec()).bind(tenant).bind(id);
    Ok(tx.execute(sql.bind(present.to_bytes().to_vec())).await? == 1)
}

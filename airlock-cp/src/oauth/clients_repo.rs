//! OAuth clients in the store.

use airlock_core::Timestamp;
use airlock_core::id::OrgId;

use super::client::{Client, ClientKind, ClientStatus};
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, kind, org_id, name, metadata, hash, hash_ends_at, status, created_at, last_used_at, fetched_at, fresh_until, version FROM oauth_clients WHERE ";

/// Clients that came by themselves and never got a token are forgotten after a day.
const UNUSED: &str = "kind IN ('dcr', 'cimd') AND last_used_at IS NULL AND status = 'active'";

impl ClientKind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Preregistered => "preregistered",
            Self::Cimd => "cimd",
            Self::Dcr => "dcr",
            Self::App => "app",
        }
    }
}

impl ClientStatus {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Blocked => "blocked",
        }
    }
}

fn client(row: &Row) -> Result<Client, StoreError> {
    let kind = match row.get::<String>("kind")?.as_str() {
        "preregistered" => ClientKind::Preregistered,
        "cimd" => ClientKind::Cimd,
        "dcr" => ClientKind::Dcr,
        "app" => ClientKind::App,
        _ => return Err(StoreError::Damaged("kind")),
    };
    // Whatever is not plainly active does nothing.
    let status = match row.get::<String>("status")?.as_str() {
        "active" => ClientStatus::Active,
        _ => ClientStatus::Blocked,
    };
    let metadata = serde_json::from_str(&row.get::<String>("metadata")?);
    Ok(Client {
        client_id: row.get("id")?,
        kind,
        org_id: row.parse_opt("org_id")?,
        name: row.get("name")?,
        metadata: metadata.map_err(|_| StoreError::Damaged("metadata"))?,
        status,
        created_at: row.time("created_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        version: row.get("version")?,
        hash: row.get("hash")?,
        hash_ends_at: row.time_opt("hash_ends_at")?,
        fetched_at: row.time_opt("fetched_at")?,
        fresh_until: row.time_opt("fresh_until")?,
    })
}

pub(super) async fn find(store: &Store, id: &str) -> Result<Option<Client>, StoreError> {
    store.optional(Sql::new(COLUMNS).push("id = ?").bind(id)).await?.as_ref().map(client).transpose()
}

/// Clients by id, from after `cursor`: an org's own, or all.
pub(super) async fn list(
    store: &Store,
    org: Option<&OrgId>,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Vec<Client>, StoreError> {
    let sql = Sql::new(COLUMNS).push("id > ?").bind(cursor.unwrap_or_default());
    let sql = match org {
        Some(org) => sql.push(" AND kind = 'preregistered' AND org_id = ?").bind(org),
        None => sql,
    };
    store.all(sql.push(" ORDER BY id LIMIT ?").bind(limit)).await?.iter().map(client).collect()
}

/// Whether there is such an org.
pub(super) async fn has_org(store: &Store, org: &OrgId) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT id FROM orgs WHERE status <> 'deleted' AND id = ?").bind(org);
    Ok(store.optional(sql).await?.is_some())
}

/// Keeps a new client.
pub(crate) async fn insert(tx: &mut Tx, c: &Client) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO oauth_clients (id, kind, org_id, name, metadata, hash, hash_ends_at, status, created_at, updated_at, fetched_at, fresh_until, version) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql
        .bind(&c.client_id)
        .bind(c.kind.as_str())
        .bind(c.org_id.as_ref().map(OrgId::as_str))
        .bind(&c.name)
        .bind(metadata(c)?)
        .bind(crate::store::Value::Bytes(c.hash.clone()))
        .bind(c.hash_ends_at)
        .bind(c.status.as_str());
    let sql = sql.bind(c.created_at).bind(c.created_at).bind(c.fetched_at).bind(c.fresh_until);
    tx.execute(sql.bind(c.version)).await.map(|_| ())
}

fn metadata(c: &Client) -> Result<String, StoreError> {
    serde_json::to_string(&c.metadata).map_err(|_| StoreError::Damaged("metadata"))
}

/// Changes name, metadata, status and digest, if its version is still `seen`.
pub(super) async fn update(tx: &mut Tx, c: &Client, seen: i64, now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE oauth_clients SET name = ?, metadata = ?, status = ?, updated_at = ?, version = version + 1 WHERE id = ? AND version = ?",
    );
    let sql = sql.bind(&c.name).bind(metadata(c)?).bind(c.status.as_str()).bind(now);
    Ok(tx.execute(sql.bind(&c.client_id).bind(seen)).await? == 1)
}

/// Keeps a metadata document that was read again, or for the first time.
pub(super) async fn upsert_document(tx: &mut Tx, c: &Client) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE oauth_clients SET name = ?, metadata = ?, fetched_at = ?, fresh_until = ?, updated_at = ? WHERE kind = 'cimd' AND id = ?",
    );
    let sql = sql.bind(&c.name).bind(metadata(c)?).bind(c.fetched_at).bind(c.fresh_until);
    if tx.execute(sql.bind(c.fetched_at.unwrap_or_default()).bind(&c.client_id)).await? == 0 {
        insert(tx, c).await?;
    }
    Ok(())
}

pub(super) async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(Sql::new("DELETE FROM oauth_clients WHERE id = ?").bind(id)).await? == 1)
}

/// Remembers that it got tokens.
pub(super) async fn used(tx: &mut Tx, id: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE oauth_clients SET last_used_at = ? WHERE id = ?").bind(now).bind(id);
    tx.execute(sql).await.map(|_| ())
}

/// How many came by themselves and never got a token.
pub(super) async fn count_unused(tx: &mut Tx, kind: ClientKind) -> Result<i64, StoreError> {
    let sql = Sql::new("SELECT COUNT(*) AS n FROM oauth_clients WHERE ").push(UNUSED);
    let row = tx.optional(sql.push(" AND kind = ?").bind(kind.as_str())).await?;
    row.ok_or(StoreError::Damaged("oauth_clients"))?.get("n")
}

/// Makes room for a document: the oldest unused one can be read again.
pub(super) async fn forget_oldest_document(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = Sql::new(
        "DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients WHERE kind = 'cimd' AND ",
    )
    .push(UNUSED)
    .push(" ORDER BY created_at LIMIT 1)");
    tx.execute(sql).await.map(|_| ())
}

/// Forgets those that came by themselves before `before` and never got a token.
pub(super) async fn clear_unused(store: &Store, before: Timestamp) -> Result<u64, StoreError> {
    let sql = Sql::new("DELETE FROM oauth_clients WHERE ").push(UNUSED);
    store.execute(sql.push(" AND created_at < ?").bind(before)).await
}

/// Counts one more of something that this name does, within a window; how many it makes. Shared by all processes.
pub(super) async fn count(
    tx: &mut Tx,
    name: &str,
    now: Timestamp,
    window_began: Timestamp,
) -> Result<i64, StoreError> {
    let sql = Sql::new(
        "INSERT INTO throttles (name, failures, since) VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET \
         failures = CASE WHEN throttles.since <= ? THEN 1 ELSE throttles.failures + 1 END, \
         since = CASE WHEN throttles.since <= ? THEN ? ELSE throttles.since END RETURNING failures",
    );
    let sql = sql.bind(name).bind(now).bind(window_began).bind(window_began).bind(now);
    tx.optional(sql).await?.ok_or(StoreError::Damaged("throttles"))?.get("failures")
}

//! Apps in the store, each with its row as an OAuth client.

use airlock_core::Timestamp;
use airlock_core::id::OrgId;
use serde_json::{Value, json};

use super::{AppKind, AppRecord};
use crate::oauth::families_repo;
use crate::store::{Row, Sql, Store, StoreError, Tx};

/// An app with what its proof is checked against.
pub(super) struct Provable {
    pub(super) app: AppRecord,
    pub(super) hash: Option<Vec<u8>>,
    /// Whether it is blocked as an OAuth client.
    pub(super) blocked: bool,
}

const COLUMNS: &str = "SELECT a.id, a.client_id, a.org_id, a.owner_id, a.kind, a.name, a.description, a.home_page, \
     a.is_open_source, a.origins, a.hint, a.rate, a.status, a.created_at, a.updated_at, a.version, c.metadata, c.hash, \
     c.status AS client_status FROM apps a JOIN oauth_clients c ON c.id = a.client_id WHERE ";

fn app(row: &Row) -> Result<AppRecord, StoreError> {
    let list = |text: String, what| serde_json::from_str(&text).map_err(|_| StoreError::Damaged(what));
    let mut metadata: Value = serde_json::from_str(&row.get::<String>("metadata")?)
        .map_err(|_| StoreError::Damaged("oauth_clients.metadata"))?;
    Ok(AppRecord {
        app_id: row.get("id")?,
        client_id: row.get("client_id")?,
        org_id: row.parse("org_id")?,
        owner_id: row.get("owner_id")?,
        kind: row.parse("kind")?,
        name: row.get("name")?,
        description: row.get("description")?,
        home_page_url: row.get("home_page")?,
        is_open_source: row.get("is_open_source")?,
        allowed_origins: list(row.get("origins")?, "apps.origins")?,
        redirect_uris: serde_json::from_value(metadata["redirect_uris"].take())
            .map_err(|_| StoreError::Damaged("oauth_clients.metadata"))?,
        client_secret_hint: row.get("hint")?,
        requests_per_minute: row.parse("rate")?,
        status: row.parse("status")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.get("version")?,
    })
}

pub(super) async fn find(
    store: &Store,
    org: &OrgId,
    id: &str,
    owner: Option<&str>,
) -> Result<Option<AppRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push("a.org_id = ?").bind(org).push(" AND a.id = ?").bind(id);
    store.optional(sql.push_if(" AND a.owner_id = ?", owner)).await?.as_ref().map(app).transpose()
}

/// By id, from after `after`; of this owner when one is named.
pub(super) async fn list(
    store: &Store,
    org: &OrgId,
    owner: Option<&str>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<AppRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push("a.org_id = ?").bind(org).push_if(" AND a.owner_id = ?", owner);
    let sql = sql.push_if(" AND a.id > ?", after).push(" ORDER BY a.id LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(app).collect()
}

pub(super) async fn by_client_id(store: &Store, client_id: &str) -> Result<Option<Provable>, StoreError> {
    let sql = Sql::new(COLUMNS).push("a.client_id = ?").bind(client_id);
    let Some(row) = store.optional(sql).await? else { return Ok(None) };
    let blocked = row.get::<String>("client_status")? != "active";
    Ok(Some(Provable { app: app(&row)?, hash: row.get("hash")?, blocked }))
}

/// The origins of active public apps whose list could hold this one: `pattern` is of SQL's `LIKE`.
pub(super) async fn origins_like(store: &Store, pattern: &str) -> Result<Vec<Vec<String>>, StoreError> {
    let sql = Sql::new(
        "SELECT origins FROM apps WHERE status = 'active' AND kind IN ('Web', 'Mobile') AND origins LIKE ? LIMIT 20",
    );
    let rows = store.all(sql.bind(pattern)).await?;
    rows.iter()
        .map(|row| {
            serde_json::from_str(&row.get::<String>("origins")?)
                .map_err(|_| StoreError::Damaged("apps.origins"))
        })
        .collect()
}

pub(super) async fn count_active(tx: &mut Tx, org: &OrgId) -> Result<u64, StoreError> {
    let sql = Sql::new("SELECT COUNT(*) AS n FROM apps WHERE status = 'active' AND org_id = ?").bind(org);
    tx.optional(sql).await?.ok_or(StoreError::Damaged("apps"))?.count("n")
}

// What the authorization server reads of a client.
fn metadata(app: &AppRecord) -> String {
    let (grants, auth) = match app.kind {
        AppKind::Agent | AppKind::Desktop | AppKind::VsCodeExtension => {
            (["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"], "client_secret_basic")
        }
        AppKind::Web | AppKind::Mobile => (["authorization_code", "refresh_token"], "none"),
    };
    json!({
        "redirect_uris": app.redirect_uris,
        "grant_types": grants,
        "token_endpoint_auth_method": auth,
        "token_format": "opaque",
    })
    .to_string()
}

pub(super) async fn insert(tx: &mut Tx, a: &AppRecord, hash: Option<[u8; 32]>) -> Result<(), StoreError> {
    let client = Sql::new(
        "INSERT INTO oauth_clients (id, kind, org_id, name, metadata, hash, status, created_at, updated_at, version) \
         VALUES (?, 'app', ?, ?, ?, ?, 'active', ?, ?, 1)",
    );
    let client = client.bind(&a.client_id).bind(&a.org_id).bind(&a.name).bind(metadata(a)).bind(hash);
    tx.execute(client.bind(a.created_at).bind(a.created_at)).await?;
    let sql = Sql::new(
        "INSERT INTO apps (id, client_id, org_id, owner_id, kind, name, description, home_page, is_open_source, origins, \
         hint, status, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
    );
    let sql = sql.bind(&a.app_id).bind(&a.client_id).bind(&a.org_id).bind(&a.owner_id);
    let sql = sql.bind(a.kind.as_str()).bind(&a.name).bind(&a.description).bind(a.home_page_url.as_deref());
    let sql = sql.bind(a.is_open_source).bind(json!(a.allowed_origins).to_string());
    let sql = sql.bind(a.client_secret_hint.as_deref()).bind(a.status.as_str());
    tx.execute(sql.bind(a.created_at).bind(a.updated_at)).await.map(|_| ())
}

/// Writes what may change of an active app that has still this version; whether it had.
pub(super) async fn update(
    tx: &mut Tx,
    a: &AppRecord,
    version: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE apps SET name = ?, description = ?, home_page = ?, is_open_source = ?, origins = ?, rate = ?, \
         updated_at = ?, version = version + 1 WHERE status = 'active' AND id = ? AND version = ?",
    );
    let sql = sql.bind(&a.name).bind(&a.description).bind(a.home_page_url.as_deref()).bind(a.is_open_source);
    let sql = sql.bind(json!(a.allowed_origins).to_string()).bind(a.requests_per_minute.to_string());
    let sql = sql.bind(now).bind(&a.app_id).bind(version);
    if tx.execute(sql).await? == 0 {
        return Ok(false);
    }
    let client = Sql::new(
        "UPDATE oauth_clients SET name = ?, metadata = ?, updated_at = ?, version = version + 1 WHERE id = ?",
    );
    tx.execute(client.bind(&a.name).bind(metadata(a)).bind(now).bind(&a.client_id)).await?;
    Ok(true)
}

/// Puts another secret in the place of the old one, of an active app that has still this version; whether it had.
pub(super) async fn rotate(
    tx: &mut Tx,
    a: &AppRecord,
    hash: &[u8; 32],
    hint: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE apps SET hint = ?, updated_at = ?, version = version + 1 WHERE status = 'active' AND id = ? AND version = ?",
    );
    if tx.execute(sql.bind(hint).bind(now).bind(&a.app_id).bind(a.version)).await? == 0 {
        return Ok(false);
    }
    let client =
        Sql::new("UPDATE oauth_clients SET hash = ?, updated_at = ?, version = version + 1 WHERE id = ?");
    tx.execute(client.bind(hash.as_slice()).bind(now).bind(&a.client_id)).await?;
    Ok(true)
}

/// Ends an app, its client, and every family of tokens that the client has; whether it was active.
pub(super) async fn revoke(tx: &mut Tx, a: &AppRecord, now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE apps SET status = 'revoked', updated_at = ?, version = version + 1 WHERE status = 'active' AND id = ?",
    );
    if tx.execute(sql.bind(now).bind(&a.app_id)).await? == 0 {
        return Ok(false);
    }
    let client = Sql::new(
        "UPDATE oauth_clients SET status = 'blocked', updated_at = ?, version = version + 1 WHERE id = ?",
    );
    tx.execute(client.bind(now).bind(&a.client_id)).await?;
    families_repo::revoke_of_client(tx, &a.client_id, "client_revoked", now).await?;
    Ok(true)
}

//! Personal access tokens in the store.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, PatId, UserId};

use super::Pat;
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT id, user_id, org_id, name, hint, created_at, expires_at, last_used_at, revoked_at FROM pats WHERE ";

/// Whose tokens are meant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) user: Option<&'a UserId>,
    pub(super) org: Option<&'a OrgId>,
}

impl Of<'_> {
    fn narrow(self, sql: Sql) -> Sql {
        sql.push_if(" AND user_id = ?", self.user.map(UserId::as_str))
            .push_if(" AND org_id = ?", self.org.map(OrgId::as_str))
    }
}

fn pat(row: &Row) -> Result<Pat, StoreError> {
    Ok(Pat {
        id: row.parse("id")?,
        user_id: row.parse("user_id")?,
        org_id: row.parse("org_id")?,
        name: row.get("name")?,
        hint: row.get("hint")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        last_used_at: row.time_opt("last_used_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}

pub(super) async fn by_hash(store: &Store, hash: &[u8; 32]) -> Result<Option<Pat>, StoreError> {
    let sql = Sql::new(COLUMNS).push("hash = ?").bind(hash.as_slice());
    store.optional(sql).await?.as_ref().map(pat).transpose()
}

pub(super) async fn find(store: &Store, id: &PatId, of: Of<'_>) -> Result<Option<Pat>, StoreError> {
    let sql = of.narrow(Sql::new(COLUMNS).push("id = ?").bind(id));
    store.optional(sql).await?.as_ref().map(pat).transpose()
}

/// By id, which is by age, from after `after`.
pub(super) async fn list(
    store: &Store,
    of: Of<'_>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Pat>, StoreError> {
    let sql = of.narrow(Sql::new(COLUMNS).push("1 = 1")).push_if(" AND id > ?", after);
    store.all(sql.push(" ORDER BY id LIMIT ?").bind(limit)).await?.iter().map(pat).collect()
}

/// How many of a person's tokens are good at this time.
pub(super) async fn count_good(tx: &mut Tx, user: &UserId, now: Timestamp) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "SELECT COUNT(*) AS n FROM pats WHERE revoked_at IS NULL AND user_id = ? AND expires_at > ?",
    );
    tx.optional(sql.bind(user).bind(now)).await?.ok_or(StoreError::Damaged("pats"))?.count("n")
}

pub(super) async fn insert(tx: &mut Tx, hash: &[u8; 32], p: &Pat) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO pats (id, hash, user_id, org_id, name, hint, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&p.id).bind(hash.as_slice()).bind(&p.user_id).bind(&p.org_id).bind(&p.name);
    tx.execute(sql.bind(&p.hint).bind(p.created_at).bind(p.expires_at)).await.map(|_| ())
}

pub(super) async fn revoke(tx: &mut Tx, id: &PatId, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new("UPDATE pats SET revoked_at = ? WHERE revoked_at IS NULL AND id = ?");
    tx.execute(sql.bind(now).bind(id)).await.map(|_| ())
}

/// Notes when tokens were last used.
pub(super) async fn touch(store: &Store, used: &[(PatId, Timestamp)]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (id, at) in used {
        let sql = Sql::new("UPDATE pats SET last_used_at = ? WHERE id = ? AND COALESCE(last_used_at, 0) < ?");
        tx.execute(sql.bind(*at).bind(id).bind(*at)).await?;
    }
    tx.commit().await
}

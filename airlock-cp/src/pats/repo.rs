//! Personal access tokens in the store.

use super::Pat;
use crate::store::{Row, Sql, Store, StoreError};

const COLUMNS: &str = "SELECT id, user_id, org_id, name, hint, created_at, expires_at, last_used_at, revoked_at FROM pats WHERE ";

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

//! People in the store.

use airlock_core::id::UserId;

use super::User;
use crate::store::{Row, Sql, Store, StoreError};

const COLUMNS: &str = "SELECT id, email, email_verified_at, name, status, created_at, last_login_at, version FROM users WHERE status <> 'deleted'";

fn user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: row.parse("id")?,
        email: row.get("email")?,
        email_verified_at: row.time_opt("email_verified_at")?,
        name: row.get("name")?,
        status: row.parse("status")?,
        created_at: row.time("created_at")?,
        last_login_at: row.time_opt("last_login_at")?,
        version: row.get("version")?,
    })
}

pub(super) async fn by_id(store: &Store, id: &UserId) -> Result<Option<User>, StoreError> {
    store.optional(Sql::new(COLUMNS).push(" AND id = ?").bind(id)).await?.as_ref().map(user).transpose()
}

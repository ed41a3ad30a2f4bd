//! Families of tokens in the store: what came of one consent is revoked together.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, UserId};

use crate::store::{Sql, StoreError, Tx};

/// Revokes all families of a person, or those in one org. The caller records [`crate::revocations::Revoked::User`] or
/// `Membership` in the same transaction, which empties the caches of every process.
pub(crate) async fn revoke_of_user(
    tx: &mut Tx,
    user: &UserId,
    org: Option<&OrgId>,
    reason: &'static str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "UPDATE token_families SET revoked_at = ?, reason = ? WHERE revoked_at IS NULL AND user_id = ?",
    );
    let sql = sql.bind(now).bind(reason).bind(user);
    tx.execute(sql.push_if(" AND org_id = ?", org.map(OrgId::as_str))).await
}

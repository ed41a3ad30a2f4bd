//! What links in mails prove, in the store: digests only.

use airlock_core::Timestamp;
use airlock_core::id::UserId;

use crate::store::{Row, Sql, Store, StoreError, Tx};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A sign-up's address.
    Verify,
    /// A new password.
    Reset,
    /// Another address.
    Change,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Change => "change",
        }
    }
}

/// A link that was mailed.
#[derive(Clone, Debug)]
pub(super) struct MailToken {
    pub(super) user_id: UserId,
    pub(super) email: String,
    pub(super) phc: Option<String>,
}

fn token(row: &Row) -> Result<MailToken, StoreError> {
    Ok(MailToken { user_id: row.parse("user_id")?, email: row.get("email")?, phc: row.get("phc")? })
}

pub(super) async fn insert(
    tx: &mut Tx,
    hash: &[u8; 32],
    purpose: Purpose,
    t: &MailToken,
    (now, ends): (Timestamp, Timestamp),
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO mail_tokens (hash, user_id, purpose, email, phc, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(hash.as_slice()).bind(&t.user_id).bind(purpose.as_str()).bind(&t.email);
    tx.execute(sql.bind(t.phc.as_deref()).bind(now).bind(ends)).await.map(|_| ())
}

/// The link of this digest, if it still holds.
pub(super) async fn find(
    store: &Store,
    hash: &[u8; 32],
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<MailToken>, StoreError> {
    let sql = Sql::new("SELECT user_id, email, phc FROM mail_tokens WHERE used_at IS NULL AND hash = ?");
    let sql = sql.bind(hash.as_slice()).push(" AND purpose = ?").bind(purpose.as_str());
    let sql = sql.push(" AND expires_at > ?").bind(now);
    store.optional(sql).await?.as_ref().map(token).transpose()
}

/// Uses a link up; whether it still held.
pub(super) async fn consume(tx: &mut Tx, hash: &[u8; 32], now: Timestamp) -> Result<bool, StoreError> {
    let sql = Sql::new("UPDATE mail_tokens SET used_at = ? WHERE used_at IS NULL AND hash = ?");
    let sql = sql.bind(now).bind(hash.as_slice()).push(" AND expires_at > ?").bind(now);
    Ok(tx.execute(sql).await? == 1)
}

/// Forgets a person's links, or those for one purpose.
pub(super) async fn drop_of(tx: &mut Tx, user: &UserId, purpose: Option<Purpose>) -> Result<(), StoreError> {
    let sql = Sql::new("DELETE FROM mail_tokens WHERE user_id = ?").bind(user);
    tx.execute(sql.push_if(" AND purpose = ?", purpose.map(Purpose::as_str))).await.map(|_| ())
}

/// Forgets links that are past their time.
pub(super) async fn clear_old(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    store.execute(Sql::new("DELETE FROM mail_tokens WHERE expires_at < ?").bind(now)).await.map(|_| ())
}

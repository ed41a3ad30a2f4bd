//! Who decides, and with which keys.

use airlock_core::Timestamp;
use airlock_core::approval::{KnownSigner, KnownSigners};
use airlock_core::crypto::PublicKey;
use airlock_core::id::{ApproverId, ExchangeId, OrgId, UserId};

use super::model::{Approver, ApproverDevice};
use crate::store::{Row, Sql, Store, StoreError, Tx};

fn approver(row: &Row) -> Result<Approver, StoreError> {
    Ok(Approver { id: row.parse("id")?, user: row.parse("user_id")?, org: row.parse("org_id")? })
}

fn device(row: &Row) -> Result<ApproverDevice, StoreError> {
    Ok(ApproverDevice {
        signer_key_id: row.get("signer_key_id")?,
        public_key: row.get("public_key")?,
        device_id: row.get("device_id")?,
        label: row.get("label")?,
        created_at: row.time("created_at")?,
        revoked_at: row.time_opt("revoked_at")?,
    })
}

pub(super) async fn of_user(
    store: &Store,
    org: &OrgId,
    user: &UserId,
) -> Result<Option<Approver>, StoreError> {
    let sql = Sql::new("SELECT id, org_id, user_id FROM approvers WHERE org_id = ? AND user_id = ?");
    store.optional(sql.bind(org).bind(user)).await?.as_ref().map(approver).transpose()
}

pub(super) async fn of_user_tx(
    tx: &mut Tx,
    org: &OrgId,
    user: &UserId,
) -> Result<Option<Approver>, StoreError> {
    let sql = Sql::new("SELECT id, org_id, user_id FROM approvers WHERE org_id = ? AND user_id = ?");
    tx.optional(sql.bind(org).bind(user)).await?.as_ref().map(approver).transpose()
}

/// The approver that a person is in an org, made now if they are none yet. `fresh` is the id of a new one.
pub(super) async fn ensure(
    tx: &mut Tx,
    fresh: &ApproverId,
    org: &OrgId,
    user: &UserId,
    now: Timestamp,
) -> Result<Approver, StoreError> {
    let insert = Sql::new(
        "INSERT INTO approvers (id, org_id, user_id, created_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (org_id, user_id) DO NOTHING",
    );
    tx.execute(insert.bind(fresh).bind(org).bind(user).bind(now)).await?;
    of_user_tx(tx, org, user).await?.ok_or(StoreError::Damaged("approvers"))
}

/// The approver of this id, in this org, as long as their person is a member there.
pub(super) async fn by_id(tx: &mut Tx, org: &OrgId, id: &ApproverId) -> Result<Option<Approver>, StoreError> {
    let sql = Sql::new(
        "SELECT a.id, a.org_id, a.user_id FROM approvers a \
         JOIN memberships m ON m.org_id = a.org_id AND m.user_id = a.user_id \
         JOIN users u ON u.id = a.user_id WHERE u.status = 'active' AND a.org_id = ? AND a.id = ?",
    );
    tx.optional(sql.bind(org).bind(id)).await?.as_ref().map(approver).transpose()
}

/// An approver's devices, newest first, those that were taken back among them.
pub(super) async fn devices(store: &Store, id: &ApproverId) -> Result<Vec<ApproverDevice>, StoreError> {
    let sql = Sql::new(
        "SELECT signer_key_id, public_key, device_id, label, created_at, revoked_at FROM approver_devices \
         WHERE approver_id = ? ORDER BY created_at DESC, signer_key_id",
    );
    store.all(sql.bind(id)).await?.iter().map(device).collect()
}

/// The keys that an approver's decisions are checked with.
pub(super) async fn signers(tx: &mut Tx, id: &ApproverId) -> Result<KnownSigners, StoreError> {
    tx.all(good_keys(id)).await?.iter().map(signer).collect()
}

/// The same, to read only.
pub(super) async fn signers_now(store: &Store, id: &ApproverId) -> Result<KnownSigners, StoreError> {
    store.all(good_keys(id)).await?.iter().map(signer).collect()
}

fn good_keys(id: &ApproverId) -> Sql {
    Sql::new(
        "SELECT signer_key_id, public_key FROM approver_devices WHERE revoked_at IS NULL AND approver_id = ?",
    )
    .bind(id)
}

fn signer(row: &Row) -> Result<KnownSigner, StoreError> {
    let public_key = PublicKey::parse(&row.get::<String>("public_key")?)
        .map_err(|_| StoreError::Damaged("approver_devices.public_key"))?;
    Ok(KnownSigner { key_id: row.get("signer_key_id")?, public_key })
}

/// The key that an enforcer expects a decision of: the one that its pairing with this approver was answered with. `None` where the
/// exchange came by no pairing, or by one without keys.
pub(super) async fn expected_signer(
    tx: &mut Tx,
    id: &ApproverId,
    exchange: &ExchangeId,
) -> Result<Option<String>, StoreError> {
    let sql = Sql::new(
        "SELECT p.signer_key_id FROM inbox i JOIN pairings p ON p.id = i.pairing_id \
         WHERE i.approver_id = ? AND i.exchange_id = ?",
    );
    let row = tx.optional(sql.bind(id).bind(exchange)).await?;
    Ok(row.map(|row| row.get("signer_key_id")).transpose()?.flatten())
}

/// What became of a key that an approver showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noted {
    /// It is known from now on.
    New,
    /// It was known.
    Known,
    /// Another key has its name, or it was taken back: it is not this approver's.
    Refused,
}

/// Takes note of an approver's key.
pub(super) async fn note_device(
    tx: &mut Tx,
    id: &ApproverId,
    new: &ApproverDevice,
) -> Result<Noted, StoreError> {
    let sql = Sql::new(
        "INSERT INTO approver_devices (approver_id, signer_key_id, public_key, device_id, label, created_at) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (approver_id, signer_key_id) DO NOTHING",
    );
    let sql = sql.bind(id).bind(&new.signer_key_id).bind(&new.public_key).bind(&new.device_id);
    if tx.execute(sql.bind(new.label.as_deref()).bind(new.created_at)).await? > 0 {
        return Ok(Noted::New);
    }
    let sql = Sql::new(
        "SELECT public_key, revoked_at FROM approver_devices WHERE approver_id = ? AND signer_key_id = ?",
    );
    let row = tx.optional(sql.bind(id).bind(&new.signer_key_id)).await?;
    let row = row.ok_or(StoreError::Damaged("approver_devices"))?;
    let same = row.get::<String>("public_key")? == new.public_key && row.time_opt("revoked_at")?.is_none();
    Ok(if same { Noted::Known } else { Noted::Refused })
}

/// Takes a key back; whether it was there.
pub(super) async fn revoke_device(
    tx: &mut Tx,
    id: &ApproverId,
    signer_key_id: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE approver_devices SET revoked_at = COALESCE(revoked_at, ?) WHERE approver_id = ? AND signer_key_id = ?",
    );
    Ok(tx.execute(sql.bind(now).bind(id).bind(signer_key_id)).await? > 0)
}

/// Whether an approver ever showed a key, taken back or not.
pub(super) async fn ever_had_a_key(tx: &mut Tx, id: &ApproverId) -> Result<bool, StoreError> {
    let sql = Sql::new("SELECT COUNT(*) AS n FROM approver_devices WHERE approver_id = ?").bind(id);
    Ok(tx.optional(sql).await?.ok_or(StoreError::Damaged("approver_devices"))?.count("n")? > 0)
}

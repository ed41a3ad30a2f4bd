//! Pairings in the store.

use airlock_core::Timestamp;
use airlock_core::approval::{PairingKind, PairingSession, PairingState};
use airlock_core::id::{ApproverId, OrgId, UserId};

use super::model::{EnforcerSide, Pairing};
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT p.id, p.org_id, p.nonce, p.kind, p.state, p.is_claimed, p.wrong_answers, p.made_by, p.owner_id, \
     p.approver_id, p.app_id, p.device_id, p.enforcer_id, p.enforcer_label, p.workspace, p.gateway, p.enforcer_key, \
     p.answer, p.signer_key_id, p.created_at, p.expires_at, p.completed_at FROM pairings p ";

fn pairing(row: &Row) -> Result<Pairing, StoreError> {
    let damaged = |_| StoreError::Damaged("pairings");
    let wrong = u32::try_from(row.count("wrong_answers")?).unwrap_or(u32::MAX);
    let session = PairingSession::restore(
        PairingKind::parse(&row.get::<String>("kind")?).map_err(damaged)?,
        PairingState::parse(&row.get::<String>("state")?).map_err(damaged)?,
        row.get("is_claimed")?,
        row.time("expires_at")?,
        wrong,
    );
    Ok(Pairing {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        nonce: row.get("nonce")?,
        session,
        made_by: row.parse("made_by")?,
        owner: row.parse_opt("owner_id")?,
        approver: row.parse_opt("approver_id")?,
        app_id: row.get("app_id")?,
        peer: EnforcerSide {
            device_id: row.get("device_id")?,
            enforcer_id: row.get("enforcer_id")?,
            label: row.get("enforcer_label")?,
            workspace: row.get("workspace")?,
            gateway: row.get("gateway")?,
            key: row.get("enforcer_key")?,
        },
        answer: row.get("answer")?,
        signer_key_id: row.get("signer_key_id")?,
        created_at: row.time("created_at")?,
        completed_at: row.time_opt("completed_at")?,
    })
}

async fn one(store: &Store, sql: Sql) -> Result<Option<Pairing>, StoreError> {
    store.optional(sql).await?.as_ref().map(pairing).transpose()
}

async fn held(tx: &mut Tx, sql: Sql) -> Result<Option<Pairing>, StoreError> {
    tx.optional(sql.push(" {for_update}")).await?.as_ref().map(pairing).transpose()
}

pub(super) async fn by_nonce(store: &Store, org: &OrgId, nonce: &str) -> Result<Option<Pairing>, StoreError> {
    one(store, Sql::new(COLUMNS).push("WHERE p.org_id = ? AND p.nonce = ?").bind(org).bind(nonce)).await
}

pub(super) async fn hold_by_nonce(
    tx: &mut Tx,
    org: &OrgId,
    nonce: &str,
) -> Result<Option<Pairing>, StoreError> {
    held(tx, Sql::new(COLUMNS).push("WHERE p.org_id = ? AND p.nonce = ?").bind(org).bind(nonce)).await
}

/// The newest session of this code.
pub(super) async fn by_code(
    store: &Store,
    org: &OrgId,
    code: &[u8; 32],
) -> Result<Option<Pairing>, StoreError> {
    one(store, of_code(org, code)).await
}

pub(super) async fn hold_by_code(
    tx: &mut Tx,
    org: &OrgId,
    code: &[u8; 32],
) -> Result<Option<Pairing>, StoreError> {
    held(tx, of_code(org, code)).await
}

fn of_code(org: &OrgId, code: &[u8; 32]) -> Sql {
    let sql = Sql::new(COLUMNS).push("WHERE p.org_id = ? AND p.code_hash = ? ORDER BY p.id DESC LIMIT 1");
    sql.bind(org).bind(*code)
}

pub(super) async fn hold_by_token(
    tx: &mut Tx,
    org: &OrgId,
    token: &[u8; 32],
) -> Result<Option<Pairing>, StoreError> {
    held(tx, Sql::new(COLUMNS).push("WHERE p.org_id = ? AND p.token_hash = ?").bind(org).bind(*token)).await
}

pub(super) async fn by_token(
    store: &Store,
    org: &OrgId,
    token: &[u8; 32],
) -> Result<Option<Pairing>, StoreError> {
    one(store, Sql::new(COLUMNS).push("WHERE p.org_id = ? AND p.token_hash = ?").bind(org).bind(*token)).await
}

/// The pairings that stand between an enforcer and those who decide for it, newest first.
pub(super) async fn of_enforcer(
    tx: &mut Tx,
    org: &OrgId,
    owner: &UserId,
    enforcer: &str,
) -> Result<Vec<Pairing>, StoreError> {
    let sql = Sql::new(COLUMNS).push(
        "WHERE p.org_id = ? AND p.owner_id = ? AND p.enforcer_id = ? AND p.state = 'Completed' \
         ORDER BY p.completed_at DESC, p.id DESC LIMIT 50",
    );
    tx.all(sql.bind(org).bind(owner).bind(enforcer)).await?.iter().map(pairing).collect()
}

/// The newest standing pairing of a person's enforcers with an approver; `enforcer`'s own first.
pub(super) async fn between(
    tx: &mut Tx,
    owner: &UserId,
    approver: &ApproverId,
    enforcer: &str,
) -> Result<Option<Pairing>, StoreError> {
    let sql = Sql::new(COLUMNS).push(
        "WHERE p.owner_id = ? AND p.approver_id = ? AND p.state = 'Completed' \
         ORDER BY CASE WHEN p.enforcer_id = ? THEN 0 ELSE 1 END, p.completed_at DESC, p.id DESC LIMIT 1",
    );
    tx.optional(sql.bind(owner).bind(approver).bind(enforcer)).await?.as_ref().map(pairing).transpose()
}

/// What concerns a person: as the enforcer's, as the approver, or as who asked for the code. Newest first.
pub(super) async fn of_person(
    store: &Store,
    org: &OrgId,
    user: &UserId,
    approver: Option<&ApproverId>,
    limit: i64,
) -> Result<Vec<Pairing>, StoreError> {
    let sql = Sql::new(COLUMNS).push("WHERE p.org_id = ? AND (p.owner_id = ? OR p.made_by = ?");
    let sql = sql.bind(org).bind(user).bind(user).push_if(" OR p.approver_id = ?", approver);
    store.all(sql.push(") ORDER BY p.id DESC LIMIT ?").bind(limit)).await?.iter().map(pairing).collect()
}

/// Those completed with one of an approver's keys.
pub(super) async fn of_signer(
    tx: &mut Tx,
    approver: &ApproverId,
    signer_key_id: &str,
) -> Result<Vec<Pairing>, StoreError> {
    let sql = Sql::new(COLUMNS)
        .push("WHERE p.approver_id = ? AND p.signer_key_id = ? AND p.state = 'Completed' ORDER BY p.id");
    tx.all(sql.bind(approver).bind(signer_key_id)).await?.iter().map(pairing).collect()
}

/// How many codes of a person's live. Nobody else counts them until the transaction ends.
pub(super) async fn count_open(
    tx: &mut Tx,
    org: &OrgId,
    user: &UserId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    tx.optional(Sql::new("SELECT id FROM users WHERE id = ? {for_update}").bind(user)).await?;
    let sql = Sql::new(
        "SELECT COUNT(*) AS n FROM pairings WHERE org_id = ? AND made_by = ? AND state = 'Pending' AND expires_at > ?",
    );
    tx.optional(sql.bind(org).bind(user).bind(now)).await?.ok_or(StoreError::Damaged("pairings"))?.count("n")
}

pub(super) async fn insert(tx: &mut Tx, p: &Pairing, code: &[u8; 32]) -> Result<(), StoreError> {
    // What ran out gives its code back.
    let over = Sql::new(
        "UPDATE pairings SET state = 'Expired', ended_at = ? WHERE org_id = ? AND code_hash = ? AND state = 'Pending' \
         AND expires_at <= ?",
    );
    tx.execute(over.bind(p.created_at).bind(&p.org).bind(*code).bind(p.created_at)).await?;
    let sql = Sql::new(
        "INSERT INTO pairings (id, org_id, nonce, code_hash, kind, state, is_claimed, wrong_answers, made_by, owner_id, \
         approver_id, app_id, device_id, enforcer_id, enforcer_label, workspace, gateway, enforcer_key, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, 'Pending', ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let sql = sql.bind(&p.id).bind(&p.org).bind(&p.nonce).bind(*code).bind(p.session.kind().as_str());
    let sql = sql.bind(p.session.is_claimed()).bind(&p.made_by);
    let sql = peer(sql, p).bind(p.created_at).bind(p.session.expires_at());
    tx.execute(sql).await.map(|_| ())
}

fn peer(sql: Sql, p: &Pairing) -> Sql {
    let sql =
        sql.bind(p.owner.as_ref().map(UserId::as_str)).bind(p.approver.as_ref().map(ApproverId::as_str));
    let sql = sql.bind(p.app_id.as_deref()).bind(p.peer.device_id.as_deref());
    let sql = sql.bind(p.peer.enforcer_id.as_deref()).bind(p.peer.label.as_deref());
    sql.bind(p.peer.workspace.as_deref()).bind(p.peer.gateway.as_deref()).bind(p.peer.key.as_deref())
}

/// Writes how a held pairing stands now. `token`: what its routing token is looked up by, once it has one.
pub(super) async fn update(
    tx: &mut Tx,
    p: &Pairing,
    token: Option<[u8; 32]>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE pairings SET owner_id = ?, approver_id = ?, app_id = ?, device_id = ?, enforcer_id = ?, enforcer_label = ?, \
         workspace = ?, gateway = ?, enforcer_key = ?, state = ?, is_claimed = ?, wrong_answers = ?, expires_at = ?, \
         answer = ?, signer_key_id = ?, completed_at = ?, token_hash = COALESCE(?, token_hash), \
         ended_at = COALESCE(ended_at, ?) WHERE id = ?",
    );
    let state = p.session.state(now);
    let sql = peer(sql, p).bind(state.as_str()).bind(p.session.is_claimed());
    let sql = sql.bind(p.session.wrong_answers()).bind(p.session.expires_at()).bind(p.answer.as_deref());
    let sql = sql.bind(p.signer_key_id.as_deref()).bind(p.completed_at).bind(token);
    let over = matches!(state, PairingState::Expired | PairingState::Revoked);
    tx.execute(sql.bind(over.then_some(now)).bind(&p.id)).await.map(|_| ())
}

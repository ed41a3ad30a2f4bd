//! Exchanges in the store.

use airlock_core::Timestamp;
use airlock_core::approval::{EnforcerId, Exchange, ExchangeState, RequestId};
use airlock_core::id::{ApproverId, ExchangeId, OrgId, PairingId, UserId};

use super::model::{ExchangeRecord, InboxItem};
use crate::store::{Row, Sql, Store, StoreError, Tx};

const COLUMNS: &str = "SELECT e.id, e.org_id, e.owner_id, e.request_id, e.enforcer_id, e.enforcer_label, e.app_id, \
     e.artifact_type, e.artifact_hash, e.ciphertext, e.metadata, e.standing_verdict, e.state, e.created_at, e.expires_at, \
     e.decision, e.deliver_id, e.ended_at FROM exchanges e ";
const INBOX_COLUMNS: &str = "SELECT e.id, e.org_id, e.owner_id, e.request_id, e.enforcer_id, e.enforcer_label, e.app_id, \
     e.artifact_type, e.artifact_hash, e.ciphertext, e.metadata, e.standing_verdict, e.state, e.created_at, e.expires_at, \
     e.decision, e.deliver_id, e.ended_at, i.msg_id, p.nonce, a.name AS app_name FROM inbox i JOIN exchanges e ON e.id = i.exchange_id \
     LEFT JOIN pairings p ON p.id = i.pairing_id LEFT JOIN apps a ON a.id = e.app_id WHERE i.approver_id = ?";

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Damaged(what))
}

fn record(row: &Row) -> Result<ExchangeRecord, StoreError> {
    let decision: Option<String> = row.get("decision")?;
    let decision = decision.map(|text| json(&text, "exchanges.decision")).transpose()?;
    let state = ExchangeState::parse(&row.get::<String>("state")?)
        .map_err(|_| StoreError::Damaged("exchanges.state"))?;
    let exchange = Exchange::restore(row.parse("artifact_hash")?, row.time("expires_at")?, state, decision)
        .map_err(|_| StoreError::Damaged("exchanges.decision"))?;
    let ciphertext: Option<String> = row.get("ciphertext")?;
    Ok(ExchangeRecord {
        id: row.parse("id")?,
        org: row.parse("org_id")?,
        owner: row.parse("owner_id")?,
        request_id: row.parse("request_id")?,
        enforcer: row.parse("enforcer_id")?,
        enforcer_label: row.get("enforcer_label")?,
        app_id: row.get("app_id")?,
        artifact_type: row.parse("artifact_type")?,
        ciphertext: ciphertext.map(|text| json(&text, "exchanges.ciphertext")).transpose()?,
        metadata: json(&row.get::<String>("metadata")?, "exchanges.metadata")?,
        standing_verdict: row.parse_opt("standing_verdict")?,
        created_at: row.time("created_at")?,
        ended_at: row.time_opt("ended_at")?,
        deliver_id: row.get("deliver_id")?,
        exchange,
    })
}

fn item(row: &Row) -> Result<InboxItem, StoreError> {
    Ok(InboxItem {
        record: record(row)?,
        msg_id: row.get("msg_id")?,
        pairing_nonce: row.get("nonce")?,
        app_name: row.get("app_name")?,
    })
}

fn of_owner(org: &OrgId, owner: &UserId, request: &RequestId) -> Sql {
    Sql::new(COLUMNS)
        .push("WHERE e.org_id = ? AND e.owner_id = ? AND e.request_id = ?")
        .bind(org)
        .bind(owner)
        .bind(request)
}

pub(super) async fn find(
    store: &Store,
    org: &OrgId,
    owner: &UserId,
    request: &RequestId,
) -> Result<Option<ExchangeRecord>, StoreError> {
    store.optional(of_owner(org, owner, request)).await?.as_ref().map(record).transpose()
}

/// The same, held until the transaction ends.
pub(super) async fn hold(
    tx: &mut Tx,
    org: &OrgId,
    owner: &UserId,
    request: &RequestId,
) -> Result<Option<ExchangeRecord>, StoreError> {
    let sql = of_owner(org, owner, request).push(" {for_update}");
    tx.optional(sql).await?.as_ref().map(record).transpose()
}

pub(super) async fn hold_by_id(tx: &mut Tx, id: &ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push("WHERE e.id = ? {for_update}").bind(id);
    tx.optional(sql).await?.as_ref().map(record).transpose()
}

pub(super) async fn by_id(store: &Store, id: &ExchangeId) -> Result<Option<ExchangeRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push("WHERE e.id = ?").bind(id);
    store.optional(sql).await?.as_ref().map(record).transpose()
}

// The exchange that an approver means by an enforcer's request id: two enforcers' people may use the same one, so the
// hash says which.
fn of_approver(approver: &ApproverId, request: &RequestId, hash: &str) -> Sql {
    // The request first: before an approver may lie thousands. SQLite keeps to the order of a cross join.
    let sql = Sql::new(
        "SELECT i.exchange_id FROM exchanges e CROSS JOIN inbox i WHERE i.exchange_id = e.id AND i.approver_id = ? \
         AND e.org_id = (SELECT org_id FROM approvers WHERE id = ?) AND e.request_id = ? \
         ORDER BY CASE WHEN e.artifact_hash = ? THEN 0 ELSE 1 END, e.id DESC LIMIT 1",
    );
    sql.bind(approver).bind(approver).bind(request).bind(hash)
}

/// Which exchange an approver means.
pub(super) async fn id_of_approver(
    store: &Store,
    approver: &ApproverId,
    request: &RequestId,
    hash: &str,
) -> Result<Option<ExchangeId>, StoreError> {
    let row = store.optional(of_approver(approver, request, hash)).await?;
    row.map(|row| row.parse("exchange_id")).transpose()
}

/// All of it, held until the transaction ends.
pub(super) async fn hold_of_approver(
    tx: &mut Tx,
    approver: &ApproverId,
    request: &RequestId,
    hash: &str,
) -> Result<Option<ExchangeRecord>, StoreError> {
    let Some(row) = tx.optional(of_approver(approver, request, hash)).await? else { return Ok(None) };
    hold_by_id(tx, &row.parse("exchange_id")?).await
}

pub(super) async fn by_deliver_id(
    tx: &mut Tx,
    org: &OrgId,
    owner: &UserId,
    deliver_id: &str,
) -> Result<Option<ExchangeRecord>, StoreError> {
    let sql =
        Sql::new(COLUMNS).push("WHERE e.deliver_id = ? AND e.org_id = ? AND e.owner_id = ? {for_update}");
    tx.optional(sql.bind(deliver_id).bind(org).bind(owner)).await?.as_ref().map(record).transpose()
}

pub(super) async fn insert(
    tx: &mut Tx,
    e: &ExchangeRecord,
    pairing: Option<&PairingId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO exchanges (id, org_id, owner_id, request_id, enforcer_id, enforcer_label, app_id, pairing_id, \
         artifact_type, artifact_hash, ciphertext, metadata, standing_verdict, state, created_at, expires_at, ended_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    let state = e.exchange.state(now);
    let text = |value: Result<String, serde_json::Error>| value.map_err(|_| StoreError::Damaged("exchanges"));
    let ciphertext = e.ciphertext.as_ref().map(serde_json::to_string).map(text).transpose()?;
    let sql = sql.bind(&e.id).bind(&e.org).bind(&e.owner).bind(&e.request_id).bind(&e.enforcer);
    let sql = sql.bind(e.enforcer_label.as_deref()).bind(e.app_id.as_deref());
    let sql = sql.bind(pairing.map(PairingId::as_str)).bind(&e.artifact_type).bind(e.artifact_hash());
    let sql = sql.bind(ciphertext).bind(text(serde_json::to_string(&e.metadata))?);
    let sql = sql.bind(e.standing_verdict.map(|verdict| verdict.as_str())).bind(state.as_str());
    let sql = sql.bind(e.created_at).bind(e.exchange.expires_at());
    tx.execute(sql.bind(e.ended_at)).await.map(|_| ())
}

pub(super) async fn insert_inbox(
    tx: &mut Tx,
    exchange: &ExchangeId,
    approver: &ApproverId,
    pairing: Option<&PairingId>,
    msg_id: &str,
) -> Result<(), StoreError> {
    let sql =
        Sql::new("INSERT INTO inbox (approver_id, exchange_id, pairing_id, msg_id) VALUES (?, ?, ?, ?)");
    let sql = sql.bind(approver).bind(exchange).bind(pairing.map(PairingId::as_str)).bind(msg_id);
    tx.execute(sql).await.map(|_| ())
}

/// Writes how a held exchange stands now.
pub(super) async fn update(
    tx: &mut Tx,
    e: &ExchangeRecord,
    decided_by: Option<&ApproverId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let decision = e.decision().map(serde_json::to_string).transpose();
    let decision = decision.map_err(|_| StoreError::Damaged("exchanges.decision"))?;
    let state = e.exchange.state(now);
    let sql = Sql::new(
        "UPDATE exchanges SET state = ?, decision = ?, deliver_id = ?, decided_by = COALESCE(?, decided_by), \
         ended_at = COALESCE(ended_at, ?) WHERE id = ?",
    );
    let sql = sql.bind(state.as_str()).bind(decision).bind(e.deliver_id.as_deref());
    let sql = sql.bind(decided_by.map(ApproverId::as_str)).bind((!state.is_pending()).then_some(now));
    tx.execute(sql.bind(&e.id)).await.map(|_| ())
}

/// Before whom an exchange lies.
pub(super) async fn approvers_of(tx: &mut Tx, exchange: &ExchangeId) -> Result<Vec<ApproverId>, StoreError> {
    let sql = Sql::new("SELECT approver_id FROM inbox WHERE exchange_id = ?").bind(exchange);
    tx.all(sql).await?.iter().map(|row| row.parse("approver_id")).collect()
}

pub(super) async fn count_pending(
    tx: &mut Tx,
    org: &OrgId,
    owner: &UserId,
    enforcer: &EnforcerId,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = Sql::new(
        "SELECT COUNT(*) AS n FROM exchanges WHERE org_id = ? AND owner_id = ? AND enforcer_id = ? \
         AND state = 'PendingApproval' AND expires_at >= ?",
    );
    let sql = sql.bind(org).bind(owner).bind(enforcer).bind(now);
    tx.optional(sql).await?.ok_or(StoreError::Damaged("exchanges"))?.count("n")
}

/// How many one person asked since then, reports of standing decisions left out.
pub(super) fn count_since(org: &OrgId, owner: &UserId, since: Timestamp) -> Sql {
    let sql = Sql::new(
        "SELECT COUNT(*) AS n FROM exchanges WHERE org_id = ? AND owner_id = ? AND created_at >= ? \
         AND standing_verdict IS NULL",
    );
    sql.bind(org).bind(owner).bind(since)
}

/// Which part of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// What waits.
    Waiting,
    /// What does not, or was put out of sight.
    Over,
}

/// Newest first, from before `before`.
pub(super) async fn inbox(
    store: &Store,
    approver: &ApproverId,
    shelf: Shelf,
    before: Option<&ExchangeId>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<InboxItem>, StoreError> {
    let sql = Sql::new(INBOX_COLUMNS).bind(approver);
    let sql = match shelf {
        Shelf::Waiting => sql
            .push(" AND e.state = 'PendingApproval' AND i.dismissed_at IS NULL AND e.expires_at >= ?")
            .bind(now),
        Shelf::Over => sql
            .push(" AND (e.state <> 'PendingApproval' OR i.dismissed_at IS NOT NULL OR e.expires_at < ?)")
            .bind(now),
    };
    let sql = sql.push_if(" AND e.id < ?", before).push(" ORDER BY e.id DESC LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(item).collect()
}

pub(super) async fn inbox_item(
    store: &Store,
    approver: &ApproverId,
    exchange: &ExchangeId,
) -> Result<Option<InboxItem>, StoreError> {
    let sql = Sql::new(INBOX_COLUMNS).bind(approver).push(" AND e.id = ?").bind(exchange);
    store.optional(sql).await?.as_ref().map(item).transpose()
}

/// Puts what an approver means by a request id out of their sight; whether there was any.
pub(super) async fn dismiss(
    tx: &mut Tx,
    approver: &ApproverId,
    request: &RequestId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = Sql::new(
        "UPDATE inbox SET dismissed_at = ? WHERE approver_id = ? AND dismissed_at IS NULL AND exchange_id IN \
         (SELECT id FROM exchanges WHERE org_id = (SELECT org_id FROM approvers WHERE id = ?) AND request_id = ?)",
    );
    Ok(tx.execute(sql.bind(now).bind(approver).bind(approver).bind(request)).await? > 0)
}

/// The approver said that a message of theirs arrived.
pub(super) async fn mark_received(
    tx: &mut Tx,
    org: &OrgId,
    user: &UserId,
    msg_id: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = Sql::new(
        "UPDATE inbox SET received_at = ? WHERE msg_id = ? AND received_at IS NULL AND approver_id IN \
         (SELECT id FROM approvers WHERE org_id = ? AND user_id = ?)",
    );
    tx.execute(sql.bind(now).bind(msg_id).bind(org).bind(user)).await.map(|_| ())
}

/// Decided, and not yet said to have arrived, for one enforcer.
pub(super) async fn undelivered(
    store: &Store,
    org: &OrgId,
    owner: &UserId,
    enforcer: &str,
    limit: i64,
) -> Result<Vec<ExchangeRecord>, StoreError> {
    let sql = Sql::new(COLUMNS).push(
        "WHERE e.org_id = ? AND e.owner_id = ? AND e.enforcer_id = ? AND e.state = 'Decided' \
         AND e.deliver_id IS NOT NULL ORDER BY e.id DESC LIMIT ?",
    );
    let sql = sql.bind(org).bind(owner).bind(enforcer).bind(limit);
    store.all(sql).await?.iter().map(record).collect()
}

/// What waits and should not any more: past its time, or on an app that was revoked or is not allowed.
pub(super) async fn overdue(
    store: &Store,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ExchangeId>, StoreError> {
    let sql = Sql::new(
        "SELECT e.id FROM exchanges e LEFT JOIN apps a ON a.id = e.app_id \
         LEFT JOIN app_consents c ON c.app_id = e.app_id AND c.org_id = e.org_id AND c.user_id = e.owner_id \
         WHERE e.state = 'PendingApproval' AND (e.expires_at < ? OR a.status = 'revoked' \
         OR c.state IN ('Denied', 'Revoked')) ORDER BY e.expires_at LIMIT ?",
    );
    store.all(sql.bind(now).bind(limit)).await?.iter().map(|row| row.parse("id")).collect()
}

/// What waits on a pairing.
pub(super) async fn pending_of_pairing(
    tx: &mut Tx,
    pairing: &PairingId,
) -> Result<Vec<ExchangeId>, StoreError> {
    let sql =
        Sql::new("SELECT id FROM exchanges WHERE pairing_id = ? AND state = 'PendingApproval' ORDER BY id");
    tx.all(sql.bind(pairing)).await?.iter().map(|row| row.parse("id")).collect()
}

//! The log in the store: records, ends of chains, checkpoints.

use airlock_core::Timestamp;
use airlock_core::audit::{
    Chain, Checkpoint, Event, Line, Record, SignedCheckpoint, SignedTombstone, Tombstone,
};
use airlock_core::id::OrgId;

use super::{AuditFilter, Scope};
use crate::store::{Row, Sql, Store, StoreError};

const COLUMNS: &str = "SELECT seq, event, prev_hash, hash FROM audit";

fn record(row: &Row) -> Result<Record, StoreError> {
    let event: Event =
        serde_json::from_str(&row.get::<String>("event")?).map_err(|_| StoreError::Damaged("audit.event"))?;
    Ok(Record { seq: row.count("seq")?, prev_hash: row.get("prev_hash")?, hash: row.get("hash")?, event })
}

/// A tenant's newest rows before a position, newest first.
pub(super) async fn newest(
    store: &Store,
    scope: &Scope,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let sql = newest_sql(scope, filter, before, limit);
    store.all(sql).await?.iter().map(record).collect()
}

fn newest_sql(scope: &Scope, filter: &AuditFilter, before: Option<u64>, limit: i64) -> Sql {
    let sql = Sql::new(COLUMNS).push(" WHERE org_id = ?").bind(&scope.org);
    let sql = filter.push(sql.push(" AND tenant_id = ?").bind(&scope.tenant));
    let sql = sql.push_if(" AND seq < ?", before.map(position));
    sql.push(" ORDER BY seq DESC LIMIT ?").bind(limit)
}

/// A tenant's rows after a position, oldest first.
pub(super) async fn oldest(
    store: &Store,
    scope: &Scope,
    filter: &AuditFilter,
    after: u64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let sql = Sql::new(COLUMNS).push(" WHERE org_id = ?").bind(&scope.org);
    let sql = filter.push(sql.push(" AND tenant_id = ?").bind(&scope.tenant));
    let sql = sql.push(" AND seq > ?").bind(position(after)).push(" ORDER BY seq LIMIT ?").bind(limit);
    store.all(sql).await?.iter().map(record).collect()
}

/// An org's records after a position, oldest first.
pub(super) async fn of_org(
    store: &Store,
    org: &OrgId,
    after: u64,
    limit: i64,
) -> Result<Vec<Record>, StoreError> {
    let sql =
        Sql::new(COLUMNS).push(" WHERE org_id = ?").bind(org).push(" AND seq > ?").bind(position(after));
    store.all(sql.push(" ORDER BY seq LIMIT ?").bind(limit)).await?.iter().map(record).collect()
}

/// A stretch of an org's chain for a tenant: its own records whole, of others the hashes.
pub(super) async fn lines(
    store: &Store,
    scope: &Scope,
    after: u64,
    to: u64,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let sql = Sql::new(
        "SELECT seq, CASE WHEN tenant_id = ? THEN event END AS event, prev_hash, hash FROM audit \
         WHERE org_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
    );
    let sql = sql.bind(&scope.tenant).bind(&scope.org).bind(position(after)).bind(position(to)).bind(limit);
    let line = |row: &Row| match row.get::<Option<String>>("event")? {
        Some(_) => Ok(Line::Record(Box::new(record(row)?))),
        None => Ok(Line::Omitted {
            seq: row.count("seq")?,
            prev_hash: row.get("prev_hash")?,
            hash: row.get("hash")?,
        }),
    };
    store.all(sql).await?.iter().map(line).collect()
}

/// First and last position of a tenant's rows that match.
pub(super) async fn span(
    store: &Store,
    scope: &Scope,
    filter: &AuditFilter,
) -> Result<Option<(u64, u64)>, StoreError> {
    let sql =
        Sql::new("SELECT MIN(seq) AS first, MAX(seq) AS last FROM audit WHERE org_id = ?").bind(&scope.org);
    let sql = filter.push(sql.push(" AND tenant_id = ?").bind(&scope.tenant));
    let Some(row) = store.optional(sql).await? else { return Ok(None) };
    let ends = (row.get::<Option<i64>>("first")?, row.get::<Option<i64>>("last")?);
    Ok(match ends {
        (Some(first), Some(last)) => Some((first.unsigned_abs(), last.unsigned_abs())),
        _ => None,
    })
}

/// A record with the columns that repeat parts of it.
pub(super) async fn with_columns(
    store: &Store,
    org: &OrgId,
    after: u64,
    limit: i64,
) -> Result<Vec<(Record, bool)>, StoreError> {
    let sql = Sql::new(
        "SELECT seq, id, ts, tenant_id, trace_id, action, outcome, error_class, tool, kid, worker_id, snapshot_id, \
         event, prev_hash, hash FROM audit WHERE org_id = ? AND seq > ? ORDER BY seq LIMIT ?",
    );
    let rows = store.all(sql.bind(org).bind(position(after)).bind(limit)).await?;
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        let record = record(row)?;
        let e = &record.event;
        let text = |column| row.get::<Option<String>>(column);
        let same = e.org_id == *org
            && row.time("ts")? == e.ts
            && text("id")?.as_deref() == Some(e.id.as_str())
            && text("tenant_id")?.as_deref() == e.tenant_id.as_ref().map(|t| t.as_str())
            && text("trace_id")?.as_deref() == e.trace_id.as_ref().map(|t| t.as_str())
            && text("action")?.as_deref() == Some(e.action.as_str())
            && text("outcome")?.as_deref() == Some(e.outcome.as_str())
            && text("error_class")? == e.error_class
            && text("tool")? == e.target.tool
            && text("kid")?.as_deref() == super::row::kid(e)
            && text("worker_id")?.as_deref() == e.context.worker_id.as_ref().map(|w| w.as_str())
            && text("snapshot_id")? == e.target.snapshot_id;
        out.push((record, same));
    }
    Ok(out)
}

/// Where an org's chain ends.
pub(super) async fn end(store: &Store, org: &OrgId) -> Result<Option<Chain>, StoreError> {
    let sql = Sql::new("SELECT audit_seq, audit_head FROM orgs WHERE id = ?").bind(org);
    let Some(row) = store.optional(sql).await? else { return Ok(None) };
    let head: String = row.get("audit_head")?;
    Chain::resume(row.count("audit_seq")?, &head).map(Some).map_err(|_| StoreError::Damaged("audit_head"))
}

/// Where every org's chain ends.
pub(super) async fn ends(store: &Store) -> Result<Vec<(OrgId, u64)>, StoreError> {
    let rows = store.all(Sql::new("SELECT id, audit_seq FROM orgs ORDER BY id")).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.count("audit_seq")?))).collect()
}

/// Chains that grew since they were last signed: where they end, and where they were signed.
pub(super) async fn unsigned_ends(store: &Store) -> Result<Vec<(OrgId, u64, u64)>, StoreError> {
    let sql = Sql::new(
        "SELECT o.id, o.audit_seq, COALESCE((SELECT MAX(c.seq) FROM audit_checkpoints c WHERE c.org_id = o.id), 0) \
         AS signed FROM orgs o ORDER BY o.id",
    );
    let rows = store.all(sql).await?;
    let ends = rows.iter().map(|row| Ok((row.parse("id")?, row.count("audit_seq")?, row.count("signed")?)));
    Ok(ends
        .collect::<Result<Vec<_>, StoreError>>()?
        .into_iter()
        .filter(|(_, seq, signed)| seq > signed)
        .collect())
}

pub(super) async fn insert_checkpoint(store: &Store, c: &SignedCheckpoint) -> Result<(), StoreError> {
    let sql =
        Sql::new("INSERT INTO audit_checkpoints (org_id, seq, root, ts, signature) VALUES (?, ?, ?, ?, ?) ")
            .push("ON CONFLICT (org_id, seq) DO NOTHING");
    let at = &c.checkpoint;
    let sql = sql.bind(&at.org_id).bind(position(at.seq)).bind(&at.root).bind(at.ts).bind(&c.signature);
    store.execute(sql).await.map(|_| ())
}

/// Checkpoints of a stretch of a chain, in order.
pub(super) async fn checkpoints(
    store: &Store,
    org: &OrgId,
    after: u64,
    to: u64,
) -> Result<Vec<SignedCheckpoint>, StoreError> {
    let sql =
        Sql::new("SELECT seq, root, ts, signature FROM audit_checkpoints WHERE org_id = ? AND seq > ? ")
            .push("AND seq <= ? ORDER BY seq");
    let rows = store.all(sql.bind(org).bind(position(after)).bind(position(to))).await?;
    let signed = |row: &Row| {
        let checkpoint = Checkpoint {
            org_id: org.clone(),
            seq: row.count("seq")?,
            root: row.get("root")?,
            ts: row.time("ts")?,
        };
        Ok(SignedCheckpoint { checkpoint, signature: row.get("signature")? })
    };
    rows.iter().map(signed).collect()
}

/// What was taken out of an org's chain.
pub(super) async fn tombstone(store: &Store, org: &OrgId) -> Result<Option<SignedTombstone>, StoreError> {
    let sql = Sql::new("SELECT to_seq, last_hash, ts, signature FROM audit_tombstones WHERE org_id = ?");
    let Some(row) = store.optional(sql.bind(org)).await? else { return Ok(None) };
    let tombstone = Tombstone {
        org_id: org.clone(),
        to_seq: row.count("to_seq")?,
        last_hash: row.get("last_hash")?,
        ts: row.time("ts")?,
    };
    Ok(Some(SignedTombstone { tombstone, signature: row.get("signature")? }))
}

pub(super) fn upsert_tombstone(signed: &SignedTombstone) -> Sql {
    let sql = Sql::new(
        "INSERT INTO audit_tombstones (org_id, to_seq, last_hash, ts, signature) VALUES (?, ?, ?, ?, ?) ",
    )
    .push("ON CONFLICT (org_id) DO UPDATE SET to_seq = excluded.to_seq, last_hash = excluded.last_hash, ")
    .push("ts = excluded.ts, signature = excluded.signature");
    let at = &signed.tombstone;
    sql.bind(&at.org_id).bind(position(at.to_seq)).bind(&at.last_hash).bind(at.ts).bind(&signed.signature)
}

/// Position of the last record before all that are at least as young as `cutoff`.
pub(super) async fn last_before(
    store: &Store,
    org: &OrgId,
    cutoff: Timestamp,
) -> Result<Option<u64>, StoreError> {
    // From the oldest on: what is read is what will go.
    let sql = Sql::new(
        "SELECT COALESCE((SELECT seq - 1 FROM audit WHERE org_id = ? AND ts >= ? ORDER BY seq LIMIT 1), \
         (SELECT MAX(seq) FROM audit WHERE org_id = ?)) AS last",
    );
    let row = store.optional(sql.bind(org).bind(cutoff).bind(org)).await?;
    Ok(row.map(|row| row.get::<Option<i64>>("last")).transpose()?.flatten().map(i64::unsigned_abs))
}

pub(super) fn position(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(filter: AuditFilter, index: &str) {
        let store = Store::memory().await.unwrap();
        store.migrate().await.unwrap();
        let scope = Scope { org: "default".parse().unwrap(), tenant: "t_acme".parse().unwrap() };
        let plan = store.all(newest_sql(&scope, &filter, Some(9), 100).explained()).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|step| step.get("detail").unwrap()).collect();
        assert!(plan.iter().all(|step| step.contains("SEARCH audit") && step.contains(index)), "{plan:?}");
    }

    #[tokio::test]
    async fn no_page_of_the_log_scans_or_sorts_the_whole_of_it() {
        // T-148
        check(AuditFilter::default(), "audit_tenant").await;
        let trace = AuditFilter { trace_id: Some("tr_1".into()), ..AuditFilter::default() };
        check(trace, "audit_trace").await;
        check(AuditFilter { tool: Some("execute_sql".into()), ..AuditFilter::default() }, "audit_tenant")
            .await;
    }
}

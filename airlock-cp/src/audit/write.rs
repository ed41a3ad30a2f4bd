//! One transaction for a batch: chains grow, intents come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use airlock_core::audit::{Chain, Event, Record};
use airlock_core::crypto::canonical_json;
use airlock_core::id::OrgId;

use super::sink::Op;
use crate::store::{Sql, Store, StoreError, Tx, Value};

const WRITE_MAX: Duration = Duration::from_secs(10);

// Statements for many rows at once, in few sizes, so that the database knows them already.
const CHUNKS: [usize; 4] = [64, 16, 4, 1];

/// What became of one order of a batch.
pub(super) enum Verdict {
    Written,
    UnknownOrg,
    Failed(StoreError),
}

/// A batch, sorted by what is to be done.
pub(super) struct Batch<'a> {
    ops: &'a [Op],
    // Opened and closed in the same batch: no intent need be written.
    brief: BTreeSet<&'a str>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(ops: &'a [Op]) -> Self {
        let opened: BTreeSet<_> = ops
            .iter()
            .filter_map(|op| if let Op::Open(e) = op { Some(e.id.as_str()) } else { None })
            .collect();
        let ended = |op: &'a Op| match op {
            Op::Close(e) => Some(e.id.as_str()),
            Op::Abandon(id) => Some(id.as_str()),
            Op::Open(_) => None,
        };
        let brief = ops.iter().filter_map(ended).filter(|id| opened.contains(id)).collect();
        Self { ops, brief }
    }
}

/// Writes a batch. Either all of it stands when this returns, or nothing; an event of an unknown org is left out.
pub(super) async fn write(
    store: &Store,
    process: &str,
    batch: &Batch<'_>,
) -> Result<Vec<Verdict>, StoreError> {
    let late = |_| StoreError::Unavailable("a write took too long");
    tokio::time::timeout(WRITE_MAX, write_now(store, process, batch)).await.map_err(late)?
}

async fn write_now(store: &Store, process: &str, batch: &Batch<'_>) -> Result<Vec<Verdict>, StoreError> {
    let mut tx = store.begin().await?;
    let mut verdicts = Vec::with_capacity(batch.ops.len());
    let mut by_org: BTreeMap<&OrgId, Vec<&Event>> = BTreeMap::new();
    for op in batch.ops {
        verdicts.push(Verdict::Written);
        if let Op::Open(event) | Op::Close(event) = op {
            let closing = by_org.entry(&event.org_id).or_default();
            if matches!(op, Op::Close(_)) {
                closing.push(event);
            }
        }
    }
    let mut unknown = BTreeSet::new();
    // In the order of their names, so that two processes never wait for each other.
    for (org, events) in by_org {
        if !append(&mut tx, org, &events).await? {
            unknown.insert(org);
        }
    }
    let mut opens = Vec::new();
    let mut ended: Vec<Value> = Vec::new();
    for (op, verdict) in batch.ops.iter().zip(&mut verdicts) {
        match op {
            Op::Open(e) | Op::Close(e) if unknown.contains(&e.org_id) => *verdict = Verdict::UnknownOrg,
            Op::Open(e) if !batch.brief.contains(e.id.as_str()) => opens.push(&**e),
            Op::Close(e) if !batch.brief.contains(e.id.as_str()) => ended.push((&e.id).into()),
            Op::Abandon(id) if !batch.brief.contains(id.as_str()) => ended.push(id.into()),
            _ => {}
        }
    }
    insert_intents(&mut tx, process, &opens).await?;
    for ids in chunks(&ended) {
        let delete = Sql::new("DELETE FROM audit_open WHERE id IN (").repeat("?", ids.len()).push(")");
        tx.execute(ids.iter().cloned().fold(delete, Sql::bind)).await?;
    }
    tx.commit().await?;
    Ok(verdicts)
}

/// Appends events to an org's chain; `false` if there is no such org. Holds the org's row until the transaction ends.
pub(super) async fn append(tx: &mut Tx, org: &OrgId, events: &[&Event]) -> Result<bool, StoreError> {
    let head = Sql::new("SELECT audit_seq, audit_head FROM orgs WHERE id = ? {for_update}");
    let Some(row) = tx.optional(head.bind(org)).await? else { return Ok(false) };
    if events.is_empty() {
        return Ok(true);
    }
    let mut chain = Chain::resume(row.count("audit_seq")?, &row.get::<String>("audit_head")?)
        .map_err(|_| StoreError::Damaged("audit_head"))?;
    let records: Vec<_> = events.iter().map(|e| chain.append((*e).clone())).collect();
    for records in chunks(&records) {
        let insert = Sql::new(
            "INSERT INTO audit (org_id, seq, id, ts, tenant_id, trace_id, action, outcome, error_class, tool, kid, \
             worker_id, snapshot_id, event, prev_hash, hash) VALUES ",
        );
        let insert = insert.repeat("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", records.len());
        tx.execute(records.iter().fold(insert, bind_record)).await?;
    }
    let update = Sql::new("UPDATE orgs SET audit_seq = ?, audit_head = ? WHERE id = ?");
    tx.execute(update.bind(chain.seq() as i64).bind(chain.head()).bind(org)).await?;
    Ok(true)
}

fn bind_record(sql: Sql, record: &Record) -> Sql {
    let e = &record.event;
    sql.bind(&e.org_id)
        .bind(record.seq as i64)
        .bind(&e.id)
        .bind(e.ts)
        .bind(e.tenant_id.as_ref().map(|t| t.as_str()))
        .bind(e.trace_id.as_ref().map(|t| t.as_str()))
        .bind(e.action.as_str())
        .bind(e.outcome.as_str())
        .bind(e.error_class.as_deref())
        .bind(e.target.tool.as_deref())
        .bind(super::row::kid(e))
        .bind(e.context.worker_id.as_ref().map(|w| w.as_str()))
        .bind(e.target.snapshot_id.as_deref())
        .bind(text(e))
        .bind(&record.prev_hash)
        .bind(&record.hash)
}

async fn insert_intents(tx: &mut Tx, process: &str, events: &[&Event]) -> Result<(), StoreError> {
    for events in chunks(events) {
        let insert = Sql::new("INSERT INTO audit_open (id, process_id, org_id, ts, event) VALUES ");
        let insert = insert.repeat("(?, ?, ?, ?, ?)", events.len());
        let bind =
            |sql: Sql, e: &&Event| sql.bind(&e.id).bind(process).bind(&e.org_id).bind(e.ts).bind(text(e));
        tx.execute(events.iter().fold(insert, bind)).await?;
    }
    Ok(())
}

fn text(event: &Event) -> String {
    let bytes = canonical_json(event).expect("events hold strings and integers only");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn chunks<T>(mut all: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = CHUNKS.into_iter().find(|n| *n <= all.len())?;
        let (chunk, rest) = all.split_at(size);
        all = rest;
        Some(chunk)
    })
}

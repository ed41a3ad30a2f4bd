//! What the log needs from time to time: this process's lease, the intents of dead processes, checkpoints.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Checkpoint, Event, SignedCheckpoint};
use airlock_core::crypto::PrivateKey;
use airlock_core::id::OrgId;
use airlock_core::{Host, Outcome};

use super::{repo, write};
use crate::store::{Sql, Store, StoreError};

/// How often the keeper works.
pub(crate) const EVERY: Duration = Duration::from_secs(5);
/// How often the end of each chain is signed, unless it grew much before.
pub(crate) const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);
const CHECKPOINT_EVENTS: u64 = 1_000;
const LEASE_MS: i64 = 15_000;
// No call may take so long: an intent of this age was forgotten by a caller that went away.
const INTENT_AGE_MAX_MS: i64 = 15 * 60_000;
const CLOSED_AT_ONCE: i64 = 500;

const LEFT_OPEN: &str = "NOT EXISTS (SELECT 1 FROM processes p WHERE p.id = o.process_id AND p.lease_until > {now}) \
     OR ts < {now} - ?";

/// Keeps the log in order. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    store: Store,
    host: Arc<dyn Host>,
    process: String,
    key: Arc<PrivateKey>,
}

impl Keeper {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, process: String, key: Arc<PrivateKey>) -> Self {
        Self { store, host, process, key }
    }

    /// Says that this process lives. Until the lease runs out nobody else closes its intents.
    pub(crate) async fn renew_lease(&self) -> Result<(), StoreError> {
        let upsert = Sql::new("INSERT INTO processes (id, lease_until) VALUES (?, {now} + ?) ")
            .push("ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until");
        self.store.execute(upsert.bind(&self.process).bind(LEASE_MS)).await.map(|_| ())
    }

    /// Gives the lease back: what this process left open may be closed at once.
    pub(crate) async fn end_lease(&self) -> Result<(), StoreError> {
        let delete = Sql::new("DELETE FROM processes WHERE id = ?").bind(&self.process);
        self.store.execute(delete).await.map(|_| ())
    }

    /// Closes as `unknown` what dead processes left open, and what was forgotten. How many.
    pub(crate) async fn close_left_open(&self) -> Result<usize, StoreError> {
        let of = Sql::new("SELECT DISTINCT org_id FROM audit_open o WHERE ")
            .push(LEFT_OPEN)
            .push(" ORDER BY org_id");
        let mut closed = 0;
        for row in self.store.all(of.bind(INTENT_AGE_MAX_MS)).await? {
            let org: OrgId = row.parse("org_id")?;
            loop {
                let n = self.close_of(&org).await?;
                closed += n;
                if n < CLOSED_AT_ONCE as usize {
                    break;
                }
            }
        }
        let old = Sql::new("DELETE FROM processes WHERE lease_until < {now} - ?").bind(LEASE_MS);
        self.store.execute(old).await?;
        Ok(closed)
    }

    async fn close_of(&self, org: &OrgId) -> Result<usize, StoreError> {
        let mut tx = self.store.begin().await?;
        // First the chain, as every writer does: no two ever wait for each other.
        write::append(&mut tx, org, &[]).await?;
        let left = Sql::new("SELECT id, event FROM audit_open o WHERE org_id = ? AND (").push(LEFT_OPEN);
        let left = left.push(") ORDER BY ts LIMIT ? {for_update}").bind(org).bind(INTENT_AGE_MAX_MS);
        let mut events: Vec<Event> = Vec::new();
        for row in tx.all(left.bind(CLOSED_AT_ONCE)).await? {
            let text: String = row.get("event")?;
            let mut event: Event =
                serde_json::from_str(&text).map_err(|_| StoreError::Damaged("audit_open.event"))?;
            event.outcome = Outcome::Unknown;
            events.push(event);
            tx.execute(Sql::new("DELETE FROM audit_open WHERE id = ?").bind(row.get::<String>("id")?))
                .await?;
        }
        write::append(&mut tx, org, &events.iter().collect::<Vec<_>>()).await?;
        tx.commit().await?;
        Ok(events.len())
    }

    /// Signs the end of each chain that grew: all of them when `due`, else those that grew much.
    pub(crate) async fn sign_checkpoints(&self, due: bool) -> Result<(), StoreError> {
        for (org, seq, signed) in repo::unsigned_ends(&self.store).await? {
            if due || seq.saturating_sub(signed) >= CHECKPOINT_EVENTS {
                self.checkpoint(&org).await?;
            }
        }
        Ok(())
    }

    /// Signs where a chain stands now.
    pub(crate) async fn checkpoint(&self, org: &OrgId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let Some(end) = repo::end(&self.store, org).await? else { return Ok(None) };
        if end.seq() == 0 {
            return Ok(None);
        }
        let (seq, root, ts) = (end.seq(), end.head(), self.host.now());
        let signed = Checkpoint { org_id: org.clone(), seq, root, ts }.sign(&self.key);
        repo::insert_checkpoint(&self.store, &signed).await?;
        Ok(Some(signed))
    }
}

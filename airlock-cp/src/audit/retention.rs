//! Takes out what is older than it must be kept, and leaves a signed tombstone in its place.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Action, Tombstone};
use airlock_core::crypto::PrivateKey;
use airlock_core::id::OrgId;
use airlock_core::{Host, Outcome};

use super::{Caller, Subject, repo, write};
use crate::store::{Sql, Store, StoreError};

// Records taken out in one transaction: it holds the chain, so calls wait for it.
const AT_ONCE: u64 = 2_000;

/// Keeps the log as long as it was told. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Retention {
    store: Store,
    host: Arc<dyn Host>,
    key: Arc<PrivateKey>,
    keep: Option<Duration>,
}

impl Retention {
    /// `keep`: the age at which records go; without one, none does.
    pub(crate) fn new(
        store: Store,
        host: Arc<dyn Host>,
        key: Arc<PrivateKey>,
        keep: Option<Duration>,
    ) -> Self {
        Self { store, host, key, keep }
    }

    /// Takes out, in each org, the oldest records whose time is over. How many.
    pub(crate) async fn prune(&self) -> Result<u64, StoreError> {
        let Some(keep) = self.keep else { return Ok(0) };
        let mut gone = 0;
        for (org, _) in repo::ends(&self.store).await? {
            let before =
                repo::tombstone(&self.store, &org).await?.map_or(0, |signed| signed.tombstone.to_seq);
            let Some(to) = repo::last_before(&self.store, &org, self.host.now().before(keep)).await? else {
                continue;
            };
            let mut from = before;
            // The record that tells of it comes after them and stays, so a chain never ends in nothing.
            while from < to {
                let step = to.min(from + AT_ONCE);
                if !self.bury(&org, step, step - from).await? {
                    break;
                }
                gone += step - from;
                from = step;
            }
        }
        Ok(gone)
    }

    /// Takes out the `count` oldest records, up to `to`; `false` if another process did meanwhile.
    async fn bury(&self, org: &OrgId, to: u64, count: u64) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let (caller, ts) = (Caller::system(), self.host.now());
        let about = Subject { org: org.clone(), tenant: None, resource: None };
        let mut event = caller.event(&*self.host, Action::AuditPruned, about);
        (event.outcome, event.counts.rows) = (Outcome::Ok, Some(count));
        // First the chain, as every writer does.
        write::append(&mut tx, org, &[&event]).await?;
        let last = Sql::new("SELECT hash FROM audit WHERE org_id = ? AND seq = ?").bind(org);
        let Some(row) = tx.optional(last.bind(repo::position(to))).await? else { return Ok(false) };
        let tombstone = Tombstone { org_id: org.clone(), to_seq: to, last_hash: row.get("hash")?, ts };
        tx.execute(repo::upsert_tombstone(&tombstone.sign(&self.key))).await?;
        for table in ["audit", "audit_checkpoints"] {
            let delete = Sql::new("DELETE FROM ").push(table).push(" WHERE org_id = ? AND seq <= ?");
            tx.execute(delete.bind(org).bind(repo::position(to))).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

//! Reads the log: pages of rows, and whether a chain holds.

use std::sync::Arc;

use airlock_core::audit::{Line, Record, SignedCheckpoint};
use airlock_core::crypto::PublicKey;
use airlock_core::id::OrgId;
use serde::Serialize;

use super::check::{ChainCheck, ChainReport, Mismatch};
use super::keeper::Keeper;
use super::{AuditFilter, Row, Scope, repo};
use crate::store::{Store, StoreError};

const PAGE: i64 = 500;

/// Rows, newest first, and where they go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditPage {
    /// The rows.
    pub items: Vec<Row>,
    /// Give it back as `before` to read on; `null` at the end.
    pub next_cursor: Option<String>,
}

/// Reads the log. Cloning shares it.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pub(super) store: Store,
    pub(super) public_key: PublicKey,
    keeper: Arc<Keeper>,
}

impl AuditLog {
    pub(crate) fn new(store: Store, public_key: PublicKey, keeper: Keeper) -> Self {
        Self { store, public_key, keeper: Arc::new(keeper) }
    }

    /// A tenant's newest rows before a position.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        let mut records = repo::newest(&self.store, scope, filter, before, limit as i64 + 1).await?;
        let more = records.len() > limit;
        records.truncate(limit);
        let next_cursor = records.last().filter(|_| more).map(|r| r.seq.to_string());
        Ok(AuditPage { items: records.iter().map(Row::of).collect(), next_cursor })
    }

    /// A tenant's rows after a position, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn after(
        &self,
        scope: &Scope,
        filter: &AuditFilter,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        repo::oldest(&self.store, scope, filter, after, limit as i64).await
    }

    /// Signs where an org's chain stands now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn checkpoint(&self, org: &OrgId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.keeper.checkpoint(org).await
    }

    /// Checks an org's whole chain: every hash, every signature, the columns beside them, and that nothing is missing at
    /// the end.
    ///
    /// # Errors
    /// When the store does not answer. A broken chain is an answer.
    pub async fn verify(&self, org: &OrgId) -> Result<Result<ChainReport, Mismatch>, StoreError> {
        let mut check = ChainCheck::new(Some(self.public_key));
        // The signatures before the end: one that is appended meanwhile is not taken for one too many.
        let signed = repo::checkpoints(&self.store, org, 0, u64::MAX).await?;
        let mut signed = signed.into_iter().peekable();
        let Some(end) = repo::end(&self.store, org).await? else { return Ok(Ok(ChainReport::default())) };
        let gone = repo::tombstone(&self.store, org).await?;
        let begin = gone.as_ref().map_or(0, |signed| signed.tombstone.to_seq);
        if let Some(Err(mismatch)) = gone.map(|signed| check.tombstone(signed)) {
            return Ok(Err(mismatch));
        }
        loop {
            let after = check.report().last_seq.unwrap_or(begin);
            let left = end.seq().saturating_sub(after);
            let page = repo::with_columns(&self.store, org, after, PAGE.min(left as i64)).await?;
            if left == 0 || page.is_empty() {
                break;
            }
            for (record, columns_agree) in page {
                let seq = record.seq;
                if let Err(mismatch) = check.line(Line::Record(Box::new(record))) {
                    return Ok(Err(mismatch));
                }
                if !columns_agree {
                    return Ok(Err(Mismatch {
                        seq,
                        why: "its columns differ from what was hashed".to_owned(),
                    }));
                }
                while let Some(next) = signed.next_if(|s| s.checkpoint.seq <= seq) {
                    if let Err(mismatch) = check.checkpoint(&next) {
                        return Ok(Err(mismatch));
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        let report = check.report();
        let missing = |seq, why: &str| Ok(Err(Mismatch { seq, why: why.to_owned() }));
        if report.first_seq.is_some_and(|first| first != begin + 1) {
            return missing(begin + 1, "records at the beginning are missing");
        }
        if report.last_seq.unwrap_or(begin) != end.seq() || signed.next().is_some() {
            return missing(end.seq(), "records at the end are missing");
        }
        if end.seq() > 0 && report.head.as_ref() != Some(&end.head()) {
            return missing(end.seq(), "the end is not the one that was written");
        }
        Ok(Ok(report.clone()))
    }
}

//! Ends of a question without a decision: taken back, out of time, or with nothing left to rest on.

use airlock_core::Timestamp;
use airlock_core::approval::{ExchangeState, RequestId};
use airlock_core::audit::Action;
use airlock_core::id::{ExchangeId, PairingId};

use super::decide::tell_of;
use super::error::ApprovalError;
use super::exchanges_repo as repo;
use super::model::{ExchangeRecord, Party};
use super::news::Kind;
use super::service::Approvals;
use crate::audit::{Caller, Subject};
use crate::error::ServiceError;
use crate::store::{StoreError, Tx};

/// How often what is overdue is looked for. Who waits for it wakes by themselves.
pub(crate) const SWEEP_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
const SWEPT_MAX: i64 = 500;

impl Approvals {
    /// The enforcer takes a question back: when.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; when the store or the log does not take it.
    pub async fn withdraw(&self, party: &Party, request: &RequestId) -> Result<Timestamp, ServiceError> {
        let record = self.exchange(party, request).await?;
        let (this, id) = (self.clone(), record.id.clone());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let held = repo::hold_by_id(&mut tx, &id).await?;
            let mut record = held.ok_or(ApprovalError::NotFound("exchange"))?;
            record.exchange.handle_withdraw(now).map_err(ApprovalError::from)?;
            end(&mut tx, &record, now).await?;
            tx.commit().await?;
            Ok(now)
        };
        self.act(party, Action::ExchangeWithdrawn, record.id.as_str(), work).await
    }

    /// Ends what is overdue, or rests on an app that may not ask any more: how many.
    ///
    /// # Errors
    /// When the store or the log does not answer.
    pub async fn sweep(&self) -> Result<usize, ServiceError> {
        let overdue = repo::overdue(&self.on.store, self.now(), SWEPT_MAX).await?;
        let mut ended = 0;
        for id in &overdue {
            let now = self.now();
            let mut tx = self.on.store.begin().await?;
            let Some(mut record) = repo::hold_by_id(&mut tx, id).await? else { continue };
            // Another process, or the person, may have been first.
            let was = record.exchange.state(Timestamp::from_millis(i64::MIN));
            if !was.is_pending() {
                continue;
            }
            // Nothing changes for one whose time is over; the others end now.
            let _ = record.exchange.handle_cancel(now);
            end(&mut tx, &record, now).await?;
            tx.commit().await?;
            self.note_end(&record).await?;
            ended += 1;
        }
        if ended > 0 {
            self.wake().await;
        }
        Ok(ended)
    }

    /// Writes down that an exchange ended by itself.
    pub(super) async fn note_end(&self, record: &ExchangeRecord) -> Result<(), ServiceError> {
        let action = match record.exchange.state(self.now()) {
            ExchangeState::Expired => Action::ExchangeExpired,
            _ => Action::ExchangeCancelled,
        };
        let subject =
            Subject { org: record.org.clone(), tenant: None, resource: Some(record.id.to_string()) };
        self.on.journal.note(&Caller::system(), action, subject, None).await
    }
}

/// Writes that a held exchange ended, and tells of it.
async fn end(tx: &mut Tx, record: &ExchangeRecord, now: Timestamp) -> Result<(), StoreError> {
    repo::update(tx, record, None, now).await?;
    tell_of(tx, record, Kind::Ended, now).await
}

/// Ends what waits on a pairing that is over.
pub(super) async fn cancel_of_pairing(
    tx: &mut Tx,
    pairing: &PairingId,
    now: Timestamp,
) -> Result<Vec<ExchangeRecord>, StoreError> {
    let pending: Vec<ExchangeId> = repo::pending_of_pairing(tx, pairing).await?;
    let mut ended = Vec::new();
    for id in &pending {
        let Some(mut record) = repo::hold_by_id(tx, id).await? else { continue };
        if record.exchange.handle_cancel(now).is_ok() {
            end(tx, &record, now).await?;
            ended.push(record);
        }
    }
    Ok(ended)
}

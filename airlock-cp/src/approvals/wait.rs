//! An enforcer waits for a decision. One who waits costs a task and an entry in a table, not a thread or a query a second.

use std::time::Duration;

use airlock_core::approval::{ExchangeState, RequestId};

use super::error::ApprovalError;
use super::exchanges_repo as repo;
use super::model::{ExchangeRecord, Party};
use super::news::Topic;
use super::service::Approvals;
use crate::error::ServiceError;

/// Of one exchange, in one process.
const WAITERS_MAX: usize = 4;
const TOO_MANY_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What waiting came to.
#[derive(Clone, Debug)]
pub enum Waited {
    /// A decision, for the first time or once more.
    Decided(Box<ExchangeRecord>),
    /// Nothing yet.
    Nothing,
    /// It ended without one.
    Ended(ExchangeState),
}

impl Approvals {
    /// How an exchange of this person's stands.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store does not answer.
    pub async fn exchange(&self, party: &Party, request: &RequestId) -> Result<ExchangeRecord, ServiceError> {
        let found = repo::find(&self.on.store, &party.org, &party.user, request).await?;
        found.ok_or(ApprovalError::NotFound("exchange").into())
    }

    /// Waits for a decision, at most this long. May be dropped at any time.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; [`ServiceError::TooMany`] when too many wait for the same; when the store does not answer.
    pub async fn wait(
        &self,
        party: &Party,
        request: &RequestId,
        at_most: Duration,
    ) -> Result<Waited, ServiceError> {
        let stop = self.on.tasks.stop();
        let until = tokio::time::Instant::now() + at_most;
        let record = self.exchange(party, request).await?;
        if let Some(waited) = self.look(record.clone())? {
            return Ok(waited);
        }
        let topic = Topic::Exchange(record.id.clone());
        loop {
            let listener = self.on.news.listen(&topic, WAITERS_MAX);
            let mut listener = listener.ok_or(ServiceError::TooMany { retry_after: TOO_MANY_AGAIN_AFTER })?;
            // What happened before somebody listened is in the store.
            let record = self.exchange(party, request).await?;
            let expires = record.exchange.next_deadline().map_or(Duration::ZERO, |at| at.since(self.now()));
            if let Some(waited) = self.look(record)? {
                return Ok(waited);
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(Waited::Nothing),
                () = tokio::time::sleep_until(until) => return Ok(Waited::Nothing),
                () = tokio::time::sleep(expires) => {}
                _ = listener.next() => {}
            }
        }
    }

    fn look(&self, record: ExchangeRecord) -> Result<Option<Waited>, ServiceError> {
        Ok(match record.exchange.state(self.now()) {
            ExchangeState::PendingApproval => None,
            ExchangeState::Decided | ExchangeState::Delivered if record.decision().is_some() => {
                Some(Waited::Decided(Box::new(record)))
            }
            // The report of a standing decision: nobody will ever sign anything about it.
            ExchangeState::Decided | ExchangeState::Delivered => {
                return Err(ApprovalError::NotFound("decision").into());
            }
            state @ (ExchangeState::Expired | ExchangeState::Withdrawn | ExchangeState::Cancelled) => {
                Some(Waited::Ended(state))
            }
        })
    }
}

//! What waits for an approver, and what did.

use airlock_core::approval::RequestId;
use airlock_core::audit::Action;
use airlock_core::id::ExchangeId;

use super::error::ApprovalError;
use super::exchanges_repo as repo;
pub use super::exchanges_repo::Shelf;
use super::model::{Approver, InboxItem, Party};
use super::news::{Kind, NewsDesk, Topic};
use super::service::Approvals;
use crate::error::ServiceError;
use crate::tenants::Page;

impl Approvals {
    /// A page of an approver's inbox, newest first.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is none; when the store does not answer.
    pub async fn inbox(
        &self,
        approver: &Approver,
        shelf: Shelf,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page<InboxItem>, ServiceError> {
        let cursor = cursor.map(str::parse::<ExchangeId>).transpose();
        let before =
            cursor.map_err(|_| ServiceError::invalid("cursor", "the nextCursor of the page before"))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX - 1);
        let now = self.now();
        let mut items =
            repo::inbox(&self.on.store, &approver.id, shelf, before.as_ref(), now, limit + 1).await?;
        let more = i64::try_from(items.len()).is_ok_and(|n| n > limit);
        if more {
            items.pop();
        }
        let next_cursor = items.last().filter(|_| more).map(|last| last.record.id.to_string());
        Ok(Page { items, next_cursor })
    }

    /// Puts something out of an approver's sight. It is not decided by that.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store or the log does not take it.
    pub async fn dismiss(
        &self,
        party: &Party,
        approver: &Approver,
        request: &RequestId,
    ) -> Result<(), ServiceError> {
        let resource = self.as_the_log_names(approver, request, "").await?;
        let (this, id, request) = (self.clone(), approver.id.clone(), request.clone());
        let work = async move {
            let mut tx = this.on.store.begin().await?;
            if !repo::dismiss(&mut tx, &id, &request, this.now()).await? {
                return Err(ApprovalError::NotFound("request in the inbox").into());
            }
            Ok(tx.commit().await?)
        };
        self.act(party, Action::ExchangeDismissed, &resource, work).await
    }

    /// Asks the enforcer of something in the inbox to ask anew, if it has a channel open.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`], [`ApprovalError::EnforcerAway`]; when the store or the log does not take it.
    pub async fn ask_again(
        &self,
        party: &Party,
        request: &RequestId,
        enforcer: &str,
    ) -> Result<(), ServiceError> {
        let approver = self.approver(party).await?;
        let resource = self.as_the_log_names(&approver, request, "").await?;
        let (this, request, enforcer) = (self.clone(), request.clone(), enforcer.to_owned());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let found = repo::hold_of_approver(&mut tx, &approver.id, &request, "").await?;
            let found = found.filter(|record| record.enforcer.as_str() == enforcer);
            let record = found.ok_or(ApprovalError::NotFound("request in the inbox"))?;
            let live = this.has_channel(&mut tx, &record.org, &record.owner, &enforcer, now).await?;
            if !live {
                return Err(ApprovalError::EnforcerAway.into());
            }
            let topic = Topic::Enforcer(record.org, record.owner, enforcer);
            NewsDesk::tell(&mut tx, now, &topic, Kind::Refresh, request.as_str()).await?;
            Ok(tx.commit().await?)
        };
        self.act(party, Action::RefreshAsked, &resource, work).await
    }
}

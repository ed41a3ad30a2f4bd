//! An enforcer asks.

use airlock_core::Coded as _;
use airlock_core::Timestamp;
use airlock_core::approval::{Exchange, ExchangeState, ExpiryRule, RequestId};
use airlock_core::audit::Action;
use airlock_core::id::{ExchangeId, PairingId};
use airlock_proto::gateway::Submission;

use super::error::ApprovalError;
use super::exchanges_repo as repo;
use super::model::{ExchangeRecord, Party};
use super::news::{Kind, NewsDesk, Topic};
use super::notice::Notice;
use super::routing::Route;
use super::service::Approvals;
use crate::error::ServiceError;
use crate::store::{StoreError, Tx};

/// Of one enforcer, at once.
const PENDING_MAX: u64 = 200;

/// A question was taken in.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The enforcer's name for it.
    pub request_id: RequestId,
    /// How it stands.
    pub state: ExchangeState,
    /// Until when it may be decided.
    pub expires_at: Timestamp,
}

impl Approvals {
    /// Takes a question in; it is durable when this returns. The same question once more changes nothing.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; when the store or the log does not take it.
    pub async fn submit(&self, party: &Party, sent: Submission) -> Result<Accepted, ServiceError> {
        if let Some(known) = self.known(party, &sent).await? {
            return Ok(known);
        }
        let id = ExchangeId::new(&*self.on.host);
        let action = if sent.metadata.dnd_audit().is_some() {
            Action::ExchangePolicyApplied
        } else {
            Action::ExchangeSubmitted
        };
        let (this, who, new, question) = (self.clone(), party.clone(), id.clone(), sent.clone());
        let done = self
            .act(party, action, id.as_str(), async move { this.take_in(&who, new, question).await })
            .await;
        match done {
            Ok((accepted, asked)) => {
                for approver in asked {
                    self.notify(&approver, Notice::Waiting).await;
                }
                Ok(accepted)
            }
            // Two of the same came at once: the other one was first.
            Err(ServiceError::Store(StoreError::Conflict)) => {
                self.known(party, &sent).await?.ok_or(ServiceError::Store(StoreError::Conflict))
            }
            Err(error) => Err(error),
        }
    }

    /// What became of this question when it came before.
    async fn known(&self, party: &Party, sent: &Submission) -> Result<Option<Accepted>, ServiceError> {
        let found = repo::find(&self.on.store, &party.org, &party.user, &sent.request_id).await?;
        let Some(record) = found else { return Ok(None) };
        if *record.artifact_hash() == sent.artifact_hash {
            return Ok(Some(self.accepted(&record)));
        }
        let refused = ApprovalError::RequestReused;
        let subject = party.subject(record.id.as_str());
        self.on.journal.note(&party.caller, Action::ExchangeRefused, subject, Some(refused.code())).await?;
        Err(refused.into())
    }

    fn accepted(&self, record: &ExchangeRecord) -> Accepted {
        Accepted {
            request_id: record.request_id.clone(),
            state: record.exchange.state(self.now()),
            expires_at: record.exchange.expires_at(),
        }
    }

    async fn take_in(
        &self,
        party: &Party,
        id: ExchangeId,
        sent: Submission,
    ) -> Result<(Accepted, Vec<super::Approver>), ServiceError> {
        let now = self.now();
        let standing = sent.metadata.dnd_audit();
        let mut tx = self.on.store.begin().await?;
        let routes = match self.route(&mut tx, party, &sent.enforcer, &sent.metadata).await {
            Ok(routes) => routes,
            // A report of what was decided long ago is of interest to those who can be found, and to nobody else.
            Err(ServiceError::Approval(_)) if standing.is_some() => {
                let expires_at = now.after(ExpiryRule::REPORT_TTL);
                let accepted =
                    Accepted { request_id: sent.request_id, state: ExchangeState::Decided, expires_at };
                return Ok((accepted, Vec::new()));
            }
            Err(refused) => return Err(refused),
        };
        let exchange = if standing.is_some() {
            Exchange::reported(sent.artifact_hash.clone(), now.after(ExpiryRule::REPORT_TTL))
        } else {
            let rule = &self.on.config.expiry;
            let until =
                rule.apply(sent.created_at, sent.expires_at, now).map_err(|_| ApprovalError::Expired)?;
            self.check_quota(&mut tx, party, now).await?;
            let open = repo::count_pending(&mut tx, &party.org, &party.user, &sent.enforcer, now).await?;
            if open >= PENDING_MAX {
                return Err(ApprovalError::TooManyOpen("requests of this enforcer").into());
            }
            Exchange::begin(sent.artifact_hash.clone(), until)
        };
        let record = self.record(party, id, sent, exchange, &routes, now);
        let sole = match routes.as_slice() {
            [only] => only.pairing.as_ref().map(|p| p.id.clone()),
            _ => None,
        };
        repo::insert(&mut tx, &record, sole.as_ref(), now).await?;
        for route in &routes {
            self.put_before(&mut tx, &record, route, now).await?;
        }
        tx.commit().await?;
        let waits = record.exchange.state(now).is_pending();
        let asked = routes.into_iter().filter(|_| waits).map(|route| route.approver).collect();
        Ok((self.accepted(&record), asked))
    }

    fn record(
        &self,
        party: &Party,
        id: ExchangeId,
        sent: Submission,
        exchange: Exchange,
        routes: &[Route],
        now: Timestamp,
    ) -> ExchangeRecord {
        let mut metadata = sent.metadata.display();
        metadata.retain(|key, _| !self.on.config.hidden_metadata.contains(key));
        let label = routes.iter().find_map(|route| route.pairing.as_ref()?.peer.label.clone());
        ExchangeRecord {
            id,
            org: party.org.clone(),
            owner: party.user.clone(),
            request_id: sent.request_id,
            enforcer: sent.enforcer,
            enforcer_label: label,
            app_id: party.app.as_ref().map(|app| app.id.clone()),
            artifact_type: sent.artifact_type,
            ciphertext: Some(sent.ciphertext),
            standing_verdict: sent.metadata.dnd_audit(),
            metadata,
            created_at: now,
            ended_at: (!exchange.state(now).is_pending()).then_some(now),
            deliver_id: None,
            exchange,
        }
    }

    async fn put_before(
        &self,
        tx: &mut Tx,
        record: &ExchangeRecord,
        route: &Route,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let pairing: Option<&PairingId> = route.pairing.as_ref().map(|p| &p.id);
        repo::insert_inbox(tx, &record.id, &route.approver.id, pairing, &self.message_id()).await?;
        if !record.exchange.state(now).is_pending() {
            return Ok(());
        }
        let topic = Topic::Approver(route.approver.id.clone());
        NewsDesk::tell(tx, now, &topic, Kind::Asked, record.id.as_str()).await
    }
}

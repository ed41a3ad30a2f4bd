//! An approver decides, or says that a message arrived.

use airlock_core::approval::{Disbelief, NonceJournal, RequestId, Taken, verify_decision};
use airlock_core::audit::Action;
use airlock_core::id::ApproverId;
use airlock_core::{Coded as _, Timestamp};
use airlock_proto::gateway::DecisionSubmission;

use super::error::ApprovalError;
use super::model::{Approver, ExchangeRecord, Party};
use super::news::{Kind, NewsDesk, Topic};
use super::service::Approvals;
use super::{approvers, exchanges_repo as repo};
use crate::error::ServiceError;
use crate::store::{Sql, StoreError, Tx};

/// What an approver may call themselves.
pub(super) const ME: &str = "me";

impl Approvals {
    /// Takes a decision; it is durable when this returns. The same decision once more changes nothing.
    ///
    /// The signature is checked where a key of the approver is known, to turn garbage away early; the enforcer checks it again.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; when the store or the log does not take it.
    pub async fn decide(&self, party: &Party, sent: DecisionSubmission) -> Result<(), ServiceError> {
        let approver = self.named(party, &sent.approver_id).await?;
        let (this, who) = (self.clone(), approver.clone());
        let hash = &sent.decision.artifact_hash;
        let resource = self.as_the_log_names(&approver, &sent.request_id, hash).await?;
        let work = async move { this.take_decision(&who, &sent).await };
        let done = self.act(party, Action::ExchangeDecided, &resource, work).await;
        if let Err(ServiceError::Approval(
            refused @ (ApprovalError::Signature | ApprovalError::Replay | ApprovalError::NotYours),
        )) = &done
        {
            // Somebody tried: a row of its own, so that it stands out.
            let (action, subject) = (Action::DecisionRefused, party.subject(&resource));
            self.on.journal.note(&party.caller, action, subject, Some(refused.code())).await?;
        }
        done
    }

    /// The approver that somebody says they are.
    ///
    /// # Errors
    /// [`ApprovalError::NotYours`] for another's id.
    pub async fn named(&self, party: &Party, id: &str) -> Result<Approver, ServiceError> {
        let own = self.approver(party).await?;
        if id == ME || id == own.id.as_str() { Ok(own) } else { Err(ApprovalError::NotYours.into()) }
    }

    /// The exchange before an approver, as the log names it in every row; what does not lie before them has the enforcer's name only.
    pub(super) async fn as_the_log_names(
        &self,
        approver: &Approver,
        request: &RequestId,
        hash: &str,
    ) -> Result<String, StoreError> {
        let found = repo::id_of_approver(&self.on.store, &approver.id, request, hash).await?;
        Ok(found.map_or_else(|| request.to_string(), |id| id.to_string()))
    }

    async fn take_decision(
        &self,
        approver: &Approver,
        sent: &DecisionSubmission,
    ) -> Result<(), ServiceError> {
        let now = self.now();
        let mut tx = self.on.store.begin().await?;
        let hash = &sent.decision.artifact_hash;
        let found = repo::hold_of_approver(&mut tx, &approver.id, &sent.request_id, hash).await?;
        let Some(mut record) = found else {
            // One's own question that lies before somebody else is no secret.
            let own = repo::hold(&mut tx, &approver.org, &approver.user, &sent.request_id).await?;
            let why =
                if own.is_some() { ApprovalError::NotYours } else { ApprovalError::NotFound("exchange") };
            return Err(why.into());
        };
        match record.exchange.handle_decision(now, &sent.decision).map_err(ApprovalError::from)? {
            Taken::Repeated => return Ok(()),
            Taken::Stored => {}
        }
        self.check_signature(&mut tx, approver, &record, sent).await?;
        use_nonce(&mut tx, &approver.id, sent, now).await?;
        record.deliver_id = Some(self.message_id());
        repo::update(&mut tx, &record, Some(&approver.id), now).await?;
        tell_of(&mut tx, &record, Kind::Decided, now).await?;
        Ok(tx.commit().await?)
    }

    async fn check_signature(
        &self,
        tx: &mut Tx,
        approver: &Approver,
        record: &ExchangeRecord,
        sent: &DecisionSubmission,
    ) -> Result<(), ServiceError> {
        let signers = approvers::signers(tx, &approver.id).await?;
        // The oldest SDK pairs without keys: then there is nothing to check with, and no enforcer that checks.
        if signers.is_empty() && !approvers::ever_had_a_key(tx, &approver.id).await? {
            return Ok(());
        }
        // Another of the person's keys would spoil the question: the enforcer believes the paired one alone.
        let signers = match approvers::expected_signer(tx, &approver.id, &record.id).await? {
            Some(paired) => signers.find(&paired).into_iter().collect(),
            None => signers,
        };
        let mut journal = NonceJournal::new(NonceJournal::DEFAULT_TTL);
        let hash = record.artifact_hash();
        match verify_decision(&sent.decision, hash, &signers, &mut journal, None, self.now()) {
            Ok(_) => Ok(()),
            Err(Disbelief::HashMismatch) => {
                Err(ApprovalError::Exchange(airlock_core::approval::ExchangeError::HashMismatch).into())
            }
            Err(_) => Err(ApprovalError::Signature.into()),
        }
    }

    /// Somebody says that a message arrived. What is not addressed to them changes nothing.
    ///
    /// # Errors
    /// When the store or the log does not take it.
    pub async fn ack(&self, party: &Party, msg_id: &str) -> Result<(), ServiceError> {
        let now = self.now();
        let mut tx = self.on.store.begin().await?;
        repo::mark_received(&mut tx, &party.org, &party.user, msg_id, now).await?;
        let mut delivered = None;
        if let Some(mut record) = repo::by_deliver_id(&mut tx, &party.org, &party.user, msg_id).await? {
            let before = record.exchange.state(now);
            record.exchange.handle_ack();
            if record.exchange.state(now) != before {
                repo::update(&mut tx, &record, None, now).await?;
                delivered = Some(record.id);
            }
        }
        tx.commit().await?;
        if let Some(id) = delivered {
            let subject = party.subject(id.as_str());
            self.on.journal.note(&party.caller, Action::ExchangeDelivered, subject, None).await?;
        }
        Ok(())
    }
}

/// Tells those who wait for a decision, the enforcer's channels, and every approver before whom it lies.
pub(super) async fn tell_of(
    tx: &mut Tx,
    record: &ExchangeRecord,
    kind: Kind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = record.id.as_str();
    NewsDesk::tell(tx, now, &Topic::Exchange(record.id.clone()), kind, id).await?;
    let enforcer = record.enforcer.as_str().to_owned();
    let topic = Topic::Enforcer(record.org.clone(), record.owner.clone(), enforcer);
    NewsDesk::tell(tx, now, &topic, kind, id).await?;
    for approver in repo::approvers_of(tx, &record.id).await? {
        NewsDesk::tell(tx, now, &Topic::Approver(approver), kind, id).await?;
    }
    Ok(())
}

async fn use_nonce(
    tx: &mut Tx,
    approver: &ApproverId,
    sent: &DecisionSubmission,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let signer = sent.decision.signer_key_id.as_deref().unwrap_or_default();
    let nonce = sent.decision.nonce.as_deref().unwrap_or_default();
    let sql = Sql::new(
        "INSERT INTO decision_nonces (approver_id, signer_key_id, nonce, used_at) VALUES (?, ?, ?, ?) \
         ON CONFLICT (approver_id, signer_key_id, nonce) DO NOTHING",
    );
    // A key's name is written with `key-` in front or without; its nonces are the same.
    let signer = signer.strip_prefix("key-").unwrap_or(signer);
    let fresh = tx.execute(sql.bind(approver).bind(signer).bind(nonce).bind(now)).await? > 0;
    if fresh { Ok(()) } else { Err(ApprovalError::Replay.into()) }
}

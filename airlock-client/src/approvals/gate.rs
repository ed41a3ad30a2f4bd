//! A core [`ApprovalGate`] over HTTP: encrypts, submits, waits, believes only what the paired approver signed.

use std::collections::HashMap;
use std::time::Duration;

use airlock_core::approval::dnd::Standing;
use airlock_core::approval::{
    ApprovalGate, ArtifactHash, Ask, Believed, Decision, Disbelief, ExchangeState, ExpiryRule, GateError,
    KnownSigners, NonceJournal, RequestId, verify_decision,
};
use airlock_core::backoff::Backoff;
use airlock_core::crypto::artifact_hash;
use airlock_core::{CallError, Code, Coded as _};
use async_trait::async_trait;
use parking_lot::Mutex;

use super::dnd::{Choice, StandingDecisions};
use super::enforcer::Approvals;
use super::pairing::Pairing;
use super::state::StateFolder;
use super::ticket::{Answer, Ticket, Tickets};
use crate::calls::{self, Submission};
use crate::error::ClientError;
use crate::gateway::models::{DecisionDeliverEnvelope, EncryptedPayload};
use crate::private_file::FileError;

/// Longest that one long poll waits at the gateway, seconds: shorter than what proxies cut off.
const POLL_S_MAX: u32 = 30;
/// Pauses while the gateway is away.
const AWAY: Backoff = Backoff { min: Duration::from_millis(500), max: Duration::from_secs(15) };
/// Time that saying thanks for a decision may take.
const ACK_TIME_MAX: Duration = Duration::from_secs(5);

/// Asks the paired approver.
///
/// A request's hash and end, and the decision once it was believed, are kept in the [`StateFolder`] before anything is done with
/// them: [`wait`](ApprovalGate::wait) may be dropped, and asked again after a restart, and gives the same answer.
///
/// Two requests with equal payloads have equal hashes. Put something of its own into each, such as the time; the nonce journal
/// tells an old yes from a new one, but only as long as it remembers.
#[derive(Debug)]
pub struct RemoteGate {
    approvals: Approvals,
    pairing: Pairing,
    signers: KnownSigners,
    standing: StandingDecisions,
    folder: StateFolder,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    tickets: Tickets,
    journal: NonceJournal,
}

impl RemoteGate {
    /// A gate over a pairing, with what its folder remembers.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn new(approvals: Approvals, pairing: Pairing, folder: StateFolder) -> Result<Self, FileError> {
        let (tickets, mut journal) = (folder.tickets()?, folder.journal()?);
        tickets.note_nonces(&mut journal);
        let (signers, kept) = (pairing.signers(), Mutex::new(Kept { tickets, journal }));
        Ok(Self { approvals, pairing, signers, standing: StandingDecisions::default(), folder, kept })
    }

    /// The enforcer at its gateway.
    pub fn approvals(&self) -> &Approvals {
        &self.approvals
    }
    /// The pairing.
    pub fn pairing(&self) -> &Pairing {
        &self.pairing
    }
    /// Requests without a decision whose time is not over, those of an earlier run among them.
    pub fn open_requests(&self) -> Vec<RequestId> {
        self.kept.lock().tickets.open(self.approvals.now())
    }

    /// What the person decided in advance about this, if they did. Looked up every quarter of a minute; what cannot be looked up
    /// is not there.
    pub async fn standing(&self, ask: &Ask) -> Option<Standing> {
        self.standing.choose(&self.approvals, &self.pairing, ask).await
    }

    /// Decides by what stands, and reports that; or asks the person and waits. `None` when there is no answer yet: the request goes
    /// on, see [`open_requests`](Self::open_requests).
    ///
    /// # Errors
    /// [`GateError`]: treat it as a no.
    pub async fn decide(&self, ask: Ask, at_most: Duration) -> Result<Option<Choice>, GateError> {
        if let Some(standing) = self.standing(&ask).await {
            self.report(&ask, &standing).await;
            return Ok(Some(Choice::Standing(standing)));
        }
        let request = self.submit(ask).await?;
        Ok(self.wait(&request, at_most).await?.map(Choice::Person))
    }

    /// Tells the person's history that a standing decision was acted on. That it did not arrive changes nothing.
    pub async fn report(&self, ask: &Ask, standing: &Standing) {
        let sealed = match self.seal(ask) {
            Ok(sealed) => sealed,
            Err(error) => return tracing::debug!(%error, "a standing decision is not reported"),
        };
        let mut metadata = self.metadata(ask);
        metadata.insert("dndAudit".into(), "true".into());
        metadata.insert("dndDecision".into(), standing.verdict.to_string());
        let id = RequestId::new(self.approvals.host());
        let sent = self.send(&id, ask, &sealed, ExpiryRule::REPORT_TTL, &metadata);
        match tokio::time::timeout(ACK_TIME_MAX, sent).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a standing decision is not reported"),
            Err(_) => tracing::debug!("a standing decision is not reported in time"),
        }
    }

    fn seal(&self, ask: &Ask) -> Result<Sealed, GateError> {
        let canonical = ask.canonical_payload()?;
        let ciphertext = self.pairing.key.seal(self.approvals.host(), canonical.as_bytes()).into();
        Ok(Sealed { hash: artifact_hash(&canonical), ciphertext })
    }

    /// What is said in clear. Where the request goes is ours to say, not the question's.
    fn metadata(&self, ask: &Ask) -> HashMap<String, String> {
        let mut metadata: HashMap<String, String> = ask.metadata.display().into_iter().collect();
        if let Some(workspace) = &self.approvals.enforcer.workspace {
            metadata.entry("workspaceName".into()).or_insert_with(|| workspace.clone());
        }
        metadata.insert("routingToken".into(), self.pairing.routing_token.expose().clone());
        metadata
    }

    async fn send(
        &self,
        id: &RequestId,
        ask: &Ask,
        sealed: &Sealed,
        ttl: Duration,
        metadata: &HashMap<String, String>,
    ) -> Result<(), ClientError> {
        let now = self.approvals.now();
        let expires_at = now.after(ttl).to_string();
        let submission = Submission {
            request_id: id.as_str(),
            enforcer_id: self.approvals.enforcer.id.as_str(),
            artifact_type: ask.artifact_type.as_str(),
            artifact_hash: sealed.hash.as_str(),
            ciphertext: &sealed.ciphertext,
            expires_at: Some(&expires_at),
            metadata: Some(metadata),
        };
        let call = calls::submit(&submission, now, self.approvals.host());
        self.approvals.airlock.call(&call).await
    }

    /// The decision that was believed before; `None` when none was.
    fn remembered(&self, request: &RequestId) -> Result<Option<Believed>, GateError> {
        let kept = self.kept.lock();
        let ticket = kept.tickets.of(request).ok_or(GateError::UnknownRequest)?;
        match ticket.believed(&self.signers) {
            Some(believed) => Ok(Some(believed?)),
            None if ticket.is_over(self.approvals.now()) => Err(GateError::Ended(ExchangeState::Expired)),
            None => Ok(None),
        }
    }

    /// Takes in what the gateway handed over. Kept before it is given out, so that it is given out again after a crash.
    fn believe(&self, request: &RequestId, decision: Decision) -> Result<Believed, GateError> {
        let now = self.approvals.now();
        let mut kept = self.kept.lock();
        let Kept { tickets, journal } = &mut *kept;
        let ticket = tickets.of_mut(request).ok_or(GateError::UnknownRequest)?;
        // Two may wait for one request.
        if let Some(believed) = ticket.believed(&self.signers) {
            return Ok(believed?);
        }
        let (hash, end) = (&ticket.artifact_hash, Some(ticket.expires_at));
        let believed = verify_decision(&decision, hash, &self.signers, journal, end, now)?;
        ticket.answer = Some(Answer { decision, at: now });
        // The request first: its decision carries the nonce, which a journal written before it would take for a replay.
        self.folder.keep_tickets(tickets).and_then(|()| self.folder.keep_journal(journal)).map_err(unkept)?;
        Ok(believed)
    }

    async fn thank(&self, envelope_id: Option<&str>, request: &RequestId) {
        let Some(msg_id) = envelope_id else { return };
        let host = self.approvals.host();
        let call = calls::ack(msg_id, Some(request.as_str()), host.now(), host);
        // Without it the gateway hands the decision over again, which is no harm.
        match tokio::time::timeout(ACK_TIME_MAX, self.approvals.airlock.call(&call)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the decision is not acknowledged"),
            Err(_) => tracing::debug!("the decision is not acknowledged in time"),
        }
    }

    /// One long poll of at most this long, and what it means.
    async fn poll(&self, request: &RequestId, left: Duration) -> Result<Polled, GateError> {
        let seconds =
            u32::try_from(left.as_secs_f64().ceil() as u64).unwrap_or(POLL_S_MAX).clamp(1, POLL_S_MAX);
        let call = calls::wait(request.as_str(), seconds);
        match self.approvals.airlock.call(&call).await {
            Ok(None) => Ok(Polled::Nothing),
            Ok(Some(envelope)) => {
                let msg_id = envelope.msg_id.clone();
                let believed = self.believe(request, decision(envelope)?)?;
                Ok(Polled::Decided(believed, msg_id))
            }
            Err(error) if error.is_passing() => Ok(Polled::Away(error)),
            Err(error) => Err(self.ended(request, error)),
        }
    }

    /// What a refusal to wait means.
    fn ended(&self, request: &RequestId, error: ClientError) -> GateError {
        let state = match error.refusal() {
            Some(refusal) if refusal.is_expired() => ExchangeState::Expired,
            Some(refusal) if refusal.has(&["withdrawn"]) => ExchangeState::Withdrawn,
            Some(refusal) if refusal.has(&["cancelled"]) => ExchangeState::Cancelled,
            Some(refusal) if refusal.status == 404 => {
                self.forget(request);
                return GateError::UnknownRequest;
            }
            _ => return refused(&error),
        };
        self.forget(request);
        GateError::Ended(state)
    }

    fn forget(&self, request: &RequestId) {
        let mut kept = self.kept.lock();
        kept.tickets.take(request);
        if let Err(error) = self.folder.keep_tickets(&kept.tickets) {
            tracing::warn!(%error, "a request that is over is still kept");
        }
    }
}

struct Sealed {
    hash: ArtifactHash,
    ciphertext: EncryptedPayload,
}

enum Polled {
    Decided(Believed, Option<String>),
    Nothing,
    Away(ClientError),
}

#[async_trait]
impl ApprovalGate for RemoteGate {
    /// Asks the person. A request that was sent and not answered may have arrived; it is taken back then, as well as that goes.
    async fn submit(&self, ask: Ask) -> Result<RequestId, GateError> {
        let sealed = self.seal(&ask)?;
        let rule = ExpiryRule::default();
        let ttl = ask.ttl.unwrap_or(rule.default_ttl).min(rule.cap);
        let (now, id) = (self.approvals.now(), RequestId::new(self.approvals.host()));
        let ticket = Ticket { artifact_hash: sealed.hash.clone(), expires_at: now.after(ttl), answer: None };
        {
            let mut kept = self.kept.lock();
            kept.tickets.forget_old(now);
            kept.tickets.put(id.clone(), ticket);
            self.folder.keep_tickets(&kept.tickets).map_err(unkept)?;
        }
        match self.send(&id, &ask, &sealed, ttl, &self.metadata(&ask)).await {
            Ok(()) => Ok(id),
            Err(error) => {
                if error.is_passing() {
                    let withdraw = calls::withdraw(id.as_str());
                    let _ = tokio::time::timeout(ACK_TIME_MAX, self.approvals.airlock.call(&withdraw)).await;
                }
                self.forget(&id);
                Err(refused(&error))
            }
        }
    }

    async fn wait(&self, request: &RequestId, at_most: Duration) -> Result<Option<Believed>, GateError> {
        let ends_at = tokio::time::Instant::now() + at_most;
        let mut failures = 0;
        loop {
            if let Some(believed) = self.remembered(request)? {
                return Ok(Some(believed));
            }
            let begun = tokio::time::Instant::now();
            let left = ends_at.saturating_duration_since(begun);
            let Ok(polled) = tokio::time::timeout(left.max(POLL_TIME_MIN), self.poll(request, left)).await
            else {
                return Ok(None);
            };
            let pause = match polled? {
                Polled::Decided(believed, msg_id) => {
                    self.thank(msg_id.as_deref(), request).await;
                    return Ok(Some(believed));
                }
                // A gateway that is stopping, or is none, says so at once.
                Polled::Nothing => {
                    failures = 0;
                    POLLS_APART_MIN.saturating_sub(begun.elapsed())
                }
                Polled::Away(error) => {
                    let mut random = [0; 8];
                    self.approvals.host().random(&mut random);
                    let own = AWAY.delay(failures, u64::from_le_bytes(random));
                    let pause = error.advice().after.unwrap_or_default().max(own);
                    failures += 1;
                    let left = ends_at.saturating_duration_since(tokio::time::Instant::now());
                    if pause >= left {
                        return Err(refused(&error));
                    }
                    tracing::debug!(%error, pause_ms = pause.as_millis(), "waiting for the gateway");
                    pause
                }
            };
            if tokio::time::Instant::now() + pause >= ends_at {
                return Ok(None);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn withdraw(&self, request: &RequestId) -> Result<(), GateError> {
        if self.remembered(request)?.is_some() {
            return Err(GateError::Ended(ExchangeState::Decided));
        }
        let error = match self.approvals.airlock.call(&calls::withdraw(request.as_str())).await {
            Ok(()) => {
                self.forget(request);
                return Ok(());
            }
            Err(error) => error,
        };
        if !error.refusal().is_some_and(|refusal| refusal.is_conflict()) {
            return Err(self.ended(request, error));
        }
        let status = self.approvals.airlock.call(&calls::exchange_status(request.as_str())).await;
        let state = status.ok().and_then(|status| ExchangeState::parse(&status.body?.state).ok());
        Err(GateError::Ended(state.unwrap_or(ExchangeState::Decided)))
    }
}

/// Least time between two long polls that were answered with nothing.
const POLLS_APART_MIN: Duration = Duration::from_secs(1);
/// Least time that a question to the gateway is given, also by those who do not want to wait.
const POLL_TIME_MIN: Duration = Duration::from_secs(2);

fn decision(envelope: DecisionDeliverEnvelope) -> Result<Decision, GateError> {
    let body = envelope.body.ok_or(GateError::Disbelieved(Disbelief::UnknownVerdict))?;
    Ok(Decision::try_from(body)?)
}

impl TryFrom<crate::gateway::models::DecisionDeliverBody> for Decision {
    type Error = Disbelief;
    fn try_from(body: crate::gateway::models::DecisionDeliverBody) -> Result<Self, Disbelief> {
        Ok(Self {
            artifact_hash: body.artifact_hash,
            verdict: body.decision.parse()?,
            reason: body.reason,
            signer_key_id: body.signer_key_id,
            nonce: body.nonce,
            signature: body.signature,
            decision_hash: body.decision_hash,
        })
    }
}

fn refused(error: &ClientError) -> GateError {
    let advice = error.advice();
    let mut told = CallError::new(error.code(), error.to_string()).with_hint(advice.what);
    if let Some(word) = error.word() {
        told = told.with_detail(word);
    }
    if let Some(after) = advice.after {
        told = told.with_retry_after_ms(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    }
    GateError::Refused(told)
}

fn unkept(error: FileError) -> GateError {
    GateError::Refused(CallError::new(Code::StoreUnavailable, error.to_string()))
}

//! How an enforcer and an approver come to know each other: codes, answers, and the routing token that comes of it.

use airlock_core::approval::{
    ANSWER_BYTES_MAX, PairingAnswer, PairingCode, PairingError, PairingKind, PairingSession, PairingState,
};
use airlock_core::audit::Action;
use airlock_core::crypto::b64url;
use airlock_core::id::{ApproverId, PairingId};
use airlock_core::{Secret, Timestamp};

use super::approvers::{self, Noted};
use super::end::cancel_of_pairing;
use super::error::ApprovalError;
use super::model::{Approver, ApproverDevice, EnforcerSide, ExchangeRecord, Pairing, Party};
use super::news::{Kind, NewsDesk, Topic};
use super::pairings_repo as repo;
use super::service::Approvals;
use crate::error::ServiceError;
use crate::http::limits::{Rate, neighbourhood};
use crate::secrets::digest;
use crate::store::{Sql, StoreError, Tx};

/// Codes of one person that live at once.
const OPEN_MAX: u64 = 10;
/// Failed guesses of codes, by person and by address.
const GUESSES: Rate = Rate::per_minute(10);
const CODE_TRIES: usize = 8;
const LIST_MAX: i64 = 500;

/// A pairing was begun: the only time that its code is seen.
#[derive(Debug)]
pub struct Begun {
    /// What is known of it.
    pub pairing: Pairing,
    /// What people type.
    pub code: PairingCode,
}

/// A pairing was completed.
#[derive(Debug)]
pub struct Completed {
    /// What is known of it.
    pub pairing: Pairing,
    /// Who decides.
    pub approver: Approver,
    /// What selects them from now on.
    pub routing_token: Secret<String>,
}

impl Approvals {
    /// An enforcer begins.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; when the store or the log does not take it.
    pub async fn initiate(&self, party: &Party, peer: EnforcerSide) -> Result<Begun, ServiceError> {
        let session = PairingSession::initiate(self.now());
        let pairing = self.fresh(party, session);
        let app_id = party.app.as_ref().map(|app| app.id.clone());
        self.begin(party, Pairing { owner: Some(party.user.clone()), app_id, peer, ..pairing }).await
    }

    /// An approver begins: a code for an enforcer's person to type.
    ///
    /// # Errors
    /// As [`Approvals::initiate`].
    pub async fn pre_generate(&self, party: &Party, hint: EnforcerSide) -> Result<Begun, ServiceError> {
        let approver = self.approver(party).await?;
        let pairing = self.fresh(party, PairingSession::pre_generate(self.now()));
        self.begin(party, Pairing { approver: Some(approver.id), peer: hint, ..pairing }).await
    }

    fn fresh(&self, party: &Party, session: PairingSession) -> Pairing {
        let mut nonce = [0; 24];
        self.on.host.random(&mut nonce);
        Pairing {
            id: PairingId::new(&*self.on.host),
            org: party.org.clone(),
            nonce: b64url(&nonce),
            session,
            made_by: party.user.clone(),
            owner: None,
            approver: None,
            app_id: None,
            peer: EnforcerSide::default(),
            answer: None,
            signer_key_id: None,
            created_at: self.now(),
            completed_at: None,
        }
    }

    async fn begin(&self, party: &Party, pairing: Pairing) -> Result<Begun, ServiceError> {
        let action = match pairing.session.kind() {
            PairingKind::Initiated => Action::PairingInitiated,
            PairingKind::PreGenerated => Action::PairingPreGenerated,
        };
        let (this, id) = (self.clone(), pairing.id.to_string());
        let work = async move {
            // Another session may live under the same six characters.
            for _ in 0..CODE_TRIES {
                let code = PairingCode::random(&*this.on.host);
                let mut tx = this.on.store.begin().await?;
                if repo::count_open(&mut tx, &pairing.org, &pairing.made_by, this.now()).await? >= OPEN_MAX {
                    return Err(ApprovalError::TooManyOpen("pairing codes").into());
                }
                match repo::insert(&mut tx, &pairing, &this.code_hash(code.as_str())).await {
                    Ok(()) => {
                        tx.commit().await?;
                        return Ok(Begun { pairing, code });
                    }
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(ServiceError::Conflict("no pairing code is free; try again"))
        };
        self.act(party, action, &id, work).await
    }

    /// How a pairing stands, for the one whose enforcer it is; with its routing token once it is completed.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store does not answer.
    pub async fn pairing_status(
        &self,
        party: &Party,
        nonce: &str,
    ) -> Result<(Pairing, Option<Secret<String>>), ServiceError> {
        let found = repo::by_nonce(&self.on.store, &party.org, nonce).await?;
        let found = found.filter(|p| p.owner.as_ref() == Some(&party.user));
        let pairing = found.ok_or(ApprovalError::NotFound("pairing"))?;
        let done = pairing.session.state(self.now()) == PairingState::Completed;
        let token = done.then(|| self.routing_token(&pairing.id));
        Ok((pairing, token))
    }

    /// Who wants to pair, by the code that an approver typed.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; [`ServiceError::TooMany`] for who guesses; when the store does not answer.
    pub async fn resolve(&self, party: &Party, typed: &str) -> Result<Pairing, ServiceError> {
        self.may_guess(party)?;
        let found = match typed.parse::<PairingCode>() {
            Ok(code) => repo::by_code(&self.on.store, &party.org, &self.code_hash(code.as_str())).await?,
            Err(_) => None,
        };
        let found = found.filter(|p| p.session.kind() == PairingKind::Initiated || p.made_by == party.user);
        let resolved = match found {
            Some(pairing) => pairing.session.resolve(self.now()).map(|()| pairing),
            None => Err(PairingError::NotFoundLike),
        };
        resolved.map_err(|why| self.guessed_wrong(party, why))
    }

    /// An enforcer takes up the code that an approver made in advance.
    ///
    /// # Errors
    /// As [`Approvals::resolve`]; when the log does not take it.
    pub async fn claim(
        &self,
        party: &Party,
        typed: &str,
        peer: EnforcerSide,
    ) -> Result<Pairing, ServiceError> {
        self.may_guess(party)?;
        let not_found = || self.guessed_wrong(party, PairingError::NotFoundLike);
        let code = typed.parse::<PairingCode>().map_err(|_| not_found())?;
        let hash = self.code_hash(code.as_str());
        let Some(found) = repo::by_code(&self.on.store, &party.org, &hash).await? else {
            return Err(not_found());
        };
        let (this, who) = (self.clone(), party.clone());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let held = repo::hold_by_code(&mut tx, &who.org, &hash).await?;
            let mut pairing = held.ok_or(ApprovalError::NotFound("pairing"))?;
            pairing.session.handle_claim(now).map_err(ApprovalError::from)?;
            (pairing.owner, pairing.peer) = (Some(who.user.clone()), peer);
            pairing.app_id = who.app.as_ref().map(|app| app.id.clone());
            repo::update(&mut tx, &pairing, None, now).await?;
            if let Some(approver) = &pairing.approver {
                let topic = Topic::Approver(approver.clone());
                NewsDesk::tell(&mut tx, now, &topic, Kind::Claimed, &pairing.nonce).await?;
            }
            tx.commit().await?;
            Ok(pairing)
        };
        match self.act(party, Action::PairingClaimed, found.id.as_str(), work).await {
            Err(ServiceError::Approval(ApprovalError::Pairing(why))) => Err(self.guessed_wrong(party, why)),
            done => done,
        }
    }

    /// The approver agrees: with their keys, signed.
    ///
    /// # Errors
    /// [`ApprovalError`] inside [`ServiceError::Approval`]; when the store or the log does not take it.
    pub async fn complete(
        &self,
        party: &Party,
        nonce: &str,
        answer: Option<String>,
    ) -> Result<Completed, ServiceError> {
        let approver = self.approver(party).await?;
        let found = self.to_decide(party, nonce).await?;
        let (this, nonce) = (self.clone(), nonce.to_owned());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let held = repo::hold_by_nonce(&mut tx, &approver.org, &nonce).await?;
            let mut pairing = held.ok_or(ApprovalError::NotFound("pairing"))?;
            let before = pairing.session;
            pairing.session.handle_complete(now).map_err(ApprovalError::from)?;
            pairing.signer_key_id =
                match note_answer(&mut tx, &approver.id, &nonce, answer.as_deref(), now).await? {
                    Ok(key) => key,
                    Err(refused) => {
                        pairing.session = before;
                        pairing.session.handle_wrong_answer(now);
                        repo::update(&mut tx, &pairing, None, now).await?;
                        tx.commit().await?;
                        return Err(refused.into());
                    }
                };
            (pairing.answer, pairing.approver) = (answer, Some(approver.id.clone()));
            pairing.completed_at = Some(now);
            let routing_token = this.routing_token(&pairing.id);
            repo::update(&mut tx, &pairing, Some(digest(routing_token.expose())), now).await?;
            tx.commit().await?;
            Ok(Completed { pairing, approver, routing_token })
        };
        self.act(party, Action::PairingCompleted, found.id.as_str(), work).await
    }

    /// The approver does not agree.
    ///
    /// # Errors
    /// As [`Approvals::complete`].
    pub async fn reject(&self, party: &Party, nonce: &str) -> Result<(), ServiceError> {
        let found = self.to_decide(party, nonce).await?;
        let (this, org, nonce) = (self.clone(), party.org.clone(), nonce.to_owned());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let held = repo::hold_by_nonce(&mut tx, &org, &nonce).await?;
            let mut pairing = held.ok_or(ApprovalError::NotFound("pairing"))?;
            pairing.session.handle_reject(now).map_err(ApprovalError::from)?;
            repo::update(&mut tx, &pairing, None, now).await?;
            Ok(tx.commit().await?)
        };
        self.act(party, Action::PairingRejected, found.id.as_str(), work).await
    }

    /// The session that somebody may answer: any enforcer's whose nonce they have from its code, or one of their own codes.
    async fn to_decide(&self, party: &Party, nonce: &str) -> Result<Pairing, ServiceError> {
        let found = repo::by_nonce(&self.on.store, &party.org, nonce).await?;
        let found = found.filter(|p| p.session.kind() == PairingKind::Initiated || p.made_by == party.user);
        Ok(found.ok_or(ApprovalError::NotFound("pairing"))?)
    }

    /// Either side ends a pairing, named by its routing token. A second time changes nothing.
    ///
    /// # Errors
    /// As [`Approvals::complete`].
    pub async fn unpair(&self, party: &Party, routing_token: &str) -> Result<Pairing, ServiceError> {
        let found = repo::by_token(&self.on.store, &party.org, &digest(routing_token)).await?;
        self.end_pairing(party, found).await
    }

    /// The same, named by its nonce: an approver never sees the token.
    ///
    /// # Errors
    /// As [`Approvals::complete`].
    pub async fn unpair_by_nonce(&self, party: &Party, nonce: &str) -> Result<Pairing, ServiceError> {
        let found = repo::by_nonce(&self.on.store, &party.org, nonce).await?;
        self.end_pairing(party, found).await
    }

    async fn end_pairing(&self, party: &Party, found: Option<Pairing>) -> Result<Pairing, ServiceError> {
        let own = self.approver_of(party).await?.map(|approver| approver.id);
        let is_theirs =
            |p: &Pairing| p.owner.as_ref() == Some(&party.user) || (own.is_some() && p.approver == own);
        let found = found.filter(is_theirs).ok_or(ApprovalError::NotFound("pairing"))?;
        if found.session.state(self.now()) == PairingState::Revoked {
            return Ok(found);
        }
        let (this, org, nonce) = (self.clone(), party.org.clone(), found.nonce.clone());
        let work = async move {
            let mut tx = this.on.store.begin().await?;
            let held = repo::hold_by_nonce(&mut tx, &org, &nonce).await?;
            let pairing = held.ok_or(ApprovalError::NotFound("pairing"))?;
            let (pairing, ended) = this.end_in(&mut tx, pairing).await?;
            tx.commit().await?;
            for record in &ended {
                this.note_end(record).await?;
            }
            Ok(pairing)
        };
        self.act(party, Action::PairingRevoked, found.id.as_str(), work).await
    }

    /// Ends a held pairing, with all that waits on it.
    pub(super) async fn end_in(
        &self,
        tx: &mut Tx,
        mut pairing: Pairing,
    ) -> Result<(Pairing, Vec<ExchangeRecord>), ServiceError> {
        let now = self.now();
        pairing.session.handle_revoke(now).map_err(ApprovalError::from)?;
        repo::update(tx, &pairing, None, now).await?;
        let ended = cancel_of_pairing(tx, &pairing.id, now).await?;
        if let Some(approver) = pairing.approver.clone() {
            NewsDesk::tell(tx, now, &Topic::Approver(approver), Kind::Unpaired, &pairing.nonce).await?;
        }
        if let (Some(owner), Some(enforcer)) = (pairing.owner.clone(), pairing.peer.enforcer_id.clone()) {
            let topic = Topic::Enforcer(pairing.org.clone(), owner, enforcer);
            NewsDesk::tell(tx, now, &topic, Kind::Unpaired, &pairing.nonce).await?;
        }
        Ok((pairing, ended))
    }

    /// How several pairings stand, by routing token; unknown ones, and others', are `None`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pairing_by_token(
        &self,
        party: &Party,
        token: &str,
    ) -> Result<Option<PairingState>, ServiceError> {
        let own = self.approver_of(party).await?.map(|approver| approver.id);
        let found = repo::by_token(&self.on.store, &party.org, &digest(token)).await?;
        let found =
            found.filter(|p| p.owner.as_ref() == Some(&party.user) || (own.is_some() && p.approver == own));
        Ok(found.map(|p| p.session.state(self.now())))
    }

    /// All pairings that concern somebody, newest first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn pairings(&self, party: &Party) -> Result<Vec<Pairing>, ServiceError> {
        let own = self.approver_of(party).await?.map(|approver| approver.id);
        Ok(repo::of_person(&self.on.store, &party.org, &party.user, own.as_ref(), LIST_MAX).await?)
    }

    /// What an app is called.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn app_name(&self, id: Option<&str>) -> Result<Option<String>, ServiceError> {
        let Some(id) = id else { return Ok(None) };
        let row = self.on.store.optional(Sql::new("SELECT name FROM apps WHERE id = ?").bind(id)).await?;
        Ok(row.map(|row| row.get("name")).transpose()?)
    }

    fn guess_keys(party: &Party) -> impl Iterator<Item = String> {
        let address = party.caller.ip.map(|ip| format!("ip {}", neighbourhood(ip)));
        std::iter::once(format!("user {}", party.user)).chain(address)
    }

    fn may_guess(&self, party: &Party) -> Result<(), ServiceError> {
        let now = self.on.host.monotonic();
        match Self::guess_keys(party).filter_map(|key| self.on.guesses.wait(&key, GUESSES, now)).max() {
            Some(retry_after) => Err(ServiceError::TooMany { retry_after }),
            None => Ok(()),
        }
    }

    fn guessed_wrong(&self, party: &Party, why: PairingError) -> ServiceError {
        let now = self.on.host.monotonic();
        for key in Self::guess_keys(party) {
            let _ = self.on.guesses.take(&key, GUESSES, now);
        }
        ApprovalError::from(why).into()
    }
}

/// Reads an approver's answer and takes note of the key that it proves: the key's name. An answer that is none, as of the
/// oldest SDK, proves nothing; one that claims a signature must have one.
async fn note_answer(
    tx: &mut Tx,
    approver: &ApproverId,
    nonce: &str,
    answer: Option<&str>,
    now: Timestamp,
) -> Result<Result<Option<String>, ApprovalError>, StoreError> {
    let Some(text) = answer else { return Ok(Ok(None)) };
    if text.len() > ANSWER_BYTES_MAX {
        return Ok(Err(ApprovalError::Answer));
    }
    let parsed: Option<serde_json::Value> = serde_json::from_str(text).ok();
    let Some(parsed) = parsed.filter(|value| value.get("signature").is_some()) else { return Ok(Ok(None)) };
    let verified = serde_json::from_value::<PairingAnswer>(parsed).ok().and_then(|a| a.verify(nonce).ok());
    let Some(verified) = verified else { return Ok(Err(ApprovalError::Answer)) };
    let device = ApproverDevice {
        signer_key_id: verified.signer().key_id.clone(),
        public_key: verified.signer().public_key.to_base64url(),
        device_id: verified.device_id().to_owned(),
        label: None,
        created_at: now,
        revoked_at: None,
    };
    Ok(match approvers::note_device(tx, approver, &device).await? {
        Noted::New | Noted::Known => Ok(Some(device.signer_key_id)),
        Noted::Refused => Err(ApprovalError::Answer),
    })
}

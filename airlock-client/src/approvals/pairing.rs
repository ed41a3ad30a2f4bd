//! How this program and a person's approver come to know each other's keys.

use std::fmt;
use std::time::Duration;

use airlock_core::approval::{
    AnswerError, KnownSigner, KnownSigners, PairingAnswer, PairingState, VerifiedAnswer,
};
use airlock_core::crypto::{AgreementError, AgreementKey, ContentKey, PublicKey};
use airlock_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::enforcer::Approvals;
use crate::calls;
use crate::error::ClientError;
use crate::gateway::models::{PairingClaimRequest, PairingInitiateRequest, PairingStatusResponse};
use crate::private_file::FileError;

/// How often the approver's answer is asked for.
const POLL_EVERY: Duration = Duration::from_secs(3);
/// Longest that it is asked for, whatever the gateway says of the session's end.
const POLL_FOR: Duration = Duration::from_secs(40 * 60);

/// Why a pairing did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairingFailure {
    /// Nobody answered in time.
    #[error("nobody completed the pairing in time")]
    Expired,
    /// The approver said no, or somebody ended it.
    #[error("the pairing was rejected or revoked")]
    Revoked,
    /// It is completed without what belongs to it.
    #[error("the completed pairing has no {0}")]
    Incomplete(&'static str),
    /// The approver's answer does not hold.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// No key can be agreed on.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

/// A pairing that waits for the approver. Its private key is here alone; it ends with this value.
pub struct BegunPairing {
    nonce: String,
    code: String,
    expires_at: Option<Timestamp>,
    key: AgreementKey,
}

impl BegunPairing {
    pub(super) async fn initiate(approvals: &Approvals) -> Result<Self, ClientError> {
        let (enforcer, key) = (&approvals.enforcer, AgreementKey::generate(approvals.host()));
        let request = PairingInitiateRequest {
            device_id: enforcer.device_id.clone(),
            enforcer_id: enforcer.id.to_string(),
            gateway_url: None,
            x25519_public_key: Some(key.public().to_base64url()),
            enforcer_label: Some(enforcer.label.clone()),
            workspace_name: enforcer.workspace.clone(),
        };
        let begun = approvals.airlock.call(&calls::initiate_pairing(&request)).await?;
        let expires_at = begun.expires_at.as_deref().and_then(Timestamp::parse_lenient);
        Ok(Self { nonce: begun.pairing_nonce, code: begun.pairing_code, expires_at, key })
    }

    pub(super) async fn claim(approvals: &Approvals, code: &str) -> Result<Self, ClientError> {
        let (enforcer, key) = (&approvals.enforcer, AgreementKey::generate(approvals.host()));
        let request = PairingClaimRequest {
            pairing_code: code.trim().to_owned(),
            device_id: enforcer.device_id.clone(),
            enforcer_id: enforcer.id.to_string(),
            enforcer_label: enforcer.label.clone(),
            workspace_name: enforcer.workspace_id().to_owned(),
            gateway_url: None,
            x25519_public_key: Some(key.public().to_base64url()),
        };
        let claimed = approvals.airlock.call(&calls::claim_pairing(&request)).await?;
        let expires_at = claimed.expires_at.as_deref().and_then(Timestamp::parse_lenient);
        Ok(Self { nonce: claimed.pairing_nonce, code: request.pairing_code, expires_at, key })
    }

    /// Six characters for the person to type at their approver.
    pub fn code(&self) -> &str {
        &self.code
    }
    /// When it ends, if the gateway said so.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
    /// What this side's key looks like; an approver that was given it by another way than the gateway can compare.
    pub fn public_key(&self) -> String {
        self.key.public().to_base64url()
    }

    /// Asks once whether the approver is done.
    ///
    /// # Errors
    /// When it came to nothing, or the approver's answer does not hold.
    pub async fn poll(&self, approvals: &Approvals) -> Result<Option<Pairing>, ClientError> {
        let status = approvals.airlock.call(&calls::pairing_status(&self.nonce)).await?;
        Ok(self.handle(status, approvals.now())?)
    }

    /// Asks until the approver is done. Safe to drop and to call again.
    ///
    /// # Errors
    /// As [`poll`](Self::poll). A gateway that is away for a moment is asked again.
    pub async fn completed(&self, approvals: &Approvals) -> Result<Pairing, ClientError> {
        let begun = approvals.host().monotonic();
        loop {
            match self.poll(approvals).await {
                Ok(Some(pairing)) => return Ok(pairing),
                Ok(None) => {}
                Err(error) if error.is_passing() => tracing::debug!(%error, "asking for the pairing again"),
                Err(error) => return Err(error),
            }
            if approvals.host().monotonic().saturating_sub(begun) > POLL_FOR {
                return Err(PairingFailure::Expired.into());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    fn handle(
        &self,
        status: PairingStatusResponse,
        now: Timestamp,
    ) -> Result<Option<Pairing>, PairingFailure> {
        // Any other word means that it goes on.
        match PairingState::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(&status.state)) {
            Some(PairingState::Expired) => return Err(PairingFailure::Expired),
            Some(PairingState::Revoked) => return Err(PairingFailure::Revoked),
            Some(PairingState::Completed) => {}
            _ => return Ok(None),
        }
        let routing_token = status.routing_token.filter(|token| !token.is_empty());
        let routing_token = routing_token.ok_or(PairingFailure::Incomplete("routing token"))?;
        let answer = status.response_json.ok_or(PairingFailure::Incomplete("answer of the approver"))?;
        let answer = PairingAnswer::parse(&answer)?.verify(&self.nonce)?;
        // Only a key that the approver signed: another may be the gateway's own.
        let peer = answer.agreement_key().ok_or(PairingFailure::Incomplete("signed key of the approver"))?;
        Ok(Some(Pairing::new(routing_token, self.key.agree(&peer)?, &answer, now)))
    }
}

impl fmt::Debug for BegunPairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BegunPairing").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A pairing: where to ask, the key that both sides share, and whose decisions are believed. Not printed.
#[derive(Clone)]
pub struct Pairing {
    pub(crate) routing_token: Secret<String>,
    pub(crate) key: ContentKey,
    pub(crate) signer: KnownSigner,
    made_at: Timestamp,
}

#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct Kept {
    routing_token: String,
    content_key: String,
    #[zeroize(skip)]
    signer_key_id: String,
    #[zeroize(skip)]
    signer_public_key: String,
    #[zeroize(skip)]
    made_at: Timestamp,
}

impl Pairing {
    fn new(routing_token: String, key: ContentKey, answer: &VerifiedAnswer, made_at: Timestamp) -> Self {
        Self { routing_token: Secret::new(routing_token), key, signer: answer.signer().clone(), made_at }
    }
    /// What the person compares with their approver before the first request: nobody else can tell whose key this is.
    pub fn fingerprint(&self) -> String {
        self.signer.public_key.human_fingerprint()
    }
    /// The name of the approver's signing key.
    pub fn signer_key_id(&self) -> &str {
        &self.signer.key_id
    }
    /// When it was completed.
    pub fn made_at(&self) -> Timestamp {
        self.made_at
    }
    pub(crate) fn signers(&self) -> KnownSigners {
        [self.signer.clone()].into_iter().collect()
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let kept = Kept {
            routing_token: self.routing_token.expose().clone(),
            content_key: self.key.expose_base64url().as_str().to_owned(),
            signer_key_id: self.signer.key_id.clone(),
            signer_public_key: self.signer.public_key.to_base64url(),
            made_at: self.made_at,
        };
        Zeroizing::new(serde_json::to_vec(&kept).expect("texts and a time are JSON"))
    }
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let kept: Kept = serde_json::from_slice(bytes).map_err(|_| FileError::Unreadable)?;
        let key = ContentKey::parse(&kept.content_key).map_err(|_| FileError::Unreadable)?;
        let public_key = PublicKey::parse(&kept.signer_public_key).map_err(|_| FileError::Unreadable)?;
        let signer = KnownSigner { key_id: kept.signer_key_id.clone(), public_key };
        Ok(Self {
            routing_token: Secret::new(kept.routing_token.clone()),
            key,
            signer,
            made_at: kept.made_at,
        })
    }

    /// Ends the pairing for both sides. What waits for a decision is cancelled.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn revoke(&self, approvals: &Approvals) -> Result<(), ClientError> {
        approvals.airlock.call(&calls::revoke_pairing(self.routing_token.expose())).await.map(drop)
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairing").field("signer", &self.signer).finish_non_exhaustive()
    }
}

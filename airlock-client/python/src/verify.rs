//! Whether to believe an approver's keys and decisions, with the gateway in between trusted for nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::approval::{
    AnswerError, ArtifactHash, Decision, Disbelief, KnownSigner, KnownSigners, NonceJournal as Nonces,
    PairingAnswer,
};
use airlock_core::crypto::{AgreementPublicKey, PublicKey};
use pyo3::prelude::*;

use crate::error::NativeError;

/// The nonces seen of late, for several threads of Python.
#[pyclass(frozen, module = "airlock_gateway._native")]
#[derive(Debug)]
pub(crate) struct NonceJournal(Mutex<Nonces>);

impl NonceJournal {
    // A panic while it was locked leaves the journal with or without one nonce: both are sound.
    fn lock(&self) -> MutexGuard<'_, Nonces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl NonceJournal {
    #[new]
    fn new(py: Python<'_>, ttl_seconds: f64, lines: &str) -> Result<Self, NativeError> {
        let ttl = Duration::try_from_secs_f64(ttl_seconds)
            .map_err(|_| NativeError::malformed("ttl_seconds is no length of time"))?;
        let nonces = py.detach(|| Nonces::from_lines(ttl, lines));
        Ok(Self(Mutex::new(nonces)))
    }
    #[pyo3(signature = (nonce, now, /))]
    fn try_record(&self, py: Python<'_>, nonce: &str, now: i64) -> bool {
        py.detach(|| self.lock().try_record(nonce, Timestamp::from_millis(now)))
    }
    #[pyo3(signature = (nonce, now, /))]
    fn has_seen(&self, py: Python<'_>, nonce: &str, now: i64) -> bool {
        py.detach(|| self.lock().has_seen(nonce, Timestamp::from_millis(now)))
    }
    #[pyo3(signature = (now, /))]
    fn count(&self, py: Python<'_>, now: i64) -> usize {
        py.detach(|| self.lock().count(Timestamp::from_millis(now)))
    }
    fn to_lines(&self, py: Python<'_>) -> String {
        py.detach(|| self.lock().to_lines())
    }
}

/// A decision as Python holds it: artifact hash, verdict, signer's key id, nonce, signature, reason.
type Said = (String, String, Option<String>, Option<String>, Option<String>, Option<String>);

/// Whether it is approved, whose key signed, and the unsigned reason.
#[pyfunction]
#[pyo3(signature = (decision, artifact_hash, signers, journal, expires_at, now, /))]
pub(crate) fn verify_decision(
    py: Python<'_>,
    decision: Said,
    artifact_hash: &str,
    signers: BTreeMap<String, String>,
    journal: &NonceJournal,
    expires_at: Option<i64>,
    now: i64,
) -> Result<(bool, String, Option<String>), NativeError> {
    py.detach(|| {
        let own_hash: ArtifactHash =
            artifact_hash.parse().map_err(|_| NativeError::malformed("no artifact hash"))?;
        let signers = known(signers)?;
        let (artifact_hash, verdict, signer_key_id, nonce, signature, reason) = decision;
        let verdict = verdict.parse().map_err(|unknown| disbelief(Disbelief::from(unknown)))?;
        let decision =
            Decision { artifact_hash, verdict, reason, signer_key_id, nonce, signature, decision_hash: None };
        let (ends, now) = (expires_at.map(Timestamp::from_millis), Timestamp::from_millis(now));
        let mut nonces = journal.lock();
        let believed =
            airlock_core::approval::verify_decision(&decision, &own_hash, &signers, &mut nonces, ends, now)
                .map_err(disbelief)?;
        let reason = believed.unverified_reason().map(str::to_owned);
        Ok((believed.is_approved(), believed.signer_key_id().to_owned(), reason))
    })
}

pub(crate) fn known(signers: BTreeMap<String, String>) -> Result<KnownSigners, NativeError> {
    let signer =
        |(key_id, key): (String, String)| Ok(KnownSigner { key_id, public_key: PublicKey::parse(&key)? });
    signers.into_iter().map(signer).collect()
}

fn disbelief(why: Disbelief) -> NativeError {
    let check = match why {
        Disbelief::UnknownVerdict => "unknown_verdict",
        Disbelief::HashMismatch => "hash_mismatch",
        Disbelief::UnknownSigner => "unknown_signer",
        Disbelief::Unsigned => "unsigned",
        Disbelief::BadSignature => "bad_signature",
        Disbelief::Replayed => "replayed",
        Disbelief::Expired => "expired",
        _ => "refused",
    };
    NativeError::Decision(check, why.to_string())
}

/// The approver's key id, Ed25519 key, X25519 key if it is signed as well, and the fingerprint for people.
#[pyfunction]
#[pyo3(signature = (answer, nonce, /))]
pub(crate) fn verify_pairing_answer(
    py: Python<'_>,
    answer: &str,
    nonce: &str,
) -> Result<(String, String, Option<String>, String), NativeError> {
    py.detach(|| {
        let answer = PairingAnswer::parse(answer).map_err(no_answer)?;
        let verified = answer.verify(nonce).map_err(no_answer)?;
        let signer = verified.signer();
        let agreement_key = verified.agreement_key().map(AgreementPublicKey::to_base64url);
        let fingerprint = verified.fingerprint();
        Ok((signer.key_id.clone(), signer.public_key.to_base64url(), agreement_key, fingerprint))
    })
}

fn no_answer(error: AnswerError) -> NativeError {
    NativeError::Pairing(error.to_string())
}

//! Whether to believe a decision: the enforcer's own check, with the gateway in between trusted for nothing.
//!
//! Source: the gateway's protocol, steps of an enforcer's verification, in their order.

use std::time::Duration;

use super::artifact::ArtifactHash;
use super::decision::{Decision, DecisionNonce, signable_a};
use super::nonces::NonceJournal;
use super::signers::KnownSigners;
use super::verdict::{UnknownVerdict, Verdict};
use crate::crypto::decode_any;
use crate::error::{Code, Coded};
use crate::time::Timestamp;

/// A decision that a known approver signed, about the very thing that was asked, in time, for the first time. Only
/// [`verify_decision`] can make one; take it where the act is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    artifact_hash: ArtifactHash,
    verdict: Verdict,
    signer_key_id: String,
    reason: Option<String>,
}

impl Believed {
    /// Yes or no.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
    /// Whether the act may be done.
    pub fn is_approved(&self) -> bool {
        self.verdict == Verdict::Approve
    }
    /// What was decided about.
    pub fn artifact_hash(&self) -> &ArtifactHash {
        &self.artifact_hash
    }
    /// Whose key signed, by the name that the pairing gave it.
    pub fn signer_key_id(&self) -> &str {
        &self.signer_key_id
    }
    /// Why, in the approver's words, or in those of whoever relayed them: nothing signs this text.
    pub fn unverified_reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

/// Why a decision is not believed. Treat each as a no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disbelief {
    /// Neither `approve` nor `reject`. A [`Decision`] cannot hold that; whoever reads one from elsewhere meets it there.
    #[error("not a decision: approve or reject")]
    UnknownVerdict,
    /// About something else.
    #[error("the decision is about something else")]
    HashMismatch,
    /// No signer is named, or none that a pairing brought.
    #[error("the signer is not known from a pairing")]
    UnknownSigner,
    /// No signature, no nonce, or none of the right form.
    #[error("the decision is not signed")]
    Unsigned,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    BadSignature,
    /// This nonce was used before.
    #[error("the decision was used before")]
    Replayed,
    /// The request's time was over.
    #[error("the decision came too late")]
    Expired,
}

impl From<UnknownVerdict> for Disbelief {
    fn from(_: UnknownVerdict) -> Self {
        Self::UnknownVerdict
    }
}

impl Coded for Disbelief {
    fn code(&self) -> Code {
        Code::DecisionNotBelieved
    }
}

/// By how much an enforcer's clock may be ahead of the one that set the deadline.
pub const DECISION_SKEW: Duration = Duration::from_secs(60);

/// Checks a decision about `own_hash`, the hash that this enforcer itself asked about.
///
/// A valid signature uses its nonce up even if the decision then proves late; an invalid one does not, so that nobody without the
/// key can use up nonces. `expires_at` is the deadline as the enforcer knows it, if it does.
///
/// Equal payloads have equal hashes, and a signature names no request: an old yes to an equal payload is told from a new one by
/// its nonce alone. Give the journal a [long memory](NonceJournal::ADVISED_TTL), or each payload something of its own.
///
/// # Errors
/// [`Disbelief`], the first that applies. Form A alone is believed; a `decisionHash`, which announces form B, changes nothing.
pub fn verify_decision(
    decision: &Decision,
    own_hash: &ArtifactHash,
    signers: &KnownSigners,
    journal: &mut NonceJournal,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Believed, Disbelief> {
    if decision.artifact_hash != own_hash.as_str() {
        return Err(Disbelief::HashMismatch);
    }
    let named = decision.signer_key_id.as_deref().ok_or(Disbelief::UnknownSigner)?;
    let signer = signers.find(named).ok_or(Disbelief::UnknownSigner)?;
    let (Some(nonce), Some(signature)) = (&decision.nonce, &decision.signature) else {
        return Err(Disbelief::Unsigned);
    };
    let nonce: DecisionNonce = nonce.parse().map_err(|_| Disbelief::Unsigned)?;
    let signature = decode_any(signature).map_err(|_| Disbelief::Unsigned)?;
    let signed = signable_a(own_hash, decision.verdict, &nonce);
    signer.public_key.verify(&[signed.as_bytes()], &signature).map_err(|_| Disbelief::BadSignature)?;
    if !journal.try_record(nonce.as_str(), now) {
        return Err(Disbelief::Replayed);
    }
    if expires_at.is_some_and(|at| now > at.after(DECISION_SKEW)) {
        return Err(Disbelief::Expired);
    }
    Ok(Believed {
        artifact_hash: own_hash.clone(),
        verdict: decision.verdict,
        signer_key_id: signer.key_id,
        reason: decision.reason.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::approval::{KnownSigner, sign_decision};
    use crate::crypto::{PrivateKey, b64url};

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    struct Enforcer {
        own_hash: ArtifactHash,
        signers: KnownSigners,
        journal: NonceJournal,
        expires_at: Option<Timestamp>,
    }

    fn enforcer() -> Enforcer {
        let known = KnownSigner { key_id: "key-1".to_owned(), public_key: key(1).public() };
        Enforcer {
            own_hash: "own".parse().unwrap(),
            signers: [known].into_iter().collect(),
            journal: NonceJournal::new(NonceJournal::DEFAULT_TTL),
            expires_at: Some(NOW),
        }
    }
    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }
    fn signed(hash: &str, verdict: Verdict, nonce: &str) -> Decision {
        sign_decision(
            &key(1),
            "key-1",
            &hash.parse().unwrap(),
            verdict,
            &nonce.parse().unwrap(),
            Some("because"),
        )
    }
    impl Enforcer {
        fn judge(&mut self, decision: &Decision, now: Timestamp) -> Result<Verdict, Disbelief> {
            verify_decision(decision, &self.own_hash, &self.signers, &mut self.journal, self.expires_at, now)
                .map(|believed| believed.verdict())
        }
    }

    #[track_caller]
    fn disbelieved(change: impl Fn(&mut Decision), expected: Disbelief) {
        let mut decision = signed("own", Verdict::Approve, "n");
        change(&mut decision);
        let mut enforcer = enforcer();
        assert_eq!(enforcer.judge(&decision, NOW), Err(expected));
        // What was refused before its signature held has used no nonce up.
        assert_eq!(enforcer.journal.count(NOW), 0);
    }

    #[test]
    fn a_signed_decision_is_believed_once() {
        let mut enforcer = enforcer();
        let yes = signed("own", Verdict::Approve, "n1");
        assert_eq!(enforcer.judge(&yes, NOW), Ok(Verdict::Approve));
        assert_eq!(enforcer.judge(&yes, NOW), Err(Disbelief::Replayed));
        assert_eq!(enforcer.judge(&signed("own", Verdict::Reject, "n2"), NOW), Ok(Verdict::Reject));
        // The same nonce for the other verdict is a replay too.
        assert_eq!(enforcer.judge(&signed("own", Verdict::Approve, "n2"), NOW), Err(Disbelief::Replayed));
    }

    #[test]
    fn each_step_refuses_what_is_its_own() {
        disbelieved(|d| d.artifact_hash = "other".to_owned(), Disbelief::HashMismatch);
        disbelieved(|d| d.artifact_hash = "OWN".to_owned(), Disbelief::HashMismatch);
        disbelieved(|d| d.signer_key_id = None, Disbelief::UnknownSigner);
        disbelieved(|d| d.signer_key_id = Some("key-2".to_owned()), Disbelief::UnknownSigner);
        disbelieved(|d| d.signer_key_id = Some("Key-1".to_owned()), Disbelief::UnknownSigner);
        disbelieved(|d| d.nonce = None, Disbelief::Unsigned);
        disbelieved(|d| d.nonce = Some(String::new()), Disbelief::Unsigned);
        disbelieved(|d| d.signature = None, Disbelief::Unsigned);
        disbelieved(|d| d.signature = Some("é".to_owned()), Disbelief::Unsigned);
        disbelieved(|d| d.signature = Some(String::new()), Disbelief::BadSignature);
        disbelieved(|d| d.signature = Some(b64url(&[0; 64])), Disbelief::BadSignature);
        disbelieved(|d| d.verdict = Verdict::Reject, Disbelief::BadSignature);
        disbelieved(|d| d.nonce = Some("N".to_owned()), Disbelief::BadSignature);
        // A signature of another key under a known name, and of form B.
        disbelieved(
            |d| d.signature = Some(b64url(&key(2).sign(&[b"own|approve|n"]))),
            Disbelief::BadSignature,
        );
        let form_b = br#"{"artifactHash":"own","decision":"approve","nonce":"n","reason":"because","signerKeyId":"key-1"}"#;
        disbelieved(
            |d| {
                d.signature = Some(b64url(&key(1).sign(&[form_b])));
                d.decision_hash = Some("x".to_owned());
            },
            Disbelief::BadSignature,
        );
        assert_eq!(Disbelief::from("allow".parse::<Verdict>().unwrap_err()), Disbelief::UnknownVerdict);
    }

    #[test]
    fn no_other_list_of_fields_has_the_text_that_was_signed() {
        // A no about a thing whose hash was made to look like this: as bytes, a yes about `own` with the nonce `x|reject|n`.
        let no = signed("own|approve|x", Verdict::Reject, "n");
        let forged = Decision {
            artifact_hash: "own".to_owned(),
            verdict: Verdict::Approve,
            nonce: Some("x|reject|n".to_owned()),
            ..no.clone()
        };
        let text = |d: &Decision| format!("{}|{}|{}", d.artifact_hash, d.verdict, d.nonce.clone().unwrap());
        assert_eq!(text(&no), text(&forged));
        assert_eq!(enforcer().judge(&forged, NOW), Err(Disbelief::Unsigned));
    }

    #[test]
    fn a_decision_is_late_after_the_deadline_and_the_skew() {
        let at = |ms: u64| NOW.after(Duration::from_millis(ms));
        assert_eq!(enforcer().judge(&signed("own", Verdict::Approve, "n"), at(60_000)), Ok(Verdict::Approve));
        let mut enforcer = enforcer();
        let late = signed("own", Verdict::Approve, "n");
        assert_eq!(enforcer.judge(&late, at(60_001)), Err(Disbelief::Expired));
        // It was used up, so that a clock set back does not bring it to life.
        assert_eq!(enforcer.judge(&late, NOW), Err(Disbelief::Replayed));
        enforcer.expires_at = None;
        assert_eq!(enforcer.judge(&signed("own", Verdict::Approve, "m"), at(60_001)), Ok(Verdict::Approve));
    }

    #[test]
    fn what_is_believed_says_who_and_keeps_the_reason_apart() {
        let mut with = enforcer();
        let mut decision = signed("own", Verdict::Approve, "n");
        decision.signer_key_id = Some("1".to_owned());
        decision.reason = Some("put there on the way".to_owned());
        decision.decision_hash = Some("x".to_owned());
        let believed =
            verify_decision(&decision, &with.own_hash, &with.signers, &mut with.journal, None, NOW).unwrap();
        assert_eq!((believed.signer_key_id(), believed.is_approved()), ("key-1", true));
        assert_eq!(believed.unverified_reason(), Some("put there on the way"));
        assert_eq!(believed.artifact_hash(), &with.own_hash);
    }
}

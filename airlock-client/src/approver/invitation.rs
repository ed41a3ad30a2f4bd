//! Who wants to pair, and the answer that makes the pairing.

use airlock_core::Host;
use airlock_core::approval::{AnswerError, PairingAnswer};
use airlock_core::crypto::{AgreementError, AgreementKey, AgreementPublicKey};
use airlock_core::{Secret, Timestamp};
use airlock_proto::gateway::PairingResolveResponse;

use super::inert::Inert;
use super::keys::{ApproverKeys, PairedEnforcer};

/// An enforcer that wants to pair, as the gateway tells of it. Only the code ties it to the person who read it out.
#[derive(Clone, Debug)]
pub struct Invitation {
    nonce: String,
    enforcer_id: Option<String>,
    label: Option<String>,
    workspace: Option<String>,
    app: Option<String>,
    key: AgreementPublicKey,
    expires_at: Option<Timestamp>,
}

/// Why nobody can be paired with by this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// A code of one's own that nobody took up yet.
    #[error("nobody took this code up yet")]
    NotClaimed,
    /// It was completed, rejected or revoked.
    #[error("this pairing is over: {0}")]
    Over(&'static str),
    /// The enforcer has no key that could be used; nothing could be sealed for this approver.
    #[error("the enforcer brought no valid key")]
    NoKey,
    /// The gateway's nonce cannot be signed.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl From<AgreementError> for InvitationError {
    fn from(_: AgreementError) -> Self {
        Self::NoKey
    }
}

impl TryFrom<PairingResolveResponse> for Invitation {
    type Error = InvitationError;
    fn try_from(told: PairingResolveResponse) -> Result<Self, InvitationError> {
        match told.state.to_ascii_lowercase().as_str() {
            "completed" => return Err(InvitationError::Over("completed")),
            "expired" => return Err(InvitationError::Over("expired")),
            "revoked" => return Err(InvitationError::Over("rejected or revoked")),
            _ if told.device_id.is_empty() => return Err(InvitationError::NotClaimed),
            _ => {}
        }
        let key = told.x25519_public_key.as_deref().ok_or(InvitationError::NoKey)?;
        Ok(Self {
            nonce: told.pairing_nonce,
            enforcer_id: told.enforcer_id,
            label: told.enforcer_label,
            workspace: told.workspace_name,
            app: told.app_name,
            key: AgreementPublicKey::parse(key)?,
            expires_at: told.expires_at.as_deref().and_then(Timestamp::parse_lenient),
        })
    }
}

impl Invitation {
    /// What the enforcer says of itself, to show to a person: its names, where it has them. Anybody can say this.
    pub fn claimed(&self) -> Vec<(&'static str, Inert)> {
        let told = [
            ("enforcer", &self.enforcer_id),
            ("label", &self.label),
            ("workspace", &self.workspace),
            ("app", &self.app),
        ];
        let told = told.into_iter().filter_map(|(what, text)| Some((what, text.as_deref()?)));
        told.map(|(what, text)| (what, Inert::line(text))).collect()
    }
    /// Names the session.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
    /// The enforcer's key. Where the enforcer shows its own by another way (a QR code), equal texts mean that the gateway changed nothing.
    pub fn enforcer_key(&self) -> String {
        self.key.to_base64url()
    }
    /// Until when it can be accepted, if the gateway said so.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Makes a fresh key for this pairing and signs the answer. Keep the [`Acceptance`]'s pairing before its answer is sent: once the
    /// enforcer has it, requests come that only this key opens.
    ///
    /// # Errors
    /// When the enforcer's key is a weak one, or the nonce cannot be signed.
    pub fn accept(&self, keys: &ApproverKeys, host: &dyn Host) -> Result<Acceptance, InvitationError> {
        let own = AgreementKey::generate(host);
        let now = host.now();
        let answer =
            PairingAnswer::sign(keys.signing(), own.public(), &self.nonce, now, Some(keys.device_id()))?;
        let pairing = PairedEnforcer {
            key: own.agree(&self.key)?,
            routing_token: None,
            enforcer_id: self.enforcer_id.clone(),
            label: self.label.clone(),
            workspace: self.workspace.clone(),
            paired_at: now,
        };
        Ok(Acceptance { nonce: self.nonce.clone(), answer: answer.to_json(), pairing })
    }
}

/// A signed answer, and what the approver keeps of it.
#[derive(Clone, Debug)]
pub struct Acceptance {
    nonce: String,
    answer: String,
    pairing: PairedEnforcer,
}

impl Acceptance {
    /// Names the session.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }
    /// The text of `responseJson`: public keys, signed.
    pub fn answer(&self) -> &str {
        &self.answer
    }
    /// What to keep, under the nonce.
    pub fn pairing(&self) -> &PairedEnforcer {
        &self.pairing
    }
    /// The same with the token by which the pairing can be ended.
    pub fn completed(&self, routing_token: String) -> PairedEnforcer {
        PairedEnforcer { routing_token: Some(Secret::new(routing_token)), ..self.pairing.clone() }
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::test_util::FixedHost;

    use super::*;

    fn told(state: &str, device: &str, key: Option<String>) -> PairingResolveResponse {
        PairingResolveResponse {
            pairing_nonce: "pn".into(),
            device_id: device.into(),
            state: state.into(),
            enforcer_id: Some("enf-1".into()),
            enforcer_label: Some("a\u{202e}b".into()),
            workspace_name: None,
            app_name: None,
            gateway_url: None,
            x25519_public_key: key,
            expires_at: Some("2026-01-01T00:10:00Z".into()),
        }
    }

    #[test]
    fn an_answer_verifies_at_the_enforcer_and_both_have_one_key() {
        let host = FixedHost::new();
        let (enforcer, keys) = (AgreementKey::generate(&host), ApproverKeys::generate(&host));
        let public = enforcer.public().to_base64url();
        let invitation = Invitation::try_from(told("Pending", "d", Some(public.clone()))).unwrap();
        assert_eq!(invitation.enforcer_key(), public);
        assert_eq!(invitation.claimed()[1].1.as_str(), r"a\u{202e}b");
        let accepted = invitation.accept(&keys, &host).unwrap();
        let verified = PairingAnswer::parse(accepted.answer()).unwrap().verify("pn").unwrap();
        assert_eq!((verified.fingerprint(), verified.device_id()), (keys.fingerprint(), keys.device_id()));
        let key = enforcer.agree(&verified.agreement_key().unwrap()).unwrap();
        let sealed = key.seal(&host, b"asked");
        assert_eq!(accepted.pairing().key.open(&sealed).unwrap().as_slice(), b"asked");
        // Every pairing has a key of its own.
        let again = invitation.accept(&keys, &host).unwrap();
        assert!(again.pairing().key.open(&sealed).is_err());
        assert!(!format!("{accepted:?}").contains(accepted.pairing().key.expose_base64url().as_str()));
    }

    #[test]
    fn what_cannot_be_paired_with_is_told_apart() {
        let key = || Some(AgreementKey::generate(&FixedHost::new()).public().to_base64url());
        let refused = |state, device, key| Invitation::try_from(told(state, device, key)).unwrap_err();
        assert_eq!(refused("Pending", "", None), InvitationError::NotClaimed);
        assert_eq!(refused("Pending", "d", None), InvitationError::NoKey);
        assert_eq!(refused("Pending", "d", Some("AA".into())), InvitationError::NoKey);
        assert_eq!(refused("Completed", "d", key()), InvitationError::Over("completed"));
        assert_eq!(refused("revoked", "d", key()), InvitationError::Over("rejected or revoked"));
        let weak = airlock_core::crypto::b64url(&[0; 32]);
        let invitation = Invitation::try_from(told("Pending", "d", Some(weak))).unwrap();
        let keys = ApproverKeys::generate(&FixedHost::new());
        assert_eq!(invitation.accept(&keys, &FixedHost::new()).unwrap_err(), InvitationError::NoKey);
    }
}

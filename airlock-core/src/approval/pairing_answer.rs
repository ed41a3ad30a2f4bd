//! What an approver answers to complete a pairing: its keys, signed.
//!
//! Source: the gateway's protocol, pairing response: Ed25519 over `signerKeyId|publicKey|pairingNonce|timestamp|x25519PublicKey`, each text
//! as it stands in the answer. An older form leaves the last field out; then nothing binds the X25519 key, and whoever relayed
//! the answer may have put its own there.
//!
//! The signature shows that one holder of the signing key chose the X25519 key for this session. Whose key it is no signature
//! can say: people compare fingerprints.

use serde::{Deserialize, Serialize};

use super::signers::{KnownSigner, signer_key_id};
use crate::crypto::{AgreementPublicKey, PrivateKey, PublicKey, b64url, decode_any};
use crate::error::{Code, Coded};
use crate::time::Timestamp;

/// The answer as it travels, inside the string `responseJson`. Texts stay as they were sent, because they are what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PairingAnswer {
    /// Name of the signing key.
    pub signer_key_id: String,
    /// Ed25519 key.
    pub public_key: String,
    /// The session's.
    pub pairing_nonce: String,
    /// When it was made, RFC 3339.
    pub timestamp: String,
    /// X25519 key.
    #[serde(rename = "x25519PublicKey", default, skip_serializing_if = "Option::is_none")]
    pub x25519_public_key: Option<String>,
    /// Base64url of 64 bytes.
    pub signature: String,
    /// The approver's device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// Why an answer does not pair. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No JSON object with these members, or longer than [`ANSWER_BYTES_MAX`].
    #[error("not a pairing answer")]
    Shape,
    /// A member that cannot be signed without doubt: empty, too long, with `|` or a control character, or no time.
    #[error("{field} of the pairing answer is not of its form")]
    Field {
        /// The member's name.
        field: &'static str,
    },
    /// It answers another session.
    #[error("the pairing answer is for another session")]
    OtherSession,
    /// The signing key is none, or a weak one.
    #[error("the pairing answer has no valid Ed25519 key")]
    SigningKey,
    /// The other key is no X25519 key.
    #[error("the pairing answer has no valid X25519 key")]
    AgreementKey,
    /// The signature holds in neither form.
    #[error("the pairing answer's signature does not hold")]
    BadSignature,
}

impl Coded for AnswerError {
    fn code(&self) -> Code {
        Code::InvalidArguments
    }
}

/// An answer whose signature holds. Only [`PairingAnswer::verify`] can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedAnswer {
    signer: KnownSigner,
    agreement: Option<(AgreementPublicKey, Binding)>,
    device_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binding {
    Signed,
    Unsigned,
}

impl VerifiedAnswer {
    /// The approver's signing key, to believe its decisions by.
    pub fn signer(&self) -> &KnownSigner {
        &self.signer
    }
    /// The approver's X25519 key, if the signature covers it: the one to seal for.
    pub fn agreement_key(&self) -> Option<AgreementPublicKey> {
        self.agreement.and_then(|(key, binding)| (binding == Binding::Signed).then_some(key))
    }
    /// The X25519 key also where nothing signs it, as in the older form: the gateway could have put its own there, and read
    /// all that is sealed for it.
    pub fn dangerous_unsigned_agreement_key(&self) -> Option<AgreementPublicKey> {
        self.agreement.map(|(key, _)| key)
    }
    /// What people on both sides compare before they confirm.
    pub fn fingerprint(&self) -> String {
        self.signer.public_key.human_fingerprint()
    }
    /// The approver's device.
    pub fn device_id(&self) -> &str {
        self.device_id.as_deref().unwrap_or("mobile")
    }
}

/// Longest `responseJson` that is read.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;

impl PairingAnswer {
    /// Answers a session, in the form of five fields.
    ///
    /// # Errors
    /// [`AnswerError::Field`] if the nonce that the gateway gave is not of its form.
    pub fn sign(
        key: &PrivateKey,
        agreement_key: AgreementPublicKey,
        pairing_nonce: &str,
        now: Timestamp,
        device_id: Option<&str>,
    ) -> Result<Self, AnswerError> {
        let mut answer = Self {
            signer_key_id: signer_key_id(key.public()),
            public_key: key.public().to_base64url(),
            pairing_nonce: pairing_nonce.to_owned(),
            timestamp: now.to_string(),
            x25519_public_key: Some(agreement_key.to_base64url()),
            signature: String::new(),
            device_id: device_id.map(str::to_owned),
        };
        answer.check_fields()?;
        answer.signature = b64url(&key.sign(&[answer.signable().as_bytes()]));
        Ok(answer)
    }
    /// Reads `responseJson`. Unknown members are passed over.
    ///
    /// # Errors
    /// [`AnswerError::Shape`].
    pub fn parse(text: &str) -> Result<Self, AnswerError> {
        if text.len() > ANSWER_BYTES_MAX {
            return Err(AnswerError::Shape);
        }
        serde_json::from_str(text).map_err(|_| AnswerError::Shape)
    }
    /// The text of `responseJson`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of texts has a JSON form")
    }
    /// Checks the answer to the session of this nonce. Keys are read in every form that is sent; the older form of the signature is
    /// taken as well.
    ///
    /// # Errors
    /// [`AnswerError`], the first that applies.
    pub fn verify(&self, pairing_nonce: &str) -> Result<VerifiedAnswer, AnswerError> {
        self.check_fields()?;
        if self.pairing_nonce != pairing_nonce {
            return Err(AnswerError::OtherSession);
        }
        let public_key = PublicKey::parse(&self.public_key).map_err(|_| AnswerError::SigningKey)?;
        let agreement_key = match &self.x25519_public_key {
            Some(text) => Some(AgreementPublicKey::parse(text).map_err(|_| AnswerError::AgreementKey)?),
            None => None,
        };
        let signature = decode_any(&self.signature).map_err(|_| AnswerError::BadSignature)?;
        let holds = |text: String| public_key.verify(&[text.as_bytes()], &signature).is_ok();
        let binding = if holds(self.signable()) {
            Binding::Signed
        } else if holds(self.four_fields()) {
            Binding::Unsigned
        } else {
            return Err(AnswerError::BadSignature);
        };
        Ok(VerifiedAnswer {
            signer: KnownSigner { key_id: self.signer_key_id.clone(), public_key },
            agreement: agreement_key.map(|key| (key, binding)),
            device_id: self.device_id.clone(),
        })
    }

    fn signable(&self) -> String {
        match &self.x25519_public_key {
            Some(key) => format!("{}|{key}", self.four_fields()),
            None => self.four_fields(),
        }
    }
    fn four_fields(&self) -> String {
        [&self.signer_key_id, &self.public_key, &self.pairing_nonce, &self.timestamp]
            .map(String::as_str)
            .join("|")
    }
    // With `|` in a field two lists of fields would have one text. A time where a decision has its word keeps signatures of
    // decisions apart from those of answers.
    fn check_fields(&self) -> Result<(), AnswerError> {
        for (field, text, bytes_max) in [
            ("signerKeyId", Some(&self.signer_key_id), 256),
            ("publicKey", Some(&self.public_key), 128),
            ("pairingNonce", Some(&self.pairing_nonce), 256),
            ("timestamp", Some(&self.timestamp), 64),
            ("x25519PublicKey", self.x25519_public_key.as_ref(), 128),
        ] {
            let is_plain = |c: char| c != '|' && !c.is_control();
            if text.is_some_and(|t| t.is_empty() || t.len() > bytes_max || !t.chars().all(is_plain)) {
                return Err(AnswerError::Field { field });
            }
        }
        match Timestamp::parse_lenient(&self.timestamp) {
            Some(_) => Ok(()),
            None => Err(AnswerError::Field { field: "timestamp" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::AgreementKey;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_000);

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(&[seed; 32])
    }
    fn agreement(seed: u8) -> AgreementPublicKey {
        AgreementKey::from_bytes(&[seed; 32]).public()
    }
    fn answer() -> PairingAnswer {
        PairingAnswer::sign(&key(1), agreement(2), "pn", NOW, None).unwrap()
    }
    // Signed anew after the change, as a malicious approver would.
    fn resigned(change: impl Fn(&mut PairingAnswer)) -> PairingAnswer {
        let mut answer = answer();
        change(&mut answer);
        answer.signature = b64url(&key(1).sign(&[answer.signable().as_bytes()]));
        answer
    }

    #[test]
    fn an_answer_reads_back_and_binds_both_keys() {
        let verified = PairingAnswer::parse(&answer().to_json()).unwrap().verify("pn").unwrap();
        assert_eq!(verified.signer().public_key, key(1).public());
        assert_eq!(verified.signer().key_id, signer_key_id(key(1).public()));
        assert_eq!(verified.agreement_key(), Some(agreement(2)));
        assert_eq!((verified.device_id(), verified.fingerprint().len()), ("mobile", 23));
    }

    #[test]
    fn a_changed_member_does_not_verify() {
        let with = |change: fn(&mut PairingAnswer)| {
            let mut answer = answer();
            change(&mut answer);
            answer.verify("pn").map(|_| ())
        };
        assert_eq!(with(|_| ()), Ok(()));
        assert_eq!(with(|a| a.device_id = Some("not signed".to_owned())), Ok(()));
        let bad = Err(AnswerError::BadSignature);
        assert_eq!(with(|a| a.signer_key_id.push('0')), bad);
        assert_eq!(with(|a| a.public_key = key(2).public().to_base64url()), bad);
        // The same key in another text is another text.
        assert_eq!(with(|a| a.public_key = key(1).public().to_base64()), bad);
        assert_eq!(with(|a| a.timestamp = "2026-01-01T00:00:00.001Z".to_owned()), bad);
        assert_eq!(with(|a| a.x25519_public_key = Some(agreement(3).to_base64url())), bad);
        assert_eq!(with(|a| a.x25519_public_key = None), bad);
        assert_eq!(with(|a| a.signature = b64url(&[0; 64])), bad);
        assert_eq!(with(|a| a.signature.push('!')), bad);
        assert_eq!(with(|a| a.pairing_nonce = "other".to_owned()), Err(AnswerError::OtherSession));
        assert_eq!(answer().verify("other"), Err(AnswerError::OtherSession));
    }

    #[test]
    fn what_cannot_be_signed_without_doubt_is_refused_though_signed() {
        let refused = |change: fn(&mut PairingAnswer)| resigned(change).verify("pn").unwrap_err();
        let field = |field| AnswerError::Field { field };
        assert_eq!(refused(|a| a.signer_key_id = "key|x".to_owned()), field("signerKeyId"));
        assert_eq!(refused(|a| a.signer_key_id.clear()), field("signerKeyId"));
        assert_eq!(refused(|a| a.signer_key_id.push('\n')), field("signerKeyId"));
        assert_eq!(refused(|a| a.timestamp = "approve".to_owned()), field("timestamp"));
        // Five fields that would read as four with a strange time.
        assert_eq!(refused(|a| a.timestamp.push_str("|x")), field("timestamp"));
        assert_eq!(refused(|a| a.x25519_public_key = Some(String::new())), field("x25519PublicKey"));
        assert_eq!(refused(|a| a.x25519_public_key = Some("AA".to_owned())), AnswerError::AgreementKey);
        assert_eq!(refused(|a| a.public_key = b64url(&[0; 32])), AnswerError::SigningKey);
        assert!(PairingAnswer::sign(&key(1), agreement(2), "p|n", NOW, None).is_err());
    }

    #[test]
    fn a_key_that_only_the_older_form_came_with_is_not_given_out_as_signed() {
        let mut older = answer();
        older.signature = b64url(&key(1).sign(&[older.four_fields().as_bytes()]));
        // Whoever relays it puts another key in, and the signature still holds.
        older.x25519_public_key = Some(agreement(9).to_base64url());
        let verified = older.verify("pn").unwrap();
        assert_eq!(verified.agreement_key(), None);
        assert_eq!(verified.dangerous_unsigned_agreement_key(), Some(agreement(9)));
        older.x25519_public_key = None;
        assert_eq!(older.verify("pn").unwrap().dangerous_unsigned_agreement_key(), None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let with_a_number = answer().to_json().replace("\"pn\"", "7");
        let long = format!("{}{}", answer().to_json(), " ".repeat(ANSWER_BYTES_MAX));
        for text in ["", "{}", "[]", "null", "\"x\"", with_a_number.as_str(), long.as_str()] {
            assert_eq!(PairingAnswer::parse(text), Err(AnswerError::Shape));
        }
    }
}

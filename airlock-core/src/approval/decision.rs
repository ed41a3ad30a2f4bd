//! What an approver says, and how it is signed.
//!
//! Source: the gateway's protocol, decision signatures, form A: Ed25519 over `artifactHash|decision|nonce`. Forms B and C (canonical
//! JSON of more fields) are neither made nor believed: no shipped enforcer checks C, only the .NET SDK checks B, and a
//! verifier that takes several forms lets whoever relays a decision choose the weakest.
//!
//! Two different lists of fields must not have one text. The hash is the enforcer's own word and may hold `|`; the decision is one
//! of two words and the nonce may hold none, so that the text reads from its end in one way only. The same key also signs
//! pairing answers and standing decisions: an answer has a time where a decision has its word, and a standing decision's JSON ends
//! in `}` where a decision has a nonce that its approver drew.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::artifact::ArtifactHash;
use super::verdict::Verdict;
use crate::crypto::{PrivateKey, b64url};
use crate::host::Host;

/// A decision as it travels, each text as its approver sent it. Not believed yet: see [`verify_decision`](super::verify_decision).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What was decided about.
    pub artifact_hash: String,
    /// Yes or no.
    #[serde(rename = "decision")]
    pub verdict: Verdict,
    /// Why, for people to read. Nothing signs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Which key signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_key_id: Option<String>,
    /// Used once by its signer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Base64url of 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Says that form B was signed. Ours leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_hash: Option<String>,
}

impl Decision {
    /// Whether `other` is this decision sent once more: same signer, same nonce, same verdict about the same thing.
    pub fn is_repeated_by(&self, other: &Self) -> bool {
        self.verdict == other.verdict
            && self.artifact_hash == other.artifact_hash
            && self.signer_key_id == other.signer_key_id
            && self.nonce == other.nonce
    }
}

/// What makes one signature different from every other of its signer: 1-128 visible ASCII characters, not `|`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DecisionNonce(String);

/// The text can be no nonce of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a nonce: 1-128 visible ASCII characters, not |")]
pub struct InvalidNonce;

impl DecisionNonce {
    /// 128 bits from the host's randomness.
    pub fn random(host: &dyn Host) -> Self {
        let mut bytes = [0; 16];
        host.random(&mut bytes);
        Self(b64url(&bytes))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DecisionNonce {
    type Err = InvalidNonce;
    fn from_str(text: &str) -> Result<Self, InvalidNonce> {
        let valid =
            (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b'|');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidNonce) }
    }
}

impl fmt::Display for DecisionNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text that form A signs.
pub fn signable_a(artifact_hash: &ArtifactHash, verdict: Verdict, nonce: &DecisionNonce) -> String {
    format!("{artifact_hash}|{verdict}|{nonce}")
}

/// Makes a decision and signs it. `reason` is shown to the enforcer and not signed.
pub fn sign_decision(
    key: &PrivateKey,
    signer_key_id: &str,
    artifact_hash: &ArtifactHash,
    verdict: Verdict,
    nonce: &DecisionNonce,
    reason: Option<&str>,
) -> Decision {
    let signature = key.sign(&[signable_a(artifact_hash, verdict, nonce).as_bytes()]);
    Decision {
        artifact_hash: artifact_hash.as_str().to_owned(),
        verdict,
        reason: reason.map(str::to_owned),
        signer_key_id: Some(signer_key_id.to_owned()),
        nonce: Some(nonce.as_str().to_owned()),
        signature: Some(b64url(&signature)),
        decision_hash: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::FixedHost;

    #[test]
    fn a_decision_travels_as_it_was_sent() {
        let text = r#"{"artifactHash":"h|é","decision":"approve","reason":" why\n","signerKeyId":"key-1","nonce":"n","signature":"s=="}"#;
        let decision: Decision = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&decision).unwrap(), text);
        let nulls = r#"{"artifactHash":"h","decision":"reject","reason":null,"nonce":null,"later":1}"#;
        let decision: Decision = serde_json::from_str(nulls).unwrap();
        assert_eq!(serde_json::to_string(&decision).unwrap(), r#"{"artifactHash":"h","decision":"reject"}"#);
    }

    #[test]
    fn a_nonce_is_one_visible_word_without_the_separator() {
        assert!("nonce-0001".parse::<DecisionNonce>().is_ok());
        assert!("a+/=~".parse::<DecisionNonce>().is_ok());
        assert!(DecisionNonce::random(&FixedHost::new()).as_str().parse::<DecisionNonce>().is_ok());
        for bad in ["", "a|b", "a b", "a\tb", "a\n", "é", &"n".repeat(129)] {
            assert!(bad.parse::<DecisionNonce>().is_err(), "{bad:?}");
        }
    }
}

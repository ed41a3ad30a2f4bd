//! Enrollment: a single-use token and our public key become a permanent identity.

use airlock_core::Secret;
use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_proto::enroll::{EnrollError, EnrollRequest, EnrollResponse, PATH};

use crate::door::Door;

/// Where to enroll, with what.
#[derive(Debug)]
#[non_exhaustive]
pub struct Enrollment {
    /// The control plane.
    pub door: Door,
    /// The token; used up by success.
    pub token: Secret<String>,
    /// The control plane's key as its operator read it out, `sha256:…`; unchecked when absent.
    pub cp_fingerprint: Option<String>,
}

impl Enrollment {
    /// Enrollment by a token.
    pub fn new(door: Door, token: Secret<String>) -> Self {
        Self { door, token, cp_fingerprint: None }
    }

    /// Asks the control plane. Asking again with the same token and key within ten minutes gives the same answer, so a
    /// lost answer costs nothing.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or is not the control plane whose fingerprint was given.
    pub async fn enroll(&self, key: &PrivateKey) -> Result<EnrollResponse, EnrollFailure> {
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let request = EnrollRequest::signed(self.token.expose(), key, &hostname, env!("CARGO_PKG_VERSION"));
        let request = serde_json::to_vec(&request).map_err(|_| EnrollFailure::Answer)?;
        let (status, body) = self.door.post(PATH, request).await?;
        if !status.is_success() {
            return Err(
                refusal(&body).map_or(EnrollFailure::Status(status.as_u16()), EnrollFailure::Rejected)
            );
        }
        let answer: EnrollResponse = serde_json::from_slice(&body).map_err(|_| EnrollFailure::Answer)?;
        let pinned = PublicKey::from_base64(&answer.cp_public_key).map_err(|_| EnrollFailure::Answer)?;
        match &self.cp_fingerprint {
            Some(expected) if *expected != pinned.fingerprint() => {
                Err(EnrollFailure::Fingerprint { found: pinned.fingerprint() })
            }
            _ => Ok(answer),
        }
    }
}

/// Why there was no enrollment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollFailure {
    /// The control plane's URL cannot be used.
    #[error("the control plane's URL: {0}")]
    Url(&'static str),
    /// The file of trust anchors cannot be used.
    #[error("the file of trust anchors cannot be used: {0}")]
    Trust(std::io::ErrorKind),
    /// No answer.
    #[error("the control plane cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("tunnel rejected: {0}; ask for a new token")]
    Rejected(EnrollError),
    /// It answered with something else than an enrollment.
    #[error("the control plane answered with HTTP {0}; is this its address?")]
    Status(u16),
    /// It does not know this worker, or not by this key.
    #[error(
        "the control plane does not know this worker by the key that it has; register it with a new token"
    )]
    NotAuthenticated,
    /// It thinks that this host's clock is wrong.
    #[error("the control plane refused the request; is this host's clock right?")]
    Clock,
    /// Its answer is not what an enrollment gives.
    #[error("the control plane's answer is no enrollment; is this its address?")]
    Answer,
    /// It has another key than the operator was told.
    #[error(
        "the control plane's key has the fingerprint {found}, which is not the one given; nothing was written"
    )]
    Fingerprint {
        /// What it has.
        found: String,
    },
}

/// The word of a refusal, when the body has one of ours.
fn refusal(body: &[u8]) -> Option<EnrollError> {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
    }
    EnrollError::parse(&serde_json::from_slice::<Problem>(body).ok()?.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_word() {
        assert_eq!(refusal(br#"{"code":"enrollment_used","detail":"x"}"#), Some(EnrollError::Used));
        assert_eq!(refusal(br#"{"code":"else"}"#), None);
        assert_eq!(refusal(b"<html>"), None);
        let text = EnrollFailure::Rejected(EnrollError::Expired).to_string();
        assert!(text.starts_with("tunnel rejected"), "{text}");
    }
}

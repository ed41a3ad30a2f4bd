//! `POST /api/v1/enroll`: a worker's public key for a permanent identity, against a single-use token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use airlock_core::Secret;
use airlock_core::crypto::{BadSignature, PrivateKey, PublicKey, sha256};
use airlock_core::id::{TenantId, TenantSlug, WorkerId};
use airlock_core::time::Timestamp;

use crate::limits::{HOSTNAME_BYTES_MAX, VERSION_BYTES_MAX};

/// Where it is asked for, below the control plane's URL.
pub const PATH: &str = "/api/v1/enroll";

/// Longest token that is looked at, bytes. Ours have 59.
const TOKEN_BYTES_MAX: usize = 128;

/// What a worker sends.
#[derive(Clone, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The enrollment token.
    pub token: String,
    /// Base64 of the 32 bytes of the worker's public key.
    pub worker_public_key: String,
    /// What the worker's host calls itself.
    #[serde(default)]
    pub hostname: String,
    /// Version of the worker's software.
    #[serde(default)]
    pub version: String,
    /// Base64 of the signature that shows possession of the key.
    pub proof: String,
}

impl std::fmt::Debug for EnrollRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrollRequest").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

/// An enrollment request whose proof holds. Only [`EnrollRequest::verify`] makes one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProvenRequest {
    /// The enrollment token, not yet looked up.
    pub token: Secret<String>,
    /// The worker's key; the worker has its private half.
    pub worker_key: PublicKey,
    /// What the worker's host calls itself, as it says.
    pub hostname: String,
    /// Version of the worker's software, as it says.
    pub version: String,
}

/// What the control plane answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollResponse {
    /// The worker's tenant.
    pub tenant_id: TenantId,
    /// The tenant's name in URLs.
    pub tenant_slug: TenantSlug,
    /// The worker's name.
    pub worker_id: WorkerId,
    /// Base64 of the control plane's public key, to be pinned.
    pub cp_public_key: String,
    /// Where to dial.
    pub tunnel_url: String,
    /// The control plane's clock.
    pub server_time: Timestamp,
}

/// Why an enrollment was refused: the word in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum EnrollError {
    /// The token's time is over.
    Expired,
    /// The token was used.
    Used,
    /// No such token.
    Unknown,
    /// The worker id is enrolled with another key and not revoked.
    WorkerExists,
    /// The request is malformed, or its proof does not hold.
    Invalid,
    /// Too many failures from this address.
    RateLimited,
}

impl EnrollError {
    /// Every error.
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::Used, Self::Unknown, Self::WorkerExists, Self::Invalid, Self::RateLimited];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "enrollment_expired",
            Self::Used => "enrollment_used",
            Self::Unknown => "enrollment_unknown",
            Self::WorkerExists => "worker_exists",
            Self::Invalid => "invalid_arguments",
            Self::RateLimited => "rate_limited",
        }
    }
    /// The HTTP status that goes with it.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Expired | Self::Used | Self::Unknown => 401,
            Self::WorkerExists => 409,
            Self::Invalid => 422,
            Self::RateLimited => 429,
        }
    }
    /// The error of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == word)
    }
}

impl EnrollRequest {
    /// A request with its proof.
    pub fn signed(token: &str, key: &PrivateKey, hostname: &str, version: &str) -> Self {
        let public = key.public();
        Self {
            token: token.to_owned(),
            worker_public_key: public.to_base64(),
            hostname: hostname.to_owned(),
            version: version.to_owned(),
            proof: BASE64.encode(sign_proof(key, token)),
        }
    }

    /// Checks bounds, key and proof.
    ///
    /// # Errors
    /// [`EnrollError::Invalid`], whichever of them fails.
    pub fn verify(self) -> Result<ProvenRequest, EnrollError> {
        if self.token.is_empty()
            || self.token.len() > TOKEN_BYTES_MAX
            || self.hostname.len() > HOSTNAME_BYTES_MAX
            || self.version.len() > VERSION_BYTES_MAX
        {
            return Err(EnrollError::Invalid);
        }
        let worker_key = PublicKey::from_base64(&self.worker_public_key).map_err(|_| EnrollError::Invalid)?;
        let proof = BASE64.decode(&self.proof).map_err(|_| EnrollError::Invalid)?;
        verify_proof(worker_key, &self.token, &proof).map_err(|_| EnrollError::Invalid)?;
        Ok(ProvenRequest {
            token: Secret::new(self.token),
            worker_key,
            hostname: self.hostname,
            version: self.version,
        })
    }
}

/// Signs possession of `key` for this token: Ed25519 over `airlock-enroll-v1\n`, SHA-256 of the token, `\n`, public key.
pub fn sign_proof(key: &PrivateKey, token: &str) -> [u8; 64] {
    key.sign(&[CONTEXT, &sha256(&[token.as_bytes()]), b"\n", &key.public().to_bytes()])
}

/// Checks [`sign_proof`].
///
/// # Errors
/// If the signature does not hold for this key and token.
pub fn verify_proof(key: PublicKey, token: &str, proof: &[u8]) -> Result<(), BadSignature> {
    key.verify(&[CONTEXT, &sha256(&[token.as_bytes()]), b"\n", &key.to_bytes()], proof)
}

const CONTEXT: &[u8] = b"airlock-enroll-v1\n";

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut EnrollRequest)) {
        let key = PrivateKey::generate(&SystemHost::new());
        let mut request = EnrollRequest::signed("enroll_x", &key, "db-1", "0.1.0");
        change(&mut request);
        assert_eq!(request.verify().unwrap_err(), EnrollError::Invalid);
    }

    #[test]
    fn a_proof_holds_for_its_key_and_token_only() {
        let key = PrivateKey::generate(&SystemHost::new());
        let request = EnrollRequest::signed("enroll_x", &key, "db-1", "0.1.0");
        let json = serde_json::to_string(&request).unwrap();
        let proven = serde_json::from_str::<EnrollRequest>(&json).unwrap().verify().unwrap();
        assert_eq!(proven.worker_key, key.public());

        let other = PrivateKey::generate(&SystemHost::new());
        refused(|r| r.worker_public_key = other.public().to_base64());
        refused(|r| r.token.push('y'));
        refused(|r| r.token = r.token.to_uppercase());
        refused(|r| r.proof.clear());
        refused(|r| r.worker_public_key = BASE64.encode([0; 32]));
        refused(|r| r.hostname = "h".repeat(254));
        refused(|r| r.token = "t".repeat(129));
    }

    #[test]
    fn the_token_is_not_printed() {
        let key = PrivateKey::generate(&SystemHost::new());
        let request = EnrollRequest::signed("enroll_secret", &key, "db-1", "0.1.0");
        assert!(!format!("{request:?}").contains("enroll_secret"));
        assert!(!format!("{:?}", request.verify().unwrap()).contains("enroll_secret"));
    }

    #[test]
    fn words_parse_back() {
        for error in EnrollError::ALL {
            assert_eq!(EnrollError::parse(error.as_str()), Some(error));
        }
    }
}

//! `POST /api/v1/enroll/rotate`: a worker's next public key, signed by the key that it has. No token is needed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_core::id::{TenantId, WorkerId};
use airlock_core::time::Timestamp;

/// Where it is asked for, below the control plane's URL.
pub const PATH: &str = "/api/v1/enroll/rotate";

/// What a worker sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotateRequest {
    /// The worker's tenant.
    pub tenant_id: TenantId,
    /// The worker's name.
    pub worker_id: WorkerId,
    /// Base64 of the 32 bytes of the next public key.
    pub worker_public_key: String,
    /// The worker's clock.
    pub ts: Timestamp,
    /// Base64 of the next key's signature, which shows possession of it.
    pub proof: String,
    /// Base64 of the present key's signature.
    pub signature: String,
}

/// A request whose next key is possessed. Only [`RotateRequest::verify`] makes one; who asks is still to be checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProvenRotation {
    /// The worker's tenant, as it says.
    pub tenant_id: TenantId,
    /// The worker's name, as it says.
    pub worker_id: WorkerId,
    /// The next key.
    pub next: PublicKey,
    /// The worker's clock, as it says.
    pub at: Timestamp,
    signature: Vec<u8>,
}

/// What the control plane answers: the next key is the worker's key now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateResponse {
    /// The worker.
    pub worker_id: WorkerId,
    /// Fingerprint of the key that it has now.
    pub key_fingerprint: String,
}

/// The request is malformed, or the next key is not possessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no public key with its proof")]
pub struct BadRotation;

impl RotateRequest {
    /// A request from the worker that has `present` to have `next`.
    pub fn signed(
        tenant: &TenantId,
        worker: &WorkerId,
        present: &PrivateKey,
        next: &PrivateKey,
        at: Timestamp,
    ) -> Self {
        let said = said(tenant, worker, next.public(), at);
        Self {
            tenant_id: tenant.clone(),
            worker_id: worker.clone(),
            worker_public_key: next.public().to_base64(),
            ts: at,
            proof: BASE64.encode(next.sign(&[PROOF, &said])),
            signature: BASE64.encode(present.sign(&[SIGNATURE, &said])),
        }
    }

    /// Checks the next key and its proof.
    ///
    /// # Errors
    /// [`BadRotation`], whichever fails.
    pub fn verify(self) -> Result<ProvenRotation, BadRotation> {
        let next = PublicKey::from_base64(&self.worker_public_key).map_err(|_| BadRotation)?;
        let proof = BASE64.decode(&self.proof).map_err(|_| BadRotation)?;
        let signature = BASE64.decode(&self.signature).map_err(|_| BadRotation)?;
        let said = said(&self.tenant_id, &self.worker_id, next, self.ts);
        next.verify(&[PROOF, &said], &proof).map_err(|_| BadRotation)?;
        Ok(ProvenRotation {
            tenant_id: self.tenant_id,
            worker_id: self.worker_id,
            next,
            at: self.ts,
            signature,
        })
    }
}

impl ProvenRotation {
    /// Whether the holder of this key asks.
    pub fn is_signed_by(&self, present: PublicKey) -> bool {
        let said = said(&self.tenant_id, &self.worker_id, self.next, self.at);
        present.verify(&[SIGNATURE, &said], &self.signature).is_ok()
    }
}

/// Tenant, worker and time, a line each (ids have no line breaks), then the key's 32 bytes.
fn said(tenant: &TenantId, worker: &WorkerId, next: PublicKey, at: Timestamp) -> Vec<u8> {
    let mut said = format!("{tenant}\n{worker}\n{at}\n").into_bytes();
    said.extend_from_slice(&next.to_bytes());
    said
}

const PROOF: &[u8] = b"airlock-rotate-v1-next\n";
const SIGNATURE: &[u8] = b"airlock-rotate-v1\n";

#[cfg(test)]
mod tests {
    use airlock_core::Host as _;
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn a_rotation_holds_for_what_was_signed_only() {
        let host = SystemHost::new();
        let [present, next, other] = [(); 3].map(|()| PrivateKey::generate(&host));
        let (tenant, worker) = ("t_acme".parse().unwrap(), "w_acme_prod".parse().unwrap());
        let request = || RotateRequest::signed(&tenant, &worker, &present, &next, host.now());
        let json = serde_json::to_string(&request()).unwrap();
        let proven = serde_json::from_str::<RotateRequest>(&json).unwrap().verify().unwrap();
        assert_eq!(proven.next, next.public());
        assert!(proven.is_signed_by(present.public()));
        assert!(!proven.is_signed_by(next.public()) && !proven.is_signed_by(other.public()));

        let changed = |change: fn(&mut RotateRequest)| {
            let mut request = request();
            change(&mut request);
            request.verify().unwrap_err()
        };
        changed(|r| r.worker_id = "w_acme_other".parse().unwrap());
        changed(|r| r.tenant_id = "t_other".parse().unwrap());
        changed(|r| r.ts = Timestamp::from_millis(0));
        changed(|r| std::mem::swap(&mut r.proof, &mut r.signature));
        changed(|r| r.signature = "?".to_owned());
        let mut substituted = request();
        substituted.worker_public_key = other.public().to_base64();
        assert_eq!(substituted.verify().unwrap_err(), BadRotation);
    }
}

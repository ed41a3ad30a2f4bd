//! A signed statement of where a chain stood: who rewrites the chain later must forge the signature as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::crypto::{BadSignature, PrivateKey, PublicKey, canonical_json};
use crate::id::OrgId;
use crate::time::Timestamp;

const CONTEXT: &[u8] = b"airlock-audit-checkpoint-v1\n";

/// Where an org's chain stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Whose chain.
    pub org_id: OrgId,
    /// Position of its last record.
    pub seq: u64,
    /// Hash of its last record, hex.
    pub root: String,
    /// When it was signed.
    pub ts: Timestamp,
}

/// A checkpoint with the control plane's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Ed25519 over `airlock-audit-checkpoint-v1\n` and the checkpoint's canonical JSON, base64.
    pub signature: String,
}

impl Checkpoint {
    /// Signs it.
    pub fn sign(self, key: &PrivateKey) -> SignedCheckpoint {
        let signature = key.sign(&[CONTEXT, &self.bytes()]);
        SignedCheckpoint { checkpoint: self, signature: BASE64.encode(signature) }
    }
    fn bytes(&self) -> Vec<u8> {
        canonical_json(self).expect("checkpoints hold strings and integers only")
    }
}

impl SignedCheckpoint {
    /// Checks the signature.
    ///
    /// # Errors
    /// If it was not made by `key` over this checkpoint.
    pub fn verify(&self, key: PublicKey) -> Result<(), BadSignature> {
        let signature = BASE64.decode(&self.signature).map_err(|_| BadSignature)?;
        key.verify(&[CONTEXT, &self.checkpoint.bytes()], &signature)
    }
}

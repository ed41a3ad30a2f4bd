//! A signed statement of what was taken out of a chain when its time was over, so that the rest still verifies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::crypto::{BadSignature, PrivateKey, PublicKey, canonical_json};
use crate::id::OrgId;
use crate::time::Timestamp;

const CONTEXT: &[u8] = b"airlock-audit-tombstone-v1\n";

/// The oldest records of an org's chain, which are no longer kept: 1 to `to_seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Whose chain.
    pub org_id: OrgId,
    /// Position of the last record taken out; as many records were.
    pub to_seq: u64,
    /// Its hash, hex: the next record says it as `prev_hash`.
    pub last_hash: String,
    /// When it was taken out.
    pub ts: Timestamp,
}

/// A tombstone with the control plane's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTombstone {
    /// What was signed.
    pub tombstone: Tombstone,
    /// Ed25519 over `airlock-audit-tombstone-v1\n` and the tombstone's canonical JSON, base64.
    pub signature: String,
}

impl Tombstone {
    /// Signs it.
    pub fn sign(self, key: &PrivateKey) -> SignedTombstone {
        let signature = key.sign(&[CONTEXT, &self.bytes()]);
        SignedTombstone { tombstone: self, signature: BASE64.encode(signature) }
    }
    fn bytes(&self) -> Vec<u8> {
        canonical_json(self).expect("tombstones hold strings and integers only")
    }
}

impl SignedTombstone {
    /// Checks the signature.
    ///
    /// # Errors
    /// If it was not made by `key` over this tombstone.
    pub fn verify(&self, key: PublicKey) -> Result<(), BadSignature> {
        let signature = BASE64.decode(&self.signature).map_err(|_| BadSignature)?;
        key.verify(&[CONTEXT, &self.tombstone.bytes()], &signature)
    }
}

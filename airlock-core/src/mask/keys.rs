//! Keys of masks: derived from one root secret per tenant, key name and key domain.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::crypto::{hkdf_sha256, hmac_sha256};
use crate::id::{PolicyHash, SubjectHandle, SubjectId, TenantId};
use crate::secret::Secret;

/// The root secret of one tenant's masks. It never leaves the host; what leaves are digests under keys derived from it.
#[derive(Clone, Debug)]
pub struct MaskKeys {
    root: Secret<[u8; 32]>,
    tenant: TenantId,
}

impl MaskKeys {
    /// The keys of a tenant. Workers that hold the same root mask alike.
    pub fn new(root: Secret<[u8; 32]>, tenant: TenantId) -> Self {
        Self { root, tenant }
    }

    /// What a subject is called in files, logs and metrics.
    pub fn subject_handle(&self, policy: &PolicyHash, subject: &SubjectId) -> SubjectHandle {
        let key = hkdf_sha256(self.root.expose(), self.tenant.as_str().as_bytes(), b"airlock/subject/v1");
        SubjectHandle::derive(&key, self.tenant.as_str(), policy, subject)
    }

    /// HKDF-SHA-256 of the root: salt is the tenant, info is `airlock/mask/v1/` + key name + `/` + domain.
    fn derive(&self, key: &str, domain: &str) -> Secret<[u8; 32]> {
        let info = format!("airlock/mask/v1/{key}/{domain}");
        Secret::new(hkdf_sha256(self.root.expose(), self.tenant.as_str().as_bytes(), info.as_bytes()))
    }

    /// The function that masks of this key name and domain share.
    pub(super) fn prf(&self, key: &str, domain: &str) -> Prf {
        Prf::new(self.derive(key, domain).expose())
    }

    /// An odd number that only this tenant's host knows, for hashes that never leave memory.
    pub(super) fn scratch(&self) -> u64 {
        let digest =
            hmac_sha256(self.root.expose(), &[b"airlock/scratch/v1/", self.tenant.as_str().as_bytes()]);
        u64::from_be_bytes(digest[..8].try_into().expect("8 of 32 bytes")) | 1
    }
}

/// HMAC-SHA-256 under one derived key, the key's schedule computed once.
#[derive(Clone)]
pub(super) struct Prf(Hmac<Sha256>);

impl Prf {
    fn new(key: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The digest of the concatenation of `parts`.
    pub(super) fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Prf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prf(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(root: u8, tenant: &str) -> MaskKeys {
        MaskKeys::new(Secret::new([root; 32]), tenant.parse().unwrap())
    }

    #[test]
    fn keys_differ_by_root_tenant_name_and_domain() {
        let base = keys(1, "t_a").prf("k1", "users.id").digest(&[b"x"]);
        assert_eq!(base, keys(1, "t_a").prf("k1", "users.id").digest(&[b"x"]));
        for other in [
            keys(2, "t_a").prf("k1", "users.id"),
            keys(1, "t_b").prf("k1", "users.id"),
            keys(1, "t_a").prf("k2", "users.id"),
            keys(1, "t_a").prf("k1", "users.mail"),
        ] {
            assert_ne!(base, other.digest(&[b"x"]));
        }
    }

    #[test]
    fn derivation_is_as_documented() {
        let expected = hmac_sha256(&hkdf_sha256(&[1; 32], b"t_a", b"airlock/mask/v1/k1/users.id"), &[b"42"]);
        assert_eq!(keys(1, "t_a").prf("k1", "users.id").digest(&[b"42"]), expected);
    }

    #[test]
    fn secrets_are_not_printed() {
        let shown = format!("{:?} {:?}", keys(7, "t_a"), keys(7, "t_a").prf("k1", "d"));
        assert!(
            !shown.contains("7, 7") && shown.contains("Secret(..)") && shown.contains("Prf(..)"),
            "{shown}"
        );
    }
}

//! Whose decisions an enforcer believes: the keys that its pairings brought.

use std::collections::BTreeMap;

use crate::crypto::{PublicKey, sha256};

/// An approver's key, by the name that decisions carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSigner {
    /// Name of the key.
    pub key_id: String,
    /// The key.
    pub public_key: PublicKey,
}

/// The signers that an enforcer, or the gateway, knows from pairings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSigners(BTreeMap<String, PublicKey>);

impl KnownSigners {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds a signer. One of the same name is replaced: call it only with what a verified pairing brought.
    pub fn insert(&mut self, signer: KnownSigner) {
        self.0.insert(signer.key_id, signer.public_key);
    }
    /// Forgets a signer of exactly this name, as when its pairing was revoked.
    pub fn remove(&mut self, key_id: &str) {
        self.0.remove(key_id);
    }
    /// The signer that a decision means: of this name, of this name without `key-` in front, or with it. The first that there
    /// is, and no second try with another key.
    pub fn find(&self, key_id: &str) -> Option<KnownSigner> {
        let with = format!("{KEY_PREFIX}{key_id}");
        let names = [Some(key_id), key_id.strip_prefix(KEY_PREFIX), Some(with.as_str())];
        let (key_id, public_key) = names.into_iter().flatten().find_map(|name| self.0.get_key_value(name))?;
        Some(KnownSigner { key_id: key_id.clone(), public_key: *public_key })
    }
    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = KnownSigner> + '_ {
        self.0.iter().map(|(key_id, key)| KnownSigner { key_id: key_id.clone(), public_key: *key })
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<KnownSigner> for KnownSigners {
    fn from_iter<I: IntoIterator<Item = KnownSigner>>(signers: I) -> Self {
        Self(signers.into_iter().map(|signer| (signer.key_id, signer.public_key)).collect())
    }
}

/// The name that our approvers give a key: `key-` and the first 16 hex digits of its SHA-256.
pub fn signer_key_id(key: PublicKey) -> String {
    format!("{KEY_PREFIX}{}", hex::encode(&sha256(&[&key.to_bytes()])[..8]))
}

const KEY_PREFIX: &str = "key-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PrivateKey;

    fn signer(key_id: &str, seed: u8) -> KnownSigner {
        KnownSigner { key_id: key_id.to_owned(), public_key: PrivateKey::from_seed(&[seed; 32]).public() }
    }

    #[test]
    fn a_signer_is_found_with_and_without_the_prefix() {
        let known: KnownSigners = [signer("key-a", 1), signer("b", 2)].into_iter().collect();
        for (name, found) in [
            ("key-a", Some("key-a")),
            ("a", Some("key-a")),
            ("b", Some("b")),
            ("key-b", Some("b")),
            ("key-key-a", Some("key-a")),
            ("", None),
            ("KEY-a", None),
            ("c", None),
        ] {
            assert_eq!(known.find(name).map(|s| s.key_id).as_deref(), found, "{name}");
        }
    }

    #[test]
    fn of_two_look_alikes_the_one_named_is_meant() {
        let known: KnownSigners = [signer("key-a", 1), signer("a", 2)].into_iter().collect();
        assert_eq!(known.find("a"), Some(signer("a", 2)));
        assert_eq!(known.find("key-a"), Some(signer("key-a", 1)));
    }

    #[test]
    fn our_names_are_found_and_differ_by_key() {
        let (one, other) = (signer("", 1).public_key, signer("", 2).public_key);
        assert_ne!(signer_key_id(one), signer_key_id(other));
        assert_eq!(signer_key_id(one).len(), "key-".len() + 16);
    }
}

//! What an approver keeps: the key that signs, and for each pairing the key that opens its requests.

use std::collections::BTreeMap;
use std::fmt;

use airlock_core::approval::signer_key_id;
use airlock_core::crypto::{ContentKey, PrivateKey, PublicKey, b64url, decode_any};
use airlock_core::{Host, Secret, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::calls::new_id;
use crate::private_file::FileError;

/// The keys of one approver. Neither printed nor sent; a value, to be kept wherever its owner likes.
pub struct ApproverKeys {
    signing: PrivateKey,
    device_id: String,
    pairings: BTreeMap<String, PairedEnforcer>,
}

/// An enforcer that was paired: what it called itself then, and the key that both share.
#[derive(Clone)]
pub struct PairedEnforcer {
    pub(super) key: ContentKey,
    pub(super) routing_token: Option<Secret<String>>,
    pub(super) enforcer_id: Option<String>,
    pub(super) label: Option<String>,
    pub(super) workspace: Option<String>,
    pub(super) paired_at: Timestamp,
}

impl PairedEnforcer {
    /// What it called itself.
    pub fn enforcer_id(&self) -> Option<&str> {
        self.enforcer_id.as_deref()
    }
    /// What it is called for people.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }
    /// Where it works.
    pub fn workspace(&self) -> Option<&str> {
        self.workspace.as_deref()
    }
    /// When its pairing was accepted.
    pub fn paired_at(&self) -> Timestamp {
        self.paired_at
    }
}

impl ApproverKeys {
    /// New keys, paired with nobody.
    pub fn generate(host: &dyn Host) -> Self {
        Self {
            signing: PrivateKey::generate(host),
            device_id: new_id("dev-", host),
            pairings: BTreeMap::new(),
        }
    }
    /// The key by which enforcers believe decisions.
    pub fn public_key(&self) -> PublicKey {
        self.signing.public()
    }
    /// Its name.
    pub fn signer_key_id(&self) -> String {
        signer_key_id(self.public_key())
    }
    /// What both sides of a pairing show, for people to compare.
    pub fn fingerprint(&self) -> String {
        self.public_key().human_fingerprint()
    }
    /// This device, as pairings name it.
    pub fn device_id(&self) -> &str {
        &self.device_id
    }
    /// The pairings, by the nonce that requests name them with.
    pub fn pairings(&self) -> impl Iterator<Item = (&str, &PairedEnforcer)> {
        self.pairings.iter().map(|(nonce, paired)| (nonce.as_str(), paired))
    }
    /// One of them.
    pub fn pairing(&self, nonce: &str) -> Option<&PairedEnforcer> {
        self.pairings.get(nonce)
    }
    /// Takes a pairing up.
    pub fn insert(&mut self, nonce: String, paired: PairedEnforcer) {
        self.pairings.insert(nonce, paired);
    }
    /// Forgets a pairing: its requests cannot be read any more.
    pub fn remove(&mut self, nonce: &str) -> Option<PairedEnforcer> {
        self.pairings.remove(nonce)
    }
    pub(super) fn signing(&self) -> &PrivateKey {
        &self.signing
    }

    /// Everything, for a place that nobody else can read.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let pairings = self.pairings.iter().map(|(nonce, paired)| (nonce.clone(), kept(paired))).collect();
        let signing_seed = b64url(&*self.signing.to_seed());
        let kept = KeptKeys { signing_seed, device_id: self.device_id.clone(), pairings };
        Zeroizing::new(serde_json::to_vec(&kept).expect("texts and times are JSON"))
    }
    /// Reads what [`to_secret_bytes`](Self::to_secret_bytes) wrote.
    ///
    /// # Errors
    /// [`FileError::Unreadable`] for anything else.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        let kept: KeptKeys = serde_json::from_slice(bytes).map_err(|_| FileError::Unreadable)?;
        let seed = Zeroizing::new(decode_any(&kept.signing_seed).map_err(|_| FileError::Unreadable)?);
        let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| FileError::Unreadable)?;
        let pairings = kept.pairings.iter().map(|(nonce, paired)| Ok((nonce.clone(), paired.read()?)));
        Ok(Self {
            signing: PrivateKey::from_seed(seed),
            device_id: kept.device_id.clone(),
            pairings: pairings.collect::<Result<_, FileError>>()?,
        })
    }
}

impl fmt::Debug for ApproverKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApproverKeys({}, {} pairings)", self.signer_key_id(), self.pairings.len())
    }
}

impl fmt::Debug for PairedEnforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairedEnforcer").field("enforcer_id", &self.enforcer_id).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct KeptKeys {
    signing_seed: String,
    #[zeroize(skip)]
    device_id: String,
    #[zeroize(skip)]
    pairings: BTreeMap<String, KeptPairing>,
}

#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
#[serde(rename_all = "camelCase")]
struct KeptPairing {
    content_key: String,
    routing_token: Option<String>,
    #[zeroize(skip)]
    enforcer_id: Option<String>,
    #[zeroize(skip)]
    label: Option<String>,
    #[zeroize(skip)]
    workspace: Option<String>,
    #[zeroize(skip)]
    paired_at: Timestamp,
}

fn kept(paired: &PairedEnforcer) -> KeptPairing {
    KeptPairing {
        content_key: paired.key.expose_base64url().as_str().to_owned(),
        routing_token: paired.routing_token.as_ref().map(|token| token.expose().clone()),
        enforcer_id: paired.enforcer_id.clone(),
        label: paired.label.clone(),
        workspace: paired.workspace.clone(),
        paired_at: paired.paired_at,
    }
}

impl KeptPairing {
    fn read(&self) -> Result<PairedEnforcer, FileError> {
        Ok(PairedEnforcer {
            key: ContentKey::parse(&self.content_key).map_err(|_| FileError::Unreadable)?,
            routing_token: self.routing_token.clone().map(Secret::new),
            enforcer_id: self.enforcer_id.clone(),
            label: self.label.clone(),
            workspace: self.workspace.clone(),
            paired_at: self.paired_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::test_util::FixedHost;

    use super::*;

    #[test]
    fn keys_read_back_and_are_never_printed() {
        let host = FixedHost::new();
        let mut keys = ApproverKeys::generate(&host);
        let paired = PairedEnforcer {
            key: ContentKey::from_bytes(&[7; 32]),
            routing_token: Some(Secret::new("rt-planted".to_owned())),
            enforcer_id: Some("enf-1".to_owned()),
            label: None,
            workspace: Some("here".to_owned()),
            paired_at: host.now(),
        };
        keys.insert("nonce-1".to_owned(), paired);
        let bytes = keys.to_secret_bytes();
        let mut read = ApproverKeys::from_secret_bytes(&bytes).unwrap();
        assert_eq!(read.to_secret_bytes(), bytes);
        assert_eq!((read.public_key(), read.device_id()), (keys.public_key(), keys.device_id()));
        assert_eq!(read.pairing("nonce-1").unwrap().workspace(), Some("here"));
        let seed = b64url(&*keys.signing().to_seed());
        let said = format!("{keys:?} {:?}", keys.pairing("nonce-1"));
        assert!(said.contains("1 pairings") && said.contains("enf-1"), "{said}");
        assert!(!said.contains(&seed) && !said.contains("rt-planted") && !said.contains("BwcHBw"), "{said}");
        assert!(read.remove("nonce-1").is_some() && read.pairing("nonce-1").is_none());
        for bad in ["", "{}", "[]", r#"{"signingSeed":"AA","deviceId":"d","pairings":{}}"#] {
            assert!(ApproverKeys::from_secret_bytes(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

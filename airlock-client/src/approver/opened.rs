//! A request decrypted: what stands in it, and whether its hash is the one that a signature will name.

use std::fmt;

use airlock_core::approval::{RequestedAction, RequestedActions};
use airlock_core::crypto::{OpenError, artifact_hash};
use zeroize::Zeroizing;

use super::keys::ApproverKeys;
use super::shown::Shown;
use super::sign::Yes;
use super::waiting::Waiting;

/// Whether the hash that a decision will name is that of what was decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashCheck {
    /// It is: who signs it signs this.
    Verified,
    /// It is not. Some programs name hashes of their own making, which nobody can compute; a gateway that lies looks the same.
    NotVerifiable,
}

/// Why a request cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotOpened {
    /// It names no pairing, or one whose key is not here.
    #[error("no key for this request: it belongs to another device, or to a pairing that was forgotten")]
    NoKey,
    /// The gateway erased it.
    #[error("the gateway no longer holds what was asked")]
    Erased,
    /// It does not open.
    #[error("the request cannot be decrypted: {0}")]
    Sealed(#[from] OpenError),
}

/// A request that was decrypted. `Debug` leaves out what stands in it; it is zeroed when dropped.
pub struct Opened<'a> {
    waiting: &'a Waiting,
    plaintext: Zeroizing<Vec<u8>>,
    check: HashCheck,
}

impl Waiting {
    /// Decrypts it with the key of its pairing, and compares the hash.
    ///
    /// # Errors
    /// [`NotOpened`]; it can still be rejected.
    pub fn open(&self, keys: &ApproverKeys) -> Result<Opened<'_>, NotOpened> {
        let paired = self.pairing_nonce.as_deref().and_then(|nonce| keys.pairing(nonce));
        let paired = paired.ok_or(NotOpened::NoKey)?;
        let plaintext = paired.key.open(self.ciphertext.as_ref().ok_or(NotOpened::Erased)?)?;
        // Of the bytes as they are: SDKs disagree on some canonical forms.
        let check = if artifact_hash(plaintext.as_slice()) == self.artifact_hash {
            HashCheck::Verified
        } else {
            HashCheck::NotVerifiable
        };
        Ok(Opened { waiting: self, plaintext, check })
    }
}

impl Opened<'_> {
    /// The request.
    pub fn waiting(&self) -> &Waiting {
        self.waiting
    }
    /// Whether the hash fits.
    pub fn hash_check(&self) -> HashCheck {
        self.check
    }
    /// What stands in it, as rows of inert text, with this many characters at most.
    pub fn shown(&self, chars_max: usize) -> Shown {
        Shown::of(&self.plaintext, chars_max)
    }
    /// The buttons that the enforcer would like, if it asks for any by the rules.
    pub fn requested_actions(&self) -> Option<Vec<RequestedAction>> {
        RequestedActions::parse(&serde_json::from_slice(&self.plaintext).ok()?)
    }
    /// The decrypted bytes: whatever the enforcer wrote. Hostile until shown otherwise.
    pub fn expose(&self) -> &[u8] {
        &self.plaintext
    }
    /// What a yes needs: given where the hash fits.
    pub fn verified(&self) -> Option<Yes<'_>> {
        (self.check == HashCheck::Verified).then_some(Yes(self.waiting))
    }
    /// The same where it does not fit: the yes is about a hash, and nobody can tell of what. For enforcers that name hashes of
    /// their own making, when the person was told and wants to trust the gateway with it.
    pub fn dangerous_unverified(&self) -> Yes<'_> {
        Yes(self.waiting)
    }
}

impl fmt::Debug for Opened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({}, {:?})", self.waiting.request_id(), self.check)
    }
}

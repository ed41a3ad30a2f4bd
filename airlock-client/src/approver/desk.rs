//! One approver at one gateway: its keys in a folder, its requests over the client's transport.

use airlock_core::approval::PairingCode;
use airlock_proto::gateway::PairingPreGenerateResponse;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::calls;
use super::folder::ApproverFolder;
use super::invitation::Invitation;
use super::keys::ApproverKeys;
use super::live::Live;
use super::opened::{NotOpened, Opened};
use super::sign::{Choice, SignedDecision};
use super::standing::StandingWish;
use super::waiting::{InboxPage, Waiting};
use crate::client::Airlock;
use crate::error::ClientError;
use crate::private_file::FileError;

/// An approver: reads what waits for a person, and sends what they sign.
#[derive(Debug)]
pub struct Approver {
    airlock: Airlock,
    folder: ApproverFolder,
    keys: Mutex<ApproverKeys>,
}

impl Approver {
    /// With the keys of the folder; the first time they are made.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub fn new(airlock: Airlock, folder: ApproverFolder) -> Result<Self, FileError> {
        let keys = match folder.keys()? {
            Some(keys) => keys,
            None => {
                let keys = ApproverKeys::generate(airlock.host());
                folder.keep(&keys)?;
                keys
            }
        };
        Ok(Self { airlock, folder, keys: Mutex::new(keys) })
    }
    /// What an enforcer that was paired shows as well.
    pub fn fingerprint(&self) -> String {
        self.keys.lock().fingerprint()
    }
    /// Looks at the keys.
    pub fn with_keys<T>(&self, look: impl FnOnce(&ApproverKeys) -> T) -> T {
        look(&self.keys.lock())
    }

    /// Who wants to pair by this code, typed as people type it.
    ///
    /// # Errors
    /// When it is no code, or nobody can be paired with by it.
    pub async fn resolve(&self, code: &str) -> Result<Invitation, ClientError> {
        let code: PairingCode = code
            .parse()
            .map_err(|_| ClientError::Invalid { what: "a pairing code is six letters and digits" })?;
        let told = self.airlock.call(&calls::resolve(code.as_str())).await?;
        Ok(Invitation::try_from(told)?)
    }

    /// Makes a code for an enforcer to take up; [`resolve`](Self::resolve) tells whether one did.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn pre_generate(&self, label: Option<&str>) -> Result<PairingPreGenerateResponse, ClientError> {
        self.airlock.call(&calls::pre_generate(label)).await
    }

    /// Pairs. The pairing's key is kept before the answer is sent, so that no crash leaves an enforcer paired with nobody.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached, or the key cannot be kept.
    pub async fn accept(&self, invitation: &Invitation) -> Result<(), ClientError> {
        let accepted = {
            let mut keys = self.keys.lock();
            let accepted = invitation.accept(&keys, self.airlock.host())?;
            keys.insert(accepted.nonce().to_owned(), accepted.pairing().clone());
            self.folder.keep(&keys)?;
            accepted
        };
        let answer = self.airlock.call(&calls::complete(accepted.nonce(), accepted.answer())).await;
        let mut keys = self.keys.lock();
        match answer {
            Ok(completed) => {
                keys.insert(accepted.nonce().to_owned(), accepted.completed(completed.routing_token));
                Ok(self.folder.keep(&keys)?)
            }
            // Whoever refuses has not taken it; where no answer came it may have been.
            Err(error) => {
                if error.refusal().is_some_and(|refusal| refusal.status < 500) {
                    keys.remove(accepted.nonce());
                    self.folder.keep(&keys)?;
                }
                Err(error)
            }
        }
    }

    /// Does not pair.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn refuse(&self, invitation: &Invitation) -> Result<(), ClientError> {
        self.airlock.call(&calls::refuse(invitation.nonce())).await
    }

    /// Ends a pairing: what waits is cancelled, and its key is forgotten.
    ///
    /// # Errors
    /// When there is no such pairing, or the gateway refuses or cannot be reached.
    pub async fn revoke(&self, nonce: &str) -> Result<(), ClientError> {
        let token = self.keys.lock().pairing(nonce).and_then(|paired| paired.routing_token.clone());
        let token =
            token.ok_or(ClientError::Invalid { what: "no pairing of this name can be revoked from here" })?;
        self.airlock.call(&crate::calls::revoke_pairing(token.expose())).await?;
        let mut keys = self.keys.lock();
        keys.remove(nonce);
        Ok(self.folder.keep(&keys)?)
    }

    /// All that waits, newest first.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn inbox(&self) -> Result<InboxPage, ClientError> {
        let mut all = InboxPage::default();
        for _ in 0..PAGES_MAX {
            let page = self.airlock.call(&calls::inbox(calls::ME, all.next.as_deref())).await?;
            all.waiting.extend(page.waiting);
            all.unreadable += page.unreadable;
            all.next = page.next;
            if all.next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// Tells when it is worth looking into the inbox again.
    pub fn live(&self) -> Live {
        Live::new(self.airlock.clone())
    }

    /// A page of what waited, newest first: 1 to 100 of it, from where the page before ended.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn history(&self, cursor: Option<&str>, limit: u8) -> Result<InboxPage, ClientError> {
        self.airlock.call(&calls::history(calls::ME, cursor, limit)).await
    }

    /// Signs a decision in advance, and hands it over; the name of it.
    ///
    /// # Errors
    /// When it is not one that may stand, or the gateway refuses or cannot be reached.
    pub async fn stand(&self, wish: &StandingWish) -> Result<String, ClientError> {
        let (name, signed) = self.keys.lock().sign_standing(wish, self.airlock.host())?;
        self.airlock.call(&calls::stand(&signed)).await?;
        Ok(name)
    }

    /// What was decided in advance and stands, newest first, as it was signed. [`stands_by`](super::stands_by) tells by whom.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn standing(&self) -> Result<Vec<Map<String, Value>>, ClientError> {
        self.airlock.call(&calls::standing()).await
    }

    /// Takes a standing decision back. An enforcer may act on it for a quarter of a minute more.
    ///
    /// # Errors
    /// When there is none of this name, or the gateway refuses or cannot be reached.
    pub async fn end_standing(&self, name: &str) -> Result<(), ClientError> {
        self.airlock.call(&calls::end_standing(name)).await
    }

    /// Decrypts one request.
    ///
    /// # Errors
    /// [`NotOpened`]; it can still be rejected.
    pub fn open<'a>(&self, waiting: &'a Waiting) -> Result<Opened<'a>, NotOpened> {
        waiting.open(&self.keys.lock())
    }

    /// Signs a choice and hands it over. A gateway that is away for a moment is asked again, with the same signature.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached. A conflict means that it was decided, or ended, before.
    pub async fn decide(&self, choice: Choice<'_>, reason: Option<&str>) -> Result<(), ClientError> {
        let signed = self.keys.lock().sign(choice, reason, self.airlock.host());
        self.send(&signed).await
    }

    /// Hands a decision over that was signed before.
    ///
    /// # Errors
    /// As [`decide`](Self::decide).
    pub async fn send(&self, signed: &SignedDecision) -> Result<(), ClientError> {
        let host = self.airlock.host();
        self.airlock.call(&calls::decide(signed, host.now(), host)).await
    }
}

/// Pages of the inbox that are asked for at once.
const PAGES_MAX: usize = 20;

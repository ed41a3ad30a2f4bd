//! What an enforcer keeps between two runs: its pairing, its open requests, the nonces that were used.

use std::path::{Path, PathBuf};

use airlock_core::approval::NonceJournal;
use zeroize::Zeroizing;

use super::pairing::Pairing;
use super::ticket::Tickets;
use crate::private_file::{self, FileError, PrivateFolder};

const PAIRING: &str = "pairing.json";
const REQUESTS: &str = "requests.json";
const NONCES: &str = "nonces";

/// A folder that only its owner may read, for one process at a time.
#[derive(Debug)]
pub struct StateFolder {
    folder: PrivateFolder,
}

impl StateFolder {
    /// Opens a folder, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be made, or another process uses it.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, FileError> {
        Ok(Self { folder: PrivateFolder::open(folder.into())? })
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
    /// The pairing that is kept.
    ///
    /// # Errors
    /// When it cannot be read, or others may read it.
    pub fn pairing(&self) -> Result<Option<Pairing>, FileError> {
        let bytes = private_file::read(&self.folder.file(PAIRING))?.map(Zeroizing::new);
        bytes.map(|bytes| Pairing::from_bytes(&bytes)).transpose()
    }
    /// Keeps a pairing in place of the one before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_pairing(&self, pairing: &Pairing) -> Result<(), FileError> {
        private_file::write(&self.folder.file(PAIRING), &pairing.to_bytes())
    }
    /// Forgets the pairing.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget_pairing(&self) -> Result<(), FileError> {
        private_file::remove(&self.folder.file(PAIRING))
    }

    pub(super) fn tickets(&self) -> Result<Tickets, FileError> {
        match private_file::read(&self.folder.file(REQUESTS))? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| FileError::Unreadable),
            None => Ok(Tickets::default()),
        }
    }
    pub(super) fn keep_tickets(&self, tickets: &Tickets) -> Result<(), FileError> {
        let bytes = serde_json::to_vec(tickets).expect("texts and times are JSON");
        private_file::write(&self.folder.file(REQUESTS), &bytes)
    }
    pub(super) fn journal(&self) -> Result<NonceJournal, FileError> {
        let text = match private_file::read(&self.folder.file(NONCES))? {
            Some(bytes) => String::from_utf8(bytes).map_err(|_| FileError::Unreadable)?,
            None => String::new(),
        };
        Ok(NonceJournal::from_lines(NonceJournal::ADVISED_TTL, &text))
    }
    pub(super) fn keep_journal(&self, journal: &NonceJournal) -> Result<(), FileError> {
        private_file::write(&self.folder.file(NONCES), journal.to_lines().as_bytes())
    }
}

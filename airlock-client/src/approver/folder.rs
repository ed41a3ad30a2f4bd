//! Where an approver's keys are between two runs: a folder for one process and one person.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys::ApproverKeys;
use crate::private_file::{self, FileError, PrivateFolder};

const KEYS: &str = "approver.json";

/// A folder that only its owner may read, for one process at a time.
#[derive(Debug)]
pub struct ApproverFolder {
    folder: PrivateFolder,
}

impl ApproverFolder {
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
    /// The keys that are kept.
    ///
    /// # Errors
    /// When they cannot be read, or others may read them.
    pub fn keys(&self) -> Result<Option<ApproverKeys>, FileError> {
        let bytes = private_file::read(&self.folder.file(KEYS))?.map(Zeroizing::new);
        bytes.map(|bytes| ApproverKeys::from_secret_bytes(&bytes)).transpose()
    }
    /// Keeps these in place of those before.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep(&self, keys: &ApproverKeys) -> Result<(), FileError> {
        private_file::write(&self.folder.file(KEYS), &keys.to_secret_bytes())
    }
}

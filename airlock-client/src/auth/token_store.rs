//! Where tokens are between two runs of a program.

use std::path::PathBuf;

use airlock_core::{Secret, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::idp::Tokens;
use crate::private_file::{self, FileError};

/// Port: keeps the tokens of one sign-in.
pub trait TokenStore: Send + Sync + std::fmt::Debug {
    /// What is kept.
    ///
    /// # Errors
    /// When it cannot be read.
    fn load(&self) -> Result<Option<Tokens>, FileError>;
    /// Keeps these in place of what was kept.
    ///
    /// # Errors
    /// When they cannot be written.
    fn save(&self, tokens: &Tokens) -> Result<(), FileError>;
    /// Forgets them.
    ///
    /// # Errors
    /// When they cannot be removed.
    fn clear(&self) -> Result<(), FileError>;
}

/// Keeps tokens while the program runs.
#[derive(Debug, Default)]
pub struct MemoryTokenStore(Mutex<Option<Tokens>>);

impl TokenStore for MemoryTokenStore {
    fn load(&self) -> Result<Option<Tokens>, FileError> {
        Ok(self.0.lock().clone())
    }
    fn save(&self, tokens: &Tokens) -> Result<(), FileError> {
        *self.0.lock() = Some(tokens.clone());
        Ok(())
    }
    fn clear(&self) -> Result<(), FileError> {
        *self.0.lock() = None;
        Ok(())
    }
}

/// Keeps tokens in a file that only its owner may read.
#[derive(Debug)]
pub struct FileTokenStore {
    path: PathBuf,
}

#[derive(Serialize, Deserialize, ZeroizeOnDrop)]
struct Kept {
    access_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[zeroize(skip)]
    expires_at: Timestamp,
}

impl FileTokenStore {
    /// At this path; the file and its folder are made when there is something to keep.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl TokenStore for FileTokenStore {
    fn load(&self) -> Result<Option<Tokens>, FileError> {
        let Some(bytes) = private_file::read(&self.path)?.map(Zeroizing::new) else { return Ok(None) };
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|_| FileError::Unreadable)?;
        Ok(Some(Tokens {
            access: Secret::new(kept.access_token.clone()),
            refresh: kept.refresh_token.clone().map(Secret::new),
            expires_at: kept.expires_at,
        }))
    }
    fn save(&self, tokens: &Tokens) -> Result<(), FileError> {
        let kept = Kept {
            access_token: tokens.access.expose().clone(),
            refresh_token: tokens.refresh.as_ref().map(|token| token.expose().clone()),
            expires_at: tokens.expires_at,
        };
        let bytes = Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| FileError::Unreadable)?);
        private_file::write(&self.path, &bytes)
    }
    fn clear(&self) -> Result<(), FileError> {
        private_file::remove(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_back_what_it_was_given_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let store = FileTokenStore::new(&path);
        assert!(store.load().unwrap().is_none());
        let tokens = Tokens {
            access: Secret::new("A1".to_owned()),
            refresh: Some(Secret::new("R1".to_owned())),
            expires_at: Timestamp::from_millis(5),
        };
        store.save(&tokens).unwrap();
        let loaded = store.load().unwrap().unwrap();
        assert!(loaded.access.matches("A1") && loaded.refresh.unwrap().matches("R1"));
        assert_eq!(loaded.expires_at, tokens.expires_at);
        private_file::write(&path, b"{").unwrap();
        assert_eq!(store.load().unwrap_err(), FileError::Unreadable);
        store.clear().unwrap();
        assert!(store.load().unwrap().is_none());
    }
}

//! The worker's Ed25519 key: made on this host, kept in a private file, never sent anywhere.

use std::path::Path;

use airlock_core::Host;
use airlock_core::crypto::PrivateKey;

use crate::private_file::{self, PrivateFileError};

/// Reads the worker's key.
///
/// # Errors
/// When there is none, others could have read it, or it is no Ed25519 key in PKCS#8 PEM.
pub fn load(path: &Path) -> Result<PrivateKey, PrivateFileError> {
    let pem = private_file::read(path)?;
    PrivateKey::from_pem(&pem).map_err(|_| PrivateFileError::Content { path: path.to_owned() })
}

/// Reads the worker's key, or makes one when there is none.
///
/// # Errors
/// As [`load`], and when it cannot be written.
pub fn load_or_create(path: &Path, host: &dyn Host) -> Result<PrivateKey, PrivateFileError> {
    match load(path) {
        Err(PrivateFileError::Missing { .. }) => {}
        other => return other,
    }
    let key = PrivateKey::generate(host);
    match private_file::create(path, &key.to_pem()) {
        Ok(()) => Ok(key),
        // Another process was first; its key is the one that will be read from now on.
        Err(PrivateFileError::Exists { .. }) => load(path),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".airlock/worker_ed25519.pem");
        assert!(matches!(load(&path), Err(PrivateFileError::Missing { .. })));
        let made = load_or_create(&path, &SystemHost::new()).unwrap();
        let read = load_or_create(&path, &SystemHost::new()).unwrap();
        assert_eq!(made.public(), read.public());
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_file_with_something_else_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys/k.pem");
        private_file::create(&path, "not a key").unwrap();
        assert!(matches!(load_or_create(&path, &SystemHost::new()), Err(PrivateFileError::Content { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "not a key");
    }
}

//! The root of every mask key: 32 random bytes that never leave the host.

use std::path::Path;

use airlock_core::crypto::hkdf_sha256;
use airlock_core::{Host, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use crate::config::{MaskKeyPlace, read_text};
use crate::private_file::{self, PrivateFileError};

/// The root of every mask key.
pub type MaskKey = Secret<[u8; 32]>;

/// Why there is no mask key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskKeyError {
    /// What was given is no base64 of 32 bytes.
    #[error("{0} is not the base64 of 32 bytes; make a key with `airlock mask-key init`")]
    Malformed(String),
    /// The file was not read or written.
    #[error(transparent)]
    File(#[from] PrivateFileError),
}

/// Whether the key will be the same after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// It will.
    Yes,
    /// It could not be written: masked values change with each start.
    UntilRestart,
}

/// Reads the key, or makes one when it is our own file and there is none. Where no file can be written the key lives
/// as long as the process, and a warning says so.
///
/// # Errors
/// When a key is there and cannot be used.
pub fn load_or_create(place: &MaskKeyPlace, host: &dyn Host) -> Result<(MaskKey, Lasting), MaskKeyError> {
    match place {
        MaskKeyPlace::Given(text) => Ok((parse(text.expose(), "AIRLOCK_MASK_KEY")?, Lasting::Yes)),
        MaskKeyPlace::Mounted(path) => {
            let text = read_text(path, TEXT_BYTES_MAX)
                .map_err(|e| PrivateFileError::Io { path: path.clone(), kind: e.kind() })?;
            Ok((parse(&text, "the file of AIRLOCK_MASK_KEY_FILE")?, Lasting::Yes))
        }
        MaskKeyPlace::Own(path) => match create(path, host) {
            Ok(key) => Ok((key, Lasting::Yes)),
            Err(MaskKeyError::File(PrivateFileError::Exists { .. })) => Ok((load(path)?, Lasting::Yes)),
            Err(MaskKeyError::File(PrivateFileError::Io { .. })) if !path.exists() => {
                tracing::warn!("the mask key cannot be kept: masked values will differ after a restart");
                Ok((generate(host), Lasting::UntilRestart))
            }
            Err(error) => Err(error),
        },
    }
}

/// Makes a key and writes it.
///
/// # Errors
/// When there is one already, or it cannot be written.
pub fn create(path: &Path, host: &dyn Host) -> Result<MaskKey, MaskKeyError> {
    let key = generate(host);
    let text = Zeroizing::new(BASE64.encode(key.expose()) + "\n");
    private_file::create(path, &text)?;
    Ok(key)
}

/// A name for the key that tells nothing about it: workers with the same fingerprint mask alike.
pub fn fingerprint(key: &MaskKey) -> String {
    hex::encode(&hkdf_sha256(key.expose(), b"", b"airlock/mask-key/v1/fingerprint")[..8])
}

fn load(path: &Path) -> Result<MaskKey, MaskKeyError> {
    parse(&private_file::read(path)?, &path.display().to_string())
}

fn generate(host: &dyn Host) -> MaskKey {
    let mut key = [0; 32];
    host.random(&mut key);
    Secret::new(key)
}

fn parse(text: &str, place: &str) -> Result<MaskKey, MaskKeyError> {
    let bytes = BASE64.decode(text.trim()).ok().map(Zeroizing::new);
    let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    key.map(Secret::new).ok_or_else(|| MaskKeyError::Malformed(place.to_owned()))
}

/// 32 bytes in base64 are 44.
const TEXT_BYTES_MAX: u64 = 1024;

#[cfg(test)]
mod tests {
    use airlock_core::runtime::SystemHost;

    use super::*;

    #[test]
    fn our_own_key_is_made_once_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let place = MaskKeyPlace::Own(dir.path().join(".airlock/mask_key"));
        let host = SystemHost::new();
        let (made, lasting) = load_or_create(&place, &host).unwrap();
        assert_eq!(lasting, Lasting::Yes);
        let (read, _) = load_or_create(&place, &host).unwrap();
        assert_eq!(made.expose(), read.expose());
        assert_eq!(fingerprint(&made), fingerprint(&read));
    }

    #[test]
    fn a_key_can_be_given_or_mounted() {
        let text = BASE64.encode([7; 32]);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, &text).unwrap();
        for place in [MaskKeyPlace::Given(Secret::new(text)), MaskKeyPlace::Mounted(file)] {
            assert_eq!(load_or_create(&place, &SystemHost::new()).unwrap().0.expose(), &[7; 32]);
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused_and_not_shown() {
        for text in ["", "AAAA", "not base64", &BASE64.encode([7; 33])] {
            let place = MaskKeyPlace::Given(Secret::new(text.to_owned()));
            let error = load_or_create(&place, &SystemHost::new()).unwrap_err();
            assert!(matches!(error, MaskKeyError::Malformed(_)));
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        let missing = MaskKeyPlace::Mounted("/no/such/file".into());
        assert!(load_or_create(&missing, &SystemHost::new()).is_err());
    }

    #[test]
    fn a_place_that_cannot_be_written_gives_a_key_until_restart() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the directory should be.
        std::fs::write(dir.path().join(".airlock"), "").unwrap();
        let place = MaskKeyPlace::Own(dir.path().join(".airlock/mask_key"));
        assert_eq!(load_or_create(&place, &SystemHost::new()).unwrap().1, Lasting::UntilRestart);
    }

    #[test]
    fn a_fingerprint_tells_keys_apart() {
        assert_ne!(fingerprint(&Secret::new([1; 32])), fingerprint(&Secret::new([2; 32])));
    }
}

//! Seals a payload for the other side of a pairing, and opens what that side sealed: AES-256-GCM with a detached tag.
//!
//! Source: NIST SP 800-38D; 96-bit random nonces, so at most 2^32 messages for one key (section 8.3). A pairing is renewed
//! long before that.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, Tag};
use zeroize::Zeroizing;

use super::encoding::{NotBase64, b64, b64url, decode_any};
use super::sealed::Ciphertext;
use crate::host::Host;

/// The algorithm's name as it is sent. Readers compare it without regard to case.
pub const AES_256_GCM: &str = "AES-256-GCM";

/// The key that both sides of a pairing share. Zeroed on drop; never printed.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

/// Why a ciphertext was not opened. Never holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Sealed with an algorithm that we do not have, or not sealed at all.
    #[error("sealed with an unknown algorithm")]
    UnknownAlg,
    /// A part is missing, is no base64, or has the wrong length.
    #[error("the sealed parts are not well formed")]
    Encoding,
    /// The tag does not fit: another key, or something was changed.
    #[error("the tag does not fit")]
    Tag,
}

impl ContentKey {
    /// From 32 raw bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }
    /// Reads base64 of 32 raw bytes.
    ///
    /// # Errors
    /// [`NotBase64`] for any other text.
    pub fn parse(text: &str) -> Result<Self, NotBase64> {
        let bytes = Zeroizing::new(decode_any(text)?);
        Ok(Self(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| NotBase64)?)))
    }
    /// The key as base64url, as the SDKs hand it around. The name is for reviewers: each call is a place to look.
    pub fn expose_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(b64url(self.0.as_ref()))
    }
    /// Seals `plaintext` under a nonce from the host's randomness, without associated data, as every SDK does.
    pub fn seal(&self, host: &dyn Host, plaintext: &[u8]) -> Ciphertext {
        let mut nonce = [0; NONCE_BYTES];
        host.random(&mut nonce);
        self.seal_with_nonce(nonce, plaintext)
    }
    fn seal_with_nonce(&self, nonce: [u8; NONCE_BYTES], plaintext: &[u8]) -> Ciphertext {
        let mut data = plaintext.to_vec();
        let tag = self
            .cipher()
            .encrypt_inout_detached(&Nonce::from(nonce), &[], data.as_mut_slice().into())
            .expect("no payload in memory reaches the 64 GiB that GCM can seal");
        Ciphertext {
            alg: AES_256_GCM.to_owned(),
            data: b64(&data),
            nonce: Some(b64(&nonce)),
            tag: Some(b64(&tag)),
            aad: None,
            other: serde_json::Map::new(),
        }
    }
    /// Opens what the other side sealed. An `aad` that was sent with it is checked too.
    ///
    /// # Errors
    /// [`OpenError`]; nothing of the plaintext is given out before the tag was checked.
    pub fn open(&self, sealed: &Ciphertext) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if !sealed.alg.eq_ignore_ascii_case(AES_256_GCM) {
            return Err(OpenError::UnknownAlg);
        }
        let nonce: [u8; NONCE_BYTES] = part(sealed.nonce.as_deref())?;
        let tag: [u8; TAG_BYTES] = part(sealed.tag.as_deref())?;
        let aad = decode_any(sealed.aad.as_deref().unwrap_or_default())?;
        let mut data = Zeroizing::new(decode_any(&sealed.data)?);
        self.cipher()
            .decrypt_inout_detached(&Nonce::from(nonce), &aad, data.as_mut_slice().into(), &Tag::from(tag))
            .map_err(|_| OpenError::Tag)?;
        Ok(data)
    }
    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

impl std::fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

impl From<NotBase64> for OpenError {
    fn from(_: NotBase64) -> Self {
        Self::Encoding
    }
}

fn part<const N: usize>(text: Option<&str>) -> Result<[u8; N], OpenError> {
    decode_any(text.ok_or(OpenError::Encoding)?)?.try_into().map_err(|_| OpenError::Encoding)
}

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::FixedHost;

    const KEY: &str = "ES0_4e-ouWcgpNN1Pvtx2hYJ4kghwtVdkVZ2-igNLNo";

    fn key() -> ContentKey {
        ContentKey::parse(KEY).unwrap()
    }

    #[test]
    fn the_published_python_client_opens_these_bytes() {
        let sealed =
            key().seal_with_nonce(std::array::from_fn(|i| i as u8), br#"{"action":"test","value":42}"#);
        assert_eq!(sealed.nonce.as_deref(), Some("AAECAwQFBgcICQoL"));
        assert_eq!(sealed.data, "1IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg==");
        assert_eq!(sealed.tag.as_deref(), Some("LTDvtt/QMjZe21bbvr7FXg=="));
    }

    #[test]
    fn nist_case_16_opens_with_its_associated_data_and_not_without() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
        let hex64 = |text: &str| b64(&hex::decode(text).unwrap());
        let key =
            ContentKey::parse(&hex64("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
                .unwrap();
        let mut sealed = Ciphertext {
            alg: "aes-256-gcm".to_owned(),
            data: hex64(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            ),
            nonce: Some(hex64("cafebabefacedbaddecaf888")),
            tag: Some(hex64("76fc6ece0f4e1768cddf8853bb2d551b")),
            aad: Some(hex64("feedfacedeadbeeffeedfacedeadbeefabaddad2")),
            other: serde_json::Map::new(),
        };
        assert!(hex::encode(key.open(&sealed).unwrap()).starts_with("d9313225f88406e5a55909c5aff5269a"));
        sealed.aad = None;
        assert_eq!(key.open(&sealed), Err(OpenError::Tag));
    }

    #[test]
    fn what_is_not_sealed_as_agreed_is_told_apart() {
        let sealed = key().seal(&FixedHost::new(), b"text");
        let with = |change: fn(&mut Ciphertext)| {
            let mut changed = sealed.clone();
            change(&mut changed);
            key().open(&changed).err()
        };
        assert_eq!(with(|_| ()), None);
        assert_eq!(with(|c| c.alg = "none".to_owned()), Some(OpenError::UnknownAlg));
        assert_eq!(with(|c| c.alg = String::new()), Some(OpenError::UnknownAlg));
        assert_eq!(with(|c| c.nonce = None), Some(OpenError::Encoding));
        assert_eq!(with(|c| c.tag = None), Some(OpenError::Encoding));
        // A tag of 12 bytes is a valid GCM tag and weaker: refused.
        assert_eq!(with(|c| c.tag = Some(b64(&[0; 12]))), Some(OpenError::Encoding));
        assert_eq!(with(|c| c.nonce = Some(b64(&[0; 16]))), Some(OpenError::Encoding));
        assert_eq!(with(|c| c.data.push('!')), Some(OpenError::Encoding));
        assert_eq!(with(|c| c.data.clear()), Some(OpenError::Tag));
        assert_eq!(with(|c| c.aad = Some("AA==".to_owned())), Some(OpenError::Tag));
        assert_eq!(ContentKey::from_bytes(&[1; 32]).open(&sealed), Err(OpenError::Tag));
    }

    #[test]
    fn keys_have_32_bytes_and_are_not_printed() {
        assert_eq!(*key().expose_base64url(), KEY);
        assert_eq!(format!("{:?}", key()), "ContentKey(..)");
        for text in ["", &KEY[..42], &format!("{KEY}A")] {
            assert!(ContentKey::parse(text).is_err(), "{text}");
        }
    }
}

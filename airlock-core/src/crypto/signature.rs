//! Ed25519 signatures, verified strictly: no small-order keys, no malleable signatures.
//!
//! Source: RFC 8032; strictness after H. de Valence, "It's 255:19AM. Do you know what your validation criteria are?".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::encoding::{b64url, decode_any};
use super::sha256;
use crate::host::Host;

/// The signature, the key or its encoding is not valid. Which of them is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature or key is not valid")]
pub struct BadSignature;

/// A private signing key. Zeroed on drop; never printed.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// A new key from the host's randomness.
    pub fn generate(host: &dyn Host) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        host.random(seed.as_mut());
        Self(SigningKey::from_bytes(&seed))
    }
    /// From the 32 bytes that the key is made of.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
    /// The 32 bytes that the key is made of: the key itself, for whoever keeps it.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
    /// Reads a PKCS#8 PEM document.
    ///
    /// # Errors
    /// If the text is none, or holds another kind of key.
    pub fn from_pem(pem: &str) -> Result<Self, BadSignature> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| BadSignature)
    }
    /// The key as a PKCS#8 PEM document.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.0.to_pkcs8_pem(LineEnding::LF).expect("an Ed25519 key always has a PKCS#8 form")
    }
    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
    /// Signs the concatenation of `parts`.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        self.0.sign(&parts.concat()).to_bytes()
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.public().fingerprint())
    }
}

/// A public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From 32 raw bytes. Keys of small order are refused.
    ///
    /// # Errors
    /// If the bytes are no point of the curve, or a weak one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSignature> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| BadSignature)?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| BadSignature)?;
        if key.is_weak() { Err(BadSignature) } else { Ok(Self(key)) }
    }
    /// From base64 (standard alphabet) of 32 raw bytes.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and if the text is no base64.
    pub fn from_base64(text: &str) -> Result<Self, BadSignature> {
        Self::from_bytes(&BASE64.decode(text).map_err(|_| BadSignature)?)
    }
    /// Reads base64 of either alphabet, padded or not, of 32 raw bytes or of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// As [`Self::from_bytes`], and if the text is no base64.
    ///
    /// Source: RFC 8410, section 4.
    pub fn parse(text: &str) -> Result<Self, BadSignature> {
        let bytes = decode_any(text).map_err(|_| BadSignature)?;
        Self::from_bytes(bytes.strip_prefix(SPKI_PREFIX).unwrap_or(&bytes))
    }
    /// 32 raw bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.to_bytes()
    }
    /// Base64 of the raw bytes.
    pub fn to_base64(self) -> String {
        BASE64.encode(self.0.to_bytes())
    }
    /// Base64url of the raw bytes: the form that every SDK reads.
    pub fn to_base64url(self) -> String {
        b64url(self.0.as_bytes())
    }
    /// What two people compare before they confirm a pairing: the first 8 bytes of SHA-256 of the raw bytes, as `AA:BB:…`.
    pub fn human_fingerprint(self) -> String {
        let pairs = sha256(&[self.0.as_bytes()])[..8].iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>();
        pairs.join(":")
    }
    /// SHA-256 of the raw bytes, as `sha256:` and 64 hex digits.
    pub fn fingerprint(self) -> String {
        format!("sha256:{}", hex::encode(sha256(&[self.0.as_bytes()])))
    }
    /// Checks a signature over the concatenation of `parts`.
    ///
    /// # Errors
    /// If it does not hold, strictly.
    pub fn verify(self, parts: &[&[u8]], signature: &[u8]) -> Result<(), BadSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| BadSignature)?;
        self.0.verify_strict(&parts.concat(), &signature).map_err(|_| BadSignature)
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

const SPKI_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey(SigningKey::from_bytes(&[seed; 32]))
    }

    #[test]
    fn a_signature_holds_for_its_key_and_text_only() {
        let signature = key(1).sign(&[b"con", b"text"]);
        assert_eq!(key(1).public().verify(&[b"context"], &signature), Ok(()));
        assert_eq!(key(2).public().verify(&[b"context"], &signature), Err(BadSignature));
        assert_eq!(key(1).public().verify(&[b"contexT"], &signature), Err(BadSignature));
        assert_eq!(key(1).public().verify(&[b"context"], &signature[..63]), Err(BadSignature));
    }

    #[test]
    fn small_order_keys_and_high_s_are_refused() {
        // T-025: the eight points of small order in their canonical encodings begin with these two.
        let mut one = [0; 32];
        one[0] = 1;
        assert!(PublicKey::from_bytes(&[0; 32]).is_err());
        assert!(PublicKey::from_bytes(&one).is_err());
        // S + L is the same scalar, encoded a second way.
        let mut signature = key(1).sign(&[b"x"]);
        let l = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let mut carry = 0u16;
        for i in 0..32 {
            carry += u16::from(signature[32 + i]) + u16::from(l[i]);
            signature[32 + i] = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(key(1).public().verify(&[b"x"], &signature), Err(BadSignature));
    }

    #[test]
    fn keys_survive_pem_and_are_not_printed() {
        let pem = key(3).to_pem();
        assert_eq!(PrivateKey::from_pem(&pem).unwrap().public(), key(3).public());
        assert!(!format!("{:?}", key(3)).contains("0303"));
        assert!(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nnope").is_err());
    }

    #[test]
    fn a_public_key_is_read_in_every_form_that_is_sent() {
        let public = PrivateKey::from_seed(&std::array::from_fn(|i| 0x40 + i as u8)).public();
        assert_eq!(public.to_base64url(), "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0");
        let spki = b64url(&[SPKI_PREFIX, &public.to_bytes()].concat());
        for text in [public.to_base64url(), public.to_base64(), spki] {
            assert_eq!(PublicKey::parse(&text), Ok(public), "{text}");
        }
        let mut agreement = SPKI_PREFIX.to_vec();
        agreement[8] = 0x6e; // says X25519
        let agreement = b64url(&[agreement.as_slice(), &public.to_bytes()].concat());
        for text in ["", "AA", &agreement, &b64url(&[0; 32])] {
            assert_eq!(PublicKey::parse(text), Err(BadSignature), "{text}");
        }
        assert_eq!(public.human_fingerprint().len(), 23);
        assert!(
            public.fingerprint().starts_with(&format!(
                "sha256:{}",
                public.human_fingerprint().replace(':', "").to_lowercase()
            ))
        );
    }

    #[test]
    fn a_seed_is_the_key() {
        assert_eq!(*key(9).to_seed(), [9; 32]);
        assert_eq!(PrivateKey::from_seed(&key(9).to_seed()).public(), key(9).public());
    }
}

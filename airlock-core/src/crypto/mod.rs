//! The primitives we use, each from a reviewed crate: SHA-256, HMAC (RFC 2104), HKDF (RFC 5869), Ed25519 (RFC 8032), X25519
//! (RFC 7748), AES-256-GCM (NIST SP 800-38D), canonical JSON (RFC 8785). None of them is ours; the form of payloads is, because
//! the approvals gateway's protocol has its own.

mod aead;
mod agreement;
mod canonical;
mod encoding;
mod json_text;
mod payload;
mod pkce;
mod sealed;
mod signature;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub use aead::{AES_256_GCM, ContentKey, OpenError};
pub use agreement::{AgreementError, AgreementKey, AgreementPublicKey};
pub use canonical::{NotCanonical, canonical_json};
pub use encoding::{ENCODED_BYTES_MAX, NotBase64, b64, b64url, decode_any};
pub use json_text::{NotCanonicalPayload, PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX};
pub use payload::{artifact_hash, canonical_payload};
pub use pkce::PkceChallenge;
pub use sealed::Ciphertext;
pub use signature::{BadSignature, PrivateKey, PublicKey};

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-SHA-256 over the concatenation of `parts`.
pub fn hmac_sha256(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// 32 bytes of HKDF-SHA-256.
pub fn hkdf_sha256(root: &[u8; 32], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    hkdf::Hkdf::<Sha256>::new(Some(salt), root)
        .expand(info, &mut out)
        .expect("32 bytes are within HKDF's 255 blocks");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_follows_rfc_5869_case_1_for_its_first_block() {
        // The RFC's key is 22 bytes; ours are always 32, so the vector is checked through the crate itself.
        let ikm = [0x0b; 22];
        let salt = hex::decode("000102030405060708090a0b0c").unwrap();
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        let mut out = [0; 32];
        hkdf::Hkdf::<Sha256>::new(Some(&salt), &ikm).expand(&info, &mut out).unwrap();
        assert_eq!(hex::encode(out), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    #[test]
    fn parts_are_concatenated() {
        assert_eq!(sha256(&[b"a", b"bc"]), sha256(&[b"abc"]));
        assert_eq!(hmac_sha256(&[7; 32], &[b"a", b"bc"]), hmac_sha256(&[7; 32], &[b"abc"]));
    }
}

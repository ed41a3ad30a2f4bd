//! Keys, seals and signatures, with texts for keys as the Python package has always had them.

use airlock_core::crypto::{
    AES_256_GCM, AgreementKey, AgreementPublicKey, Ciphertext, ContentKey, PrivateKey, PublicKey, b64url,
    decode_any,
};
use pyo3::prelude::*;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::NativeError;
use crate::host::SystemRandom;

/// What is sealed, as Python holds it: algorithm, data, nonce, tag.
pub(crate) type Parts = (String, String, String, String);

type Result<T> = std::result::Result<T, NativeError>;

#[pyfunction]
#[pyo3(signature = (data, /))]
pub(crate) fn to_base64url(py: Python<'_>, data: &[u8]) -> String {
    py.detach(|| b64url(data))
}

#[pyfunction]
#[pyo3(signature = (text, /))]
pub(crate) fn from_base64url(py: Python<'_>, text: &str) -> Result<Vec<u8>> {
    py.detach(|| Ok(decode_any(text)?))
}

#[pyfunction]
#[pyo3(signature = (ikm, salt, info, length, /))]
pub(crate) fn hkdf_sha256(
    py: Python<'_>,
    ikm: &[u8],
    salt: Option<&[u8]>,
    info: &[u8],
    length: usize,
) -> Result<Vec<u8>> {
    py.detach(|| {
        // Before anything of that size is allocated: RFC 5869 ends at 255 blocks.
        if !(1..=255 * 32).contains(&length) {
            return Err(NativeError::malformed("HKDF-SHA256 gives 1 to 8160 bytes"));
        }
        let mut out = vec![0; length];
        let key = hkdf::Hkdf::<Sha256>::new(salt, ikm);
        key.expand(info, &mut out).map_err(|error| NativeError::malformed(error.to_string()))?;
        Ok(out)
    })
}

/// Public, then private half.
#[pyfunction]
pub(crate) fn generate_x25519_keypair(py: Python<'_>) -> (String, String) {
    py.detach(|| {
        let key = AgreementKey::generate(&SystemRandom);
        (key.public().to_base64url(), key.expose_base64url().to_string())
    })
}

#[pyfunction]
#[pyo3(signature = (private_key, peer_public_key, /))]
pub(crate) fn derive_shared_key(py: Python<'_>, private_key: &str, peer_public_key: &str) -> Result<String> {
    py.detach(|| {
        let peer = AgreementPublicKey::parse(peer_public_key)?;
        Ok(AgreementKey::parse(private_key)?.agree(&peer)?.expose_base64url().to_string())
    })
}

#[pyfunction]
#[pyo3(signature = (key, plaintext, /))]
pub(crate) fn aes_gcm_encrypt(py: Python<'_>, key: &str, plaintext: &str) -> Result<Parts> {
    py.detach(|| Ok(seal(&content_key(key)?, plaintext)))
}

/// Seals `plaintext` under a fresh nonce.
pub(crate) fn seal(key: &ContentKey, plaintext: &str) -> Parts {
    let sealed = key.seal(&SystemRandom, plaintext.as_bytes());
    (sealed.alg, sealed.data, sealed.nonce.unwrap_or_default(), sealed.tag.unwrap_or_default())
}

#[pyfunction]
#[pyo3(signature = (key, alg, data, nonce, tag, aad, /))]
pub(crate) fn aes_gcm_decrypt(
    py: Python<'_>,
    key: &str,
    alg: Option<String>,
    data: String,
    nonce: Option<String>,
    tag: Option<String>,
    aad: Option<String>,
) -> Result<String> {
    py.detach(|| {
        // The published helper never looked at the name, so payloads without one exist.
        let alg = alg.unwrap_or_else(|| AES_256_GCM.to_owned());
        let sealed = Ciphertext { alg, data, nonce, tag, aad, other: serde_json::Map::new() };
        let text = content_key(key)?.open(&sealed)?;
        std::str::from_utf8(&text).map(str::to_owned).map_err(|_| NativeError::Sealed)
    })
}

pub(crate) fn content_key(text: &str) -> Result<ContentKey> {
    ContentKey::parse(text).map_err(|_| NativeError::malformed("the key must be 32 bytes, as base64url"))
}

/// Public key, then seed.
#[pyfunction]
pub(crate) fn generate_ed25519_keypair(py: Python<'_>) -> (String, String) {
    py.detach(|| {
        let key = PrivateKey::generate(&SystemRandom);
        (key.public().to_base64url(), b64url(key.to_seed().as_ref()))
    })
}

#[pyfunction]
#[pyo3(signature = (private_key, message, /))]
pub(crate) fn ed25519_sign(py: Python<'_>, private_key: &str, message: &[u8]) -> Result<String> {
    py.detach(|| {
        let bytes = Zeroizing::new(decode_any(private_key)?);
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(
            bytes.as_slice().try_into().map_err(|_| NativeError::malformed("a signing key has 32 bytes"))?,
        );
        Ok(b64url(&PrivateKey::from_seed(&seed).sign(&[message])))
    })
}

#[pyfunction]
#[pyo3(signature = (public_key, message, signature, /))]
pub(crate) fn ed25519_verify(
    py: Python<'_>,
    public_key: &str,
    message: &[u8],
    signature: &str,
) -> Result<bool> {
    py.detach(|| {
        let signature = decode_any(signature)?;
        Ok(PublicKey::parse(public_key)?.verify(&[message], &signature).is_ok())
    })
}

#[pyfunction]
#[pyo3(signature = (public_key, /))]
pub(crate) fn key_fingerprint(py: Python<'_>, public_key: &str) -> Result<String> {
    py.detach(|| Ok(PublicKey::parse(public_key)?.human_fingerprint()))
}

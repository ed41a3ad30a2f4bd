//! The published client's crypto helpers, on texts. What they do is core's: [`airlock_core::crypto`].

use airlock_core::crypto::{
    AgreementKey, AgreementPublicKey, Ciphertext, ContentKey, PrivateKey, PublicKey, b64url, decode_any,
    sha256,
};
use airlock_core::runtime::SystemHost;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// An encrypted payload, its parts as base64.
#[derive(Clone, Serialize, Deserialize)]
pub struct EncryptedPayload {
    /// `AES-256-GCM`.
    pub alg: String,
    /// The encrypted bytes.
    pub data: String,
    /// 12 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Associated data; in practice none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aad: Option<String>,
}

// With the algorithm `none`, which some programs use, the data is the plaintext.
impl std::fmt::Debug for EncryptedPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncryptedPayload({} bytes as text)", self.data.len())
    }
}

impl From<Ciphertext> for EncryptedPayload {
    fn from(sealed: Ciphertext) -> Self {
        Self { alg: sealed.alg, data: sealed.data, nonce: sealed.nonce, tag: sealed.tag, aad: sealed.aad }
    }
}

impl From<EncryptedPayload> for Ciphertext {
    fn from(payload: EncryptedPayload) -> Self {
        Self {
            alg: payload.alg,
            data: payload.data,
            nonce: payload.nonce,
            tag: payload.tag,
            aad: payload.aad,
            other: serde_json::Map::new(),
        }
    }
}

/// A pair of X25519 keys, 32 raw bytes each, base64url. The private one is not printed, and zeroed on drop.
pub struct X25519KeyPair {
    /// For the other side.
    pub public_key: String,
    /// For nobody.
    pub private_key: String,
}

/// A pair of Ed25519 keys, 32 raw bytes each, base64url. The private one is not printed, and zeroed on drop.
pub struct Ed25519KeyPair {
    /// For those who verify.
    pub public_key: String,
    /// For nobody.
    pub private_key: String,
}

macro_rules! key_pair {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("public_key", &self.public_key)
                    .finish_non_exhaustive()
            }
        }
    };
}
key_pair!(X25519KeyPair);
key_pair!(Ed25519KeyPair);

/// Base64url without padding.
pub fn to_base64url(bytes: &[u8]) -> String {
    b64url(bytes)
}

/// Reads base64 of either alphabet, with padding or without.
///
/// # Errors
/// When it is none.
pub fn from_base64url(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=').replace('+', "-").replace('/', "_"))
}

/// SHA-256 of the text's UTF-8, 64 lower-case hex digits.
pub fn sha256_hex(text: &str) -> String {
    sha256(&[text.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HKDF-SHA-256.
///
/// # Errors
/// When `length` is more than 255 blocks.
///
/// Source: RFC 5869.
pub fn hkdf_derive(ikm: &[u8], salt: &[u8], info: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let mut out = vec![0; length.min(HKDF_BYTES_MAX)];
    let derived = hkdf::Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, &mut out);
    if length > HKDF_BYTES_MAX || derived.is_err() {
        return Err(format!("HKDF-SHA-256 gives at most {HKDF_BYTES_MAX} bytes"));
    }
    Ok(out)
}

const HKDF_BYTES_MAX: usize = 255 * 32;

/// A fresh pair for an agreement.
pub fn generate_x25519_keypair() -> X25519KeyPair {
    let key = AgreementKey::generate(&SystemHost::new());
    X25519KeyPair {
        public_key: key.public().to_base64url(),
        private_key: key.expose_base64url().as_str().to_owned(),
    }
}

/// The key that both sides share. The other side's key may be 32 raw bytes or a SubjectPublicKeyInfo.
///
/// # Errors
/// When a key is none, or the other side's is a weak one.
pub fn derive_shared_key(my_private_base64url: &str, peer_public_base64url: &str) -> Result<String, String> {
    let own = AgreementKey::parse(my_private_base64url).map_err(|error| format!("own key: {error}"))?;
    let peer =
        AgreementPublicKey::parse(peer_public_base64url).map_err(|error| format!("peer's key: {error}"))?;
    let key = own.agree(&peer).map_err(|error| error.to_string())?;
    Ok(key.expose_base64url().as_str().to_owned())
}

/// Encrypts a text.
///
/// # Errors
/// When the key is none.
pub fn aes_gcm_encrypt(key_base64url: &str, plaintext: &str) -> Result<EncryptedPayload, String> {
    Ok(content_key(key_base64url)?.seal(&SystemHost::new(), plaintext.as_bytes()).into())
}

/// Decrypts a text.
///
/// # Errors
/// When the key is none, the parts are not well formed, the tag does not fit, or it is no text.
pub fn aes_gcm_decrypt(key_base64url: &str, payload: &EncryptedPayload) -> Result<String, String> {
    let sealed = Ciphertext::from(payload.clone());
    let plaintext = content_key(key_base64url)?.open(&sealed).map_err(|error| error.to_string())?;
    String::from_utf8(plaintext.to_vec()).map_err(|_| "the plaintext is not UTF-8".to_owned())
}

/// A fresh pair for signatures.
pub fn generate_ed25519_keypair() -> Ed25519KeyPair {
    let key = PrivateKey::generate(&SystemHost::new());
    Ed25519KeyPair { public_key: key.public().to_base64url(), private_key: b64url(key.to_seed().as_ref()) }
}

/// Signs a message; the signature is base64url.
///
/// # Errors
/// When the key is none.
pub fn ed25519_sign(private_key_base64url: &str, message: &[u8]) -> Result<String, String> {
    let wrong = || "the private key is not 32 bytes of base64".to_owned();
    let seed = Zeroizing::new(decode_any(private_key_base64url).map_err(|_| wrong())?);
    let seed = Zeroizing::new(<[u8; 32]>::try_from(seed.as_slice()).map_err(|_| wrong())?);
    Ok(b64url(&PrivateKey::from_seed(&seed).sign(&[message])))
}

/// Whether a signature is the key's over the message. Strict: no weak keys, no second form of a signature.
///
/// # Errors
/// When key or signature is not well formed.
pub fn ed25519_verify(
    public_key_base64url: &str,
    message: &[u8],
    signature_base64url: &str,
) -> Result<bool, String> {
    let key = PublicKey::parse(public_key_base64url).map_err(|_| "the public key is not valid".to_owned())?;
    let signature = decode_any(signature_base64url).map_err(|error| format!("signature: {error}"))?;
    if signature.len() != SIGNATURE_BYTES {
        return Err(format!("a signature has {SIGNATURE_BYTES} bytes"));
    }
    Ok(key.verify(&[message], &signature).is_ok())
}

const SIGNATURE_BYTES: usize = 64;

fn content_key(text: &str) -> Result<ContentKey, String> {
    ContentKey::parse(text).map_err(|_| "the key is not 32 bytes of base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENFORCER: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const ENFORCER_PUBLIC: &str = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8";
    const ENFORCER_SPKI: &str = "MCowBQYDK2VuAyEAj0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8";
    const APPROVER: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
    const APPROVER_PUBLIC: &str = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ";
    const KEY: &str = "ES0_4e-ouWcgpNN1Pvtx2hYJ4kghwtVdkVZ2-igNLNo";
    const SEED: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";
    const SIGNER: &str = "JUO5L_EJVRFHatyDadtt3JM2ZaEZeN2hQE7hBmypVZ0";

    #[test]
    fn the_published_vectors_hold() {
        for peer in [ENFORCER_PUBLIC, ENFORCER_SPKI] {
            assert_eq!(derive_shared_key(APPROVER, peer).unwrap(), KEY);
        }
        assert_eq!(derive_shared_key(ENFORCER, APPROVER_PUBLIC).unwrap(), KEY);
        let sealed = EncryptedPayload {
            alg: "aes-256-gcm".into(),
            data: "1IRq+G1Uk58ra9advaSwgWjCbzF1JaMmkNPpAg==".into(),
            nonce: Some("AAECAwQFBgcICQoL".into()),
            tag: Some("LTDvtt/QMjZe21bbvr7FXg==".into()),
            aad: None,
        };
        assert_eq!(aes_gcm_decrypt(KEY, &sealed).unwrap(), r#"{"action":"test","value":42}"#);
        let text = "d3c2d7effb479ffc5085aad2144df886a452a4863396060f4e0ea29a8409d0fd|approve|nonce-0001";
        let signature =
            "GoaNwyl4QrCMuOi_p5fmm4e4fhdpoRlirdJpyca5q0cx-tS6BM09ZPmSrNEZff58yrFXJ5-BRgedysLngREcAg";
        assert_eq!(ed25519_sign(SEED, text.as_bytes()).unwrap(), signature);
        assert_eq!(ed25519_verify(SIGNER, text.as_bytes(), signature), Ok(true));
        assert_eq!(ed25519_verify(SIGNER, b"other", signature), Ok(false));
    }

    #[test]
    fn fresh_keys_work_and_what_was_changed_does_not() {
        let (one, other) = (generate_x25519_keypair(), generate_x25519_keypair());
        let key = derive_shared_key(&one.private_key, &other.public_key).unwrap();
        assert_eq!(key, derive_shared_key(&other.private_key, &one.public_key).unwrap());
        let mut sealed = aes_gcm_encrypt(&key, "é").unwrap();
        assert_eq!(aes_gcm_decrypt(&key, &sealed).unwrap(), "é");
        sealed.tag = sealed.nonce.clone();
        assert!(aes_gcm_decrypt(&key, &sealed).is_err());
        let signer = generate_ed25519_keypair();
        let signature = ed25519_sign(&signer.private_key, b"m").unwrap();
        assert_eq!(ed25519_verify(&signer.public_key, b"m", &signature), Ok(true));
        assert!(!format!("{one:?}{signer:?}").contains(&one.private_key));
    }

    #[test]
    fn malformed_input_is_an_error_and_not_a_no() {
        assert!(derive_shared_key("AAECAw", ENFORCER_PUBLIC).is_err());
        assert!(derive_shared_key(ENFORCER, &to_base64url(&[0; 32])).is_err(), "all-zero secret");
        assert!(aes_gcm_encrypt("short", "x").is_err());
        assert!(ed25519_verify(SIGNER, b"m", "AAAA").is_err());
        assert!(ed25519_verify(&to_base64url(&[0; 32]), b"m", &to_base64url(&[0; 64])).is_err());
        assert_eq!(from_base64url("-_--AQ==").unwrap(), from_base64url("+/++AQ").unwrap());
        assert!(from_base64url("é").is_err());
    }

    #[test]
    fn hkdf_follows_rfc_5869_case_1() {
        let okm = hkdf_derive(
            &[0x0b; 22],
            &from_hex("000102030405060708090a0b0c"),
            &from_hex("f0f1f2f3f4f5f6f7f8f9"),
            42,
        );
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(okm.unwrap(), from_hex(expected));
        assert!(hkdf_derive(b"k", b"", b"", usize::MAX).is_err());
    }

    fn from_hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}

//! Key agreement of one pairing: X25519, then one content key out of HKDF.
//!
//! Source: RFC 7748 (X25519, section 6.1 for the all-zero check), RFC 5869 (HKDF-SHA-256); the label is the gateway protocol's.
//! Neither identities nor a transcript go in: both sides get the same key, for both directions. Who holds the peer's key
//! must be known from elsewhere: the approver's is bound by the signature of its pairing answer.

use x25519_dalek::{PublicKey as Point, StaticSecret};
use zeroize::Zeroizing;

use super::aead::ContentKey;
use super::encoding::{b64url, decode_any};
use super::hkdf_sha256;
use crate::host::Host;

/// Why two keys agree on nothing. Never says what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgreementError {
    /// The text or bytes are no X25519 key.
    #[error("not an X25519 key")]
    Key,
    /// The peer's key is of small order, so that the shared secret would be one that everybody knows.
    #[error("the peer's key is of small order")]
    SmallOrder,
}

/// A private X25519 key. Zeroed on drop; never printed.
pub struct AgreementKey(StaticSecret);

impl AgreementKey {
    /// A new key from the host's randomness. One for each pairing.
    pub fn generate(host: &dyn Host) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        host.random(bytes.as_mut());
        Self::from_bytes(&bytes)
    }
    /// From 32 raw bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }
    /// Reads base64 of 32 raw bytes.
    ///
    /// # Errors
    /// [`AgreementError::Key`] for any other text.
    pub fn parse(text: &str) -> Result<Self, AgreementError> {
        let bytes = Zeroizing::new(decode_any(text).map_err(|_| AgreementError::Key)?);
        let bytes: Zeroizing<[u8; 32]> =
            Zeroizing::new(bytes.as_slice().try_into().map_err(|_| AgreementError::Key)?);
        Ok(Self::from_bytes(&bytes))
    }
    /// The private key as base64url. The name is for reviewers: each call is a place to look.
    pub fn expose_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(b64url(self.0.as_bytes()))
    }
    /// The public half.
    pub fn public(&self) -> AgreementPublicKey {
        AgreementPublicKey(Point::from(&self.0).to_bytes())
    }
    /// The key that both sides of a pairing get.
    ///
    /// # Errors
    /// [`AgreementError::SmallOrder`] if the shared secret is all zero.
    pub fn agree(&self, peer: &AgreementPublicKey) -> Result<ContentKey, AgreementError> {
        let shared = self.0.diffie_hellman(&Point::from(peer.0));
        if !shared.was_contributory() {
            return Err(AgreementError::SmallOrder);
        }
        // No salt and a salt of 32 zero bytes are the same to HMAC (RFC 5869, 2.2).
        Ok(ContentKey::from_bytes(&Zeroizing::new(hkdf_sha256(shared.as_bytes(), &[], CONTENT_KEY_LABEL))))
    }
}

impl std::fmt::Debug for AgreementKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AgreementKey(..)")
    }
}

/// A public X25519 key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgreementPublicKey([u8; 32]);

impl AgreementPublicKey {
    /// From 32 raw bytes, or from the 44 of a SubjectPublicKeyInfo, which Node's programs send.
    ///
    /// # Errors
    /// [`AgreementError::Key`] for any other length or prefix.
    ///
    /// Source: RFC 8410, section 4.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AgreementError> {
        let raw = bytes.strip_prefix(SPKI_PREFIX).unwrap_or(bytes);
        raw.try_into().map(Self).map_err(|_| AgreementError::Key)
    }
    /// Reads base64 of what [`Self::from_bytes`] takes.
    ///
    /// # Errors
    /// [`AgreementError::Key`] for any other text.
    pub fn parse(text: &str) -> Result<Self, AgreementError> {
        Self::from_bytes(&decode_any(text).map_err(|_| AgreementError::Key)?)
    }
    /// 32 raw bytes.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }
    /// Base64url of the raw bytes: the form that every SDK reads.
    pub fn to_base64url(self) -> String {
        b64url(&self.0)
    }
}

impl std::fmt::Debug for AgreementPublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

const CONTENT_KEY_LABEL: &[u8] = b"HARP-E2E-AES256GCM";
const SPKI_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::FixedHost;

    #[test]
    fn both_sides_get_one_key_and_another_peer_another() {
        let host = FixedHost::new();
        let (one, other, third) =
            (AgreementKey::generate(&host), AgreementKey::generate(&host), AgreementKey::generate(&host));
        let key = |own: &AgreementKey, peer: &AgreementKey| own.agree(&peer.public()).unwrap();
        assert_eq!(*key(&one, &other).expose_base64url(), *key(&other, &one).expose_base64url());
        assert_ne!(*key(&one, &other).expose_base64url(), *key(&one, &third).expose_base64url());
        let read_back = AgreementKey::parse(&one.expose_base64url()).unwrap();
        assert_eq!(read_back.public(), one.public());
    }

    #[test]
    fn points_of_small_order_are_refused() {
        let own = AgreementKey::generate(&FixedHost::new());
        // All encodings of points of order 1, 2, 4 and 8 of the curve and its twist (RFC 7748, section 6.1, and cr.yp.to/ecdh.html).
        for hex_of_point in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ] {
            let point = AgreementPublicKey::from_bytes(&hex::decode(hex_of_point).unwrap()).unwrap();
            assert_eq!(own.agree(&point).err(), Some(AgreementError::SmallOrder), "{hex_of_point}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_no_key_is_printed() {
        for text in ["", "AAECAw", "not base64!", &b64url(&[7; 31]), &b64url(&[7; 33]), &b64url(&[7; 44])] {
            assert_eq!(AgreementPublicKey::parse(text).err(), Some(AgreementError::Key), "{text}");
            assert_eq!(AgreementKey::parse(text).err(), Some(AgreementError::Key), "{text}");
        }
        assert_eq!(format!("{:?}", AgreementKey::from_bytes(&[7; 32])), "AgreementKey(..)");
    }
}

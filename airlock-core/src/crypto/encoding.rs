//! Bytes as text: base64url without padding for keys and signatures, padded base64 for the parts of a ciphertext.
//!
//! Source: RFC 4648, sections 4 and 5. Readers take either alphabet, with padding or without, because the published SDKs do.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Longest text that is decoded: twice the largest body that the gateway takes.
pub const ENCODED_BYTES_MAX: usize = 4 * 1024 * 1024;

// Bits that no byte uses must be zero, so that one key has one text in each alphabet.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text is no base64 of either alphabet, or longer than [`ENCODED_BYTES_MAX`]. It is not quoted: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64")]
pub struct NotBase64;

/// Base64url without padding: keys, signatures, nonces.
pub fn b64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Base64 of the standard alphabet with padding: the parts of a ciphertext.
pub fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads either alphabet, with padding or without.
///
/// # Errors
/// [`NotBase64`] for any other text, for white space in it, for bits left over that are not zero, and for too long a text.
pub fn decode_any(text: &str) -> Result<Vec<u8>, NotBase64> {
    if text.len() > ENCODED_BYTES_MAX {
        return Err(NotBase64);
    }
    let text = if text.contains(['+', '/']) {
        Cow::Owned(text.replace('+', "-").replace('/', "_"))
    } else {
        Cow::Borrowed(text)
    };
    ANY_PADDING.decode(text.as_ref()).map_err(|_| NotBase64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_alphabet_and_any_padding_is_read() {
        let bytes = [0xfb, 0xff, 0xbe, 0x01];
        assert_eq!((b64url(&bytes).as_str(), b64(&bytes).as_str()), ("-_--AQ", "+/++AQ=="));
        for text in ["-_--AQ", "-_--AQ==", "+/++AQ", "+/++AQ==", "+_-+AQ"] {
            assert_eq!(decode_any(text).unwrap(), bytes, "{text}");
        }
        assert_eq!(decode_any("").unwrap(), b"");
    }

    #[test]
    fn what_has_another_text_or_none_is_refused() {
        // The last two have bits that no byte uses.
        for text in ["A", "=", "AA=A", " AQ==", "AQ==\n", "AQ===", "é", "AR==", "-_--AR"] {
            assert_eq!(decode_any(text), Err(NotBase64), "{text:?}");
        }
        assert_eq!(decode_any(&"A".repeat(ENCODED_BYTES_MAX + 4)), Err(NotBase64));
    }
}

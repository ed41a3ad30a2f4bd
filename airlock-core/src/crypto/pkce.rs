//! Proof Key for Code Exchange: the challenge that a client sends first, and the verifier that it shows later. S256 only.
//!
//! Source: RFC 7636; `plain` is refused (RFC 9700, 2.1.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;

use super::sha256;

/// The SHA-256 of a verifier that is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PkceChallenge([u8; 32]);

impl PkceChallenge {
    /// Reads a challenge: 43 characters of base64url without padding. Any other text is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
    /// The challenge of a verifier; `None` when the text can be none.
    pub fn of(verifier: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let valid = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
        valid.then(|| Self(sha256(&[verifier.as_bytes()])))
    }
    /// Whether this verifier is the one, in time that does not depend on how much of it is right.
    pub fn matches(&self, verifier: &str) -> bool {
        Self::of(verifier).is_some_and(|given| self.0.ct_eq(&given.0).into())
    }
    /// The text that a client sends.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfcs_own_pair_matches_and_nothing_near_it() {
        let challenge = PkceChallenge::parse(CHALLENGE).unwrap();
        assert_eq!(challenge.to_text(), CHALLENGE);
        assert!(challenge.matches(VERIFIER));
        for wrong in ["", &VERIFIER[..42], &VERIFIER.replace('d', "e"), CHALLENGE, &"a".repeat(129)] {
            assert!(!challenge.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_can_be_no_challenge_or_verifier_is_none() {
        for text in [
            "",
            &CHALLENGE[..42],
            &format!("{CHALLENGE}="),
            &CHALLENGE.replace('-', "+"),
            VERIFIER.trim_end_matches('k'),
        ] {
            assert!(PkceChallenge::parse(text).is_none(), "{text}");
        }
        assert!(PkceChallenge::of(&"a b".repeat(20)).is_none());
        assert!(PkceChallenge::of(&"\u{e9}".repeat(43)).is_none());
    }
}

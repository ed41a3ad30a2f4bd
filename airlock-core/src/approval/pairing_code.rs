//! The six characters that one person reads to another, or types.

use std::fmt;
use std::str::FromStr;

use crate::host::Host;

/// A pairing code: six characters without look-alikes, about 2^30 of them. It is no secret for long: the limits on guesses and
/// the short life of a session protect, not its length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairingCode([u8; 6]);

/// The text is no pairing code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a pairing code: six letters and digits")]
pub struct InvalidPairingCode;

impl PairingCode {
    /// A fresh code, each equally likely.
    pub fn random(host: &dyn Host) -> Self {
        let mut random = [0; 6];
        host.random(&mut random);
        // 32 characters, so five bits choose one without bias.
        Self(random.map(|byte| ALPHABET[usize::from(byte & 31)]))
    }
    /// The six characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("its characters are ASCII")
    }
}

impl FromStr for PairingCode {
    type Err = InvalidPairingCode;

    /// Reads a code as people type it: in either case, with spaces and dashes anywhere.
    fn from_str(text: &str) -> Result<Self, InvalidPairingCode> {
        if text.len() > TYPED_BYTES_MAX {
            return Err(InvalidPairingCode);
        }
        let mut code = Vec::with_capacity(TYPED_BYTES_MAX);
        for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-' | b'\t')) {
            let upper = byte.to_ascii_uppercase();
            if !ALPHABET.contains(&upper) {
                return Err(InvalidPairingCode);
            }
            code.push(upper);
        }
        code.try_into().map(Self).map_err(|_| InvalidPairingCode)
    }
}

impl fmt::Display for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whoever reads a code can claim its session, so logs must not have it.
impl fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairingCode(..)")
    }
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const TYPED_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::FixedHost;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for text in ["A3K9X2", "a3k9x2", " a3k-9x2 ", "A3-K9-X2", "A 3 K 9 X 2"] {
            assert_eq!(text.parse::<PairingCode>().unwrap().as_str(), "A3K9X2", "{text}");
        }
        for bad in [
            "",
            "A3K9X",
            "A3K9X2Z",
            "ABCD-1234",
            "A3K9X0",
            "A3K9XI",
            "A3K9X\u{660}",
            "А3K9X2",
            &"A".repeat(65),
        ] {
            assert!(bad.parse::<PairingCode>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_character_can_come_and_each_code_reads_back() {
        let host = FixedHost::new();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let code = PairingCode::random(&host);
            assert_eq!(code.to_string().parse(), Ok(code));
            seen.extend(code.0);
        }
        assert_eq!(seen.len(), ALPHABET.len());
    }
}

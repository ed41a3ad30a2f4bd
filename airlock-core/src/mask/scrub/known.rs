//! Values of masked columns, remembered only as hashes, to be removed from free text of the same snapshot.

use std::collections::{HashMap, HashSet};

use super::fold::plain;
use zeroize::Zeroizing;

/// Raw values of masked text columns of rows already seen in this snapshot: names, addresses, numbers.
///
/// The values themselves are not kept: each is a polynomial hash under a base that only this host knows, found again
/// in a text by its rolling twin (Karp and Rabin, 1987). Values longer than [`WINDOW_MAX`] bytes are kept in pieces.
pub(in crate::mask) struct KnownValues {
    base: u64,
    /// Hashes of whole values (or pieces).
    values: HashSet<u64>,
    /// By hash of the first bytes: which lengths begin so, one bit per length.
    lengths: HashMap<u64, u64>,
}

impl KnownValues {
    /// Knows nothing yet.
    pub(in crate::mask) fn new(seed: u64) -> Self {
        Self { base: seed % (PRIME - 2) + 2, values: HashSet::new(), lengths: HashMap::new() }
    }

    /// Remembers a value, and the words of a name. Values of less than four characters (two, if none is ASCII) are too
    /// common to remove. Past [`VALUES_MAX`] nothing more is remembered.
    pub(in crate::mask) fn learn(&mut self, value: &str) {
        if value.len() > VALUE_BYTES_MAX {
            return;
        }
        let mut folded = Zeroizing::new(String::with_capacity(2 * value.len()));
        for c in value.chars() {
            plain(c, &mut folded);
            if folded.ends_with("  ") {
                folded.pop();
            }
        }
        self.remember(folded.trim());
        let words: Vec<&str> = folded.split([' ', '-', ',', '.', '/']).filter(|w| !w.is_empty()).collect();
        if folded.contains('@') {
            self.remember(folded.split('@').next().unwrap_or_default().trim());
        } else if words.len() <= NAME_WORDS_MAX {
            words.iter().for_each(|word| self.remember(word));
        }
    }

    fn remember(&mut self, value: &str) {
        let enough =
            if value.is_ascii() { value.len() >= 4 } else { value.len() >= 4 && value.chars().count() >= 2 };
        if !enough || self.values.len() >= VALUES_MAX {
            return;
        }
        let bytes = value.as_bytes();
        let whole = bytes.chunks_exact(WINDOW_MAX);
        let tail = match whole.remainder() {
            [] => None,
            rest if rest.len() == bytes.len() => Some(bytes),
            // The end of a long value overlaps its last whole piece, so that no short piece is left.
            _ => Some(&bytes[bytes.len() - WINDOW_MAX..]),
        };
        for piece in whole.chain(tail) {
            self.values.insert(self.hash(piece));
            *self.lengths.entry(self.hash(&piece[..WINDOW_MIN])).or_default() |=
                1 << (piece.len() - WINDOW_MIN);
        }
    }

    /// Calls `found` with each range of folded text that is a known value.
    pub(super) fn find(&self, folded: &str, mut found: impl FnMut(usize, usize)) {
        if self.values.is_empty() || folded.len() < WINDOW_MIN {
            return;
        }
        let bytes = folded.as_bytes();
        let (mut prefix, mut powers) = (Vec::with_capacity(bytes.len() + 1), [1; WINDOW_MAX + 1]);
        prefix.push(0);
        for b in bytes {
            prefix.push(self.step(prefix[prefix.len() - 1], *b));
        }
        for i in 1..powers.len() {
            powers[i] = times(powers[i - 1], self.base);
        }
        let hash = |start: usize, length: usize| {
            (prefix[start + length] + PRIME - times(prefix[start], powers[length])) % PRIME
        };
        for start in 0..=bytes.len() - WINDOW_MIN {
            let Some(lengths) = self.lengths.get(&hash(start, WINDOW_MIN)) else { continue };
            // Longest first: shorter ones lie inside it.
            let longest = (WINDOW_MIN..=WINDOW_MAX.min(bytes.len() - start))
                .rev()
                .filter(|length| lengths >> (length - WINDOW_MIN) & 1 == 1)
                .find(|length| self.values.contains(&hash(start, *length)));
            if let Some(length) = longest {
                found(start, start + length);
            }
        }
    }

    fn hash(&self, bytes: &[u8]) -> u64 {
        bytes.iter().fold(0, |hash, b| self.step(hash, *b))
    }

    fn step(&self, hash: u64, byte: u8) -> u64 {
        (times(hash, self.base) + u64::from(byte) + 1) % PRIME
    }
}

impl std::fmt::Debug for KnownValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownValues({})", self.values.len())
    }
}

fn times(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64
}

/// A Mersenne prime.
const PRIME: u64 = (1 << 61) - 1;
/// Bytes of the shortest value.
const WINDOW_MIN: usize = 4;
/// Bytes of the longest piece: one bit of a `u64` per length.
const WINDOW_MAX: usize = WINDOW_MIN + 63;
/// Values and words remembered: about 10 MB.
const VALUES_MAX: usize = 200_000;
/// Longer values are texts, not names.
const VALUE_BYTES_MAX: usize = 4096;
/// More words are a sentence, and removing its words would remove the language.
const NAME_WORDS_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::super::fold::Folded;
    use super::*;

    fn found(values: &[&str], text: &str) -> Vec<String> {
        let mut known = KnownValues::new(12345);
        values.iter().for_each(|v| known.learn(v));
        let folded = Folded::new(text);
        let mut out = vec![];
        known.find(&folded.text, |start, end| {
            let f = folded.finding(start, end, None);
            out.push(text[f.start..f.end].to_owned());
        });
        out
    }

    #[test]
    fn values_are_found_in_any_case_and_disguise() {
        assert_eq!(found(&["Alice"], "dear ALICE, dear alice!"), ["ALICE", "alice"]);
        assert_eq!(found(&["José"], "jose and JOSE\u{301}"), ["jose", "JOSE\u{301}"]);
        assert_eq!(found(&["alice"], "xal\u{200b}icex"), ["al\u{200b}ice"]);
        assert_eq!(found(&["李明"], "致李明先生"), ["李明"]);
    }

    #[test]
    fn words_of_names_and_local_parts_are_found_too() {
        assert_eq!(found(&["Anna-Maria Smith"], "Maria or Smith or Anna"), ["Maria", "Smith", "Anna"]);
        assert_eq!(found(&["asmith@example.com"], "user asmith on example.com"), ["asmith"]);
        assert!(found(&["this is a whole sentence about nothing"], "this whole sentence").is_empty());
    }

    #[test]
    fn short_values_are_left_alone() {
        assert!(found(&["Al", "Bob", "É"], "Al and Bob went É").is_empty());
    }

    #[test]
    fn long_values_are_found_whole() {
        let long: String = (0..40).map(|i| format!("w{i:02}x ")).collect();
        let long = long.trim();
        let text = format!("before {long} after");
        let mut known = KnownValues::new(7);
        known.learn(long);
        let mut covered = vec![false; text.len()];
        known.find(&text, |start, end| covered[start..end].fill(true));
        assert!(covered[7..7 + long.len()].iter().all(|c| *c));
        assert!(!covered[..7].iter().any(|c| *c));
    }

    #[test]
    fn the_values_are_not_printed() {
        let mut known = KnownValues::new(1);
        known.learn("alice");
        assert_eq!(format!("{known:?}"), "KnownValues(1)");
    }
}

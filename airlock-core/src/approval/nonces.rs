//! Which nonces were used: a decision is believed once.
//!
//! Source: the gateway's protocol, nonce journal; its file form is that of the published SDKs.

use std::collections::HashMap;
use std::time::Duration;

use crate::time::Timestamp;

/// The nonces seen of late. Forgets each after a time, and takes no more than [`Self::NONCES_MAX`] at once.
#[derive(Clone, Debug)]
pub struct NonceJournal {
    ttl: Duration,
    seen: HashMap<String, Timestamp>,
    pruned_at: Option<Timestamp>,
}

impl NonceJournal {
    /// How long the published SDKs remember.
    pub const DEFAULT_TTL: Duration = Duration::from_secs(900);
    /// How long to remember where equal payloads are asked about more than once: as long as the gateway keeps nonces itself.
    /// After [`Self::DEFAULT_TTL`] whoever relays decisions could answer an equal question with an old yes.
    pub const ADVISED_TTL: Duration = Duration::from_secs(30 * 24 * 3600);
    /// Most nonces held; a full journal takes no new one, so that none is forgotten early.
    pub const NONCES_MAX: usize = 1_000_000;
    const PRUNE_EVERY: Duration = Duration::from_secs(60);

    /// An empty journal that remembers each nonce for `ttl`.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, seen: HashMap::new(), pruned_at: None }
    }
    /// Takes note of a nonce. False if it was seen within the time, or if there is no room: do not act on it then.
    pub fn try_record(&mut self, nonce: &str, now: Timestamp) -> bool {
        self.prune(now);
        if self.has_seen(nonce, now) || self.seen.len() >= Self::NONCES_MAX {
            return false;
        }
        self.seen.insert(nonce.to_owned(), now);
        true
    }
    /// Whether it was seen within the time. A clock that was set back counts as no time.
    pub fn has_seen(&self, nonce: &str, now: Timestamp) -> bool {
        self.seen.get(nonce).is_some_and(|&at| self.is_live(at, now))
    }
    /// How many are remembered.
    pub fn count(&self, now: Timestamp) -> usize {
        self.seen.values().filter(|&&at| self.is_live(at, now)).count()
    }

    /// One line each: nonce, tab, Unix time in seconds. A nonce that no line can hold is left out; those of decisions that
    /// are believed have no white space.
    pub fn to_lines(&self) -> String {
        let mut out = String::new();
        for (nonce, at) in &self.seen {
            if !nonce.is_empty() && !nonce.contains(char::is_whitespace) {
                out.push_str(&format!("{nonce}\t{:?}\n", at.as_millis() as f64 / 1000.0));
            }
        }
        out
    }
    /// Reads what [`Self::to_lines`] or a published SDK wrote. Lines of another form are passed over, as they do.
    pub fn from_lines(ttl: Duration, text: &str) -> Self {
        let entries = text.lines().take(Self::NONCES_MAX).filter_map(|line| {
            let (nonce, seconds) = line.trim().split_once('\t')?;
            let ms = (seconds.parse::<f64>().ok()? * 1000.0).round();
            // Past 2^53 a double counts no milliseconds.
            (ms.abs() < 9_007_199_254_740_992.0)
                .then(|| (nonce.to_owned(), Timestamp::from_millis(ms as i64)))
        });
        Self { ttl, seen: entries.collect(), pruned_at: None }
    }

    fn is_live(&self, at: Timestamp, now: Timestamp) -> bool {
        now.since(at) < self.ttl
    }
    fn prune(&mut self, now: Timestamp) {
        if self.pruned_at.is_none_or(|at| now.since(at) >= Self::PRUNE_EVERY) {
            self.pruned_at = Some(now);
            let ttl = self.ttl;
            self.seen.retain(|_, at| now.since(*at) < ttl);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_225_600_123);
    const TTL: Duration = NonceJournal::DEFAULT_TTL;

    #[test]
    fn a_nonce_is_new_once_within_its_time() {
        let mut journal = NonceJournal::new(TTL);
        assert!(journal.try_record("a", NOW));
        assert!(!journal.try_record("a", NOW));
        assert!(journal.try_record("A", NOW));
        assert!(!journal.try_record("a", NOW.after(TTL - Duration::from_millis(1))));
        assert_eq!((journal.count(NOW), journal.count(NOW.after(TTL))), (2, 0));
        assert!(journal.try_record("a", NOW.after(TTL)));
        assert!(!journal.has_seen("b", NOW));
    }

    #[test]
    fn a_clock_set_back_brings_no_nonce_back() {
        let mut journal = NonceJournal::new(TTL);
        assert!(journal.try_record("a", NOW));
        assert!(!journal.try_record("a", NOW.before(TTL * 10)));
        // One set far ahead forgets: nothing tells it from time that passed.
        assert!(journal.try_record("b", NOW.after(TTL)));
        assert!(!journal.has_seen("a", NOW));
    }

    #[test]
    fn the_file_of_a_published_sdk_is_read_and_its_bad_lines_are_not() {
        let text = "n1\t1767225600.123\nn2\t1767225600\n\nbad\nx\ty\nn3\tnan\nn4\tinf\nn5\t1\t2\n  n6\t1767225600.5\r\n";
        let journal = NonceJournal::from_lines(TTL, text);
        assert_eq!(journal.count(NOW), 3);
        assert!(["n1", "n2", "n6"].iter().all(|nonce| journal.has_seen(nonce, NOW)));
    }

    #[test]
    fn what_no_line_can_hold_is_not_written() {
        let mut journal = NonceJournal::new(TTL);
        for nonce in ["", "a\tb", "c\nd", " e", "kept"] {
            assert!(journal.try_record(nonce, NOW));
        }
        assert_eq!(journal.to_lines(), "kept\t1767225600.123\n");
    }

    proptest::proptest! {
        #[test]
        fn writing_and_reading_keeps_what_was_seen(nonces in proptest::collection::hash_map("[!-~]{1,20}", 0i64..4_000_000_000_000, 0..20)) {
            let mut journal = NonceJournal::new(Duration::MAX);
            for (nonce, at) in &nonces {
                journal.try_record(nonce, Timestamp::from_millis(*at));
            }
            let read = NonceJournal::from_lines(Duration::MAX, &journal.to_lines());
            proptest::prop_assert_eq!(read.seen, journal.seen);
        }
    }
}

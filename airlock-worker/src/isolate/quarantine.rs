//! Statements that ended a child are not run again for a while.

use std::collections::HashMap;
use std::time::Duration;

use airlock_core::crypto::sha256;

/// Digests of statements, and when each may be tried again.
#[derive(Debug, Default)]
pub(super) struct Quarantine(HashMap<[u8; 32], Duration>);

impl Quarantine {
    /// Whether the statement is held back at `now`.
    pub(super) fn holds(&mut self, sql: &str, now: Duration) -> bool {
        self.0.retain(|_, until| *until > now);
        self.0.contains_key(&sha256(&[sql.as_bytes()]))
    }
    /// Holds the statement back until `now` + [`HELD`].
    pub(super) fn add(&mut self, sql: &str, now: Duration) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() < ENTRIES_MAX {
            self.0.insert(sha256(&[sql.as_bytes()]), now + HELD);
        }
    }
}

/// How long a statement is held back.
const HELD: Duration = Duration::from_secs(60);
/// At most this many statements; crashes come no faster than children start.
const ENTRIES_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_held_for_a_minute_and_others_are_not() {
        let mut quarantine = Quarantine::default();
        let at = Duration::from_secs;
        quarantine.add("a", at(100));
        assert!(quarantine.holds("a", at(159)));
        assert!(!quarantine.holds("b", at(159)));
        assert!(!quarantine.holds("a", at(160)));
    }
}

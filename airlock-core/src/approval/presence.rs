//! Whether an enforcer is there. It is shown to people and decides nothing.
//!
//! Source: the gateway's protocol, presence.

use std::time::Duration;

use crate::time::Timestamp;

/// How often an enforcer should say that it is there.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(30);
/// After this long without a word an enforcer counts as away.
pub const ONLINE_FOR: Duration = Duration::from_secs(90);
/// For this long after its last word an enforcer is remembered at least.
pub const REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Whether an enforcer is there: it holds a channel open, or was heard of lately.
pub fn is_online(last_seen: Option<Timestamp>, channel_open: bool, now: Timestamp) -> bool {
    channel_open || last_seen.is_some_and(|at| now.since(at) < ONLINE_FOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_channel_or_a_late_word_makes_it_present() {
        let seen = Timestamp::from_millis(1_767_225_600_000);
        let at = |ms: u64| seen.after(Duration::from_millis(ms));
        assert!(is_online(Some(seen), false, seen) && is_online(Some(seen), false, at(89_999)));
        assert!(!is_online(Some(seen), false, at(90_000)));
        assert!(is_online(Some(seen), true, at(90_000)) && is_online(None, true, seen));
        assert!(!is_online(None, false, seen));
        // The word of a process whose clock is ahead of ours.
        assert!(is_online(Some(at(5000)), false, seen));
    }
}

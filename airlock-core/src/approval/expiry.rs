//! Until when a request waits for a person.
//!
//! Source: the gateway's protocol. Published SDKs that were given no time send *now*, taken just before `createdAt`: that is read
//! as no time at all.

use std::time::Duration;

use crate::time::Timestamp;

/// How long requests may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryRule {
    /// For a request that says nothing.
    pub default_ttl: Duration,
    /// The longest.
    pub cap: Duration,
    /// By how much the sender's clock may be behind; a request that ended within it gets this long.
    pub skew: Duration,
}

/// The request's time was over when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request has expired")]
pub struct Expired;

impl ExpiryRule {
    /// How long the report of a standing decision is of interest.
    pub const REPORT_TTL: Duration = Duration::from_secs(60);

    /// Until when a request waits that says these two times, either of which may be missing.
    ///
    /// # Errors
    /// [`Expired`] if it says a time that lies before now by the skew or more.
    pub fn apply(
        &self,
        created_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Timestamp, Expired> {
        let cap = now.after(self.cap);
        let said = expires_at.filter(|&at| !is_unspecified(created_at.unwrap_or(now), at));
        match said {
            None => Ok(now.after(self.default_ttl).min(cap)),
            Some(at) if at <= now.before(self.skew) => Err(Expired),
            Some(at) if at <= now => Ok(now.after(self.skew).min(cap)),
            Some(at) => Ok(at.min(cap)),
        }
    }
}

impl Default for ExpiryRule {
    fn default() -> Self {
        Self {
            default_ttl: Duration::from_secs(600),
            cap: Duration::from_secs(24 * 3600),
            skew: Duration::from_secs(60),
        }
    }
}

fn is_unspecified(created_at: Timestamp, expires_at: Timestamp) -> bool {
    created_at.since(expires_at).max(expires_at.since(created_at)) <= Duration::from_secs(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600_000;

    // Milliseconds from now, all four.
    #[track_caller]
    fn check(created: Option<i64>, expires: Option<i64>, expected: Result<i64, Expired>) {
        let at = |ms: i64| Timestamp::from_millis(NOW + ms);
        assert_eq!(ExpiryRule::default().apply(created.map(at), expires.map(at), at(0)), expected.map(at));
    }

    #[test]
    fn what_an_sdk_sends_when_it_was_told_nothing_is_no_time() {
        check(Some(0), None, Ok(600_000));
        check(None, None, Ok(600_000));
        check(Some(0), Some(0), Ok(600_000));
        check(Some(0), Some(1000), Ok(600_000));
        check(Some(0), Some(-1000), Ok(600_000));
        check(None, Some(0), Ok(600_000));
        // However wrong the sender's clock is.
        check(Some(-10_000_000), Some(-10_000_001), Ok(600_000));
        check(Some(10_000_000), Some(10_000_000), Ok(600_000));
    }

    #[test]
    fn a_time_that_was_said_holds_within_skew_and_cap() {
        check(Some(0), Some(1001), Ok(1001));
        check(Some(0), Some(300_000), Ok(300_000));
        check(Some(0), Some(86_400_000), Ok(86_400_000));
        check(Some(0), Some(86_400_001), Ok(86_400_000));
        check(Some(0), Some(i64::MAX - NOW), Ok(86_400_000));
        check(Some(-5000), Some(1), Ok(1));
        check(Some(-5000), Some(0), Ok(60_000));
        check(Some(-90_000), Some(-59_999), Ok(60_000));
        check(Some(-90_000), Some(-60_000), Err(Expired));
        check(Some(0), Some(i64::MIN + NOW), Err(Expired));
    }

    proptest::proptest! {
        #[test]
        fn nothing_waits_past_the_cap_and_nothing_that_was_taken_is_over(created: Option<i64>, expires: Option<i64>, now: i64) {
            let now = Timestamp::from_millis(now / 2);
            let rule = ExpiryRule::default();
            let at = |ms: Option<i64>| ms.map(Timestamp::from_millis);
            if let Ok(until) = rule.apply(at(created), at(expires), now) {
                proptest::prop_assert!(until > now && until <= now.after(rule.cap));
            }
        }
    }
}

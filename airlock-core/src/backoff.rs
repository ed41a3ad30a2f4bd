//! The next delay from the number of failures and a given random number.

use std::time::Duration;

/// Full-jitter exponential backoff: uniform between `min` and `min * 2^failures`, never above `max`.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Shortest delay.
    pub min: Duration,
    /// Longest delay.
    pub max: Duration,
}

impl Backoff {
    /// The delay before attempt number `failures + 1`; `random` is any uniform number.
    pub fn delay(&self, failures: u32, random: u64) -> Duration {
        let ceiling = self.min.saturating_mul(2u32.saturating_pow(failures.min(31))).min(self.max);
        let span = u64::try_from(ceiling.saturating_sub(self.min).as_millis()).unwrap_or(u64::MAX);
        self.min.min(self.max) + Duration::from_millis(random % span.saturating_add(1).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn stays_within_its_bounds(failures: u32, random: u64) {
            let b = Backoff { min: Duration::from_millis(500), max: Duration::from_secs(30) };
            let d = b.delay(failures, random);
            assert!(d >= b.min && d <= b.max);
        }
    }
}

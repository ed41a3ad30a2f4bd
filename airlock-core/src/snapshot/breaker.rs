//! Leaves a failing source alone for a while.

use std::time::Duration;

/// Counts failures in a row. After [`FAILURES_MAX`] it opens for [`REST`]; then one attempt at a time may show that the
/// source is back.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    rests_until: Option<Duration>,
}

impl Breaker {
    /// Whether an attempt may begin now; otherwise how long to wait.
    pub(super) fn admit(&mut self, now: Duration) -> Result<(), Duration> {
        match self.rests_until {
            Some(until) if now < until => Err(until.saturating_sub(now)),
            Some(_) => {
                // This one tries; the others wait for what it finds.
                self.rests_until = Some(now.saturating_add(REST));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The source answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The source failed.
    pub(super) fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            self.rests_until = Some(now.saturating_add(REST));
        }
    }
}

/// Failures in a row after which the source is left alone.
const FAILURES_MAX: u32 = 5;
/// How long it is left alone.
const REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_five_failures_in_a_row_and_lets_one_try_later() {
        let at = Duration::from_secs;
        let mut breaker = Breaker::default();
        for second in 0..4 {
            breaker.failed(at(second));
        }
        breaker.succeeded();
        for second in 4..9 {
            assert_eq!(breaker.admit(at(second)), Ok(()));
            breaker.failed(at(second));
        }
        assert_eq!(breaker.admit(at(18)), Err(at(20)));
        assert_eq!(breaker.admit(at(38)), Ok(()));
        assert_eq!(breaker.admit(at(38)), Err(at(30)), "one tries at a time");
        breaker.failed(at(39));
        assert_eq!(breaker.admit(at(40)), Err(at(29)));
        assert_eq!(breaker.admit(at(69)), Ok(()));
        breaker.succeeded();
        assert_eq!(breaker.admit(at(70)), Ok(()));
        assert_eq!(breaker.admit(at(70)), Ok(()));
    }
}

//! The system's clock and randomness.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::host::Host;
use crate::time::Timestamp;

/// The operating system's clocks and random generator.
#[derive(Debug)]
pub struct SystemHost {
    start: Instant,
}

impl SystemHost {
    /// A host whose monotonic clock begins now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for SystemHost {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
    fn random(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system's random generator answers");
    }
}

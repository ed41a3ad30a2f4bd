//! Randomness from the system, for keys and nonces. Times come from Python.

use std::time::Duration;

use airlock_core::{Host, Timestamp};

/// The system's randomness. Its clocks stand still: nothing here may depend on them.
#[derive(Debug)]
pub(crate) struct SystemRandom;

impl Host for SystemRandom {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn random(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("a system without randomness cannot make keys");
    }
}

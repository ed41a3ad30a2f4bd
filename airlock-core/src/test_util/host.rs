//! A host whose clocks are wound by hand and whose random bytes follow from a seed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::crypto::sha256;
use crate::host::Host;
use crate::time::Timestamp;

/// Clocks that stand still until [`advance`](Self::advance), and random bytes that are the same in every run.
#[derive(Debug)]
pub struct FixedHost(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    monotonic: Duration,
    seed: u64,
    drawn: u64,
}

impl FixedHost {
    /// A host at 2026-01-01T00:00:00Z, one second after its process began.
    pub fn new() -> Self {
        Self::seeded(0)
    }

    /// The same with other random bytes.
    pub fn seeded(seed: u64) -> Self {
        let now = Timestamp::from_millis(1_767_225_600_000);
        Self(Mutex::new(State { now, monotonic: Duration::from_secs(1), seed, drawn: 0 }))
    }

    /// Winds both clocks forward.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.now = state.now.after(by);
        state.monotonic += by;
    }

    /// Sets the wall clock alone, as an operator or NTP may.
    pub fn set_now(&self, now: Timestamp) {
        self.state().now = now;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for FixedHost {
    fn default() -> Self {
        Self::new()
    }
}

impl Host for FixedHost {
    fn now(&self) -> Timestamp {
        self.state().now
    }
    fn monotonic(&self) -> Duration {
        self.state().monotonic
    }
    fn random(&self, out: &mut [u8]) {
        let mut state = self.state();
        for chunk in out.chunks_mut(32) {
            state.drawn += 1;
            let bytes = sha256(&[&state.seed.to_be_bytes(), &state.drawn.to_be_bytes()]);
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_move_only_when_wound_and_randomness_repeats() {
        let (a, b) = (FixedHost::seeded(1), FixedHost::seeded(1));
        let draw = |host: &FixedHost| {
            let mut out = [0; 40];
            host.random(&mut out);
            out
        };
        let first = draw(&a);
        assert_eq!(first, draw(&b));
        assert_ne!(first, draw(&a));
        assert_ne!(first, draw(&FixedHost::seeded(2)));
        let (now, monotonic) = (a.now(), a.monotonic());
        a.advance(Duration::from_secs(5));
        assert_eq!(
            (a.now().since(now), a.monotonic() - monotonic),
            (Duration::from_secs(5), Duration::from_secs(5))
        );
        a.set_now(now);
        assert_eq!((a.now(), a.monotonic() - monotonic), (now, Duration::from_secs(5)));
    }
}

//! What the process around core gives it: time and randomness.

use std::time::Duration;

use crate::time::Timestamp;

/// Port: the wall clock, a monotonic clock and a source of random bytes.
///
/// Shells pass `runtime::SystemHost`; tests pass a value they can wind.
pub trait Host: Send + Sync + std::fmt::Debug + 'static {
    /// The wall clock, for what people read and what crosses machines.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment of this process; never goes back. Ages and deadlines are judged by it.
    fn monotonic(&self) -> Duration;
    /// Fills `out` with bytes nobody can foretell.
    fn random(&self, out: &mut [u8]);
}

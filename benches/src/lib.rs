//! How fast it is, beside others in the same run: the real programs over loopback, and what a bench is made of.
//!
//! One binary a subject (`src/bin`), each of which prints tables. What is compared is measured in turns, round by round, on
//! one machine, and told as the median with the smallest and the largest. Nothing here asserts a time. `make bench` runs them
//! all; README.md has the last figures.

mod control_plane;
mod database;
mod http;
mod load;
mod memory;
mod peer;
mod person;
mod program;
mod report;
mod stats;

// The public interface:
pub use control_plane::ControlPlane;
pub use database::Database;
pub use http::{Answer, Http};
pub use load::{Asker, Load, Until, drive};
pub use memory::{memory_mib, settled};
pub use peer::Peer;
pub use person::{BACK, Person};
pub use program::{Running, program_path};
pub use report::{Table, heading, note};
pub use stats::{Series, Timings, rotated, whole};

/// What a bench stops with: whatever went wrong, for a person to read.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
/// What may go wrong in a bench.
pub type Result<T> = std::result::Result<T, Error>;

/// A variable of the run; `.ci/bench` sets those that are needed.
///
/// # Errors
/// When it is not set.
#[expect(clippy::disallowed_methods, reason = "a bench has no config.rs")]
pub fn variable(name: &str) -> Result<String> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    value.ok_or_else(|| format!("{name} is not set: run `make bench`").into())
}

//! What shells share and core itself never uses: the system's clock and randomness, tasks with a kind, shutdown.
//!
//! Off by default; the one exception to core's rule.

mod host;

pub use host::SystemHost;

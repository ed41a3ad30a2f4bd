//! What shells share and core itself never uses: the system's clock and randomness, turns, which log lines may be
//! written.
//!
//! Off by default; the one exception to core's rule.

mod host;
mod log_lines;
mod turns;

pub use host::SystemHost;
pub use log_lines::may_be_written;
pub use turns::{Crowded, Turn, Turns};

//! Queries in confined child processes: a crash, a runaway or an escape of the engine ends one query and reaches nothing.
//!
//! [`ChildRunner`] keeps a pool of children, each running one statement at a time. A child is this program started
//! again; the first line of its `main` is [`run_if_child`]. Over one socket it is told its memory limit, locks itself
//! in ([`Measure`]s), receives snapshots as read-only descriptors and statements as text, and gives back answers. It has
//! no environment, no files, no network and no way to start anything.
//!
//! The parent never runs an agent's SQL. It watches time and memory, and kills.

mod child;
mod command;
mod doors;
mod frame;
mod measure;
mod process;
mod quarantine;
mod runner;
mod wire;

pub use child::run_if_child;
pub use command::ChildCommand;
pub use doors::Door;
pub use measure::{Measure, State};
pub use runner::{ChildRunner, IsolateConfig};

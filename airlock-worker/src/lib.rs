//! Airlock beside the database: exports masked snapshots, runs agents' queries in confined children, serves them
//! through an outbound tunnel.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `cli` (default) | the command line of the binary `airlock` |
//! | `postgres` (default) | [`postgres`]: the Postgres source |

pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod control_plane_block;
mod cp_url;
pub mod door;
pub mod enroll;
mod error;
pub mod identity;
pub mod isolate;
pub mod mask_key;
pub mod metrics;
mod open_source;
#[cfg(feature = "postgres")]
pub mod postgres;
mod private_file;
mod protect;
pub mod proxy;
mod register;
mod rotate;
mod source;
pub mod sqlite;
pub mod tunnel;
mod worker;

// The public interface:
pub use error::WorkerError;
pub use open_source::OpenSource;
pub use private_file::PrivateFileError;
pub use protect::protect_process;
pub use register::register;
pub use rotate::rotate;
pub use worker::{Worker, WorkerEngine, WorkerSnapshots};

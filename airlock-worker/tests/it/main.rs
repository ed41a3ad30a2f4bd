//! The worker from outside: its sources against real databases, its query children, its command line.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking; one that is skipped says so"
)]

mod cli;
mod isolate;
#[cfg(feature = "postgres")]
mod postgres;
mod proxy;
mod read;
mod run;
mod snapshots;
mod sqlite;

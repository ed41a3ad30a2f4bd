//! The SDK over real sockets against a stub, and over a transport of values where time has to pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod approvals;
mod approver;
mod auth;
mod cli;
mod compat;
mod data;
mod live;
mod scripted;
mod stub;
mod wire;

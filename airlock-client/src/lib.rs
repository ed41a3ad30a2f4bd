//! Airlock from a Rust program: a person's yes or no before a risky act, and data through a control plane.
//!
//! Four doors:
//!
//! - [`Airlock`] is one gateway and who asks there. It hands out [`approvals`](Airlock::approvals), sign-in
//!   ([`identity_provider`](Airlock::identity_provider)) and [`data`](Airlock::data).
//! - [`approvals::RemoteGate`] is a core [`ApprovalGate`](airlock_core::approval::ApprovalGate) over HTTP: it encrypts, submits,
//!   waits, and believes only what the paired approver signed. An agent that asks through the port may be given a
//!   [`LocalGate`](airlock_core::approval::LocalGate) in tests.
//! - [`approver`] is the other side: a person's keys, what waits for them, the yes or no that they sign.
//! - [`gateway`] has the names of the published gateway client, for code that was written for it.
//!
//! Feature `cli`, off by default: the program `airlock-approve`, an approver in a terminal.
//!
//! Every request is a value ([`calls`]) that a [`Transport`](transport::Transport) sends; the one here is reqwest with rustls
//! and ring, without redirects, with bounded answers. Every error says its code, who has to act and whether to try again
//! ([`ClientError::advice`]). No credential, key or payload is printed by any `Debug` or log line.

mod advice;
pub mod approvals;
pub mod approver;
pub mod auth;
pub mod calls;
#[cfg(feature = "cli")]
pub mod cli;
mod client;
mod config;
pub mod data;
mod error;
pub mod gateway;
mod private_file;
mod refusal;
pub mod transport;

// The public interface:
pub use advice::Advice;
pub use client::Airlock;
pub use config::{ClientConfig, ConfigError};
pub use error::ClientError;
pub use private_file::FileError;
pub use refusal::Refusal;

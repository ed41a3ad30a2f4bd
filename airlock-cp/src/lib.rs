//! Airlock's control plane: tenants, their agents' keys, their workers, and the audit log. It relays what agents ask and
//! workers answer; it never holds database credentials, SQL text or rows.
//!
//! Library first: [`App`] is composed from a [`Config`] and a [`Store`] and gives a router, so that tests and embedders
//! call it without a port; the binary adds listeners and a command line.
//!
//! In reading order: [`store`] · [`tenants`] and their keys · [`workers`] and their enrollment · [`audit`] ·
//! [`hub`], the tunnels · [`approvals`], and [`gateway`], how they are asked for · [`revocations`] · [`http`], the edge · [`admin`] · [`app`], the only place that knows all rooms · [`serve`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `cli` (default) | the command line of `airlock-cp` |
//! | `dev` (default) | `airlock-cp dev`; off in release images |

pub mod admin;
pub mod app;
pub mod approvals;
pub mod apps;
pub mod audit;
pub mod authz;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod console;
#[cfg(feature = "dev")]
pub mod dev;
pub mod error;
pub mod fetch;
pub mod gateway;
pub mod grants;
pub mod http;
pub mod hub;
pub mod identity;
pub mod mail;
pub mod mcp;
pub mod metrics;
pub mod oauth;
pub mod passage;
pub mod pats;
pub mod revocations;
mod secrets;
pub mod serve;
pub mod store;
pub mod tasks;
pub mod tenants;
pub mod trust;
pub mod workers;

// The public interface:
pub use app::App;
pub use config::{Config, ConfigError};
pub use error::{ServiceError, StartError};
pub use metrics::Metrics;
pub use store::{Store, StoreError};

//! The approvals gateway as published SDKs know it: `/v1/*` and `/echo`.
//!
//! Who asks: a person, by access token or personal access token, and beside them the app that they use. Errors have the
//! shape of the published protocol, in which `code` and `message` stand twice. What is null in a request is absent.

mod app_routes;
mod approver_routes;
mod auth_routes;
mod body;
mod caller;
mod channel_routes;
mod consent_routes;
mod edge;
mod error;
mod exchange_routes;
mod open_routes;
mod pairing_routes;
mod party;
mod pat_routes;
mod policy_routes;
mod presence_routes;
mod routes;
mod session;
mod socket;
mod url_parts;
mod watch;

pub use caller::{Credential, GatewayCaller};
pub use error::GatewayError;
pub use routes::{Gateway, api};
pub(crate) use session::{Session, api as session_api};

//! Registered apps: programs that prove to the approvals gateway which program they are, beside the person who uses them.
//!
//! Confidential kinds show a client id and a secret, public ones a client id and the origin that their browser tells. An
//! app is an OAuth client at the same time, of the same client id. What was rotated or revoked is dead at once.

mod check;
mod model;
mod rate;
mod repo;
mod routes;
mod service;

pub use model::{AppKind, AppPatch, AppRecord, AppStatus, MintedApp, NewApp};
pub use rate::AppRate;
pub use routes::api;
pub use service::{Apps, NotProven, Shown};

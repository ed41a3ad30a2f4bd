//! Grants: what people of a role reach of a tenant through an OAuth client.
//!
//! Without a grant they may read the schema, and no snapshot. API keys have scopes of their own.

mod model;
mod repo;
mod routes;
mod service;

pub use model::{Grant, NewGrant, Reached};
pub use routes::{operator_api, org_api};
pub use service::Grants;

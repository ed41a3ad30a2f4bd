//! Tenants: the isolation units of an org, with the API keys of their agents.
//!
//! A tenant's id is given once: a deleted tenant's rows in the audit log stay, so its id is not free again.

pub mod api_key;
pub mod hashing;
mod keys;
mod keys_repo;
mod keys_routes;
mod model;
mod repo;
mod routes;
mod service;
pub mod verify;

pub use keys::{ApiKeys, KeyPatch, Minted, NewKey, Rotate};
pub use keys_repo::{KeyRecord, KeyStatus};
pub use keys_routes::api as keys_api;
pub(crate) use model::clean_name;
pub use model::{NewTenant, Page, Tenant, TenantPatch, TenantStatus};
pub use routes::api;
pub use service::Tenants;
pub(crate) use service::default_org;

//! Mounts the rooms' routes under `/api/v1`, and what stands beside them: health, discovery, the OpenAPI document.

mod openapi;
mod status;

pub use openapi::{document, with_document};
pub use status::{StatusRoutes, open_api, operator_api};

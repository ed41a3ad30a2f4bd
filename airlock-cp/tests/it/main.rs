//! The integration tests of the control plane: real stores, real routes, no port where none is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod audit_stream;
mod cli;
mod enrollment;
mod harness;
mod http_edge;
mod idempotency;
mod identity;
mod keys;
mod mcp;
mod oauth;
mod openapi;
mod serve;
mod store_suite;
mod tenancy;
mod tenants;

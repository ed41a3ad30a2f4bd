//! The integration tests of the control plane: real stores, real routes, no port where none is needed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod approvals;
mod apps;
mod apps_people;
mod audit;
mod audit_stream;
mod cli;
mod enrollment;
mod fetch;
mod gateway_auth;
mod grants;
mod harness;
mod http_edge;
mod idempotency;
mod identity;
mod keys;
mod mcp;
mod oauth;
mod openapi;
mod pages;
mod paging;
mod pats;
mod serve;
mod store_suite;
mod tenancy;
mod tenants;
mod web;

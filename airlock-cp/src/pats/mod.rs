//! Personal access tokens: `airpat_…`, for scripts and enforcers of one person in one org.
//!
//! A token cannot make another: what leaks ends with its time. Its owner sees it once, and takes it back at any time;
//! so do those who manage the org's members.

mod model;
mod repo;
mod routes;
mod service;

pub use model::{MintedPat, NewPat, Pat};
pub use routes::api;
pub use service::{Pats, VerifiedPat};

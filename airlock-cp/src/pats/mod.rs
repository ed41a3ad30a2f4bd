//! Personal access tokens: `airpat_…`, for scripts and enforcers of one person in one org.

mod model;
mod repo;
mod service;

pub use model::Pat;
pub use service::{Pats, VerifiedPat};

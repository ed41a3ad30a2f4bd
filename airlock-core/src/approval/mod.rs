//! Approvals: an enforcer asks before it acts, a person says yes or no, and the enforcer believes only what that person signed.

mod artifact;
mod verdict;

pub use artifact::{ArtifactHash, ArtifactType, EnforcerId, Metadata, MetadataTooLarge, RequestId, Routing};
pub use verdict::{UnknownVerdict, Verdict};

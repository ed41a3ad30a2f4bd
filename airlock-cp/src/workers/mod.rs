//! Workers of tenants: enrollment by single-use token, their public keys, whether they are connected, revocation.

mod directory;
mod enroll;
mod model;
mod repo;
mod rotate;
mod routes;
mod service;
mod token;

pub use airlock_proto::enroll::{EnrollRequest, EnrollResponse};
pub(crate) use directory::SEEN_EVERY;
pub use directory::WorkerDirectory;
pub use enroll::{EnrollError, Enrollment};
pub(crate) use model::SILENT_MAX;
pub use model::{EnrollmentRecord, EnrollmentStatus, NewEnrollment, WorkerKey, WorkerRecord, WorkerStatus};
pub use routes::{admin_api, enroll_api};
pub use service::{MintedEnrollment, Workers};

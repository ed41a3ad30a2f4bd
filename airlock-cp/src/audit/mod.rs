//! The audit log: intents, one hash chain per org, signed checkpoints, and what is read from them.
//!
//! No answer without a row. Intents and outcomes of all callers are written in groups, one transaction for many
//! ([`StoreSink`]); what a dead process left open is closed as `unknown` (`keeper`). Rows are kept as they were hashed;
//! the columns beside them serve filters only, and verification compares them. Rows whose time is over go, and a signed
//! tombstone says up to where, so that the rest still verifies (`retention`).

mod check;
mod export;
mod filter;
mod journal;
pub(crate) mod keeper;
mod log;
mod repo;
pub(crate) mod retention;
mod routes;
mod row;
mod sink;
mod tail;
mod write;

pub use check::{ChainCheck, ChainReport, ExportLine, Mismatch};
pub use export::{ExportFormat, ExportHeader};
pub use filter::{AuditFilter, Scope};
pub use journal::{Caller, Journal, Subject};
pub use log::{AuditLog, AuditPage};
pub use routes::{AuditRoutes, api};
pub use row::Row;
pub use sink::StoreSink;
pub use tail::{Follower, Tail};

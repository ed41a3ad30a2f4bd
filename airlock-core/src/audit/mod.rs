//! What happened, in one chain per org: typed events without values, hashed together so that a missing or altered row shows.
//!
//! A call's row is *opened* before it is forwarded and *closed* with its outcome; closing appends one [`Record`] to
//! the chain. What a crash left open is closed as [`Outcome::Unknown`](crate::plane::Outcome) at the next start.

mod audited;
mod chain;
mod checkpoint;
mod event;
mod memory;
mod tombstone;

use async_trait::async_trait;

pub use audited::{Audited, ENUMERATION_SUSPECTED};
pub use chain::{Broken, Chain, Line, Record, verify};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use event::{Action, Context, Counts, Event, Target};
pub use memory::MemoryAudit;
pub use tombstone::{SignedTombstone, Tombstone};

use crate::id::AuditId;

/// The audit log cannot be written; nothing may be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot be written: {0}")]
pub struct AuditError(pub String);

/// Port: where events are kept.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Keeps the intent of a call; durable when it returns. `event` holds what is known before the call.
    async fn open(&self, event: &Event) -> Result<(), AuditError>;
    /// Appends the event to the chain and forgets its intent; durable when it returns.
    async fn close(&self, event: Event) -> Result<(), AuditError>;
    /// Forgets an intent whose call was never made.
    async fn abandon(&self, id: &AuditId) -> Result<(), AuditError>;
}

//! What Airlock means: policies, masks, snapshots, egress, queries, tools, approvals, audit.
//!
//! Core never touches a network, a database, a clock, the environment or a file. Time and randomness come in
//! through [`Host`]; rows through [`Source`](snapshot::Source); everything else is an argument.
//!
//! In reading order: a [`policy`] says which rows and columns an agent may see and how they are [`mask`]ed; an export
//! makes a [`snapshot`] of one subject; [`egress`] admits a statement; [`query`] runs it; a [`tool`] renders the answer;
//! [`audit`] keeps what happened. An [`approval`] is a person's signed yes or no to one act.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `query` (default) | DataFusion: `egress`, `query`, [`Engine`](engine::Engine) |
//! | `snapshot` | Arrow: masks, export, snapshots |
//! | `runtime` | the system's clock and randomness, task registry, shutdown: what shells share |
//! | `test-util` | fixed clock, small policies and batches |

pub mod approval;
pub mod audit;
pub mod backoff;
pub mod crypto;
pub mod error;
pub mod host;
pub mod id;
pub mod mask;
pub mod plane;
pub mod policy;
pub mod principal;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod secret;
#[cfg(feature = "snapshot")]
pub mod snapshot;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
pub mod time;
pub mod tool;

#[cfg(feature = "query")]
pub mod egress;
#[cfg(feature = "query")]
pub mod engine;
#[cfg(feature = "query")]
pub mod query;

// The public interface:
pub use error::{CallError, Code, Coded, Fault};
pub use host::Host;
pub use plane::{DataPlane, Head, Outcome, Rendered, ToolCall};
pub use secret::Secret;
pub use time::Timestamp;

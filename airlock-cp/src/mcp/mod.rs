//! The endpoint that agents call: `POST /mcp/<tenant_slug>`, and `/mcp/<tenant_slug>/s/<snapshot_id>` with the snapshot
//! bound outside the model.
//!
//! How a request travels: host and origin (`guard`) → credential (`bearer`, `door`) → body, form and size → revision
//! and headers (`airlock_proto::mcp`) → scopes and binding → the call, with its audit row (`call`) → the worker's bytes,
//! framed and not read (`reply`). Each step may end it, and what is refused leaves a row as well (`denied`).
//!
//! Nothing is kept between requests: there are no sessions, so any replica may answer any request, a deleted session is
//! always deleted, and an `Mcp-Session-Id` that we are sent means nothing.

mod bearer;
mod call;
mod challenge;
mod config;
mod denied;
mod door;
mod guard;
mod reply;
mod routes;
mod visit;

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::audit::AuditSink;
use airlock_proto::mcp::Catalog;

pub use config::{BadOrigin, Hosts, McpConfig};
pub use door::{Door, DoorError, Planes, Reach, Spawn, Visitor, Whose};
pub use routes::{PeerIp, router};

/// What the endpoint needs of the rest of the process.
#[derive(Clone)]
pub struct McpDeps {
    /// Who may come in.
    pub door: Arc<dyn Door>,
    /// Where calls go.
    pub planes: Arc<dyn Planes>,
    /// Where rows go.
    pub audit: Arc<dyn AuditSink>,
    /// Time and randomness.
    pub host: Arc<dyn Host>,
    /// Runs what must end in order even when the client is gone.
    pub tasks: Arc<dyn Spawn>,
    /// Which tools there are.
    pub catalog: Catalog,
    /// Hosts, origins and bounds.
    pub config: McpConfig,
}

impl std::fmt::Debug for McpDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpDeps").field("config", &self.config).finish_non_exhaustive()
    }
}

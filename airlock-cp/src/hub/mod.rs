//! The tunnel hub: workers dial in, calls go out to them.
//!
//! [`Hub`] serves `airlock.tunnel.v1.Tunnel/Open`, keeps the registry of live tunnels, and forwards calls. Who may dial is
//! the [`Directory`]'s word; what the frames mean is `airlock_proto::session`'s.
//!
//! A tunnel belongs to the tenant whose worker authenticated, for its whole life. One worker has one tunnel: a newer one
//! takes the older one's place. A revoked worker's tunnel is dropped at once.

mod door;
mod open;
mod plane;
mod registry;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use airlock_core::Host;
use airlock_core::crypto::PrivateKey;
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::time::Timestamp;
use airlock_proto::limits::{HEARTBEAT, HUB_FRAME_BYTES_MAX, WORKER_FRAME_BYTES_MAX};
use airlock_proto::session::{Claims, CloseReason, Identity, RejectCode};
use airlock_proto::wire::tunnel_server::TunnelServer;

use door::Door;
use registry::Registry;

use crate::metrics::Metrics;

pub use plane::{RemotePlane, Via};

/// Port: what the rest of the control plane knows of workers, and wants to know.
#[async_trait]
pub trait Directory: Send + Sync + std::fmt::Debug {
    /// Who this worker is. Asked twice a tunnel: before the challenge, and again once calls could reach it, so that a
    /// revocation in between is seen.
    ///
    /// # Errors
    /// When the store does not answer: the worker is turned away and comes again.
    async fn worker(&self, tenant: &TenantId, worker: &WorkerId) -> Result<Identity, DirectoryError>;

    /// A worker's tunnel came up.
    ///
    /// # Errors
    /// When that cannot be written down; the tunnel is closed then.
    async fn connected(&self, worker: &LiveWorker) -> Result<(), DirectoryError>;

    /// A worker's tunnel went down.
    async fn disconnected(&self, worker: &LiveWorker, why: CloseReason);

    /// A worker was refused at the handshake. What it says of itself is not proven.
    async fn refused(&self, claims: &Claims, ip: IpAddr, code: RejectCode) {
        let _ = (claims, ip, code);
    }
}

/// The directory does not answer. The cause is in its own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the directory of workers does not answer")]
pub struct DirectoryError;

/// A worker whose tunnel is up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveWorker {
    /// Its tenant.
    pub tenant_id: TenantId,
    /// Its name.
    pub worker_id: WorkerId,
    /// Its tunnel.
    pub session_id: SessionId,
    /// Version of its software, as it says.
    pub version: String,
    /// Since when.
    pub connected_at: Timestamp,
    /// From where.
    pub ip: IpAddr,
    /// Calls in flight.
    pub in_flight: usize,
    /// Whether it takes no more calls.
    pub draining: bool,
}

/// The peer's address, put into a request's extensions by whoever serves the hub and knows which proxies to believe.
/// Without it the address of the connection is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIp(pub IpAddr);

/// Live tunnels, and the way through them. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Arc<PrivateKey>,
    host: Arc<dyn Host>,
    directory: Arc<dyn Directory>,
    heartbeat: Duration,
    registry: Registry,
    door: Door,
    /// Keys the digest of subjects, so that who sees which worker answers learns nothing of them.
    affinity_key: [u8; 32],
    tunnels: TaskTracker,
    /// Cancelled when tunnels are to be drained.
    leaving: CancellationToken,
    /// How long workers stay away then.
    retry_after: std::sync::OnceLock<Duration>,
    /// Cancelled when what still runs is cut.
    stop: CancellationToken,
}

impl Hub {
    /// A hub without tunnels. `key`: the one that workers pin.
    pub fn new(
        key: Arc<PrivateKey>,
        directory: Arc<dyn Directory>,
        host: Arc<dyn Host>,
        metrics: Metrics,
    ) -> Self {
        Self::with_heartbeat(key, directory, host, metrics, HEARTBEAT)
    }

    /// The same with another time between pings.
    pub fn with_heartbeat(
        key: Arc<PrivateKey>,
        directory: Arc<dyn Directory>,
        host: Arc<dyn Host>,
        metrics: Metrics,
        heartbeat: Duration,
    ) -> Self {
        let mut affinity_key = [0; 32];
        host.random(&mut affinity_key);
        Self(Arc::new(Inner {
            key,
            host,
            directory,
            heartbeat,
            registry: Registry::new(metrics),
            door: Door::default(),
            affinity_key,
            tunnels: TaskTracker::new(),
            leaving: CancellationToken::new(),
            retry_after: std::sync::OnceLock::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// The gRPC service, for a tonic server or, through `tonic::service::Routes`, an axum router.
    pub fn service(&self) -> TunnelServer<Hub> {
        TunnelServer::new(self.clone())
            // Checked on the length prefix, before anything is allocated for the frame.
            .max_decoding_message_size(WORKER_FRAME_BYTES_MAX)
            .max_encoding_message_size(HUB_FRAME_BYTES_MAX)
    }

    /// The way to a tenant's workers.
    pub fn plane(&self, tenant: TenantId) -> RemotePlane {
        RemotePlane::new(self.clone(), tenant)
    }

    /// A tenant's workers whose tunnels are up, by name.
    pub fn workers(&self, tenant: &TenantId) -> Vec<LiveWorker> {
        self.0.registry.workers(tenant)
    }

    /// How many tunnels are up.
    pub fn tunnel_count(&self) -> usize {
        self.0.registry.len()
    }

    /// Every worker whose tunnel is up.
    pub fn all_workers(&self) -> Vec<LiveWorker> {
        self.0.registry.all()
    }

    /// Drops a revoked worker's tunnel at once: after this returns no call reaches it, and those in flight fail.
    pub fn drop_worker(&self, tenant: &TenantId, worker: &WorkerId) {
        self.drop_where(CloseReason::Rejected(RejectCode::Revoked), |live| {
            live.tenant_id == *tenant && live.worker_id == *worker
        });
    }

    /// Drops all tunnels of a tenant that was disabled or deleted. Those of a tenant that was enabled come back by
    /// themselves.
    pub fn drop_tenant(&self, tenant: &TenantId) {
        self.drop_where(CloseReason::Rejected(RejectCode::TenantDisabled), |live| live.tenant_id == *tenant);
    }

    /// Drops every tunnel, so that each worker has to prove anew that it may come in.
    pub fn drop_all(&self) {
        self.drop_where(CloseReason::Disconnected, |_| true);
    }

    fn drop_where(&self, why: CloseReason, which: impl Fn(&LiveWorker) -> bool) {
        for live in self.0.registry.take(which) {
            live.end(why);
        }
    }

    /// Leaves: no more tunnels, no more calls; what runs is finished within `within`, the rest is cut. Workers are told to
    /// dial again after `retry_after`. Dropping the future leaves the tunnels draining.
    pub async fn drain(&self, retry_after: Duration, within: Duration) {
        let inner = &self.0;
        let _ = inner.retry_after.set(retry_after);
        inner.leaving.cancel();
        inner.tunnels.close();
        if tokio::time::timeout(within, inner.tunnels.wait()).await.is_err() {
            inner.stop.cancel();
            inner.tunnels.wait().await;
        }
    }
}

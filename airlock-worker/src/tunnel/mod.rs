//! Keeps one tunnel to the control plane up: dial, drive, wait, dial again.
//!
//! The worker only dials out. While the tunnel is down calls fail at the control plane; nothing is queued here. Delays
//! between dials grow with full jitter, so that a control plane that restarts is not met by all its workers at once.

mod dial;
mod drive;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use url::Url;

use airlock_core::backoff::Backoff;
use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_core::id::{SessionId, TenantId, WorkerId};
use airlock_core::plane::DataPlane;
use airlock_core::{Host, Timestamp};
use airlock_proto::session::{CloseReason, RejectCode, SessionError, WorkerIdentity};

use crate::proxy::Proxy;
use dial::Dialer;
use drive::Ended;

/// Longest wait after being told that one is not (or no longer) wanted: a person has to act first, so there is no hurry,
/// but once they did the worker should come back by itself.
const REJECTED_MAX: Duration = Duration::from_secs(300);
/// Shortest wait then.
const REJECTED_MIN: Duration = Duration::from_secs(5);

/// Where to dial and as whom.
#[derive(Clone, Debug)]
pub struct TunnelConfig {
    /// The control plane. HTTPS; HTTP to loopback only.
    pub url: Url,
    /// The worker's tenant.
    pub tenant_id: TenantId,
    /// The worker's name.
    pub worker_id: WorkerId,
    /// The worker's key.
    pub key: Arc<PrivateKey>,
    /// The control plane's key, as it was at enrollment.
    pub cp_key: PublicKey,
    /// Trust anchors beside the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// What stands between the worker and the control plane.
    pub proxy: Proxy,
    /// Time between pings; as the control plane says, when absent.
    pub heartbeat: Option<Duration>,
    /// Shortest wait between dials.
    pub reconnect_min: Duration,
    /// Longest wait between dials.
    pub reconnect_max: Duration,
}

/// Why there will be no tunnel, however long one waits.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TunnelError {
    /// The URL cannot be dialled.
    #[error("control_plane.url: {0}")]
    Url(&'static str),
    /// The file with trust anchors cannot be used.
    #[error("control_plane.ca_file: {0}")]
    CaFile(String),
    /// The control plane does not speak our version.
    #[error("the control plane does not speak this worker's version of the tunnel; upgrade one of them")]
    VersionUnsupported,
}

/// How the tunnel is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TunnelStatus {
    /// Dialling, or waiting to.
    Down {
        /// Dials that failed since it was last up.
        failures: u32,
        /// Why it went or stays down, for people.
        why: Option<String>,
    },
    /// Open.
    Up {
        /// Names it.
        session_id: SessionId,
        /// Since when.
        since: Timestamp,
    },
    /// Leaving or left: finishing what runs, then gone for good.
    Stopped,
}

/// A tunnel that is kept up while [`Tunnel::run`] runs.
#[derive(Debug)]
pub struct Tunnel {
    dialer: Dialer,
    me: WorkerIdentity,
    heartbeat: Option<Duration>,
    plane: Plane,
    host: Arc<dyn Host>,
    backoff: Backoff,
    status: watch::Sender<TunnelStatus>,
}

/// What answers the calls that come through.
#[derive(Clone)]
struct Plane(Arc<dyn DataPlane>);

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plane(..)")
    }
}

impl Tunnel {
    /// A tunnel to be run.
    ///
    /// # Errors
    /// If the URL or the trust anchors cannot be used.
    pub fn new(
        config: TunnelConfig,
        plane: Arc<dyn DataPlane>,
        host: Arc<dyn Host>,
    ) -> Result<Self, TunnelError> {
        let dialer = Dialer::new(&config.url, config.ca_file.as_deref(), config.proxy)?;
        let me = WorkerIdentity {
            tenant_id: config.tenant_id,
            worker_id: config.worker_id,
            key: config.key,
            cp_key: config.cp_key,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let backoff = Backoff { min: config.reconnect_min, max: config.reconnect_max };
        let (status, _) = watch::channel(TunnelStatus::Down { failures: 0, why: None });
        Ok(Self { dialer, me, heartbeat: config.heartbeat, plane: Plane(plane), host, backoff, status })
    }

    /// Follows how the tunnel is.
    pub fn status(&self) -> watch::Receiver<TunnelStatus> {
        self.status.subscribe()
    }

    /// Keeps the tunnel up until `shutdown`; then finishes what runs, at most
    /// [`DRAIN_TIMEOUT`](airlock_proto::limits::DRAIN_TIMEOUT), and returns. Dropping the future cuts everything.
    ///
    /// # Errors
    /// When dialling again is of no use.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), TunnelError> {
        let mut failures = 0;
        let result = loop {
            let ended = self.once(&shutdown).await;
            if shutdown.is_cancelled() {
                break Ok(());
            }
            failures = if ended.was_up() { 0 } else { failures + 1 };
            let wait = match self.judge(&ended, failures) {
                Ok(wait) => wait,
                Err(error) => break Err(error),
            };
            self.status.send_replace(TunnelStatus::Down { failures, why: Some(ended.to_string()) });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => break Ok(()),
            }
        };
        self.status.send_replace(TunnelStatus::Stopped);
        result
    }

    /// One tunnel, from dial to end.
    async fn once(&self, shutdown: &CancellationToken) -> Ended {
        let dialled = tokio::select! {
            dialled = self.dialer.dial() => dialled,
            () = shutdown.cancelled() => return Ended::Stopped,
        };
        match dialled {
            Ok(carrier) => {
                let host = self.host.as_ref();
                drive::drive(&self.me, self.heartbeat, carrier, &self.plane, host, &self.status, shutdown)
                    .await
            }
            Err(error) => Ended::NotDialled(error),
        }
    }

    /// How long to wait before the next dial; the one place that says so to people.
    fn judge(&self, ended: &Ended, failures: u32) -> Result<Duration, TunnelError> {
        let delay = |backoff: Backoff| {
            let mut random = [0; 8];
            self.host.random(&mut random);
            backoff.delay(failures, u64::from_le_bytes(random))
        };
        let slowly =
            Backoff { min: REJECTED_MIN.max(self.backoff.min), max: REJECTED_MAX.max(self.backoff.max) };
        match ended {
            Ended::Closed { why: CloseReason::Rejected(RejectCode::VersionUnsupported), .. } => {
                Err(TunnelError::VersionUnsupported)
            }
            Ended::Closed { why: CloseReason::Rejected(code), .. } => {
                let wait = delay(slowly);
                error!(%code, retry_s = wait.as_secs(), "tunnel rejected: {}", advice(*code));
                Ok(wait)
            }
            Ended::Closed { why: CloseReason::Misbehaved(SessionError::WrongControlPlane), .. } => {
                let wait = delay(slowly);
                error!(
                    retry_s = wait.as_secs(),
                    "the control plane's key is not the one pinned at enrollment: check control_plane.url, or register again"
                );
                Ok(wait)
            }
            Ended::Closed { why: CloseReason::Drained, retry_after, .. } => {
                info!("tunnel drained by the control plane");
                Ok(*retry_after + delay(self.backoff))
            }
            ended => {
                let wait = delay(self.backoff);
                warn!(retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX), "tunnel down: {ended}");
                Ok(wait)
            }
        }
    }
}

/// What a person can do about a rejection.
const fn advice(code: RejectCode) -> &'static str {
    match code {
        RejectCode::NotAuthenticated => {
            "the control plane does not know this worker's key; enroll it with a fresh token"
        }
        RejectCode::Revoked => {
            "this worker was revoked; enroll it again with a fresh token if that was not meant"
        }
        RejectCode::ClockSkew => "this host's clock is off by more than two minutes; set it",
        RejectCode::VersionUnsupported => "upgrade the worker or the control plane",
        RejectCode::TenantDisabled => "the tenant is disabled",
        RejectCode::Superseded => {
            "another process dialled in as the same worker; give each its own worker id"
        }
    }
}

#[cfg(test)]
mod tests;

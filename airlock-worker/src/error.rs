//! Why the worker does not start or run, and the exit code that says which kind of reason it is.

use std::io;
use std::path::PathBuf;

use airlock_core::policy::{Findings, FindingsFormat};
use airlock_core::snapshot::SourceError;

use crate::cache::PlaceError;
use crate::config::ConfigError;
use crate::control_plane_block::BlockError;
use crate::enroll::EnrollFailure;
use crate::mask_key::MaskKeyError;
use crate::private_file::PrivateFileError;
use crate::tunnel::TunnelError;

/// Why the worker does not start or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// What it was told cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something it needs was not given.
    #[error("{0}")]
    Missing(&'static str),
    /// `airlock.yaml` is wrong, or does not fit the source.
    #[error("{} cannot be used:\n{}", path.display(), findings.render(FindingsFormat::Text, &path.display().to_string()))]
    Policy {
        /// The file.
        path: PathBuf,
        /// Everything found.
        findings: Findings,
    },
    /// No policy can be inferred from the source.
    #[error("no policy can be written for this source:\n{}", findings.render(FindingsFormat::Text, "airlock init"))]
    Infer {
        /// Everything found.
        findings: Findings,
    },
    /// The source cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `data_dir` cannot hold snapshots.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A key file cannot be used.
    #[error(transparent)]
    PrivateFile(#[from] PrivateFileError),
    /// The mask key cannot be used.
    #[error(transparent)]
    MaskKey(#[from] MaskKeyError),
    /// There was no enrollment.
    #[error(transparent)]
    Enroll(#[from] EnrollFailure),
    /// There will be no tunnel, however long one waits.
    #[error(transparent)]
    Tunnel(#[from] TunnelError),
    /// `airlock.yaml` cannot be changed.
    #[error("{}: {error}; write this into it by hand:\n{block}", path.display())]
    Block {
        /// The file.
        path: PathBuf,
        /// Why.
        error: BlockError,
        /// What should stand in it.
        block: String,
    },
    /// A file that would be written exists.
    #[error("{} exists already; overwrite it with --force", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {kind}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// Metrics and health have no address.
    #[error("metrics cannot listen on {address}: {kind}; set AIRLOCK_METRICS_ADDR")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The system refused something else.
    #[error("{doing}: {error}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl WorkerError {
    /// 1 failure at run time, 2 usage or configuration, 3 source unreachable, 4 control plane unreachable, 5
    /// enrollment rejected, 6 a key or permission.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Exists { .. }
            | Self::Missing(_)
            | Self::Policy { .. }
            | Self::Infer { .. }
            | Self::Block { .. }
            | Self::Write { .. } => 2,
            Self::Source(SourceError::Unavailable(_) | SourceError::Timeout | SourceError::Conflict) => 3,
            Self::Source(SourceError::Unsafe(_) | SourceError::Denied(_)) => 6,
            Self::Source(_) => 1,
            Self::Place(error) if error.is_permission() => 6,
            Self::Place(_) => 2,
            Self::PrivateFile(_) | Self::MaskKey(_) => 6,
            Self::Enroll(EnrollFailure::Rejected(_) | EnrollFailure::NotAuthenticated) => 5,
            Self::Enroll(EnrollFailure::Unreachable(_)) => 4,
            Self::Enroll(EnrollFailure::Fingerprint { .. }) => 6,
            Self::Enroll(EnrollFailure::Url(_) | EnrollFailure::Trust(_)) => 2,
            Self::Enroll(_) => 4,
            Self::Tunnel(TunnelError::Url(_) | TunnelError::CaFile(_)) => 2,
            Self::Tunnel(_) => 4,
            Self::System { .. } | Self::Listen { .. } => 1,
        }
    }
}

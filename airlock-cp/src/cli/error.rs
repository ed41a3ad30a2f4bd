//! Why a command did not do its work, and the exit code that says so.

use std::process::ExitCode;

use http::StatusCode;

use crate::config::ConfigError;
use crate::error::StartError;
use crate::store::StoreError;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CliError {
    /// The environment or an argument does not hold.
    #[error("{0}")]
    Usage(String),
    /// The operator token is another one's.
    #[error("the control plane refused AIRLOCK_CP_OPERATOR_TOKEN: it serves with another one")]
    Token,
    /// The control plane refused.
    #[error("{detail} ({code})")]
    Refused {
        /// The code.
        code: String,
        /// Its sentence.
        detail: String,
        /// Its status.
        status: StatusCode,
    },
    /// The control plane or the store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// A file cannot be read or written.
    #[error("{path}: {kind}")]
    File {
        /// Which.
        path: String,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The audit log does not verify.
    #[error("{0}")]
    Broken(String),
}

impl CliError {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused { status, .. } if status.is_server_error() => 3,
            Self::Refused { .. } | Self::Token | Self::File { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unavailable(_) => 3,
            Self::Broken(_) => 4,
        })
    }
    pub(super) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::File { path: path.display().to_string(), kind: error.kind() }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Address(_) => Self::Usage(error.to_string()),
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Store(e) => e.into(),
            StartError::Bind { .. } => Self::Unavailable(error.to_string()),
            StartError::Config(_)
            | StartError::Tls(_)
            | StartError::Origin
            | StartError::Mail(_)
            | StartError::FetchAllow(_)
            | StartError::CaFile(_)
            | StartError::SigningKey => Self::Usage(error.to_string()),
        }
    }
}

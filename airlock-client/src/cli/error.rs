//! Why a command did not do its work, and the exit code that says so.

use std::process::ExitCode;

use airlock_core::Coded as _;
use airlock_core::Fault;

use crate::config::ConfigError;
use crate::error::ClientError;
use crate::private_file::FileError;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CliError {
    /// The environment or an argument does not hold.
    #[error("{0}")]
    Usage(&'static str),
    /// The gateway's address, or a credential, does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The gateway refused, or did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Nothing was sent, or what was asked for did not come about.
    #[error("{0}")]
    NotDone(&'static str),
}

impl CliError {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) | Self::Config(_) | Self::Client(ClientError::Invalid { .. }) => 2,
            Self::Client(error) if error.fault() == Fault::Upstream || error.is_passing() => 3,
            Self::Client(_) | Self::Folder(_) | Self::NotDone(_) => 1,
        })
    }
    /// What to do about it, where that is known.
    pub(super) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Client(error) => Some(error.advice().what),
            _ => None,
        }
    }
}

//! Why an administrative act was not done, and why the control plane did not start.

use airlock_core::audit::AuditError;
use airlock_core::{Code, Coded};

use crate::approvals::ApprovalError;
use crate::store::StoreError;

/// Why an act was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is none, or not for the caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It exists already, or its state does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// A field's value is not allowed.
    #[error("{field}: {rule}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// What it must be.
        rule: String,
    },
    /// It was changed since the caller read it.
    #[error("it was changed in the meantime; read it again")]
    Stale,
    /// Who asks may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Too often, or too much at once.
    #[error("too many attempts; try again later")]
    TooMany {
        /// When it may be tried again.
        retry_after: std::time::Duration,
    },
    /// The approvals gateway did not do it.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The store gave no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The act could not be written into the audit log, so it is not done, or not answered.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A task of ours ended before its time.
    #[error("the act ended before its time")]
    Ended,
}

impl ServiceError {
    pub(crate) fn invalid(field: &'static str, rule: impl Into<String>) -> Self {
        Self::Invalid { field, rule: rule.into() }
    }
}

impl Coded for ServiceError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::Conflict(_) => Code::Conflict,
            Self::Invalid { .. } => Code::InvalidArguments,
            Self::Stale => Code::PreconditionFailed,
            Self::Forbidden(_) => Code::Forbidden,
            Self::TooMany { .. } => Code::RateLimited,
            Self::Approval(e) => e.code(),
            Self::Store(e) => e.code(),
            Self::Audit(_) => Code::AuditUnavailable,
            Self::Ended => Code::Internal,
        }
    }
}

/// Why the control plane did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration does not hold; every problem is named.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// The store cannot be opened or brought to this program's schema.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {kind}")]
    Bind {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS: {0}")]
    Tls(&'static str),
    /// One of the configured origins is none.
    #[error("AIRLOCK_CP_CORS_ORIGINS: not an origin: expected scheme://host or scheme://host:port")]
    Origin,
    /// The mail settings cannot be used. They hold a password, so they are not quoted.
    #[error("AIRLOCK_CP_SMTP_URL, AIRLOCK_CP_MAIL_FROM: {0}")]
    Mail(&'static str),
    /// One of the hosts that may be fetched from is none.
    #[error("AIRLOCK_CP_FETCH_ALLOW: `{0}` is neither an address, a network nor a host name")]
    FetchAllow(String),
    /// The authorities that shall be trusted cannot be.
    #[error("AIRLOCK_CP_CA_FILE: {0}")]
    CaFile(&'static str),
    /// The signing key's file holds no Ed25519 key.
    #[error("the signing key is no PKCS#8 PEM document of an Ed25519 key")]
    SigningKey,
}

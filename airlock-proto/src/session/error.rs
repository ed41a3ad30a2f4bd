//! Who broke the protocol and how; why a session ended.

use std::fmt;

use crate::convert::WireError;

/// The peer broke the protocol. The session is closed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// A frame that has no place here.
    #[error("`{0}` came at the wrong time")]
    Unexpected(&'static str),
    /// A frame is not what it should be.
    #[error("malformed frame: {0}")]
    Malformed(#[from] WireError),
    /// The control plane's signature does not hold for the pinned key: this is not our control plane.
    #[error("the control plane is not the one whose key is pinned")]
    WrongControlPlane,
    /// An answer is longer than it may be, or than it said.
    #[error("an answer is longer than announced or allowed")]
    ReplyTooLong,
    /// An answer's length or hash is not what its end says.
    #[error("an answer differs from its digest")]
    ReplyMismatch,
    /// A call id is in use already.
    #[error("a call id was used twice")]
    CallTwice,
    /// The peer makes us answer and does not read the answers.
    #[error("the peer asks without reading")]
    Flooded,
}

/// Why the control plane sends a worker away: the word in the reject frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectCode {
    /// Unknown worker or bad signature; which, is not said.
    NotAuthenticated,
    /// The worker was revoked.
    Revoked,
    /// The clocks differ too much.
    ClockSkew,
    /// The control plane does not speak the worker's version.
    VersionUnsupported,
    /// The worker's tenant is disabled.
    TenantDisabled,
    /// A newer session of the same worker took over.
    Superseded,
}

impl RejectCode {
    /// Every code.
    pub const ALL: [Self; 6] = [
        Self::NotAuthenticated,
        Self::Revoked,
        Self::ClockSkew,
        Self::VersionUnsupported,
        Self::TenantDisabled,
        Self::Superseded,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "not_authenticated",
            Self::Revoked => "revoked",
            Self::ClockSkew => "clock_skew",
            Self::VersionUnsupported => "version_unsupported",
            Self::TenantDisabled => "tenant_disabled",
            Self::Superseded => "superseded",
        }
    }
    /// The code of this word. A word from a newer control plane is taken for `not_authenticated`: not let in, why unsaid.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|c| c.as_str() == word).unwrap_or(Self::NotAuthenticated)
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// The control plane sent the worker away.
    #[error("rejected: {0}")]
    Rejected(RejectCode),
    /// The peer broke the protocol.
    #[error("{0}")]
    Misbehaved(SessionError),
    /// The handshake took too long.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// Three pings without a sign of life.
    #[error("the peer is silent")]
    PeerSilent,
    /// Both sides stopped and everything was finished.
    #[error("drained")]
    Drained,
    /// A drain took too long.
    #[error("the drain took too long")]
    DrainTimeout,
    /// What carried the session ended.
    #[error("the connection ended")]
    Disconnected,
    /// Our process stops.
    #[error("shutting down")]
    ShuttingDown,
}

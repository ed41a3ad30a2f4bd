//! Why the approvals gateway did not do what was asked. Each says its word of the published protocol.

use airlock_core::approval::{ExchangeError, ExchangeState, PairingError};
use airlock_core::{Code, Coded};
use http::StatusCode;

/// Why not. Never holds what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// There is none, or not for the caller.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The caller is no approver of it.
    #[error("this request is not yours to decide")]
    NotYours,
    /// Nobody can be asked.
    #[error("No approver available.")]
    NoApprover,
    /// The routing token's pairing was revoked.
    #[error("the pairing was revoked; pair again")]
    PairingRevoked,
    /// The artifact's time was over when it came.
    #[error("the request has expired")]
    Expired,
    /// The same id for something else.
    #[error("this requestId was used for another artifact")]
    RequestReused,
    /// The exchange did not take it.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The signature does not hold, or is of no key that is known.
    #[error("the signature does not hold for a key of this approver")]
    Signature,
    /// The signer used this nonce before.
    #[error("the nonce was used before")]
    Replay,
    /// The pairing did not take it.
    #[error(transparent)]
    Pairing(#[from] PairingError),
    /// The pairing's answer cannot be read, or does not prove its key.
    #[error("responseJson is not a signed answer to this pairing")]
    Answer,
    /// The month's questions are used up.
    #[error("Monthly approval quota exceeded ({used}/{limit})")]
    Quota {
        /// How many were asked.
        used: u64,
        /// How many may be.
        limit: u64,
    },
    /// Too many wait at once.
    #[error("too many {0} wait at once; finish or withdraw some")]
    TooManyOpen(&'static str),
    /// The enforcer is not there to hear it.
    #[error("the enforcer has no open channel")]
    EnforcerAway,
}

impl ApprovalError {
    /// The status and the word of the published protocol.
    pub fn told(&self) -> (StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotFound(_) | Self::Pairing(PairingError::NotFoundLike) => (S::NOT_FOUND, "NotFound"),
            Self::NotYours => (S::FORBIDDEN, "access_denied"),
            Self::NoApprover => (S::UNPROCESSABLE_ENTITY, "no_approver"),
            Self::PairingRevoked => (S::FORBIDDEN, "pairing_revoked"),
            Self::Expired => (S::UNPROCESSABLE_ENTITY, "expired"),
            Self::RequestReused => (S::CONFLICT, "AlreadyExistsConflict"),
            Self::Exchange(ExchangeError::AlreadyDecided) => (S::CONFLICT, "AlreadyDecidedConflict"),
            Self::Exchange(ExchangeError::HashMismatch) => {
                (S::UNPROCESSABLE_ENTITY, "HARP_ERR_HASH_MISMATCH")
            }
            Self::Exchange(_) => (S::CONFLICT, "already_resolved"),
            Self::Signature | Self::Answer => (S::UNPROCESSABLE_ENTITY, "HARP_ERR_SIGNATURE_INVALID"),
            Self::Replay => (S::UNPROCESSABLE_ENTITY, "HARP_ERR_REPLAY"),
            Self::Pairing(PairingError::AlreadyClaimed) => (S::CONFLICT, "already_claimed"),
            Self::Pairing(PairingError::NotClaimed) => (S::CONFLICT, "not_claimed"),
            Self::Pairing(PairingError::Expired) => (S::GONE, "expired"),
            Self::Pairing(_) => (S::CONFLICT, "already_completed"),
            Self::Quota { .. } | Self::TooManyOpen(_) => (S::TOO_MANY_REQUESTS, "quota_exceeded"),
            Self::EnforcerAway => (S::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }

    /// What a waiter is told of an exchange that ended without a decision.
    pub fn ended(state: ExchangeState) -> Option<&'static str> {
        match state {
            ExchangeState::Expired => Some("expired"),
            ExchangeState::Withdrawn => Some("withdrawn"),
            ExchangeState::Cancelled => Some("cancelled"),
            ExchangeState::PendingApproval | ExchangeState::Decided | ExchangeState::Delivered => None,
        }
    }
}

impl Coded for ApprovalError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::NotYours => Code::Forbidden,
            Self::NoApprover => Code::NoApprover,
            Self::PairingRevoked => Code::PairingRevoked,
            Self::Expired => Code::ApprovalExpired,
            Self::RequestReused => Code::Conflict,
            Self::Exchange(error) => error.code(),
            Self::Pairing(error) => error.code(),
            Self::Signature | Self::Replay | Self::Answer => Code::InvalidArguments,
            Self::Quota { .. } | Self::TooManyOpen(_) => Code::RateLimited,
            Self::EnforcerAway => Code::Conflict,
        }
    }
}

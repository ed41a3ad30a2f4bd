//! What can go wrong, who has to act, and whether to try again.

use airlock_core::error::Retry;
use airlock_core::{Code, Coded, Fault};

use crate::advice::{Advice, by_status, on_invitation, on_pairing, on_sign_in, on_transport, row};
use crate::approvals::PairingFailure;
use crate::approver::InvitationError;
use crate::auth::SignInError;
use crate::calls::Unread;
use crate::private_file::FileError;
use crate::refusal::Refusal;
use crate::transport::TransportError;

/// Why a call to Airlock gave no result. Safe to show and to log: no credential, key or payload is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The gateway answered, and refused.
    #[error("the gateway refused: {0}")]
    Refused(Box<Refusal>),
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The gateway agreed, in words that are not understood. Something else may be answering in its place.
    #[error("the gateway's answer is not of the form expected")]
    Answer,
    /// Nobody is signed in.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// What has to be kept could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A pairing did not come about.
    #[error(transparent)]
    Pairing(#[from] PairingFailure),
    /// Nobody can be paired with by this code.
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    /// What was given cannot be sent.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, without the thing itself.
        what: &'static str,
    },
}

impl ClientError {
    /// The gateway's own word, such as `pairing_revoked`, where it said one.
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => refusal.code.as_deref(),
            _ => None,
        }
    }

    /// The gateway's refusal, when it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the same call may succeed in a moment, with nothing changed: nobody answered, or they are in trouble.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Transport(error) => {
                matches!(error, TransportError::Connect | TransportError::Timeout | TransportError::Broken)
            }
            Self::Refused(refusal) => {
                refusal.status >= 500 || (refusal.status == 429 && refusal.retry_after.is_some())
            }
            _ => false,
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Refused(refusal) => Advice {
                after: refusal.retry_after,
                ..row(refusal).map_or_else(|| by_status(refusal.status).1, |r| r.1)
            },
            Self::Transport(error) => on_transport(*error),
            Self::Answer => Advice::new(
                Retry::No,
                "Check the base URL: a proxy, a login page or another server seems to answer there.",
            ),
            Self::SignIn(error) => on_sign_in(error),
            Self::File(_) => Advice::new(Retry::No, "Check the file's place, owner and rights."),
            Self::Pairing(error) => on_pairing(*error),
            Self::Invitation(error) => on_invitation(*error),
            Self::Invalid { .. } => Advice::new(Retry::Changed, "Correct what was given; nothing was sent."),
        }
    }
}

impl Coded for ClientError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => row(refusal).map_or_else(|| by_status(refusal.status).0, |row| row.0),
            Self::Transport(TransportError::TooLarge) => Code::TooLarge,
            Self::Transport(TransportError::Unsendable(_)) | Self::Invalid { .. } => Code::InvalidArguments,
            Self::Transport(_) | Self::Answer => Code::GatewayUnavailable,
            Self::SignIn(_) => Code::Unauthorized,
            Self::File(_) => Code::StoreUnavailable,
            Self::Pairing(PairingFailure::Expired) => Code::ApprovalExpired,
            Self::Pairing(PairingFailure::Revoked) => Code::PairingRevoked,
            Self::Pairing(_) => Code::DecisionNotBelieved,
            Self::Invitation(InvitationError::Over(_)) => Code::Conflict,
            Self::Invitation(_) => Code::InvalidArguments,
        }
    }
    fn fault(&self) -> Fault {
        match self {
            Self::Transport(_) if self.code() != Code::InvalidArguments => Fault::Upstream,
            _ => self.code().fault(),
        }
    }
}

impl From<Unread> for ClientError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(refusal) => Self::Refused(refusal),
            // The parser's own words may quote the answer.
            Unread::Shape(_) => Self::Answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;

    use super::*;
    use crate::transport::Response;

    fn refused(status: u16, body: &str) -> ClientError {
        let response = Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned());
        ClientError::Refused(Box::new(Refusal::of(&response).unwrap()))
    }

    #[track_caller]
    fn check(error: &ClientError, code: Code, fault: Fault, retry: Retry) {
        assert_eq!((error.code(), error.fault(), error.advice().retry), (code, fault, retry), "{error}");
        assert!(!error.advice().what.is_empty());
    }

    #[test]
    fn every_error_says_who_has_to_act() {
        let of = |status, word: &str| refused(status, &format!(r#"{{"error":"{word}"}}"#));
        check(&of(403, "pairing_revoked"), Code::PairingRevoked, Fault::Caller, Retry::Changed);
        check(&of(403, "app_consent_pending"), Code::Forbidden, Fault::Caller, Retry::Later);
        check(&of(429, "quota_exceeded"), Code::LimitExceeded, Fault::Caller, Retry::No);
        check(&of(429, "RATE_LIMITED"), Code::RateLimited, Fault::Caller, Retry::Later);
        check(&of(404, "NotFound"), Code::NotFound, Fault::Caller, Retry::No);
        check(&refused(401, ""), Code::Unauthorized, Fault::Caller, Retry::Changed);
        check(&refused(502, "<html>"), Code::GatewayUnavailable, Fault::Upstream, Retry::Later);
        check(&refused(302, ""), Code::GatewayUnavailable, Fault::Upstream, Retry::No);
        check(&TransportError::Connect.into(), Code::GatewayUnavailable, Fault::Upstream, Retry::Later);
        check(&TransportError::Unsendable("x").into(), Code::InvalidArguments, Fault::Caller, Retry::Changed);
        check(&SignInError::NotSignedIn.into(), Code::Unauthorized, Fault::Caller, Retry::Changed);
    }

    #[test]
    fn the_time_to_wait_is_passed_on() {
        let mut response = Response::new(StatusCode::TOO_MANY_REQUESTS, "");
        response.headers.insert(http::header::RETRY_AFTER, "7".parse().unwrap());
        let error = ClientError::Refused(Box::new(Refusal::of(&response).unwrap()));
        assert_eq!(error.advice().after, Some(Duration::from_secs(7)));
    }
}

//! What can go wrong, who has to act, and whether to try again.

use std::time::Duration;

use airlock_core::error::Retry;
use airlock_core::{Code, Coded, Fault};

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
    Refused(Refusal),
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
    /// What was given cannot be sent.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, without the thing itself.
        what: &'static str,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Whether the same call may succeed later, or another one.
    pub retry: Retry,
    /// How long to wait first, when it is known.
    pub after: Option<Duration>,
    /// One sentence for whoever reads the log.
    pub what: &'static str,
}

impl Advice {
    const fn new(retry: Retry, what: &'static str) -> Self {
        Self { retry, after: None, what }
    }
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

type Row = (&'static [&'static str], Code, Retry, &'static str);

/// The gateway's words, the same in ours, and what to do.
const WORDS: &[Row] = &[
    (
        &["bad_request"],
        Code::InvalidArguments,
        Retry::Changed,
        "Correct the request; its message says what is wrong.",
    ),
    (
        &["unauthorized"],
        Code::Unauthorized,
        Retry::Changed,
        "Sign in again, or set a credential that is still valid.",
    ),
    (
        &["invalid_pat"],
        Code::Unauthorized,
        Retry::Changed,
        "The personal access token was revoked or expired: make another.",
    ),
    (
        &["invalid_client"],
        Code::Unauthorized,
        Retry::Changed,
        "Check the app's client id and secret; a rotated secret replaces the old one at once.",
    ),
    (
        &["user_required"],
        Code::Unauthorized,
        Retry::Changed,
        "Send a person's token as well: the app alone may not ask.",
    ),
    (
        &["pairing_revoked"],
        Code::Forbidden,
        Retry::Changed,
        "Pair again: the approver or somebody here ended this pairing.",
    ),
    (&["no_approver"], Code::NotFound, Retry::Changed, "Pair again: nobody is behind this routing token."),
    (
        &["app_consent_required", "app_consent_pending"],
        Code::Forbidden,
        Retry::Later,
        "Ask the person to allow the app, at the consent address if there is one; then try again.",
    ),
    (
        &["app_consent_denied"],
        Code::Forbidden,
        Retry::No,
        "The person does not allow this app. They can change that in their account.",
    ),
    (
        &["access_denied", "app_revoked", "origin_not_allowed"],
        Code::Forbidden,
        Retry::No,
        "This credential may not do this.",
    ),
    (
        &["quota_exceeded", "workspace_limit_reached", "workspace_limit_exceeded", "approver_limit_reached"],
        Code::LimitExceeded,
        Retry::No,
        "The plan's limit is reached; it is lifted by the operator, or with the next month.",
    ),
    (
        &["rate_limited"],
        Code::RateLimited,
        Retry::Later,
        "Too many requests: wait as long as it says, and ask less often.",
    ),
    (
        &["expired"],
        Code::Conflict,
        Retry::Changed,
        "It came too late: submit a new request, or begin a new pairing.",
    ),
    (
        &["withdrawn", "cancelled"],
        Code::Conflict,
        Retry::No,
        "It was taken back; no decision will come. Treat it as rejected.",
    ),
    (
        &["AlreadyExistsConflict"],
        Code::Conflict,
        Retry::Changed,
        "The request id was used for another artifact: take a new one.",
    ),
    (
        &["already_resolved", "AlreadyDecidedConflict"],
        Code::Conflict,
        Retry::No,
        "It is decided or over; read its status.",
    ),
    (
        &["already_claimed", "already_completed"],
        Code::Conflict,
        Retry::Changed,
        "The code was used: ask for another.",
    ),
    (
        &["payload_too_large"],
        Code::TooLarge,
        Retry::Changed,
        "Send less: an artifact has at most 2 MB, everything else 256 KB.",
    ),
    (
        &["NotFound", "not_found"],
        Code::NotFound,
        Retry::No,
        "Nothing of this name exists for this person; check the id and who is signed in.",
    ),
    (&["unsupported_version"], Code::InvalidArguments, Retry::No, "The gateway does not speak this version."),
];

fn row(refusal: &Refusal) -> Option<(Code, Advice)> {
    let (_, code, retry, what) = WORDS.iter().find(|(words, ..)| refusal.has(words))?;
    Some((*code, Advice::new(*retry, what)))
}

/// Where there is no word, or none that is known.
fn by_status(status: u16) -> (Code, Advice) {
    let (code, retry, what) = match status {
        300..=399 => (Code::GatewayUnavailable, Retry::No, "Check the base URL: an API never redirects."),
        401 => {
            (Code::Unauthorized, Retry::Changed, "Sign in again, or set a credential that is still valid.")
        }
        403 => (Code::Forbidden, Retry::No, "This credential may not do this."),
        404 | 410 => {
            (Code::NotFound, Retry::No, "Nothing of this name exists for this person, or no longer.")
        }
        409 => (Code::Conflict, Retry::No, "It contradicts what is there; read its status."),
        413 => (Code::TooLarge, Retry::Changed, "Send less."),
        429 => (Code::RateLimited, Retry::Later, "Wait, and ask less often."),
        500..=599 => {
            (Code::GatewayUnavailable, Retry::Later, "The gateway is in trouble; try again in a while.")
        }
        _ => (Code::InvalidArguments, Retry::Changed, "Correct the request."),
    };
    (code, Advice::new(retry, what))
}

fn on_transport(error: TransportError) -> Advice {
    match error {
        TransportError::Connect | TransportError::Timeout | TransportError::Broken => Advice::new(
            Retry::Later,
            "Check the network and the base URL. What may be repeated was repeated already.",
        ),
        TransportError::Redirected => Advice::new(
            Retry::No,
            "Check the base URL, and give the HTTP client a policy that follows no redirects.",
        ),
        TransportError::TooLarge => {
            Advice::new(Retry::No, "Check the base URL: no gateway answers that much.")
        }
        TransportError::Unsendable(_) => {
            Advice::new(Retry::Changed, "Correct the base URL, id or credential; nothing was sent.")
        }
    }
}

fn on_sign_in(error: &SignInError) -> Advice {
    match error {
        SignInError::NotSignedIn => Advice::new(Retry::Changed, "Sign in first."),
        SignInError::Denied | SignInError::CodeExpired => {
            Advice::new(Retry::Changed, "Begin the sign-in again, and have the person agree in time.")
        }
        SignInError::Refused(refused) if refused.status == 429 || refused.status >= 500 => {
            Advice::new(Retry::Later, "The identity provider is in trouble; try again in a while.")
        }
        SignInError::Refused(_) => Advice::new(Retry::Changed, "Sign in again."),
        SignInError::Store(_) => Advice::new(Retry::No, "Check the token file's place, owner and rights."),
        SignInError::Listen(_) => Advice::new(Retry::Changed, "Take another port, or the device code."),
        SignInError::NoIdp
        | SignInError::NotOffered(_)
        | SignInError::UnsafeEndpoint(_)
        | SignInError::Answer => {
            Advice::new(Retry::No, "Check the identity provider's address and what it offers.")
        }
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::transport::Response;

    fn refused(status: u16, body: &str) -> ClientError {
        let response = Response::new(StatusCode::from_u16(status).unwrap(), body.to_owned());
        ClientError::Refused(Refusal::of(&response).unwrap())
    }

    #[track_caller]
    fn check(error: &ClientError, code: Code, fault: Fault, retry: Retry) {
        assert_eq!((error.code(), error.fault(), error.advice().retry), (code, fault, retry), "{error}");
        assert!(!error.advice().what.is_empty());
    }

    #[test]
    fn every_error_says_who_has_to_act() {
        let of = |status, word: &str| refused(status, &format!(r#"{{"error":"{word}"}}"#));
        check(&of(403, "pairing_revoked"), Code::Forbidden, Fault::Caller, Retry::Changed);
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
        let error = ClientError::Refused(Refusal::of(&response).unwrap());
        assert_eq!(error.advice().after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn each_word_stands_in_one_row() {
        let mut words: Vec<String> =
            WORDS.iter().flat_map(|(words, ..)| *words).map(|word| word.to_ascii_lowercase()).collect();
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}

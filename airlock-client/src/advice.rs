//! What to do about an error: one row for each word of the gateway, and for what has none.

use std::time::Duration;

use airlock_core::Code;
use airlock_core::error::Retry;

use crate::approvals::PairingFailure;
use crate::approver::InvitationError;
use crate::auth::SignInError;
use crate::refusal::Refusal;
use crate::transport::TransportError;

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
    pub(crate) const fn new(retry: Retry, what: &'static str) -> Self {
        Self { retry, after: None, what }
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
        Code::PairingRevoked,
        Retry::Changed,
        "Pair again: the approver or somebody here ended this pairing.",
    ),
    (&["no_approver"], Code::NoApprover, Retry::Changed, "Pair again: nobody is behind this routing token."),
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
        Code::ApprovalExpired,
        Retry::Changed,
        "It came too late: submit a new request, or begin a new pairing.",
    ),
    (
        &["withdrawn", "cancelled"],
        Code::ApprovalEnded,
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

pub(crate) fn row(refusal: &Refusal) -> Option<(Code, Advice)> {
    let (_, code, retry, what) = WORDS.iter().find(|(words, ..)| refusal.has(words))?;
    Some((*code, Advice::new(*retry, what)))
}

/// Where there is no word, or none that is known.
pub(crate) fn by_status(status: u16) -> (Code, Advice) {
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

pub(crate) fn on_transport(error: TransportError) -> Advice {
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
        TransportError::NoStreams => {
            Advice::new(Retry::No, "Ask again and again instead: this transport only does that.")
        }
    }
}

pub(crate) fn on_pairing(error: PairingFailure) -> Advice {
    match error {
        PairingFailure::Expired | PairingFailure::Revoked => {
            Advice::new(Retry::Changed, "Begin another pairing, and have the person answer in time.")
        }
        _ => Advice::new(
            Retry::No,
            "Do not use this pairing: what came in the approver's name is not what an approver answers.",
        ),
    }
}

pub(crate) fn on_invitation(error: InvitationError) -> Advice {
    match error {
        InvitationError::NotClaimed => {
            Advice::new(Retry::Later, "Type the code at the enforcer first; then look again.")
        }
        InvitationError::Over(_) => Advice::new(Retry::Changed, "Have the enforcer begin another pairing."),
        _ => Advice::new(
            Retry::No,
            "Do not pair: what came in the enforcer's name is not what an enforcer sends.",
        ),
    }
}

pub(crate) fn on_sign_in(error: &SignInError) -> Advice {
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
    use super::*;

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

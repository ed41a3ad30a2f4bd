//! Why the authorization server says no, in the words of RFC 6749 and its kin.

use airlock_core::Coded as _;
use http::StatusCode;
use serde_json::{Value, json};

use crate::error::ServiceError;
use crate::store::StoreError;

macro_rules! words {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// The word that a client reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Word { $($(#[doc = $doc])+ $variant,)+ }

        impl Word {
            /// As it stands in answers.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

words! {
    /// A parameter is missing, doubled, or not of its kind.
    InvalidRequest = "invalid_request";
    /// Who asks did not prove which client it is.
    InvalidClient = "invalid_client";
    /// The code, refresh token or device code does not hold, or not for this client.
    InvalidGrant = "invalid_grant";
    /// The client may not use this grant.
    UnauthorizedClient = "unauthorized_client";
    /// No such grant here.
    UnsupportedGrantType = "unsupported_grant_type";
    /// Only `code`.
    UnsupportedResponseType = "unsupported_response_type";
    /// None of the scopes is known, or more than was granted.
    InvalidScope = "invalid_scope";
    /// The resource is none of ours, or more than was granted (RFC 8707).
    InvalidTarget = "invalid_target";
    /// The person, or their role, says no.
    AccessDenied = "access_denied";
    /// Nobody is signed in, and no page may be shown (OpenID Connect Core, 3.1.2.6).
    LoginRequired = "login_required";
    /// The person has not agreed yet, and no page may be shown.
    ConsentRequired = "consent_required";
    /// The person has to choose, and no page may be shown.
    InteractionRequired = "interaction_required";
    /// Parameters by reference are not taken.
    RequestNotSupported = "request_not_supported";
    /// Parameters by reference are not taken.
    RequestUriNotSupported = "request_uri_not_supported";
    /// A redirect address may not be registered (RFC 7591).
    InvalidRedirectUri = "invalid_redirect_uri";
    /// What the client says of itself cannot be taken (RFC 7591).
    InvalidClientMetadata = "invalid_client_metadata";
    /// The person has not decided yet (RFC 8628).
    AuthorizationPending = "authorization_pending";
    /// Asked too often.
    SlowDown = "slow_down";
    /// The device code is past its time.
    ExpiredToken = "expired_token";
    /// Too much of it just now.
    TemporarilyUnavailable = "temporarily_unavailable";
    /// A bug or fault of ours.
    ServerError = "server_error";
}

/// No, and why: a word for programs, a sentence for people. Never quotes what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", .word.as_str())]
pub struct Refusal {
    /// The word.
    pub word: Word,
    /// The sentence.
    pub why: &'static str,
    /// Whether the client tried HTTP Basic, so that the answer must name it (RFC 6749, 5.2).
    pub basic: bool,
}

impl Refusal {
    /// A refusal.
    pub const fn new(word: Word, why: &'static str) -> Self {
        Self { word, why, basic: false }
    }
    /// [`Word::InvalidRequest`].
    pub const fn request(why: &'static str) -> Self {
        Self::new(Word::InvalidRequest, why)
    }
    /// [`Word::InvalidGrant`].
    pub const fn grant(why: &'static str) -> Self {
        Self::new(Word::InvalidGrant, why)
    }
    /// [`Word::InvalidClient`].
    pub const fn client(why: &'static str) -> Self {
        Self::new(Word::InvalidClient, why)
    }
    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        match self.word {
            Word::InvalidClient => StatusCode::UNAUTHORIZED,
            Word::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Word::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
    /// The body of the answer.
    pub fn body(&self) -> Value {
        json!({"error": self.word.as_str(), "error_description": self.why})
    }
}

/// Why a request at the authorization server was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OauthError {
    /// It was refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store or the audit log does not answer.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl OauthError {
    /// The same in the words of OAuth. The inside of ours goes to the log, not to the caller.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => *refusal,
            Self::Service(error) => {
                tracing::error!(code = %error.code(), %error, "a request at the authorization server failed");
                match error {
                    ServiceError::Store(StoreError::Unavailable(_)) | ServiceError::Audit(_) => {
                        Refusal::new(Word::TemporarilyUnavailable, "try again in a moment")
                    }
                    _ => Refusal::new(Word::ServerError, "an internal error"),
                }
            }
        }
    }
}

impl From<StoreError> for OauthError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

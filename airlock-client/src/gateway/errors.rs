//! The error of the published client, with advice.

use airlock_core::error::Retry;
use airlock_core::{Code, Coded};

use crate::advice::Advice;
use crate::calls::Unread;
use crate::error::ClientError;
use crate::refusal::Refusal;
use crate::transport::{HttpFailure, TransportError};

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The gateway refused.
    #[error("gateway error {status_code}: {message}")]
    Api {
        /// HTTP status.
        status_code: u16,
        /// The gateway's word.
        error_code: Option<String>,
        /// One sentence.
        message: String,
        /// The answer as it came, bounded. Not for logs.
        response_body: Option<String>,
        /// The request that it is about.
        request_id: Option<String>,
    },
    /// There was no answer.
    #[error("HTTP error: {0}")]
    Http(#[from] reqwest::Error),
    /// The answer is not what was expected.
    #[error("JSON error: {0}")]
    Json(#[from] serde_json::Error),
    /// A key, a payload or its encoding is wrong.
    #[error("crypto error: {0}")]
    Crypto(String),
}

impl GatewayError {
    /// Status 429, or a code of a quota.
    pub fn is_quota_exceeded(&self) -> bool {
        self.status_code() == Some(429) || self.has(&["quota_exceeded", "workspace_limit_exceeded"])
    }
    /// The pairing was ended.
    pub fn is_pairing_revoked(&self) -> bool {
        self.has(&["pairing_revoked"])
    }
    /// Status 410, or the code `expired`.
    pub fn is_expired(&self) -> bool {
        self.status_code() == Some(410) || self.has(&["expired"])
    }
    /// Status 409.
    pub fn is_conflict(&self) -> bool {
        self.status_code() == Some(409)
    }
    /// The HTTP status, when there was an answer.
    pub fn status_code(&self) -> Option<u16> {
        match self {
            Self::Api { status_code, .. } => Some(*status_code),
            _ => None,
        }
    }
    /// The gateway's word, when it said one.
    pub fn error_code(&self) -> Option<&str> {
        match self {
            Self::Api { error_code, .. } => error_code.as_deref(),
            _ => None,
        }
    }
    /// What to do about it, and whether to try again. How long to wait is in
    /// [`ClientError::advice`](crate::ClientError::advice) only: there is no room for it here.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Api { status_code, error_code, message, .. } => {
                refused(*status_code, error_code, message).advice()
            }
            Self::Http(_) => ClientError::Transport(self.transport()).advice(),
            Self::Json(_) => ClientError::Answer.advice(),
            Self::Crypto(_) => Advice {
                retry: Retry::Changed,
                after: None,
                what: "Correct the key or the payload; nothing was sent.",
            },
        }
    }

    fn has(&self, codes: &[&str]) -> bool {
        self.error_code().is_some_and(|own| codes.contains(&own))
    }

    fn transport(&self) -> TransportError {
        match self {
            Self::Http(error) if error.is_timeout() && !error.is_connect() => TransportError::Timeout,
            Self::Http(error) if error.is_connect() => TransportError::Connect,
            Self::Http(error) if error.is_builder() => TransportError::Unsendable("the request"),
            _ => TransportError::Broken,
        }
    }

    /// An error of ours in the published form.
    pub(super) fn ours(status_code: u16, code: &str, message: impl Into<String>) -> Self {
        Self::Api {
            status_code,
            error_code: Some(code.to_owned()),
            message: message.into(),
            response_body: None,
            request_id: None,
        }
    }
}

fn refused(status: u16, code: &Option<String>, message: &str) -> ClientError {
    ClientError::Refused(Box::new(Refusal::told(status, code.clone(), message.to_owned())))
}

impl Coded for GatewayError {
    fn code(&self) -> Code {
        match self {
            Self::Api { status_code, error_code, message, .. } => {
                refused(*status_code, error_code, message).code()
            }
            Self::Http(_) => ClientError::Transport(self.transport()).code(),
            Self::Json(_) => ClientError::Answer.code(),
            Self::Crypto(_) => Code::InvalidArguments,
        }
    }
}

impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        let response_body = Some(refusal.text().to_owned());
        Self::Api {
            status_code: refusal.status,
            error_code: refusal.code,
            message: refusal.message,
            response_body,
            request_id: refusal.request_id,
        }
    }
}

impl From<Unread> for GatewayError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Refused(refusal) => (*refusal).into(),
            Unread::Shape(error) => Self::Json(error),
        }
    }
}

impl From<HttpFailure> for GatewayError {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Http(error) => Self::Http(error),
            HttpFailure::Other(kind) => kind.into(),
        }
    }
}

// The published form has no variant for these; status 0 says that nobody answered with one.
impl From<TransportError> for GatewayError {
    fn from(error: TransportError) -> Self {
        Self::ours(0, "transport", error.to_string())
    }
}

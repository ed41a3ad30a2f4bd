//! Failures in the shape that the published SDKs read: an envelope, with code and message once more on top.

use std::time::Duration;

use airlock_core::{Code, Coded, Fault, Timestamp};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::error::ServiceError;
use crate::oauth::{OauthError, Word};
use crate::store::StoreError;

/// What a caller of the gateway is told of a failure.
#[derive(Clone, Debug)]
pub struct GatewayError {
    status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl GatewayError {
    /// A failure with the protocol's code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
    pub(super) fn unauthorized(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }
    pub(super) fn forbidden(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }
    pub(super) fn too_often(wait: Duration) -> Self {
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many requests");
        Self { retry_after: Some(wait), ..refused }
    }
    /// The protocol's code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl GatewayError {
    /// The answer, as of this time.
    pub(super) fn respond(&self, now: Timestamp) -> Response {
        let body = json!({
            "msgType": "error",
            "createdAt": now,
            "sender": {"gatewayId": "airlock"},
            "body": {"code": self.code, "message": self.message},
            "error": self.code,
            "message": self.message,
        });
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

/// Carries itself to the layer around the gateway, which knows the time and writes the body.
impl IntoResponse for GatewayError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

// A caller is told nothing about the inside of ours.
fn inside(error: &dyn Coded) -> GatewayError {
    tracing::error!(code = %error.code(), error = %error, "a request failed");
    match error.fault() {
        Fault::Upstream => {
            GatewayError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again later")
        }
        Fault::Caller | Fault::Internal => {
            GatewayError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "an internal error")
        }
    }
}

impl From<ServiceError> for GatewayError {
    fn from(error: ServiceError) -> Self {
        let told = error.to_string();
        match error.code() {
            Code::NotFound => Self::new(StatusCode::NOT_FOUND, "NotFound", told),
            Code::InvalidArguments => Self::bad_request(told),
            Code::Conflict | Code::PreconditionFailed if !matches!(error, ServiceError::Store(_)) => {
                Self::new(StatusCode::CONFLICT, "conflict", told)
            }
            _ => inside(&error),
        }
    }
}

impl From<StoreError> for GatewayError {
    fn from(error: StoreError) -> Self {
        inside(&error)
    }
}

impl From<OauthError> for GatewayError {
    fn from(error: OauthError) -> Self {
        let refusal = error.refusal();
        match (refusal.word, error) {
            (Word::TemporarilyUnavailable, _) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "try again in a moment")
            }
            (_, OauthError::Service(error)) => error.into(),
            (_, OauthError::Refused(_)) => Self::unauthorized("unauthorized", "the token is not valid"),
        }
    }
}

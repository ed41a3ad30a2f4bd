//! Failures in the shape that the published SDKs read: an envelope, with code and message once more on top.

use std::time::Duration;

use airlock_core::approval::consent::ConsentAnswer;
use airlock_core::{Code, Coded, Fault, Timestamp};
use airlock_proto::gateway::{Problem, ShapeError};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::approvals::{ApprovalError, PartyApp};
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
    about: Option<Box<About>>,
}

/// What a failure concerns.
#[derive(Clone, Debug)]
enum About {
    /// A request.
    Request(String),
    /// An app that its person does not let act for them, and the page where they say so, if there is one.
    App(PartyApp, Option<String>),
}

impl GatewayError {
    /// A failure with the protocol's code and a sentence.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, about: None }
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
    /// An app that a person has not let act for them.
    pub(super) fn consent(answer: ConsentAnswer, app: Option<PartyApp>, page: Option<String>) -> Self {
        let message = match answer {
            ConsentAnswer::Approved | ConsentAnswer::Required => {
                "the person is asked whether this app may act for them; try again when they said yes"
            }
            ConsentAnswer::Pending => "the person has not yet said whether this app may act for them",
            ConsentAnswer::Denied => "the person does not let this app act for them",
        };
        let about = app.map(|app| Box::new(About::App(app, page)));
        Self { about, ..Self::new(StatusCode::FORBIDDEN, answer.as_str(), message) }
    }
    /// The same, about this request.
    pub(super) fn about(self, request_id: impl Into<String>) -> Self {
        Self { about: self.about.or(Some(Box::new(About::Request(request_id.into())))), ..self }
    }
    /// What is wrong, for who asked.
    pub(super) fn message(&self) -> &str {
        &self.message
    }
    /// The protocol's code.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl GatewayError {
    /// The body, as of this time. Published clients look for what concerns consent on top only.
    pub(super) fn body(&self, now: Timestamp) -> Value {
        let request_id = match self.about.as_deref() {
            Some(About::App(app, page)) => {
                let mut body = json!({
                    "error": self.code, "message": self.message, "appName": app.name, "appId": app.id,
                });
                if let Some(page) = page {
                    body["consentUrl"] = json!(page);
                }
                return body;
            }
            Some(About::Request(id)) => Some(id.clone()),
            None => None,
        };
        let problem = Problem { request_id, ..Problem::new(self.code, &self.message) };
        problem.to_json(&now.to_string())
    }

    /// The answer, as of this time.
    pub(super) fn respond(&self, now: Timestamp) -> Response {
        let body = self.body(now);
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
        match error {
            ServiceError::Approval(error) => return error.into(),
            ServiceError::TooMany { retry_after } => return Self::too_often(retry_after),
            _ => {}
        }
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

impl From<ApprovalError> for GatewayError {
    fn from(error: ApprovalError) -> Self {
        let (status, code) = error.told();
        Self::new(status, code, error.to_string())
    }
}

impl From<ShapeError> for GatewayError {
    fn from(error: ShapeError) -> Self {
        Self::bad_request(error.to_string())
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

//! Any coded error to a status and a body: the one place.
//!
//! Source: RFC 9457, `application/problem+json`.

use std::time::Duration;

use airlock_core::{Code, Coded, Fault};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::error::ServiceError;
use crate::identity::SignInError;
use crate::store::StoreError;
use crate::workers::EnrollError;

/// What a caller is told of a failure.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    retry_after: Option<Duration>,
}

/// The HTTP status of a failure.
pub fn status(code: Code, fault: Fault) -> StatusCode {
    match code {
        Code::Unauthorized | Code::EnrollmentUnknown | Code::EnrollmentUsed | Code::EnrollmentExpired => {
            StatusCode::UNAUTHORIZED
        }
        Code::ScopeDenied | Code::InsufficientScope | Code::Forbidden | Code::CsrfFailed => {
            StatusCode::FORBIDDEN
        }
        Code::NotFound | Code::SnapshotNotFound | Code::ToolNotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Conflict | Code::WorkerExists => StatusCode::CONFLICT,
        Code::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::InvalidArguments => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        _ => match fault {
            Fault::Caller => StatusCode::BAD_REQUEST,
            Fault::Upstream => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        },
    }
}

impl Problem {
    /// A failure with a sentence for the caller.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), retry_after: None }
    }
    /// The same with the time after which to try again.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
    /// Which code it is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence for the caller.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
    /// Seconds after which to try again.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    // A caller is told nothing about the inside of ours.
    fn of(error: &dyn Coded) -> Self {
        let code = error.code();
        let detail = match error.fault() {
            Fault::Caller => error.to_string(),
            Fault::Upstream | Fault::Internal => {
                tracing::error!(code = %code, error = %error, "a request failed");
                match code {
                    Code::AuditUnavailable => {
                        "the audit log cannot be written, so nothing is done".to_owned()
                    }
                    Code::StoreUnavailable => "the store cannot be used just now".to_owned(),
                    _ => "an internal error; the log has it under the request id".to_owned(),
                }
            }
        };
        Self::new(code, detail)
    }

    /// The answer. `request_id` is what the log knows it by.
    pub(super) fn respond(&self, request_id: &str) -> Response {
        let status = status(self.code, self.code.fault());
        let body = json!({
            "type": format!("urn:airlock:error:{}", self.code),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.detail,
            "code": self.code.as_str(),
            "request_id": request_id,
        });
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED && self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"airlock-cp\""));
        }
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Carries itself to the outermost layer, which knows the request id and writes the body.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = status(self.code, self.code.fault()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        let problem = Self::of(&error);
        match error {
            ServiceError::TooMany { retry_after } => problem.after(retry_after),
            _ => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::of(&error)
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::of(&error),
            SignInError::Failed(error) => Self::from(error),
        }
    }
}

impl From<EnrollError> for Problem {
    fn from(error: EnrollError) -> Self {
        let problem = Self::of(&error);
        match error {
            EnrollError::TooManyAttempts { retry_after } => problem.after(retry_after),
            _ => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inside_is_not_told() {
        let told = Problem::from(ServiceError::Store(StoreError::Refused("42601".into())));
        assert_eq!(told.code(), Code::Internal);
        assert!(!told.detail.contains("42601"));
        let told = Problem::from(ServiceError::Store(StoreError::Unavailable("disk full")));
        assert!(!told.detail.contains("disk"));
    }

    #[test]
    fn every_code_has_a_status_of_its_kind() {
        for &code in Code::ALL {
            let status = status(code, code.fault());
            match code.fault() {
                Fault::Caller => assert!(status.is_client_error(), "{code}"),
                Fault::Upstream | Fault::Internal => assert!(status.is_server_error(), "{code}"),
            }
        }
    }
}

//! Bodies in and out: JSON, bounded; entity tags.

use std::time::Duration;

use airlock_core::Code;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Problem;

/// Largest body of the admin API.
pub const BODY_BYTES_MAX: usize = 1 << 20;
const BODY_TIME_MAX: Duration = Duration::from_secs(15);

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request).await?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(bytes).map(Self).map_err(|e| Problem::new(Code::InvalidArguments, wording(&e)))
    }
}

/// Reads a whole body, bounded.
pub(super) async fn read(request: Request) -> Result<Bytes, Problem> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(Code::InvalidArguments, "a Content-Encoding is not taken"));
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let slow = |_| Problem::new(Code::InvalidArguments, "the body came in too slowly");
    match tokio::time::timeout(BODY_TIME_MAX, body).await.map_err(slow)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(e) if e.is::<LengthLimitError>() => {
            Err(Problem::new(Code::TooLarge, format!("a body has at most {BODY_BYTES_MAX} bytes")))
        }
        Err(_) => Err(Problem::new(Code::InvalidArguments, "the body did not come in whole")),
    }
}

// serde's own words may quote what was sent, and that may be a secret in the wrong place.
fn wording(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let at = format!("at line {} column {}", error.line(), error.column());
    if text.starts_with("missing field") {
        return text;
    }
    match text.split_once(", expected ").map(|(_, expected)| expected) {
        Some(expected) if text.starts_with("unknown field") => format!("unknown field; expected {expected}"),
        Some(expected) => format!("expected {expected}"),
        None => format!("the body is not the JSON expected {at}"),
    }
}

/// An answer with its entity tag.
#[derive(Debug)]
pub struct Stamped<T> {
    /// The body.
    pub body: T,
    /// Its version.
    pub version: i64,
}

impl<T: Serialize> IntoResponse for Stamped<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.body).into_response();
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.version)).expect("a number in quotes");
        response.headers_mut().insert(ETAG, tag);
        response
    }
}

/// The version that the caller expects to change.
///
/// # Errors
/// When the header is there and is none of our tags: it then matches nothing.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let tag = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).and_then(|t| t.parse().ok());
    tag.map(Some).ok_or_else(|| Problem::new(Code::PreconditionFailed, "If-Match names no version of this"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it fails is read")]
    struct Form {
        name: String,
        n: Option<u32>,
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        let text = wording(&serde_json::from_str::<Form>(body).unwrap_err());
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_bad_body_is_named_and_not_quoted() {
        check("{}", "missing field `name`");
        check(r#"{"name":"x","s3cret":1}"#, "unknown field; expected");
        check(r#"{"name":"x","n":"s3cret"}"#, "expected u32");
        check(r#"{"name":"s3cret""#, "line 1");
    }
}

//! Requests and responses as values, and the one trait that moves them.
//!
//! Everything above this is free of I/O: [`calls`](crate::calls) makes a [`Request`] and reads a [`Response`].
//! [`HttpTransport`] sends it with reqwest; a test, or a program with a network of its own, implements [`Transport`].

mod http;
mod retry;
mod stream;

use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;

pub(crate) use self::http::{HttpFailure, exchange};
pub use self::http::{HttpTransport, http_client};
pub use retry::{RetryPolicy, Retrying};
pub use stream::{Pieces, Streamed};

/// Most bytes of an answer that are read; what is longer is no answer.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Time that one request may take, when nothing else is said: what the published clients allow.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A second one has no further effect.
    Safe,
    /// A second one would do something a second time.
    Never,
}

/// One request to the gateway, without what names the caller: credentials are put in when it is sent.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, to be joined to a base URL; or a whole address, as an identity provider names its endpoints.
    pub target: String,
    /// Headers.
    pub headers: HeaderMap,
    /// The body; empty means none.
    pub body: Bytes,
    /// Time that it may take.
    pub patience: Duration,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl Request {
    /// A request without a body. Reading may be repeated, everything else not, until said otherwise.
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        let repeat = if method == Method::GET { Repeat::Safe } else { Repeat::Never };
        Self {
            method,
            target: target.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            patience: PATIENCE,
            repeat,
        }
    }
    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(::http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }
    /// The same, marked as one that may be sent again.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }
    /// The same with another time that it may take.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
    /// Puts a header in that no log shows.
    ///
    /// # Errors
    /// When the value has bytes that no header may have.
    pub fn put_secret(&mut self, name: HeaderName, value: &str) -> Result<(), TransportError> {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| TransportError::Unsendable("a credential"))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }
    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

// Neither the query nor the body: both may hold what nobody else should read.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}, {} bytes)", self.method, self.path(), self.body.len())
    }
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, at most [`ANSWER_BYTES_MAX`].
    pub body: Bytes,
}

impl Response {
    /// An answer with a status and a body; for transports of one's own and for tests.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into() }
    }
    /// How long to wait before asking again, when the answer says so in seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(::http::header::RETRY_AFTER)?.to_str().ok()?;
        // A date is allowed there as well (RFC 9110, 10.2.3); no gateway of this kind sends one.
        value.trim().parse().ok().map(|s: u64| Duration::from_secs(s.min(RETRY_AFTER_MAX_S)))
    }
    pub(crate) fn content_type(&self) -> &str {
        let value = self.headers.get(::http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        value.unwrap_or_default().split(';').next().unwrap_or_default().trim()
    }
}

const RETRY_AFTER_MAX_S: u64 = 3_600;

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer. Holds neither addresses nor bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: nothing was sent.
    #[error("the gateway cannot be reached")]
    Connect,
    /// No answer in time; what became of the request is not known.
    #[error("the gateway did not answer in time")]
    Timeout,
    /// The connection ended before the answer was there; what became of the request is not known.
    #[error("the connection to the gateway broke")]
    Broken,
    /// The answer is longer than [`ANSWER_BYTES_MAX`].
    #[error("the gateway's answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLarge,
    /// The HTTP client followed a redirect, which an API never asks for.
    #[error("the request was redirected")]
    Redirected,
    /// It cannot be sent as it is.
    #[error("{0} cannot be sent as it is")]
    Unsendable(&'static str),
    /// This transport opens no answers that go on.
    #[error("this transport opens no streams")]
    NoStreams,
}

/// Port: sends one request and waits for its answer. An answer with an error status is an answer.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends it once. Dropping the future gives the answer up; the request may have been sent.
    ///
    /// # Errors
    /// When there is no answer.
    async fn send(&self, request: &Request) -> Result<Response, TransportError>;

    /// Sends it once and gives the answer out while it goes on. The request's patience is for its head; nothing is repeated.
    ///
    /// # Errors
    /// When there is no answer; [`TransportError::NoStreams`] where this is not done.
    async fn open(&self, _request: &Request) -> Result<Streamed, TransportError> {
        Err(TransportError::NoStreams)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_query_nor_body_nor_secret_is_printed() {
        let mut request = Request::new(Method::POST, "/v1/x?token=Q1").with_body("application/json", "B1");
        request.put_secret(HeaderName::from_static("x-pat"), "airpat_S1").unwrap();
        let text = format!("{request:?} {:?}", request.headers);
        assert!(text.contains("POST /v1/x, 2 bytes"), "{text}");
        assert!(!text.contains("Q1") && !text.contains("B1") && !text.contains("S1"), "{text}");
        assert!(request.put_secret(HeaderName::from_static("x-pat"), "a\nb").is_err());
    }

    #[track_caller]
    fn check(value: &str, expected: Option<u64>) {
        let mut response = Response::new(StatusCode::TOO_MANY_REQUESTS, "");
        response.headers.insert(::http::header::RETRY_AFTER, value.parse().unwrap());
        assert_eq!(response.retry_after(), expected.map(Duration::from_secs), "{value}");
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_bounded() {
        check("7", Some(7));
        check(" 0 ", Some(0));
        check("99999999", Some(3_600));
        check("-1", None);
        check("Wed, 21 Oct 2026 07:28:00 GMT", None);
    }
}

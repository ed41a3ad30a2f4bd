//! The transport over HTTP: reqwest, rustls with ring, no redirects, bounded answers.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use url::Url;

use super::{ANSWER_BYTES_MAX, Pieces, Request, Response, Streamed, Transport, TransportError};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
const IDLE_TIME_MAX: Duration = Duration::from_secs(60);
/// Longest silence of an answer that goes on: a gateway says something every half minute.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// An HTTP client as this crate makes them: rustls with ring and the system's certificates, no redirects, no proxy from
/// the environment.
///
/// Nothing is installed for the whole process; a plain `reqwest::Client::new()` would want that.
///
/// # Errors
/// When the system gives no resolver or no socket.
pub fn http_client() -> Result<reqwest::Client, TransportError> {
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls())
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIME_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .build();
    client.map_err(|_| TransportError::Unsendable("anything: the HTTP client was not made, and a request"))
}

fn tls() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "a certificate of the system was not read");
    }
    roots.add_parsable_certificates(found.certs);
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the suites of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Sends requests to one base URL.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    base: Url,
}

impl HttpTransport {
    /// To this base URL, with or without a path and a slash at its end.
    ///
    /// # Errors
    /// When the system gives no HTTP client.
    pub fn new(base: Url) -> Result<Self, TransportError> {
        Ok(Self::with_client(base, http_client()?))
    }
    /// The same with an HTTP client of one's own, for proxies and private certificates. It should follow no redirects: an
    /// answer that came through one is refused, but the request, with its credentials, was repeated by then.
    pub fn with_client(base: Url, client: reqwest::Client) -> Self {
        Self { client, base }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: &Request) -> Result<Response, TransportError> {
        exchange(&self.client, self.base.as_str(), request).await.map_err(|failure| failure.kind())
    }

    async fn open(&self, request: &Request) -> Result<Streamed, TransportError> {
        let begun = begin(&self.client, self.base.as_str(), request, None);
        let answer = tokio::time::timeout(request.patience, begun).await;
        let answer = answer.map_err(|_| TransportError::Timeout)?.map_err(|failure| failure.kind())?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Streamed { status, headers, pieces: Box::new(HttpPieces(answer)) })
    }
}

struct HttpPieces(reqwest::Response);

#[async_trait]
impl Pieces for HttpPieces {
    async fn next(&mut self) -> Result<Option<Bytes>, TransportError> {
        let piece = tokio::time::timeout(SILENCE_MAX, self.0.chunk()).await;
        piece.map_err(|_| TransportError::Timeout)?.map_err(|error| HttpFailure::Http(error).kind())
    }
}

/// Why reqwest gave no answer.
#[derive(Debug)]
pub(crate) enum HttpFailure {
    Http(reqwest::Error),
    Other(TransportError),
}

impl HttpFailure {
    pub(crate) fn kind(&self) -> TransportError {
        match self {
            Self::Other(kind) => *kind,
            // A connection that took too long is no connection.
            Self::Http(error) if error.is_connect() => TransportError::Connect,
            Self::Http(error) if error.is_timeout() => TransportError::Timeout,
            Self::Http(error) if error.is_redirect() => TransportError::Redirected,
            Self::Http(error) if error.is_builder() => TransportError::Unsendable("the request"),
            Self::Http(_) => TransportError::Broken,
        }
    }
}

/// Sends a request to `base` and reads the bounded answer.
pub(crate) async fn exchange(
    client: &reqwest::Client,
    base: &str,
    request: &Request,
) -> Result<Response, HttpFailure> {
    let mut answer = begin(client, base, request, Some(request.patience)).await?;
    let too_large = HttpFailure::Other(TransportError::TooLarge);
    if answer.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX as u64) {
        return Err(too_large);
    }
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(HttpFailure::Http)? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            return Err(too_large);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Response { status, headers, body: body.freeze() })
}

/// Sends a request, and gives its answer out once the head is there. `in_all` bounds the body as well.
async fn begin(
    client: &reqwest::Client,
    base: &str,
    request: &Request,
    in_all: Option<Duration>,
) -> Result<reqwest::Response, HttpFailure> {
    let url = address(base, request).ok_or(HttpFailure::Other(TransportError::Unsendable("the address")))?;
    let mut sent = client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
    if let Some(in_all) = in_all {
        sent = sent.timeout(in_all);
    }
    if !request.body.is_empty() {
        sent = sent.body(request.body.clone());
    } else if request.method != ::http::Method::GET {
        // Not chunked, and not without a length: a POST that has no body says so.
        sent = sent.header(::http::header::CONTENT_LENGTH, 0);
    }
    let answer = sent.send().await.map_err(HttpFailure::Http)?;
    if *answer.url() != url {
        return Err(HttpFailure::Other(TransportError::Redirected));
    }
    Ok(answer)
}

/// Where a request goes; nowhere when its path is not the one that was meant: `..` is taken out of a URL in silence.
fn address(base: &str, request: &Request) -> Option<Url> {
    if request.target.starts_with("http://") || request.target.starts_with("https://") {
        return request.target.parse().ok();
    }
    let url: Url = format!("{}{}", base.trim_end_matches('/'), request.target).parse().ok()?;
    (request.target.starts_with('/') && url.path().ends_with(request.path())).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, target: &str, expected: Option<&str>) {
        let url = address(base, &Request::new(::http::Method::GET, target));
        assert_eq!(url.as_ref().map(Url::as_str), expected, "{base} {target}");
    }

    #[test]
    fn a_target_is_joined_to_the_base_and_cannot_climb() {
        check("https://gw", "/echo", Some("https://gw/echo"));
        check("https://gw/air/", "/echo?a=b", Some("https://gw/air/echo?a=b"));
        check("https://gw", "https://idp/token", Some("https://idp/token"));
        check("https://gw", "/v1/exchanges/..", None);
        check("https://gw", "/v1/exchanges/../wait", None);
        check("https://gw", "/v1/exchanges/%2e%2e/wait", None);
        check("https://gw", "@evil.example/", None);
        check("not a url", "/echo", None);
    }
}

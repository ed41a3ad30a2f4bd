//! Enrollment: a single-use token and our public key become a permanent identity.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::Secret;
use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_proto::enroll::{EnrollError, EnrollRequest, EnrollResponse, PATH};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Where to enroll, with what.
#[derive(Debug)]
#[non_exhaustive]
pub struct Enrollment {
    /// The control plane: https, or http towards loopback.
    pub cp_url: Url,
    /// The token; used up by success.
    pub token: Secret<String>,
    /// The control plane's key as its operator read it out, `sha256:…`; unchecked when absent.
    pub cp_fingerprint: Option<String>,
    /// Trust anchors beside the system's, PEM.
    pub ca_file: Option<std::path::PathBuf>,
}

impl Enrollment {
    /// Enrollment with a control plane by a token.
    ///
    /// # Errors
    /// When the URL is not https and not loopback, or is more than scheme, host and port.
    pub fn new(cp_url: &str, token: Secret<String>) -> Result<Self, EnrollFailure> {
        let url: Url = cp_url.parse().map_err(|_| EnrollFailure::Url("is no URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(EnrollFailure::Url("http is for loopback only; use https")),
            _ => return Err(EnrollFailure::Url("must begin with https://")),
        }
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return Err(EnrollFailure::Url("must be a scheme, a host and a port only"));
        }
        Ok(Self { cp_url: url, token, cp_fingerprint: None, ca_file: None })
    }

    /// Asks the control plane. Asking again with the same token and key within ten minutes gives the same answer, so a
    /// lost answer costs nothing.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or is not the control plane whose fingerprint was given.
    pub async fn enroll(&self, key: &PrivateKey) -> Result<EnrollResponse, EnrollFailure> {
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let request = EnrollRequest::signed(self.token.expose(), key, &hostname, env!("CARGO_PKG_VERSION"));
        let request = serde_json::to_vec(&request).map_err(|_| EnrollFailure::Answer)?;
        let answered = tokio::time::timeout(TIMEOUT, self.post(request)).await;
        let (status, body) =
            answered.map_err(|_| EnrollFailure::Unreachable("no answer in time".to_owned()))??;
        if !status.is_success() {
            return Err(
                refusal(&body).map_or(EnrollFailure::Status(status.as_u16()), EnrollFailure::Rejected)
            );
        }
        let answer: EnrollResponse = serde_json::from_slice(&body).map_err(|_| EnrollFailure::Answer)?;
        let pinned = PublicKey::from_base64(&answer.cp_public_key).map_err(|_| EnrollFailure::Answer)?;
        match &self.cp_fingerprint {
            Some(expected) if *expected != pinned.fingerprint() => {
                Err(EnrollFailure::Fingerprint { found: pinned.fingerprint() })
            }
            _ => Ok(answer),
        }
    }

    /// One request on a connection of its own.
    async fn post(&self, body: Vec<u8>) -> Result<(StatusCode, Bytes), EnrollFailure> {
        let request = Request::post(PATH)
            .header(header::HOST, self.cp_url.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| EnrollFailure::Url("is no URL"))?;
        let stream = self.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| unreachable(&e))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|e| unreachable(&e))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok((status, body.map_err(|_| EnrollFailure::Answer)?.to_bytes()))
        };
        tokio::pin!(exchange);
        tokio::select! {
            done = &mut exchange => done,
            // The connection may end together with the answer.
            _ = connection => exchange.await,
        }
    }

    async fn connect(&self) -> Result<Box<dyn Stream>, EnrollFailure> {
        let host = match self.cp_url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => return Err(EnrollFailure::Url("has no host")),
        };
        let port = self.cp_url.port_or_known_default().unwrap_or(443);
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(|e| unreachable(&e))?;
        if self.cp_url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        let name = ServerName::try_from(host).map_err(|_| EnrollFailure::Url("has no host"))?;
        let connector = TlsConnector::from(Arc::new(tls(self.ca_file.as_deref())?));
        Ok(Box::new(connector.connect(name, tcp).await.map_err(|e| unreachable(&e))?))
    }
}

/// What carries the request: TCP, with or without TLS.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Why there was no enrollment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollFailure {
    /// The control plane's URL cannot be used.
    #[error("the control plane's URL: {0}")]
    Url(&'static str),
    /// The file of trust anchors cannot be used.
    #[error("the file of trust anchors cannot be used: {0}")]
    Trust(std::io::ErrorKind),
    /// No answer.
    #[error("the control plane cannot be reached: {0}")]
    Unreachable(String),
    /// It refused.
    #[error("tunnel rejected: {0}; ask for a new token")]
    Rejected(EnrollError),
    /// It answered with something else than an enrollment.
    #[error("the control plane answered with HTTP {0}; is this its address?")]
    Status(u16),
    /// Its answer is not what an enrollment gives.
    #[error("the control plane's answer is no enrollment; is this its address?")]
    Answer,
    /// It has another key than the operator was told.
    #[error(
        "the control plane's key has the fingerprint {found}, which is not the one given; nothing was written"
    )]
    Fingerprint {
        /// What it has.
        found: String,
    },
}

/// A failure of the network, with its causes.
fn unreachable(error: &(dyn std::error::Error + 'static)) -> EnrollFailure {
    EnrollFailure::Unreachable(causes(error))
}

/// An error with its causes, each said once.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said: Vec<String> =
        std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string).collect();
    said.dedup();
    said.join(": ")
}

/// The word of a refusal, when the body has one of ours.
fn refusal(body: &[u8]) -> Option<EnrollError> {
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
    }
    EnrollError::parse(&serde_json::from_slice::<Problem>(body).ok()?.code)
}

/// The system's trust anchors (or those of `SSL_CERT_FILE`) and the file's; TLS by ring.
fn tls(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, EnrollFailure> {
    let mut anchors = RootCertStore::empty();
    anchors.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|e| EnrollFailure::Trust(e.kind()))?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let certificates = certificates.map_err(|_| EnrollFailure::Trust(std::io::ErrorKind::InvalidData))?;
        anchors.add_parsable_certificates(certificates);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the default protocol versions")
        .with_root_certificates(anchors)
        .with_no_client_auth();
    Ok(config)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// The whole exchange.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer has a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, accepted: bool) {
        assert_eq!(Enrollment::new(url, Secret::new("enroll_x".to_owned())).is_ok(), accepted, "{url}");
    }

    #[test]
    fn a_token_is_sent_over_tls_or_to_loopback_only() {
        check("https://cp.example.com", true);
        check("https://cp.example.com:8443/", true);
        check("http://127.0.0.1:8080", true);
        check("http://[::1]:8080", true);
        check("http://localhost:8080", true);
        check("http://cp.example.com", false);
        check("http://localhost.example.com", false);
        check("https://user@cp.example.com", false);
        check("https://cp.example.com/path", false);
        check("ftp://cp.example.com", false);
        check("cp.example.com", false);
    }

    #[test]
    fn a_refusal_is_known_by_its_word() {
        assert_eq!(refusal(br#"{"code":"enrollment_used","detail":"x"}"#), Some(EnrollError::Used));
        assert_eq!(refusal(br#"{"code":"else"}"#), None);
        assert_eq!(refusal(b"<html>"), None);
        let text = EnrollFailure::Rejected(EnrollError::Expired).to_string();
        assert!(text.starts_with("tunnel rejected"), "{text}");
    }
}

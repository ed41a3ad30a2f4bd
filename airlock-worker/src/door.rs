//! The control plane's HTTP door: one request on a connection of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::cp_url;
use crate::enroll::EnrollFailure;
use crate::proxy::Proxy;

/// Where the control plane is, and how it is reached.
#[derive(Debug)]
#[non_exhaustive]
pub struct Door {
    /// The control plane: https, or http towards loopback.
    pub url: Url,
    /// Trust anchors beside the system's, PEM.
    pub ca_file: Option<std::path::PathBuf>,
    /// What stands between.
    pub proxy: Proxy,
}

impl Door {
    /// The control plane of this URL, with the system's trust anchors and no proxy.
    ///
    /// # Errors
    /// When the URL is not https and not loopback, or is more than scheme, host and port.
    pub fn new(url: &str) -> Result<Self, EnrollFailure> {
        let url: Url = url.parse().map_err(|_| EnrollFailure::Url("is no URL"))?;
        cp_url::check(&url).map_err(EnrollFailure::Url)?;
        Ok(Self { url, ca_file: None, proxy: Proxy::default() })
    }

    /// Sends JSON to a path; gives the status and the body of the answer.
    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), EnrollFailure> {
        let answered = tokio::time::timeout(TIMEOUT, self.exchange(path, body)).await;
        answered.map_err(|_| EnrollFailure::Unreachable("no answer in time".to_owned()))?
    }

    async fn exchange(&self, path: &str, body: Vec<u8>) -> Result<(StatusCode, Bytes), EnrollFailure> {
        let request = Request::post(path)
            .header(header::HOST, self.url.authority())
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
        let host = match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => return Err(EnrollFailure::Url("has no host")),
        };
        let to: Uri = self.url.as_str().parse().map_err(|_| EnrollFailure::Url("is no URL"))?;
        let tcp = self.proxy.connect(to).await.map_err(|e| unreachable(&e))?.into_inner();
        if self.url.scheme() == "http" {
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

/// The whole exchange.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer has a few hundred.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_made_only_for_a_url_that_the_rule_lets_pass() {
        assert!(Door::new("https://cp.example.com:8443").is_ok());
        for bad in ["http://cp.example.com", "https://user@cp.example.com", "cp.example.com", ""] {
            assert!(matches!(Door::new(bad), Err(EnrollFailure::Url(_))), "{bad}");
        }
    }
}

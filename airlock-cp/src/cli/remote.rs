//! A control plane far away, over HTTP/1.1: one connection a request.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::error::CliError;

const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A control plane's address.
pub(super) struct Remote {
    url: Url,
    tls: Option<TlsConnector>,
    // Connections live as long as this.
    connections: parking_lot::Mutex<JoinSet<()>>,
}

impl Remote {
    /// Takes an https URL; http for loopback only, because a token goes with every request.
    pub(super) fn new(url: Url) -> Result<Self, CliError> {
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        let tls = match url.scheme() {
            "https" => Some(connector()?),
            "http" if loopback => None,
            _ => return Err(CliError::Usage("--url: https; http for loopback only".to_owned())),
        };
        Ok(Self { url, tls, connections: parking_lot::Mutex::default() })
    }

    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, CliError> {
        let (host, port) =
            (self.url.host_str().unwrap_or_default(), self.url.port_or_known_default().unwrap_or(443));
        let name = format!("{host}:{port}");
        let header =
            HeaderValue::from_str(&name).map_err(|_| CliError::Usage("--url: no host".to_owned()))?;
        request.headers_mut().insert(HOST, header);
        let path = format!("{}{}", self.url.path().trim_end_matches('/'), request.uri());
        *request.uri_mut() = path.parse().map_err(|_| CliError::Usage("--url: not a URL".to_owned()))?;

        let away = |what: &str| CliError::Unavailable(format!("{name}: {what}"));
        let dial =
            tokio::time::timeout(CONNECT_MAX, TcpStream::connect((host.trim_matches(['[', ']']), port)));
        let stream = dial.await.map_err(|_| away("no answer"))?.map_err(|_| away("cannot connect"))?;
        let mut sender = match &self.tls {
            None => self.handshake(stream).await,
            Some(tls) => {
                let server = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                let server = server.map_err(|_| away("not a host name"))?;
                let stream = tokio::time::timeout(CONNECT_MAX, tls.connect(server, stream)).await;
                let stream = stream.map_err(|_| away("no answer"))?;
                self.handshake(stream.map_err(|_| away("its certificate is not trusted"))?).await
            }
        }
        .map_err(|_| away("does not speak HTTP"))?;
        let response = sender.send_request(request).await.map_err(|_| away("the connection broke"))?;
        Ok(response.map(Body::new))
    }

    async fn handshake(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> hyper::Result<http1::SendRequest<Body>> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // A connection that breaks shows in the answer.
        self.connections.lock().spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn connector() -> Result<TlsConnector, CliError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| CliError::Usage("no TLS version is left".to_owned()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_over_tls_or_to_this_machine() {
        let made = |url: &str| Remote::new(url.parse().unwrap()).is_ok();
        assert!(made("https://cp.example.com"));
        assert!(made("http://127.0.0.1:8080"));
        assert!(made("http://[::1]:8080"));
        assert!(!made("http://cp.example.com"));
        assert!(!made("ftp://127.0.0.1"));
    }
}

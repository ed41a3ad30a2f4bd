//! From a host to a connection: resolved once, every address judged, exactly those dialled.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::FetchError;
use super::address::Allow;
use crate::trust::Trust;

// Of one name, so many addresses are tried.
const ADDRESSES_MAX: usize = 4;
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Port: names to addresses.
#[async_trait]
pub(super) trait Resolve: Send + Sync + std::fmt::Debug {
    /// The addresses of a name.
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The system's resolver.
#[derive(Debug)]
pub(super) struct System;

#[async_trait]
impl Resolve for System {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        tokio::net::lookup_host((name, port)).await.map(Iterator::collect)
    }
}

/// Dials, with the certificates that it trusts.
#[derive(Clone)]
pub(super) struct Dialer {
    pub(super) allow: Allow,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) trust: Trust,
    // The system's certificates are read at the first use: most control planes fetch nothing.
    pub(super) tls: Arc<OnceLock<TlsConnector>>,
}

/// Where to dial for one origin: judged, and not asked for again.
pub(super) struct Checked(Vec<SocketAddr>);

/// An open connection. It ends when this is dropped.
pub(super) struct Connection {
    sender: http1::SendRequest<Empty<Bytes>>,
    _driver: JoinSet<()>,
}

impl Connection {
    pub(super) async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> Result<Response<Incoming>, FetchError> {
        self.sender.send_request(request).await.map_err(|_| FetchError::Failed)
    }
}

impl Dialer {
    /// Resolves the host of a URL. One address that may not be dialled refuses them all: a name with two faces has one
    /// too many. A name that is not there is refused alike, so that nobody learns which names there are inside.
    pub(super) async fn check(&self, url: &Url) -> Result<Checked, FetchError> {
        let host = url.host().ok_or(FetchError::Refused)?;
        let port = url.port_or_known_default().ok_or(FetchError::Refused)?;
        let mut found = match &host {
            Host::Ipv4(ip) => vec![SocketAddr::from((*ip, port))],
            Host::Ipv6(ip) => vec![SocketAddr::from((*ip, port))],
            Host::Domain(name) => self.resolver.resolve(name, port).await.map_err(|_| FetchError::Refused)?,
        };
        if found.is_empty() || !found.iter().all(|at| self.allow.may_dial(&host, at.ip())) {
            return Err(FetchError::Refused);
        }
        found.truncate(ADDRESSES_MAX);
        Ok(Checked(found))
    }

    /// Opens a connection to one of the addresses that were judged, and to no other.
    pub(super) async fn connect(&self, url: &Url, checked: &Checked) -> Result<Connection, FetchError> {
        let mut stream = None;
        for at in &checked.0 {
            if let Ok(open) = TcpStream::connect(at).await {
                stream = Some(open);
                break;
            }
        }
        let stream = stream.ok_or(FetchError::Failed)?;
        if url.scheme() == "http" {
            return handshake(stream).await;
        }
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(|_| FetchError::Refused)?;
        let tls = self.tls.get_or_init(|| connector(self.trust.roots()));
        handshake(tls.connect(name, stream).await.map_err(|_| FetchError::Failed)?).await
    }
}

async fn handshake(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Connection, FetchError> {
    let opened = http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = opened.map_err(|_| FetchError::Failed)?;
    let mut driver = JoinSet::new();
    // A connection that breaks shows in the answer.
    driver.spawn(async move { drop(connection.await) });
    Ok(Connection { sender, _driver: driver })
}

/// TLS that trusts these certificates.
fn connector(roots: RootCertStore) -> TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has every version that is safe")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

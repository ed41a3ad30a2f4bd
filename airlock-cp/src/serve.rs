//! Listeners: HTTP/1 and HTTP/2 on one port, TLS if we have a certificate, metrics on a port of their own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::State;
use axum::routing::get;
use http::Request;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::admin;
use crate::app::App;
use crate::config::{Config, TlsFiles};
use crate::error::StartError;
use crate::http::TrustedProxies;
use crate::hub::PeerIp;
use crate::tasks::TaskKind;

/// Time in which open connections may end when the process stops.
pub const DRAIN_MAX: Duration = Duration::from_secs(30);
const CONNECTIONS_MAX: usize = 20_000;
const TLS_HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const HEADERS_MAX: Duration = Duration::from_secs(15);
const HEADER_BYTES_MAX: usize = 32 * 1024;
const STREAMS_MAX: u32 = 256;
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(20);
// Out of file descriptors, mostly: wait for some to be closed.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Where a control plane listens.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// The API.
    pub address: SocketAddr,
    /// Metrics.
    pub metrics: Option<SocketAddr>,
}

/// Sockets that are bound and not served yet. They come first: port 0 becomes a real one only here, and what the control
/// plane tells workers of itself is made of it. Who connects early waits.
#[derive(Debug)]
pub struct Listeners {
    api: TcpListener,
    metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses of `config`, and writes into it those that the system chose.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn bind(config: &mut Config) -> Result<Self, StartError> {
        let (api, address) = bind(config.bind).await?;
        config.listens_at(address);
        let metrics = match config.metrics_bind {
            Some(wanted) => {
                let (listener, address) = bind(wanted).await?;
                config.metrics_bind = Some(address);
                Some(listener)
            }
            None => None,
        };
        Ok(Self { api, metrics })
    }
}

struct Server {
    router: Router,
    builder: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    proxies: TrustedProxies,
    stop: CancellationToken,
}

/// Starts to listen as the app's configuration says. [`App::shut_down`] ends it.
///
/// With port 0 the app does not know its own URL: bind [`Listeners`] before it is made then, and use [`serve_on`].
///
/// # Errors
/// When an address cannot be bound or the certificate cannot be used.
pub async fn serve(app: &App, router: Router) -> Result<Listening, StartError> {
    let listeners = Listeners::bind(&mut app.config().clone()).await?;
    serve_on(app, listeners, router)
}

/// Serves on sockets that are bound already. [`App::shut_down`] ends it.
///
/// # Errors
/// When the certificate cannot be used.
pub fn serve_on(app: &App, listeners: Listeners, router: Router) -> Result<Listening, StartError> {
    let config = app.config();
    let tls = config.tls.as_ref().map(acceptor).transpose()?;
    let address = listen(app, listeners.api, router, tls, config.trusted_proxies.clone())?;
    let metrics = match listeners.metrics {
        Some(listener) => Some(listen(app, listener, metrics_router(app), None, TrustedProxies::default())?),
        None => None,
    };
    Ok(Listening { address, metrics })
}

async fn bind(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |e: std::io::Error| StartError::Bind { address: wanted, kind: e.kind() };
    let listener = TcpListener::bind(wanted).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    Ok((listener, address))
}

fn listen(
    app: &App,
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    proxies: TrustedProxies,
) -> Result<SocketAddr, StartError> {
    let refused = |e: std::io::Error| StartError::Bind { address: app.config().bind, kind: e.kind() };
    let address = listener.local_addr().map_err(refused)?;
    let server = Server { router, builder: builder(), tls, proxies, stop: app.tasks().stop() };
    app.tasks().spawn(TaskKind::Accept, accept(Arc::new(server), listener, app.tasks().clone()));
    Ok(address)
}

async fn accept(server: Arc<Server>, listener: TcpListener, tasks: crate::tasks::Tasks) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
                // One more than we can hold is closed at once.
                Ok((stream, peer)) => if let Ok(seat) = seats.clone().try_acquire_owned() {
                    tasks.spawn(TaskKind::Connection, server.clone().connection(stream, peer, seat));
                },
            }
        }
    }
}

impl Server {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _seat: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true); // a peer that is gone shows at the next read
        match &self.tls {
            None => self.speak(stream, peer).await,
            Some(tls) => match tokio::time::timeout(TLS_HANDSHAKE_MAX, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.speak(stream, peer).await,
                Ok(Err(_)) | Err(_) => tracing::debug!("a TLS handshake failed"),
            },
        }
    }

    async fn speak(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: SocketAddr) {
        let service = hyper::service::service_fn(|mut request: Request<Incoming>| {
            let ip = self.proxies.client(peer.ip(), request.headers());
            request.extensions_mut().insert(ConnectInfo(SocketAddr::new(ip, peer.port())));
            request.extensions_mut().insert(PeerIp(ip));
            self.router.clone().oneshot(request)
        });
        let mut connection =
            std::pin::pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if ended.is_err() {
            tracing::debug!("a connection ended early");
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_buf_size(2 * HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    builder
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, StartError> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(Path::new(&files.cert))
        .and_then(Iterator::collect)
        .map_err(|_| StartError::Tls("the certificate file is no PEM document"))?;
    let key = PrivateKeyDer::from_pem_file(Path::new(&files.key))
        .map_err(|_| StartError::Tls("the key file holds no private key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| StartError::Tls("no protocol version is left"))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|_| StartError::Tls("the certificate and its key do not go together"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn metrics_router(app: &App) -> Router {
    let metrics = get(|State(app): State<App>| async move {
        let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        ([(CONTENT_TYPE, media)], app.metrics().render())
    });
    let status = admin::open_api(app.status()).into_router();
    Router::new().route("/metrics", metrics).with_state(app.clone()).merge(status)
}

//! A web server of the test's own, over TLS, and the authority that vouches for it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use airlock_cp::trust::Trust;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An authority that nobody knows, unless they are told of its file.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// The file that an operator names.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
    pub(crate) fn trust(&self) -> Trust {
        Trust::read(Some(&self.file())).unwrap()
    }

    /// A certificate for these names and addresses, which may be over.
    pub(crate) fn certificate(&self, names: &[&str], over: bool) -> Certified {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        if over {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Certified { chain: vec![certificate.der().clone()], key }
    }
}

/// A certificate and its key.
pub(crate) struct Certified {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// What one path answers with.
#[derive(Clone)]
pub(crate) struct Page {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// The body never ends.
    hangs: bool,
}

impl Page {
    pub(crate) fn json(body: &Value) -> Self {
        Self::text("application/json", &body.to_string())
    }
    pub(crate) fn text(kind: &str, body: &str) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", kind.to_owned())],
            body: body.to_owned(),
            hangs: false,
        }
    }
    pub(crate) fn moved(to: &str) -> Self {
        Self { status: 302, headers: vec![("location", to.to_owned())], body: String::new(), hangs: false }
    }
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
    pub(crate) fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }
}

#[derive(Default)]
struct Site {
    pages: HashMap<String, Page>,
    asked: Vec<String>,
}

/// A running server. It ends with the value.
pub(crate) struct Web {
    pub(crate) at: SocketAddr,
    site: Arc<Mutex<Site>>,
    _task: JoinSet<()>,
}

impl Web {
    /// For `localhost`, with a certificate that holds.
    pub(crate) async fn start(authority: &Authority) -> Self {
        Self::with(authority.certificate(&["localhost", "127.0.0.1"], false)).await
    }

    pub(crate) async fn with(certified: Certified) -> Self {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certified.key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certified.chain, key)
            .unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = tcp.local_addr().unwrap();
        let site = Arc::new(Mutex::new(Site::default()));
        let router = Router::new().fallback(answer).with_state(site.clone());
        let listener = Tls { tcp, acceptor: TlsAcceptor::from(Arc::new(config)) };
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { at, site, _task: task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.at.port())
    }
    pub(crate) fn put(&self, path: &str, page: Page) {
        self.site.lock().pages.insert(path.to_owned(), page);
    }
    pub(crate) fn remove(&self, path: &str) {
        self.site.lock().pages.remove(path);
    }
    /// The requests that came so far: paths, with queries.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.site.lock().asked.clone()
    }
}

async fn answer(State(site): State<Arc<Mutex<Site>>>, request: Request) -> Response {
    let mut site = site.lock();
    let headers = request.headers().iter().map(|(name, _)| name.as_str());
    let known = ["host", "accept", "user-agent"];
    let odd: Vec<&str> = headers.filter(|name| !known.contains(name)).collect();
    assert!(odd.is_empty(), "something of ours went along: {odd:?}");
    site.asked.push(request.uri().to_string());
    let Some(page) = site.pages.get(request.uri().path()).cloned() else {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    };
    let mut response = Response::builder().status(page.status);
    for (name, value) in page.headers {
        response = response.header(name, value);
    }
    let body = match page.hangs {
        true => Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()),
        false => Body::from(page.body),
    };
    response.body(body).unwrap()
}

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.tcp.accept().await.unwrap();
            let opened = tokio::time::timeout(Duration::from_secs(10), self.acceptor.accept(stream)).await;
            // Who does not believe us hangs up.
            if let Ok(Ok(stream)) = opened {
                return (stream, from);
            }
        }
    }
    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

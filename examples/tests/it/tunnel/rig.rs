//! A hub on loopback, workers that dial it, and a data plane that does what the tool's name says.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_core::crypto::{PrivateKey, PublicKey};
use airlock_core::error::CallError;
use airlock_core::id::{CallId, TenantId, WorkerId};
use airlock_core::plane::{ContentType, DataPlane, Head, Rendered, Revision, ToolCall};
use airlock_core::principal::{Actor, ActorKind, Principal, Scope};
use airlock_core::runtime::SystemHost;
use airlock_cp::hub::{Directory, DirectoryError, Hub, LiveWorker};
use airlock_proto::session::{Claims, CloseReason, Identity, RejectCode};
use airlock_worker::tunnel::{Tunnel, TunnelConfig, TunnelError, TunnelStatus};
use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn tenant() -> TenantId {
    "t_acme".parse().unwrap()
}

pub(crate) fn key() -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(&SystemHost::new()))
}

pub(crate) fn call(tool: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: CallId::new(&SystemHost::new()),
        tool: tool.parse().unwrap(),
        arguments: serde_json::value::RawValue::from_string(arguments.to_owned()).unwrap(),
        bound: None,
        principal: Principal {
            actor: Actor { kind: ActorKind::ApiKey, id: "abcd1234".into(), name: None },
            scope: Scope::EVERYTHING,
        },
        trace: "tr_1".parse().unwrap(),
        budget: Duration::from_secs(30),
        revision: Revision::V2025_06_18,
        accept: ContentType::McpResult,
    }
}

/// What the directory heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Connected(WorkerId),
    Disconnected(WorkerId, CloseReason),
    Refused(WorkerId, RejectCode),
}

/// Workers by name, and what the hub tells of them.
#[derive(Debug)]
pub(crate) struct Book {
    workers: Mutex<HashMap<WorkerId, Identity>>,
    heard: mpsc::UnboundedSender<Heard>,
}

impl Book {
    pub(crate) fn set(&self, worker: &WorkerId, identity: Identity) {
        self.workers.lock().unwrap().insert(worker.clone(), identity);
    }
}

#[async_trait]
impl Directory for Book {
    async fn worker(&self, tenant: &TenantId, worker: &WorkerId) -> Result<Identity, DirectoryError> {
        let known = self.workers.lock().unwrap().get(worker).copied();
        Ok(known.filter(|_| *tenant == self::tenant()).unwrap_or(Identity::Unknown))
    }
    async fn connected(&self, worker: &LiveWorker) -> Result<(), DirectoryError> {
        let _ = self.heard.send(Heard::Connected(worker.worker_id.clone()));
        Ok(())
    }
    async fn disconnected(&self, worker: &LiveWorker, why: CloseReason) {
        let _ = self.heard.send(Heard::Disconnected(worker.worker_id.clone(), why));
    }
    async fn refused(&self, claims: &Claims, _: IpAddr, code: RejectCode) {
        let _ = self.heard.send(Heard::Refused(claims.worker_id.clone(), code));
    }
}

/// A control plane's hub, in a runtime of its own, so that it can die like a process.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) book: Arc<Book>,
    pub(crate) addr: SocketAddr,
    key: Arc<PrivateKey>,
    heard: mpsc::UnboundedReceiver<Heard>,
    runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        let book = Arc::new(Book { workers: Mutex::default(), heard: sender });
        Self::serve(([127, 0, 0, 1], 0).into(), key(), book, heard)
    }

    fn serve(
        addr: SocketAddr,
        key: Arc<PrivateKey>,
        book: Arc<Book>,
        heard: mpsc::UnboundedReceiver<Heard>,
    ) -> Self {
        let hub = Hub::new(
            key.clone(),
            book.clone(),
            Arc::new(SystemHost::new()),
            airlock_cp::metrics::Metrics::new(),
        );
        let router = tonic::service::Routes::new(hub.service()).into_axum_router();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = std::net::TcpListener::bind(addr).unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
        });
        Self { hub, book, addr, key, heard, runtime: Some(runtime) }
    }

    /// Dies without a word, and comes back at the same address.
    pub(crate) fn crash_and_restart(mut self) -> Self {
        self.runtime.take().unwrap().shutdown_background();
        let (_, none) = mpsc::unbounded_channel();
        let heard = std::mem::replace(&mut self.heard, none);
        // The dead one's sockets close in the background.
        loop {
            if std::net::TcpListener::bind(self.addr).is_ok() {
                return Self::serve(self.addr, self.key.clone(), self.book.clone(), heard);
            }
            std::thread::yield_now();
        }
    }

    pub(crate) fn key(&self) -> PublicKey {
        self.key.public()
    }

    /// Waits until the directory has heard this.
    pub(crate) async fn hears(&mut self, expected: Heard) {
        let wait = async { while self.heard.recv().await.unwrap() != expected {} };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "never heard {expected:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a plane was made to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Did {
    Began(String),
    Dropped(String),
}

/// Answers by the tool's name: `echo`, `bytes`, `hang`, `hang_once`, `panic`.
#[derive(Debug)]
pub(crate) struct TestPlane {
    name: String,
    did: mpsc::UnboundedSender<Did>,
    hangs_left: Arc<AtomicUsize>,
}

struct Guard(String, mpsc::UnboundedSender<Did>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.1.send(Did::Dropped(self.0.clone()));
    }
}

#[async_trait]
impl DataPlane for TestPlane {
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        let rendered = |body: Vec<u8>| Rendered {
            head: Head { rows: 3, policy_hash: Some("ab".repeat(32)), ..Head::ok() },
            content_type: ContentType::McpResult,
            body: body.into(),
        };
        let hang = async {
            let _guard = Guard(self.name.clone(), self.did.clone());
            let _ = self.did.send(Did::Began(self.name.clone()));
            std::future::pending::<()>().await;
        };
        match call.tool.as_str() {
            "echo" => {}
            "bytes" => {
                let n: usize =
                    serde_json::from_str::<HashMap<String, usize>>(call.arguments.get()).unwrap()["n"];
                return Ok(rendered((0..n).map(|i| u8::try_from(i % 253).unwrap()).collect()));
            }
            "hang" => hang.await,
            "hang_once" => {
                let left =
                    self.hangs_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                if left.is_ok() {
                    hang.await;
                }
            }
            "panic" => panic!("a cell value: 4711"),
            other => panic!("no tool {other}"),
        }
        Ok(rendered(format!("{}:{}", self.name, call.arguments.get()).into_bytes()))
    }
}

/// Workers, and what their planes did.
pub(crate) struct Workers {
    tasks: JoinSet<Result<(), TunnelError>>,
    did: mpsc::UnboundedReceiver<Did>,
    did_sender: mpsc::UnboundedSender<Did>,
    hangs_left: Arc<AtomicUsize>,
}

/// One running worker.
pub(crate) struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) status: watch::Receiver<TunnelStatus>,
    pub(crate) shutdown: CancellationToken,
    task: tokio::task::AbortHandle,
}

impl Workers {
    pub(crate) fn new() -> Self {
        let (did_sender, did) = mpsc::unbounded_channel();
        Self { tasks: JoinSet::new(), did, did_sender, hangs_left: Arc::new(AtomicUsize::new(1)) }
    }

    /// Starts a worker that the server knows, and waits until it is connected.
    pub(crate) async fn join(&mut self, server: &mut Server, name: &str) -> Worker {
        let key = key();
        let worker = self.start(server.addr, server.key(), name, &key, |id| {
            server.book.set(id, Identity::Known(key.public()));
        });
        server.hears(Heard::Connected(worker.id.clone())).await;
        worker
    }

    /// Starts a worker after `known` was told its name.
    pub(crate) fn start(
        &mut self,
        addr: SocketAddr,
        pinned: PublicKey,
        name: &str,
        key: &Arc<PrivateKey>,
        known: impl FnOnce(&WorkerId),
    ) -> Worker {
        let id: WorkerId = format!("w_{name}").parse().unwrap();
        known(&id);
        let config = TunnelConfig {
            url: format!("http://{addr}").parse().unwrap(),
            tenant_id: tenant(),
            worker_id: id.clone(),
            key: key.clone(),
            cp_key: pinned,
            ca_file: None,
            proxy: airlock_worker::proxy::Proxy::default(),
            heartbeat: None,
            reconnect_min: Duration::from_millis(10),
            reconnect_max: Duration::from_millis(100),
        };
        let plane = TestPlane {
            name: name.to_owned(),
            did: self.did_sender.clone(),
            hangs_left: self.hangs_left.clone(),
        };
        let tunnel = Tunnel::new(config, Arc::new(plane), Arc::new(SystemHost::new())).unwrap();
        let (status, shutdown) = (tunnel.status(), CancellationToken::new());
        let task = self.tasks.spawn(tunnel.run(shutdown.clone()));
        Worker { id, status, shutdown, task }
    }

    pub(crate) async fn did(&mut self) -> Did {
        tokio::time::timeout(PATIENCE, self.did.recv()).await.unwrap().unwrap()
    }
}

impl Worker {
    /// Dies without a word.
    pub(crate) fn kill(&self) {
        self.task.abort();
    }

    /// Waits until the tunnel is down for a reason that contains `words`.
    pub(crate) async fn is_down(&mut self, words: &str) {
        let down =
            |s: &TunnelStatus| matches!(s, TunnelStatus::Down { why: Some(why), .. } if why.contains(words));
        let waited = tokio::time::timeout(PATIENCE, self.status.wait_for(down)).await;
        assert!(waited.is_ok(), "never down with {words:?}");
    }

    /// Waits until the tunnel has left for good.
    pub(crate) async fn is_stopped(&mut self) {
        tokio::time::timeout(PATIENCE, self.status.wait_for(|s| *s == TunnelStatus::Stopped))
            .await
            .unwrap()
            .unwrap();
    }
}

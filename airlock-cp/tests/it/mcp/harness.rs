//! The endpoint on its own, and one request to it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_core::audit::{AuditError, AuditSink, Event, MemoryAudit};
use airlock_core::id::{AuditId, SessionId, TenantId, ToolName, WorkerId};
use airlock_core::plane::{ContentType, Head, Rendered, ToolCall};
use airlock_core::principal::{
    Actor, ActorKind, Principal, Scope, SnapshotPattern, SnapshotScope, ToolScope,
};
use airlock_core::runtime::SystemHost;
use airlock_core::{CallError, Host};
use airlock_cp::mcp::{Door, DoorError, McpConfig, McpDeps, PeerIp, Planes, Reach, Visitor, Whose, router};
use airlock_proto::mcp::Catalog;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// A key that reaches everything.
pub(super) const ALL: &str = "ak_live_all";
/// A key that reaches `u_42` and `u_5*`, and no `null_rates`.
pub(super) const SOME: &str = "ak_live_some";
/// A key that was good once.
pub(super) const REVOKED: &str = "ak_live_revoked";
/// A token of a person that was given for reading.
pub(super) const READ: &str = "at_read";
/// A token of a person that was given for nothing here.
pub(super) const NOTHING: &str = "at_nothing";
/// A key that comes too often.
pub(super) const BUSY: &str = "ak_live_busy";

type Answers = Arc<dyn Fn(ToolCall) -> BoxFuture<'static, Result<Rendered, CallError>> + Send + Sync>;

/// The endpoint and what stands behind it.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub(super) router: Router,
    pub(super) audit: Arc<Log>,
    pub(super) door: Arc<Keys>,
    pub(super) planes: Arc<Recorded>,
    pub(super) tasks: TaskTracker,
}

/// The door: one tenant, four keys, two tokens.
#[derive(Default)]
pub(super) struct Keys {
    /// How many keys were looked at.
    pub(super) looked_at: AtomicUsize,
}

#[async_trait]
impl Door for Keys {
    async fn enter(&self, slug: &str, bearer: Option<&str>, _: IpAddr) -> Result<Visitor, DoorError> {
        let of = (slug == "acme")
            .then(|| Whose { org: "default".parse().unwrap(), tenant: "t_acme".parse().unwrap() });
        let Some(bearer) = bearer else { return Err(DoorError::Unauthorized { revoked: false, of }) };
        self.looked_at.fetch_add(1, Ordering::Relaxed);
        let Some(Whose { org, tenant }) = of.clone() else {
            return Err(DoorError::Unauthorized { revoked: false, of: None });
        };
        let scope = match bearer {
            ALL => Scope::EVERYTHING,
            SOME => Scope {
                snapshots: SnapshotScope::Only(
                    ["u_42", "u_5*"].iter().map(|p| SnapshotPattern::parse(p).unwrap()).collect(),
                ),
                tools: ToolScope::Only(
                    ["execute_sql", "get_schema"].iter().map(|t| t.parse::<ToolName>().unwrap()).collect(),
                ),
                max_rows: None,
            },
            READ | NOTHING => {
                let id = "usr_01J00000000000000000000000".into();
                let actor = Actor { kind: ActorKind::User, id, name: Some("Claude".into()) };
                if bearer == NOTHING {
                    return Err(DoorError::InsufficientScope { of: Whose { org, tenant }, actor });
                }
                let tools = ToolScope::Only(["get_schema".parse().unwrap()].into());
                let scope = Scope { snapshots: SnapshotScope::Only(vec![]), tools, max_rows: None };
                return Ok(Visitor {
                    org,
                    tenant,
                    principal: Principal { actor, scope },
                    reach: Reach::Read,
                });
            }
            REVOKED => return Err(DoorError::Unauthorized { revoked: true, of }),
            BUSY => return Err(DoorError::RateLimited { retry_after_s: 7, of }),
            "ak_live_nostore" => return Err(DoorError::Unavailable),
            _ => return Err(DoorError::Unauthorized { revoked: false, of }),
        };
        let actor = Actor { kind: ActorKind::ApiKey, id: "a1b2c3d4".into(), name: Some("test".into()) };
        Ok(Visitor { org, tenant, principal: Principal { actor, scope }, reach: Reach::Call })
    }
}

/// The data plane: a closure, and what it was asked.
pub(super) struct Recorded {
    pub(super) calls: Mutex<Vec<ToolCall>>,
    answers: Answers,
}

#[async_trait]
impl Planes for Recorded {
    async fn call(
        &self,
        _: &TenantId,
        call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<(WorkerId, SessionId)>) {
        self.calls.lock().unwrap().push(call.clone());
        let through = ("w_acme_prod".parse().unwrap(), "s_01J00000000000000000000000".parse().unwrap());
        ((self.answers)(call).await, Some(through))
    }
}

/// The log in memory, which can refuse to be written.
#[derive(Default)]
pub(super) struct Log {
    memory: MemoryAudit,
    pub(super) opens: AtomicUsize,
    pub(super) no_open: AtomicBool,
    pub(super) no_close: AtomicBool,
}

impl Log {
    /// Every row so far.
    pub(super) fn rows(&self) -> Vec<Event> {
        self.memory.records().into_iter().map(|record| record.event).collect()
    }
    /// The one row there is.
    #[track_caller]
    pub(super) fn row(&self) -> Event {
        let rows = self.rows();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        rows.into_iter().next().unwrap()
    }
}

#[async_trait]
impl AuditSink for Log {
    async fn open(&self, event: &Event) -> Result<(), AuditError> {
        self.opens.fetch_add(1, Ordering::Relaxed);
        if self.no_open.load(Ordering::Relaxed) {
            return Err(AuditError("full".into()));
        }
        self.memory.open(event).await
    }
    async fn close(&self, event: Event) -> Result<(), AuditError> {
        if self.no_close.load(Ordering::Relaxed) {
            return Err(AuditError("full".into()));
        }
        self.memory.close(event).await
    }
    async fn abandon(&self, id: &AuditId) -> Result<(), AuditError> {
        self.memory.abandon(id).await
    }
}

/// What the plane answers unless a test says otherwise. The odd spacing and number show that it is not read.
pub(super) const RESULT: &str =
    r#"{ "content":[{"type":"text","text":"1 row"}],"structuredContent":{"rows":[[1.0]]} }"#;

pub(super) fn rendered(body: impl Into<Bytes>) -> Rendered {
    let head = Head { rows: 1, elapsed_ms: 3, policy_hash: Some("9f1c".into()), ..Head::ok() };
    Rendered { head, content_type: ContentType::McpResult, body: body.into() }
}

/// An endpoint whose plane answers [`RESULT`].
pub(super) fn endpoint() -> Endpoint {
    answering(|_| Box::pin(async { Ok(rendered(RESULT)) }))
}

/// An endpoint whose plane answers with what the closure gives.
pub(super) fn answering(
    answers: impl Fn(ToolCall) -> BoxFuture<'static, Result<Rendered, CallError>> + Send + Sync + 'static,
) -> Endpoint {
    patient(Duration::from_secs(60), answers)
}

/// The same, with this much time for a call.
pub(super) fn patient(
    call_time: Duration,
    answers: impl Fn(ToolCall) -> BoxFuture<'static, Result<Rendered, CallError>> + Send + Sync + 'static,
) -> Endpoint {
    let origins = ["https://app.example.com".to_owned()];
    let mut config = McpConfig::for_listener("127.0.0.1:8080".parse().unwrap(), None, &origins).unwrap();
    config.call_time = call_time;
    let (audit, door) = (Arc::new(Log::default()), Arc::new(Keys::default()));
    let planes = Arc::new(Recorded { calls: Mutex::default(), answers: Arc::new(answers) });
    let tasks = TaskTracker::new();
    let router = router(McpDeps {
        door: door.clone(),
        planes: planes.clone(),
        audit: audit.clone(),
        host: Arc::new(SystemHost::new()) as Arc<dyn Host>,
        tasks: Arc::new(tasks.clone()),
        catalog: Catalog::data_tools(),
        config,
    });
    Endpoint { router, audit, door, planes, tasks }
}

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }
    /// Status and JSON-RPC error number; 0 when it is no error.
    #[track_caller]
    pub(super) fn verdict(&self) -> (u16, i64) {
        let code = if self.body.is_empty() { 0 } else { self.json()["error"]["code"].as_i64().unwrap_or(0) };
        (self.status.as_u16(), code)
    }
}

impl Endpoint {
    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request<Body>) -> Got {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Got { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    /// Posts a body as the documented curl does, with [`ALL`] and further headers; a header given here replaces it.
    pub(super) async fn post(&self, body: impl Into<String>, headers: &[(&str, &str)]) -> Got {
        self.send(post("/mcp/acme", body.into(), headers)).await
    }

    /// The calls that reached the plane.
    pub(super) fn calls(&self) -> Vec<ToolCall> {
        self.planes.calls.lock().unwrap().clone()
    }
}

/// A request as the documented curl makes it.
pub(super) fn post(path: &str, body: String, headers: &[(&str, &str)]) -> Request<Body> {
    let key = format!("Bearer {ALL}");
    let usual = [
        ("host", "127.0.0.1:8080"),
        ("accept", "*/*"),
        ("user-agent", "curl/8.5.0"),
        ("content-type", "application/json"),
        ("authorization", key.as_str()),
    ];
    let mut request = Request::post(path).extension(PeerIp("10.1.2.3".parse().unwrap()));
    for (name, value) in usual {
        if !headers.iter().any(|(given, _)| *given == name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in headers.iter().filter(|(_, value)| *value != "-") {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

/// A request message of the handshake era.
pub(super) fn ask(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

/// A `tools/call` message.
pub(super) fn call(tool: &str, arguments: &str) -> String {
    ask("tools/call", &format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#))
}

/// `execute_sql` over `u_42`.
pub(super) fn query() -> String {
    call("execute_sql", r#"{"snapshot_id":"u_42","sql":"select 1"}"#)
}

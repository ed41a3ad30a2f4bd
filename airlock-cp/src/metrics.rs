//! The control plane's metrics: a registry that is a value, rendered on a listener of its own.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use airlock_core::id::TenantId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfTenant {
    tenant: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    tenant: String,
    tool: String,
    outcome: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Door {
    door: &'static str,
}

/// What is counted. Cloning shares it. No label ever holds a subject or anything a client may choose at will.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    workers_connected: Family<OfTenant, Gauge>,
    mcp_requests: Family<Request, Counter>,
    mcp_duration: Histogram,
    auth_failures: Family<Door, Counter>,
    audit_lag: Gauge<f64, AtomicU64>,
    sse_clients: Gauge,
    tunnel_queue: Gauge,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("airlock_cp");
        let workers_connected = Family::<OfTenant, Gauge>::default();
        let mcp_requests = Family::<Request, Counter>::default();
        // 1 ms to about 16 s
        let mcp_duration = Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let auth_failures = Family::<Door, Counter>::default();
        let audit_lag = Gauge::default();
        let (sse_clients, tunnel_queue) = (Gauge::default(), Gauge::default());
        registry.register("workers_connected", "Workers whose tunnel is up here", workers_connected.clone());
        registry.register("mcp_requests", "MCP requests", mcp_requests.clone());
        registry.register("mcp_duration_seconds", "Time to answer MCP requests", mcp_duration.clone());
        registry.register("auth_failures", "Credentials refused", auth_failures.clone());
        registry.register("audit_lag_seconds", "Time that the last audit write took", audit_lag.clone());
        registry.register("sse_clients", "Open event streams", sse_clients.clone());
        registry.register("tunnel_queue", "Calls that wait for a tunnel", tunnel_queue.clone());
        let registry = Arc::new(registry);
        Self {
            registry,
            workers_connected,
            mcp_requests,
            mcp_duration,
            auth_failures,
            audit_lag,
            sse_clients,
            tunnel_queue,
        }
    }

    /// A tunnel of a tenant went up (`1`) or down (`-1`).
    pub fn worker_connected(&self, tenant: &TenantId, change: i64) {
        self.workers_connected.get_or_create(&OfTenant { tenant: tenant.to_string() }).inc_by(change);
    }
    /// An MCP request was answered. `tool` is a name of ours, or `other`.
    pub fn mcp_request(&self, tenant: &TenantId, tool: &str, outcome: &str, took: Duration) {
        let labels =
            Request { tenant: tenant.to_string(), tool: tool.to_owned(), outcome: outcome.to_owned() };
        self.mcp_requests.get_or_create(&labels).inc();
        self.mcp_duration.observe(took.as_secs_f64());
    }
    /// A credential was refused at this door: `operator`, `mcp`, `tunnel`, `enroll`.
    pub fn auth_failure(&self, door: &'static str) {
        self.auth_failures.get_or_create(&Door { door }).inc();
    }
    /// How long the last write of the audit log took.
    pub fn audit_lag(&self, took: Duration) {
        self.audit_lag.set(took.as_secs_f64());
    }
    /// An event stream is open while this lives.
    pub fn event_stream(&self) -> Counted {
        Counted::one(&self.sse_clients)
    }
    /// A call waits for a tunnel while this lives.
    pub fn waits_for_tunnel(&self) -> Counted {
        Counted::one(&self.tunnel_queue)
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            let _ = writeln!(text, "# EOF");
        }
        text
    }
}

/// One more in a gauge, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

impl Counted {
    fn one(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

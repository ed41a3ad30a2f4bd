//! What the worker counts, and the little HTTP server that tells: `/metrics`, `/healthz`, `/readyz`.
//!
//! Labels never hold a subject, a statement or anything else that a caller chose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use airlock_core::error::Code;
use airlock_core::id::{Generation, PolicyHash, SubjectHandle};
use airlock_core::mask::Masked;
use airlock_core::plane::{DataPlane, Rendered, ToolCall};
use airlock_core::snapshot::{Manifest, SnapshotStore, SnapshotWriter, StoreError};
use airlock_core::{CallError, Outcome};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The worker's counters. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Counters {
    calls: Family<CallLabels, Counter>,
    call_duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    egress_blocked: Family<DetailLabels, Counter>,
    query_crashes: Counter,
    query_timeouts: Counter,
    tunnel_up: Gauge,
    tunnel_reconnects: Counter,
    was_connected: AtomicBool,
    exports: Family<OutcomeLabels, Counter>,
    export_duration: Histogram,
    export_rows: Family<TableLabels, Counter>,
    mask_errors: Family<TableLabels, Counter>,
    snapshots: Gauge,
    snapshot_bytes: Gauge,
    source_up: AtomicBool,
    needs_tunnel: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    tool: &'static str,
    outcome: &'static str,
    error_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    tool: &'static str,
    cold: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DetailLabels {
    detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

/// A table of the policy, by its name in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TableLabels {
    table: String,
}

impl Metrics {
    /// Counters at zero. `needs_tunnel`: whether being ready includes an open tunnel.
    pub fn new(policy: &PolicyHash, needs_tunnel: bool) -> Self {
        let mut registry = Registry::with_prefix("airlock");
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let counters = Counters {
            calls: Family::default(),
            call_duration: Family::new_with_constructor(seconds),
            egress_blocked: Family::default(),
            query_crashes: Counter::default(),
            query_timeouts: Counter::default(),
            tunnel_up: Gauge::default(),
            tunnel_reconnects: Counter::default(),
            was_connected: AtomicBool::new(false),
            exports: Family::default(),
            export_duration: seconds(),
            export_rows: Family::default(),
            mask_errors: Family::default(),
            snapshots: Gauge::default(),
            snapshot_bytes: Gauge::default(),
            source_up: AtomicBool::new(true),
            needs_tunnel,
        };
        registry.register("calls", "Tool calls by how they ended", counters.calls.clone());
        registry.register("call_duration_seconds", "Time a tool call took", counters.call_duration.clone());
        registry.register("egress_blocked", "Statements refused, by reason", counters.egress_blocked.clone());
        registry.register(
            "query_crashes",
            "Statements that ended their process",
            counters.query_crashes.clone(),
        );
        registry.register(
            "query_timeouts",
            "Statements past their deadline",
            counters.query_timeouts.clone(),
        );
        registry.register("tunnel_up", "Whether the tunnel is open", counters.tunnel_up.clone());
        registry.register(
            "tunnel_reconnects",
            "Tunnels opened after the first",
            counters.tunnel_reconnects.clone(),
        );
        registry.register("exports", "Snapshots exported, by how that ended", counters.exports.clone());
        registry.register("export_duration_seconds", "Time an export took", counters.export_duration.clone());
        registry.register("export_rows", "Rows exported, by table", counters.export_rows.clone());
        registry.register(
            "mask_errors",
            "Cells that became NULL because a mask could not handle them",
            counters.mask_errors.clone(),
        );
        registry.register("snapshots", "Snapshots kept", counters.snapshots.clone());
        registry.register(
            "snapshot_bytes",
            "Arrow bytes of the snapshots kept",
            counters.snapshot_bytes.clone(),
        );
        let build = Info::new([
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("policy_hash", policy.to_string()),
        ]);
        registry.register("build", "What runs", build);
        Self { registry: Arc::new(registry), counters: Arc::new(counters) }
    }

    /// Tells that the tunnel went up or down.
    pub fn tunnel(&self, is_up: bool) {
        let was_up = self.counters.tunnel_up.set(i64::from(is_up)) == 1;
        if is_up && !was_up && self.counters.was_connected.swap(true, Ordering::Relaxed) {
            self.counters.tunnel_reconnects.inc();
        }
    }

    /// Tells what the snapshots' own counters say: kept and bytes now, exported and failed since the start.
    pub fn snapshots(&self, kept: u64, bytes: u64, exported: u64, failed: u64) {
        let gauge = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.counters.snapshots.set(gauge(kept));
        self.counters.snapshot_bytes.set(gauge(bytes));
        for (outcome, total) in [("ok", exported), ("error", failed)] {
            self.counters
                .exports
                .get_or_create(&OutcomeLabels { outcome })
                .inner()
                .store(total, Ordering::Relaxed);
        }
    }

    /// Tells of a finished export.
    pub fn exported(&self, manifest: &Manifest) {
        self.counters.export_duration.observe(Duration::from_millis(manifest.duration_ms).as_secs_f64());
        for table in &manifest.tables {
            let labels = TableLabels { table: table.name.clone() };
            self.counters.export_rows.get_or_create(&labels).inc_by(table.rows);
            self.counters.mask_errors.get_or_create(&labels).inc_by(table.mask_errors);
        }
    }

    /// Whether calls can be answered: the source answered last time, and the tunnel is open where one is needed.
    pub fn is_ready(&self) -> bool {
        self.counters.source_up.load(Ordering::Relaxed)
            && (!self.counters.needs_tunnel || self.counters.tunnel_up.get() == 1)
    }

    /// Everything, in the OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn observe(&self, tool: &'static str, took: Duration, result: &Result<Rendered, CallError>) {
        let (outcome, class, detail, cold) = match result {
            Ok(rendered) => {
                let head = &rendered.head;
                let class = head.error_class.as_deref().and_then(Code::parse);
                (head.outcome, class, head.detail_code.clone(), head.cold)
            }
            Err(error) => (Outcome::Error, Some(error.code), error.detail.clone(), false),
        };
        let error_class = class.map_or("", Code::as_str);
        self.counters.calls.get_or_create(&CallLabels { tool, outcome: outcome.as_str(), error_class }).inc();
        let cold_word = if cold { "true" } else { "false" };
        self.counters
            .call_duration
            .get_or_create(&DurationLabels { tool, cold: cold_word })
            .observe(took.as_secs_f64());
        match class {
            Some(Code::EgressBlocked) => {
                let detail = detail.unwrap_or_default();
                self.counters.egress_blocked.get_or_create(&DetailLabels { detail }).inc();
            }
            Some(Code::QueryCrashed) => drop(self.counters.query_crashes.inc()),
            Some(Code::QueryTimeout) => drop(self.counters.query_timeouts.inc()),
            Some(Code::SourceUnavailable) => self.counters.source_up.store(false, Ordering::Relaxed),
            None if cold => self.counters.source_up.store(true, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// A data plane whose calls are counted.
#[derive(Debug)]
pub struct Counted<P> {
    plane: P,
    metrics: Metrics,
}

impl<P> Counted<P> {
    /// Counts the calls of `plane`.
    pub fn new(plane: P, metrics: Metrics) -> Self {
        Self { plane, metrics }
    }
}

#[async_trait]
impl<P: DataPlane> DataPlane for Counted<P> {
    async fn call(&self, call: ToolCall) -> Result<Rendered, CallError> {
        // What a caller names is no label.
        let tool = TOOLS.into_iter().find(|known| *known == call.tool.as_str()).unwrap_or("other");
        let begun = tokio::time::Instant::now();
        let result = self.plane.call(call).await;
        self.metrics.observe(tool, begun.elapsed(), &result);
        result
    }
}

/// A store whose finished snapshots are counted.
#[derive(Debug)]
pub struct CountedStore<S> {
    store: S,
    metrics: Metrics,
}

impl<S> CountedStore<S> {
    /// Counts what `store` finishes.
    pub fn new(store: S, metrics: Metrics) -> Self {
        Self { store, metrics }
    }
}

impl<S: SnapshotStore> SnapshotStore for CountedStore<S> {
    type Data = S::Data;
    type Writer = CountedWriter<S::Writer>;

    fn begin(
        &self,
        handle: SubjectHandle,
        generation: Generation,
        tables: &[(String, SchemaRef)],
    ) -> Result<Self::Writer, StoreError> {
        let writer = self.store.begin(handle, generation, tables)?;
        Ok(CountedWriter { writer, metrics: self.metrics.clone() })
    }
}

/// Writes one snapshot, and counts it when it is finished.
#[derive(Debug)]
pub struct CountedWriter<W> {
    writer: W,
    metrics: Metrics,
}

impl<W: SnapshotWriter> SnapshotWriter for CountedWriter<W> {
    type Data = W::Data;

    fn push(&mut self, table: usize, batch: Masked<RecordBatch>) -> Result<(), StoreError> {
        self.writer.push(table, batch)
    }

    fn finish(self, manifest: &Manifest) -> Result<W::Data, StoreError> {
        let data = self.writer.finish(manifest)?;
        self.metrics.exported(manifest);
        Ok(data)
    }
}

/// Serves metrics and health until `shutdown`.
///
/// `refresh` runs before each rendering: the place to bring gauges up to date.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    metrics: Metrics,
    refresh: impl Fn(&Metrics) + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let refresh: Arc<dyn Fn(&Metrics) + Send + Sync> = Arc::new(refresh);
    let text = move |State(metrics): State<Metrics>| async move {
        refresh(&metrics);
        ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.render()).into_response()
    };
    let ready = |State(metrics): State<Metrics>| async move {
        if metrics.is_ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    let app = Router::new()
        .route("/metrics", get(text))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(metrics);
    axum::serve(listener, app).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

const TOOLS: [&str; 3] = ["execute_sql", "get_schema", "null_rates"];
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[cfg(test)]
mod tests;

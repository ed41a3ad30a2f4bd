//! Routes of the log: pages, a live stream, exports, verification.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Action, Record};
use airlock_core::id::TenantId;
use airlock_core::{Code, Host};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream, StreamExt};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use serde_json::json;

use super::{
    AuditFilter, AuditLog, AuditPage, Caller, ExportFormat, Follower, Journal, Row, Scope, Subject, Tail,
};
use crate::http::query::bounded;
use crate::http::{Api, PathOf, Problem, QueryOf};
use crate::metrics::{Counted, Metrics};
use crate::tenants::Tenants;

const PING_EVERY: Duration = Duration::from_secs(15);
// A gap that is larger is told by `reset`; the client then reads the list again.
const RESUMED_MAX: usize = super::tail::QUEUED_MAX;

/// What the routes need.
#[derive(Clone, Debug)]
pub struct AuditRoutes {
    /// The log.
    pub log: AuditLog,
    /// What is appended.
    pub tail: Tail,
    /// Whose it is.
    pub tenants: Tenants,
    /// Exports are acts as well.
    pub journal: Journal,
    /// Counts open streams.
    pub metrics: Metrics,
    /// The clock.
    pub host: Arc<dyn Host>,
}

// serde's `flatten` loses types in a query, so the fields are written out here.
// A filter that is misspelt must not give more rows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    limit: Option<usize>,
    before: Option<u64>,
    after: Option<u64>,
    format: Option<ExportFormat>,
    trace_id: Option<String>,
    tool: Option<String>,
    outcome: Option<String>,
    error_class: Option<String>,
    kid: Option<String>,
    worker_id: Option<String>,
    snapshot_id: Option<String>,
    action: Option<String>,
    from: Option<airlock_core::Timestamp>,
    to: Option<airlock_core::Timestamp>,
}

impl ListQuery {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            trace_id: self.trace_id.clone(),
            tool: self.tool.clone(),
            outcome: self.outcome.clone(),
            error_class: self.error_class.clone(),
            kid: self.kid.clone(),
            worker_id: self.worker_id.clone(),
            snapshot_id: self.snapshot_id.clone(),
            action: self.action.clone(),
            from: self.from,
            to: self.to,
        }
    }
}

/// Routes of the log.
pub fn api(routes: AuditRoutes) -> Api {
    const FILTERS: &[&str] = &[
        "limit",
        "before",
        "trace_id",
        "tool",
        "outcome",
        "error_class",
        "kid",
        "worker_id",
        "snapshot_id",
        "action",
        "from",
        "to",
    ];
    Api::new()
        .route(Method::GET, "/api/v1/tenants/{tenant_id}/audit", "List audit rows, newest first", list)
        .query(FILTERS)
        .route(
            Method::GET,
            "/api/v1/tenants/{tenant_id}/audit/stream",
            "Audit rows as they happen (SSE)",
            stream,
        )
        .query(&[
            "after",
            "trace_id",
            "tool",
            "outcome",
            "error_class",
            "kid",
            "worker_id",
            "snapshot_id",
            "action",
        ])
        .route(Method::GET, "/api/v1/tenants/{tenant_id}/audit/export", "Export audit rows", export)
        .query(&["format", "from", "to"])
        .route(Method::GET, "/api/v1/tenants/{tenant_id}/audit/verify", "Check the hash chain", verify)
        .with_state(routes)
}

impl AuditRoutes {
    async fn scope(&self, tenant: &TenantId) -> Result<Scope, Problem> {
        let tenant = self.tenants.show(tenant).await?;
        Ok(Scope { org: tenant.org_id, tenant: tenant.id })
    }
}

async fn list(
    _: Caller,
    State(routes): State<AuditRoutes>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<AuditPage>, Problem> {
    let scope = routes.scope(&tenant).await?;
    Ok(Json(routes.log.list(&scope, &query.filter(), query.before, bounded(query.limit)).await?))
}

async fn verify(
    _: Caller,
    State(routes): State<AuditRoutes>,
    PathOf(tenant): PathOf<TenantId>,
) -> Result<Response, Problem> {
    let scope = routes.scope(&tenant).await?;
    let body = match routes.log.verify(&scope.org).await? {
        Ok(report) => json!({"ok": true, "report": report, "signing_key": routes.log.public_key.to_base64()}),
        Err(mismatch) => json!({"ok": false, "broken": mismatch}),
    };
    Ok(Json(body).into_response())
}

async fn export(
    caller: Caller,
    State(routes): State<AuditRoutes>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Response, Problem> {
    let scope = routes.scope(&tenant).await?;
    let subject = Subject { org: scope.org.clone(), tenant: Some(scope.tenant.clone()), resource: None };
    routes.journal.note(&caller, Action::AuditExported, subject, None).await?;
    let format = query.format.unwrap_or_default();
    let (media, name) = match format {
        ExportFormat::Jsonl => ("application/x-ndjson", format!("audit-{tenant}.jsonl")),
        ExportFormat::Csv => ("text/csv; charset=utf-8", format!("audit-{tenant}.csv")),
    };
    let lines = routes.log.export(scope, query.filter(), format, routes.host.now()).await?;
    let mut response = Body::from_stream(lines).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

async fn stream(
    caller: Caller,
    State(routes): State<AuditRoutes>,
    PathOf(tenant): PathOf<TenantId>,
    QueryOf(query): QueryOf<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let scope = routes.scope(&tenant).await?;
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let after: Option<u64> = resumed.or(query.after);
    let full = || Problem::new(Code::Busy, "too many watch the log already").after(PING_EVERY);
    let follower = routes.tail.follow(&caller.actor, scope.clone(), query.filter()).await.ok_or_else(full)?;
    // Only now, so that nothing falls between what is read and what is told.
    let missed = match after {
        Some(after) => routes.log.after(&scope, &query.filter(), after, RESUMED_MAX + 1).await?,
        None => Vec::new(),
    };
    let events = follow(missed, after.unwrap_or(0), follower, routes.metrics.event_stream());
    let keep_alive = KeepAlive::new().interval(PING_EVERY).text("ping");
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

struct Watching {
    follower: Follower,
    last: u64,
    _counted: Counted,
}

fn follow(
    missed: Vec<Record>,
    after: u64,
    follower: Follower,
    counted: Counted,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let reset = missed.len() > RESUMED_MAX;
    let last = missed.last().map_or(after, |r| r.seq);
    let before: Vec<_> = match reset {
        true => vec![Event::default().event("reset").data("{}")],
        false => missed.iter().map(event).collect(),
    };
    let watching = Watching { follower, last, _counted: counted };
    let live = stream::unfold(watching, |mut watching| async move {
        loop {
            let record = watching.follower.next().await?;
            // Told twice is said once: the reader and what was missed may overlap.
            if record.seq > watching.last {
                watching.last = record.seq;
                return Some((event(&record), watching));
            }
        }
    });
    stream::iter(before).chain(live).map(Ok)
}

fn event(record: &Record) -> Event {
    let row = serde_json::to_string(&Row::of(record)).expect("rows are plain JSON");
    Event::default().event("audit").id(record.seq.to_string()).data(row)
}

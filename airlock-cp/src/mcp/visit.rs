//! The messages of one authenticated request: each decided, answered, forwarded or refused.

use std::time::Duration;

use airlock_core::audit::{Action, Context, Event};
use airlock_core::id::TraceId;
use airlock_core::plane::{ContentType, Outcome, Rendered, Revision};
use airlock_core::tool::EXECUTE_SQL;
use airlock_core::{CallError, Code};
use airlock_proto::mcp::catalog::{Answer, View, schema_resource};
use airlock_proto::mcp::era::{self, Kind};
use airlock_proto::mcp::header::{self, PROTOCOL_VERSION};
use airlock_proto::mcp::lenient::Form;
use airlock_proto::mcp::result::{Failure, failure};
use airlock_proto::mcp::{
    Incoming, Malformed, Message, Notification, Params, Reject, Request, binding, trace,
};
use axum::response::Response;
use http::HeaderMap;
use rmcp::model::ErrorCode;

use super::McpDeps;
use super::call::{self, Way, audit_unavailable};
use super::challenge::Challenge;
use super::door::{Reach, Visitor, insufficient_scope};
use super::reply::{self, Reply};

/// One authenticated request.
pub(super) struct Visit<'a> {
    pub(super) deps: &'a McpDeps,
    pub(super) visitor: Visitor,
    /// The tenant's name in the URL.
    pub(super) slug: Option<&'a str>,
    pub(super) headers: &'a HeaderMap,
    /// The snapshot that the URL binds.
    pub(super) snapshot: Option<&'a str>,
    pub(super) form: Form,
    /// The trace that headers name, or a fresh one.
    pub(super) trace: TraceId,
    /// Whether a header named it.
    pub(super) trace_named: bool,
    /// The peer and its user agent.
    pub(super) context: Context,
    /// When the request came in, and when its body was there.
    pub(super) begun: Duration,
    pub(super) read: Duration,
}

impl Visit<'_> {
    /// Answers the body.
    ///
    /// A batch is served in order and within the time of one request.
    pub(super) async fn answer(&self, incoming: Result<Incoming, Malformed>) -> (Response, Option<TraceId>) {
        match incoming {
            Err(malformed) => (Reply::malformed(&malformed).into_response(self.form), None),
            Ok(Incoming::One(message)) => {
                let (reply, trace) = self.message(message, false).await;
                (reply.into_response(self.form), trace)
            }
            Ok(Incoming::Batch(_)) if !self.knows_batches() => {
                let reject =
                    Reject::bad(ErrorCode::INVALID_REQUEST, "only revision 2025-03-26 knows batches");
                (Reply::rejected(None, &reject).into_response(self.form), None)
            }
            Ok(Incoming::Batch(messages)) => {
                let mut replies = Vec::with_capacity(messages.len());
                for message in messages {
                    replies.push(match message {
                        Ok(message) => self.message(message, true).await.0,
                        Err(malformed) => Reply::malformed(&malformed),
                    });
                }
                (reply::batch(replies, self.form), None)
            }
        }
    }

    /// Time since the request came in.
    pub(super) fn latency(&self) -> Duration {
        self.deps.host.monotonic().saturating_sub(self.begun)
    }

    /// Time that a call may still take.
    pub(super) fn time_left(&self) -> Duration {
        let spent = self.deps.host.monotonic().saturating_sub(self.read);
        self.deps.config.call_time.saturating_sub(spent)
    }

    fn knows_batches(&self) -> bool {
        matches!(header::sole(self.headers, PROTOCOL_VERSION), Ok(None | Some("2025-03-26")))
    }

    async fn message(&self, message: Message, in_batch: bool) -> (Reply, Option<TraceId>) {
        match message {
            Message::Request(request) => self.request(&request, in_batch).await,
            Message::Notification(notification) => (self.notification(&notification), None),
            Message::Response => (self.response(), None),
        }
    }

    /// Nothing that we are told changes anything. A cancellation is not acted on: without sessions the id alone does not
    /// say whose request is meant, and two clients of one key both count from 1. Who closes the connection cancels.
    fn notification(&self, notification: &Notification) -> Reply {
        let verdict = Params::read(notification.params.as_deref())
            .map_err(|error| Reject { status: 400, error })
            .and_then(|params| {
                era::revision(self.headers, Kind::Notification, &notification.method, &params)
            });
        match verdict {
            Ok(_) => Reply::Accepted,
            Err(reject) => Reply::rejected(None, &reject),
        }
    }

    /// We ask nothing, so there is nothing to answer; older clients may still try, and the standard lets them.
    fn response(&self) -> Reply {
        match header::sole(self.headers, PROTOCOL_VERSION) {
            Ok(Some("2026-07-28")) | Err(_) => {
                let reject = Reject::bad(ErrorCode::INVALID_REQUEST, "a client sends no responses");
                Reply::rejected(None, &reject)
            }
            Ok(_) => Reply::Accepted,
        }
    }

    async fn request(&self, request: &Request, in_batch: bool) -> (Reply, Option<TraceId>) {
        let rejected = |reject: &Reject| (Reply::rejected(Some(&request.id), reject), None);
        let params = match Params::read(request.params.as_deref()) {
            Ok(params) => params,
            Err(error) => return rejected(&Reject { status: 400, error }),
        };
        let revision = match era::revision(self.headers, Kind::Request, &request.method, &params) {
            Ok(revision) => revision,
            Err(reject) => return rejected(&reject),
        };
        if in_batch && (request.method == "initialize" || revision != Revision::V2025_03_26) {
            let reject = Reject::bad(ErrorCode::INVALID_REQUEST, "this message must stand alone");
            return rejected(&reject);
        }
        let way = self.way(revision, &params, in_batch);
        let trace = Some(way.trace.clone());
        (self.decided(request, &params, way).await, trace)
    }

    fn way(&self, revision: Revision, params: &Params<'_>, in_batch: bool) -> Way {
        let meta = params.meta.as_ref();
        let in_meta = if self.trace_named { None } else { trace::named(&HeaderMap::new(), meta) };
        let client = params.client();
        let clean = |text: Option<String>| text.map(|text| Event::clean_name(&text));
        Way {
            revision,
            // A batch's answers stand in one JSON array, where raw rows have no place.
            accept: match self.form {
                Form::Arrow if !in_batch => ContentType::ArrowStream,
                _ => ContentType::McpResult,
            },
            trace: in_meta.unwrap_or_else(|| self.trace.clone()),
            bound: binding::bound(self.snapshot, self.headers, meta),
            context: Context {
                client_name: clean(client.name),
                client_version: clean(client.version),
                ..self.context.clone()
            },
        }
    }

    /// Answers a request whose revision and headers are settled.
    async fn decided(&self, request: &Request, params: &Params<'_>, mut way: Way) -> Reply {
        let id = &request.id;
        let revision = way.revision;
        let view = View {
            scope: &self.visitor.principal.scope.tools,
            bound: !matches!(way.bound, Ok(None)),
            revision,
        };
        match self.deps.catalog.answer(view, &request.method, params) {
            Answer::Result(result) => Reply::result(id, result),
            Answer::Error(reject) => Reply::rejected(Some(id), &reject),
            Answer::Tools(result) => {
                let mut event = call::event(self, &way, Action::ToolsList);
                event.outcome = Outcome::Ok;
                event.counts.latency_ms = u64::try_from(self.latency().as_millis()).unwrap_or(u64::MAX);
                event.counts.bytes = Some(result.len() as u64);
                match self.deps.audit.close(event).await {
                    Ok(()) => Reply::result(id, result),
                    Err(_) => Reply::failed(id, &audit_unavailable()),
                }
            }
            Answer::Refused { tool, hidden, error } => {
                let mut event = call::event(self, &way, Action::ToolsCall);
                event.target.tool = Some(Event::clean_name(&tool));
                // More scopes may open what the token hides; a key's own limits no new authorization lifts.
                if hidden && self.visitor.reach == Reach::Read {
                    let challenge = Challenge::Scope.header(&self.deps.config, self.slug);
                    return match call::refuse(self, event, insufficient_scope()).await {
                        failed if failed.code == Code::AuditUnavailable => Reply::failed(id, &failed),
                        told => Reply::challenged(id, challenge, &told),
                    };
                }
                // The row says what the client is not told.
                let kept = if hidden {
                    CallError::new(Code::ScopeDenied, "").with_detail("tool_out_of_scope")
                } else {
                    error.clone()
                };
                let told = match call::refuse(self, event, kept).await {
                    failed if failed.code == Code::AuditUnavailable => failed,
                    _ => error,
                };
                Reply::failed(id, &told)
            }
            Answer::Call(call) => {
                let trace = way.trace.clone();
                if call.tool.as_str() != EXECUTE_SQL {
                    way.accept = ContentType::McpResult;
                }
                let accept = way.accept;
                match call::make(self, call, way).await {
                    Ok(Rendered { content_type: ContentType::McpResult, body, .. }) => {
                        Reply::result(id, body)
                    }
                    Ok(rendered) if rendered.content_type == accept => Reply::Arrow(rendered.body),
                    Ok(_) => Reply::failed(id, &CallError::internal(trace.as_str())),
                    Err(error) => match failure(&error, revision, &trace) {
                        Failure::Error(_) => Reply::failed(id, &error),
                        Failure::Result(result) => Reply::result(id, result),
                    },
                }
            }
            Answer::Schema(call) => {
                // Only newer results have structured content, which is what the resource is made of.
                way.revision = revision.max(Revision::V2025_06_18);
                way.accept = ContentType::McpResult;
                match call::make(self, call, way).await {
                    Ok(rendered) => match schema_resource(&rendered.body, revision) {
                        Some(resource) => Reply::result(id, resource),
                        None => {
                            let reject =
                                Reject::ok(ErrorCode::INTERNAL_ERROR, "the schema cannot be read now");
                            Reply::rejected(Some(id), &reject)
                        }
                    },
                    Err(error) => Reply::failed(id, &error),
                }
            }
        }
    }
}

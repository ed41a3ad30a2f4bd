//! The two paths of the endpoint, and how a request gets from the socket to its visit.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use airlock_core::audit::{Context, Event};
use airlock_core::id::{TenantSlug, TraceId};
use airlock_core::principal::Actor;
use airlock_core::{CallError, Code};
use airlock_proto::mcp::{header, lenient, message, trace};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CONNECTION, CONTENT_LENGTH,
    TRANSFER_ENCODING, USER_AGENT, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::bearer::Shown;
use super::challenge::Challenge;
use super::denied::{Denial, Denials};
use super::door::DoorError;
use super::guard::{self, Turned};
use super::visit::Visit;
use super::{McpDeps, bearer, reply};

/// The peer's address, when a layer before us knows it better than the socket: behind a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerIp(pub IpAddr);

struct Endpoint {
    deps: McpDeps,
    denials: Denials,
}

/// The routes of the endpoint.
///
/// The peer's address is taken from the extension [`PeerIp`], else from axum's `ConnectInfo`.
pub fn router(deps: McpDeps) -> Router {
    let endpoint = Arc::new(Endpoint { deps, denials: Denials::default() });
    Router::new()
        .route("/mcp/{tenant_slug}", any(free))
        .route("/mcp/{tenant_slug}/s/{snapshot_id}", any(bound))
        .with_state(endpoint)
}

async fn free(State(endpoint): State<Arc<Endpoint>>, Path(slug): Path<String>, request: Request) -> Response {
    endpoint.serve(&slug, None, request).await
}

async fn bound(
    State(endpoint): State<Arc<Endpoint>>,
    Path((slug, snapshot)): Path<(String, String)>,
    request: Request,
) -> Response {
    endpoint.serve(&slug, Some(&snapshot), request).await
}

/// One request, before anyone is let in.
struct Arrival<'a> {
    parts: &'a Parts,
    /// The tenant's name in the URL, when it can be one.
    slug: Option<&'a str>,
    peer: IpAddr,
    trace: TraceId,
    trace_named: bool,
    context: Context,
    begun: Duration,
}

impl Endpoint {
    async fn serve(&self, slug: &str, snapshot: Option<&str>, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let named = trace::named(&parts.headers, None);
        let peer = peer(&parts);
        let arrival = Arrival {
            slug: slug.parse::<TenantSlug>().is_ok().then_some(slug),
            peer,
            trace_named: named.is_some(),
            trace: named.unwrap_or_else(|| TraceId::new(&*self.deps.host)),
            context: Context {
                ip: Some(peer.to_string()),
                user_agent: parts
                    .headers
                    .get(USER_AGENT)
                    .map(|agent| Event::clean_user_agent(&String::from_utf8_lossy(agent.as_bytes()))),
                ..Context::default()
            },
            begun: self.deps.host.monotonic(),
            parts: &parts,
        };
        let (mut response, trace, origin) = match guard::check(&self.deps.config, &parts) {
            Err(turned) => {
                self.deny(&arrival, Code::Unauthorized, turned.why, None, None).await;
                (reply::turned(turned), None, None)
            }
            Ok(origin) => {
                let (response, trace) = match parts.method {
                    Method::POST => self.post(&arrival, snapshot, body).await,
                    // There is no session to end; whoever ends one twice, or early, is told the same.
                    Method::DELETE => (reply::empty(StatusCode::NO_CONTENT), None),
                    Method::OPTIONS => (preflight(origin.is_some()), None),
                    _ => (reply::method_not_allowed(), None),
                };
                (response, trace, origin)
            }
        };
        let headers = response.headers_mut();
        // The HTTP layer drops a Content-Length that came with a Transfer-Encoding, so it cannot be seen here any more.
        // Whoever reads by the length takes what follows for the body; it is not answered (RFC 9112, 6.3).
        if parts.version < Version::HTTP_2 && parts.headers.contains_key(TRANSFER_ENCODING) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(trace) = HeaderValue::from_str(trace.as_ref().unwrap_or(&arrival.trace).as_str()) {
            headers.insert(header::TRACE_ID, trace);
        }
        share(headers, origin);
        response
    }

    async fn post(
        &self,
        arrival: &Arrival<'_>,
        snapshot: Option<&str>,
        body: Body,
    ) -> (Response, Option<TraceId>) {
        let headers = &arrival.parts.headers;
        let shown = match bearer::of(headers) {
            Shown::Malformed => return (self.unreadable(arrival).await, None),
            Shown::Nothing => None,
            Shown::Credential(shown) => Some(shown),
        };
        // A name that no tenant can have is asked for without a credential: the door answers alike, and nothing is hashed.
        let credential = arrival.slug.and(shown);
        let entered = self.deps.door.enter(arrival.slug.unwrap_or_default(), credential, arrival.peer).await;
        let visitor = match entered {
            Ok(visitor) => visitor,
            Err(error) => return (self.turn_away(arrival, shown, &error).await, None),
        };
        if !lenient::is_json(headers) {
            return (
                turned(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json"),
                None,
            );
        }
        let Some(form) = lenient::form(headers) else {
            let message = "answers are application/json or text/event-stream";
            return (turned(StatusCode::NOT_ACCEPTABLE, message), None);
        };
        let body = match self.read(headers, body).await {
            Ok(body) => body,
            Err(response) => return (response, None),
        };
        let visit = Visit {
            deps: &self.deps,
            visitor,
            slug: arrival.slug,
            headers,
            snapshot,
            form,
            trace: arrival.trace.clone(),
            trace_named: arrival.trace_named,
            context: arrival.context.clone(),
            begun: arrival.begun,
            read: self.deps.host.monotonic(),
        };
        visit.answer(message::parse(&body)).await
    }

    /// Reads the body within its bounds. After a refusal the rest of it is not read, so the connection ends.
    async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
        let max = self.deps.config.body_bytes_max;
        let closing = |mut response: Response| {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        };
        let too_large = || closing(turned(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"));
        let stated = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if stated.is_some_and(|length| length > max as u64) {
            return Err(too_large());
        }
        match tokio::time::timeout(self.deps.config.body_time, Limited::new(body, max).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(closing(turned(StatusCode::BAD_REQUEST, "the body did not come in whole"))),
            Err(_) => Err(closing(turned(StatusCode::REQUEST_TIMEOUT, "the body did not come in in time"))),
        }
    }

    async fn turn_away(&self, arrival: &Arrival<'_>, shown: Option<&str>, error: &DoorError) -> Response {
        let told = error.call_error();
        let unknown = match shown {
            None => "key_missing",
            Some(text) if text.starts_with("ak_") => "key_unknown",
            Some(_) => "token_invalid",
        };
        let why_invalid = if shown.is_some() { Challenge::Invalid } else { Challenge::Missing };
        let (status, why, challenge) = match error {
            DoorError::Unauthorized { revoked: true, .. } => {
                (StatusCode::UNAUTHORIZED, "key_revoked", Some(why_invalid))
            }
            DoorError::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, unknown, Some(why_invalid)),
            DoorError::InsufficientScope { .. } => {
                (StatusCode::FORBIDDEN, "insufficient_scope", Some(Challenge::Scope))
            }
            DoorError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", None),
            DoorError::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "door_unavailable", None),
        };
        self.deny(arrival, told.code, why, error.of(), error.actor()).await;
        reply::refused(status, &told, challenge.map(|c| c.header(&self.deps.config, arrival.slug)))
    }

    /// Refuses what cannot be read as one credential. Nobody at the door is asked.
    async fn unreadable(&self, arrival: &Arrival<'_>) -> Response {
        self.deny(arrival, Code::Unauthorized, "credential_malformed", None, None).await;
        let told =
            CallError::new(Code::Unauthorized, "Authorization must be one header: Bearer and one credential");
        let challenge = Challenge::Malformed.header(&self.deps.config, arrival.slug);
        reply::refused(StatusCode::BAD_REQUEST, &told, Some(challenge))
    }

    async fn deny(
        &self,
        arrival: &Arrival<'_>,
        code: Code,
        why: &'static str,
        of: Option<&super::Whose>,
        actor: Option<&Actor>,
    ) {
        let denial = Denial {
            code,
            why,
            of,
            actor,
            slug: arrival.slug,
            trace: &arrival.trace,
            context: arrival.context.clone(),
            latency: self.deps.host.monotonic().saturating_sub(arrival.begun),
        };
        self.denials.keep(&*self.deps.audit, &*self.deps.host, denial).await;
    }
}

fn peer(parts: &Parts) -> IpAddr {
    let told = parts.extensions.get::<PeerIp>().map(|peer| peer.0);
    let seen = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    told.or_else(seen).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn turned(status: StatusCode, message: &'static str) -> Response {
    reply::turned(Turned { status, why: "form", message })
}

/// What a browser asks before it sends a page's request.
fn preflight(from_page: bool) -> Response {
    let mut response = reply::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("POST, DELETE, OPTIONS"));
    if from_page {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, DELETE, OPTIONS"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, accept, mcp-protocol-version, mcp-method, mcp-name, mcp-session-id, \
                 last-event-id, airlock-snapshot, airlock-trace-id, traceparent",
            ),
        );
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Lets the page that asked read the answer.
fn share(headers: &mut HeaderMap, origin: Option<&str>) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(Ok(origin)) = origin.map(HeaderValue::from_str) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("airlock-trace-id, www-authenticate, retry-after"),
        );
    }
}

//! The outermost layer: a request's id, security headers, and the body of a [`Problem`].

use std::sync::Arc;

use airlock_core::Host;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;

use super::Problem;

/// What the layer needs.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Randomness for ids.
    pub host: Arc<dyn Host>,
    /// Whether we terminate TLS, so that browsers may be told to insist on it.
    pub tls: bool,
}

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, and the answer its headers.
pub async fn layer(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let id = taken(&request).unwrap_or_else(|| fresh(&*edge.host));
    let header = HeaderValue::from_str(&id).expect("ids are plain ASCII");
    request.headers_mut().insert(X_REQUEST_ID.clone(), header.clone());
    let api = request.uri().path().starts_with("/api/");
    let span = tracing::debug_span!("http.request", request.id = %id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let told = problem.respond(&id);
        let (parts, body) = told.into_parts();
        *response.body_mut() = body;
        response.headers_mut().extend(parts.headers);
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID.clone(), header);
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    unless_set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(REFERRER_POLICY, "no-referrer");
    unless_set(CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    unless_set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if api {
        unless_set(CACHE_CONTROL, "no-store");
    }
    if edge.tls {
        unless_set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

// A peer's own word is taken if it is harmless in a log.
fn taken(request: &Request) -> Option<String> {
    let text = request.headers().get(&X_REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    ((8..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

fn fresh(host: &dyn Host) -> String {
    let mut random = [0; 12];
    host.random(&mut random);
    format!("req_{}", hex::encode(random))
}

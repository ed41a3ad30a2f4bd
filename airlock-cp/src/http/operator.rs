//! The operator token: the bearer that opens every admin route.

use std::net::IpAddr;
use std::sync::Arc;

use airlock_core::audit::{Action, Event};
use airlock_core::{Code, Host, Secret};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderMap};

use super::limits::{Buckets, Rate, neighbourhood};
use super::{Peer, Principal, Problem};
use crate::audit::{Caller, Journal, Subject};
use crate::metrics::Metrics;
use crate::tenants::default_org;

const FAILURES: Rate = Rate::per_minute(10);
const ADDRESSES_MAX: usize = 10_000;

/// Marks a request that was made inside this process, by who can read the store anyway. No byte from a network makes one.
#[derive(Clone, Copy, Debug)]
pub struct LocalOperator(());

impl LocalOperator {
    /// For the command line on the store itself, and for embedders.
    pub fn trusted() -> Self {
        Self(())
    }
}

/// Knows the operator token. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Operators {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    token: Option<Secret<String>>,
    host: Arc<dyn Host>,
    journal: Journal,
    metrics: Metrics,
    failures: Buckets<IpAddr>,
}

impl Operators {
    /// Lets in who has this token; without one, nobody from outside.
    pub fn new(
        token: Option<Secret<String>>,
        host: Arc<dyn Host>,
        journal: Journal,
        metrics: Metrics,
    ) -> Self {
        let failures = Buckets::new(ADDRESSES_MAX);
        Self { inner: Arc::new(Inner { token, host, journal, metrics, failures }) }
    }

    pub(super) async fn admit(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
        peer: IpAddr,
    ) -> Result<Caller, Problem> {
        let inner = &*self.inner;
        if extensions.get::<LocalOperator>().is_some() {
            return Ok(Caller::operator());
        }
        let (from, now) = (neighbourhood(peer), inner.host.monotonic());
        if let Some(wait) = inner.failures.wait(&from, FAILURES, now) {
            return Err(Problem::new(Code::RateLimited, "too many attempts").after(wait));
        }
        let agent = headers.get(USER_AGENT).and_then(|v| v.to_str().ok());
        let shown = bearer(headers);
        if let (Some(shown), Some(token)) = (shown, &inner.token)
            && token.matches(shown)
        {
            return Ok(Caller::operator().at(peer, agent));
        }
        inner.metrics.auth_failure("operator");
        let refusal =
            Problem::new(Code::Unauthorized, "an operator token is needed, as a bearer in the header");
        if headers.contains_key(AUTHORIZATION) {
            let _ = inner.failures.take(&from, FAILURES, now);
            let subject = Subject { org: default_org(), tenant: None, resource: None };
            let caller = Caller::anonymous().at(peer, agent);
            inner.journal.note(&caller, Action::AuthFailed, subject, Some(Code::Unauthorized)).await?;
        }
        Err(refusal)
    }
}

/// The one bearer of a request; `None` if there is none, another scheme, or more than one header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Lets a request pass if it shows the operator token. The header only: a URL or a cookie gets into logs and browsers.
pub async fn layer(State(operators): State<Operators>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, &()).await;
    match operators.admit(&parts.extensions, &parts.headers, peer).await {
        Err(problem) => problem.into_response(),
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
    }
}

/// The operator: let in by the layer above, or known by the one that tells who asks. A person is refused.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match (parts.extensions.get::<Caller>(), parts.extensions.get::<Principal>()) {
            (Some(caller), _) | (None, Some(Principal::Operator { caller, .. })) => Ok(caller.clone()),
            (None, Some(Principal::Person(_))) => {
                Err(Problem::new(Code::Forbidden, "this is for the operator"))
            }
            (None, None) => Err(Problem::new(Code::Unauthorized, "an operator token is needed")),
        }
    }
}

/// A user agent as it may be kept.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).map(Event::clean_user_agent)
}

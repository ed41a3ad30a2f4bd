//! A person at a page of ours, in the org that their session is in.

use airlock_core::Code;
use airlock_core::id::{OrgId, UserId};
use axum::extract::{FromRequestParts, Request};
use http::HeaderMap;
use http::request::Parts;

use super::Session;
use crate::approvals::Party;
use crate::authz::Act;
use crate::error::ServiceError;
use crate::http::limits::Rate;
use crate::http::{OrgCtx, Problem};

/// Names the person and the org that a page was made for: `usr_…/org_…`. A tab outlives a sign-in.
const MADE_FOR: &str = "airlock-as";
/// The same where a script sets no header.
const MADE_FOR_QUERY: &str = "as";

/// Who decides, without an app.
#[derive(Clone, Debug)]
pub(super) struct Visitor(pub(super) Party);

impl Visitor {
    /// Reads who it is, and counts nothing.
    pub(super) async fn of(parts: &mut Parts) -> Result<Self, Problem> {
        let ctx = OrgCtx::from_request_parts(parts, &()).await?;
        let (Some(user), Some(_)) = (ctx.user(), ctx.login()) else {
            let detail = "these are a page's own; a token asks at /v1, and the operator decides for nobody";
            return Err(Problem::new(Code::Forbidden, detail));
        };
        ctx.may(Act::UseApprovals)?;
        made_for(parts, user, ctx.org())?;
        let (org, user) = (ctx.org().clone(), user.clone());
        Ok(Self(Party { org, user, app: None, caller: ctx.caller().clone() }))
    }
}

/// Keys in the browser are one person's in one org: a page for another is not served with them.
fn made_for(parts: &Parts, user: &UserId, org: &OrgId) -> Result<(), Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let in_query = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == MADE_FOR_QUERY);
    let in_query = in_query.map(|(_, text)| text.into_owned());
    let in_header = parts.headers.get(MADE_FOR).map(|text| text.to_str().unwrap_or_default().to_owned());
    let now = format!("{user}/{org}");
    match [in_header, in_query].into_iter().flatten().find(|made_for| *made_for != now) {
        None => Ok(()),
        Some(_) => {
            let detail = "this page was made for another person or organization; load it again";
            Err(Problem::new(Code::Conflict, detail))
        }
    }
}

impl FromRequestParts<Session> for Visitor {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, session: &Session) -> Result<Self, Problem> {
        let visitor = Self::of(parts).await?;
        let gateway = &session.gateway;
        let rate = Rate::per_minute(gateway.approvals.config().user_rate);
        let taken = gateway.limits.people.take(&visitor.0.user, rate, gateway.host.monotonic());
        taken.map_err(|retry_after| ServiceError::TooMany { retry_after })?;
        Ok(visitor)
    }
}

/// The headers of a request, and where it leads: what is looked at again while a stream is open.
pub(super) fn shown(request: &Request) -> (HeaderMap, http::Uri) {
    (request.headers().clone(), request.uri().clone())
}

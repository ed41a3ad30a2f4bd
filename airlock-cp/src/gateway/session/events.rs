//! What happens, as it happens, for an open page. It ends with the session, the membership, or the role.

use airlock_core::{Code, Fault};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};

use super::Session;
use super::visitor::{Visitor, shown};
use crate::approvals::Party;
use crate::gateway::channel_routes::{LAST_EVENT_ID, events as stream};
use crate::gateway::watch::{Look, ended, shown_again};
use crate::http::{Api, Peer, Problem};

pub(super) fn api() -> Api<Session> {
    Api::new()
        .route(
            Method::GET,
            "/api/v1/approver/events",
            "One's own events, as a stream; first what waits",
            events,
        )
        .query(&["as"])
}

async fn events(
    Visitor(party): Visitor,
    State(session): State<Session>,
    peer: Peer,
    request: Request,
) -> Result<Response, Problem> {
    let approvals = &session.gateway.approvals;
    let approver = approvals.approver(&party).await?;
    let after = request.headers().get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let channel = approvals.approver_channel(approver, after).await?;
    let gateway = session.gateway.clone();
    let watch = Watch { session, shown: shown(&request), peer, party };
    let over = async move { ended(&watch.session.gateway, || watch.look()).await };
    Ok(stream(gateway, channel, over, None))
}

struct Watch {
    session: Session,
    shown: (HeaderMap, Uri),
    peer: Peer,
    party: Party,
}

impl Watch {
    async fn look(&self) -> Look<()> {
        match self.who().await {
            Ok(Some(Visitor(now))) if (&now.user, &now.org) == (&self.party.user, &self.party.org) => {
                Look::May
            }
            Err(problem)
                if problem.code() == Code::RateLimited || problem.code().fault() != Fault::Caller =>
            {
                Look::Unknown
            }
            Ok(_) | Err(_) => Look::MayNot(()),
        }
    }

    async fn who(&self) -> Result<Option<Visitor>, Problem> {
        let mut parts = shown_again(&self.shown.0, self.peer);
        parts.uri = self.shown.1.clone();
        let Some(principal) = self.session.principals.resolve(&mut parts).await? else { return Ok(None) };
        parts.extensions.insert(principal);
        Visitor::of(&mut parts).await.map(Some)
    }
}

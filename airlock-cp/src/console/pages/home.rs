//! The first page; the choice of the org to act in.

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;

use super::{AFTER, SHOWN_MAX, id};
use crate::authz::Act;
use crate::console::Console;
use crate::console::views::{Hint, HomePage, OrgEntry, OrgsPage, Place, Shell};
use crate::console::visit::{Visit, done};
use crate::http::form::Form;
use crate::http::{OrgCtx, Principal, Problem};
use crate::tenants::Page;

pub(super) fn router() -> Router<Console> {
    Router::new().route("/", get(show)).route("/orgs", get(orgs)).route("/org/switch", post(switch))
}

async fn show(
    State(console): State<Console>,
    visit: Visit,
    who: Principal,
    ctx: Option<Here>,
) -> Result<Response, Problem> {
    let shell = visit.room(&console, "Home", Place::Home).await?;
    let ctx = ctx.map(|Here(ctx)| ctx);
    let (mut clients, mut sessions, mut greeting) = (0, 0, String::new());
    if let Principal::Person(me) = &who {
        clients = console.oauth.families().of_user(&me.user.id).await?.len();
        sessions = console.people.logins.of_user(&me.user.id).await?.len();
        greeting = me.user.name.split_whitespace().next().unwrap_or_default().to_owned();
    }
    let members = match &ctx {
        Some(ctx) if shell.may(Act::SeeMembers) => Some(console.people.orgs.member_count(ctx).await?),
        _ => None,
    };
    let tenants = match &ctx {
        Some(ctx) => console.tenants.of_org(ctx.org(), visit.after(AFTER), SHOWN_MAX).await?,
        None => Page::default(),
    };
    let pager = visit.pager("/", AFTER, "tenants", tenants.next_cursor.as_deref());
    let tenants = tenants.items;
    let mut ruled = false;
    for tenant in &tenants {
        ruled = ruled || !console.grants.list(tenant).await?.is_empty();
    }
    let endpoints = tenants.iter().map(|t| (t.name.clone(), format!("{}/mcp/{}", console.issuer, t.slug)));
    let view = HomePage {
        hints: hints(&shell, clients, members, ruled, !tenants.is_empty()),
        endpoints: endpoints.collect(),
        pager,
        shell,
        greeting,
        clients,
        sessions,
        members,
    };
    Ok(visit.page(&view))
}

/// The org that somebody acts in, where there is one.
struct Here(OrgCtx);

impl axum::extract::OptionalFromRequestParts<Console> for Here {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(
        parts: &mut http::request::Parts,
        console: &Console,
    ) -> Result<Option<Self>, Self::Rejection> {
        let ctx = <OrgCtx as axum::extract::FromRequestParts<Console>>::from_request_parts(parts, console);
        Ok(ctx.await.ok().map(Self))
    }
}

// What is left to do for those who may do it; nothing once all of it is done.
fn hints(shell: &Shell, clients: usize, members: Option<u64>, ruled: bool, tenants: bool) -> Vec<Hint> {
    let mut hints = Vec::new();
    if shell.may(Act::ManageMembers) {
        hints.push(Hint {
            title: "Invite your team",
            text: "Each gets a link that works once.".to_owned(),
            link: Some(("/org", "Invite somebody")),
            done: members.is_some_and(|n| n > 1),
        });
    }
    if shell.may(Act::ManageClients) && tenants {
        hints.push(Hint {
            title: "Let members reach records",
            text: "Without a rule their AI clients see the schema only.".to_owned(),
            link: Some(("/org/grants", "Set access to data")),
            done: ruled,
        });
    }
    let person = shell.who.as_ref().is_some_and(|who| !who.operator);
    if person && tenants && shell.may(Act::OwnTokens) {
        hints.push(Hint {
            title: "Connect an AI client",
            text: "Paste an address from above into Claude, an IDE or your own agent.".to_owned(),
            link: None,
            done: clients > 0,
        });
    }
    if hints.iter().all(|hint| hint.done) { Vec::new() } else { hints }
}

async fn orgs(State(console): State<Console>, visit: Visit, who: Principal) -> Result<Response, Problem> {
    let (orgs, next) = match &who {
        Principal::Person(me) => {
            let all = console.people.orgs.of_user(&me.user.id).await?;
            let all = all.into_iter().map(|m| (m.org, format!("You are {} there", m.role)));
            (all.collect::<Vec<_>>(), None)
        }
        Principal::Operator { .. } => {
            let part = console.people.orgs.list(visit.after(AFTER), SHOWN_MAX).await?;
            let noted =
                part.items.into_iter().map(|org| (org.clone(), format!("In addresses: {}", org.slug)));
            (noted.collect(), part.next_cursor)
        }
    };
    let entry = |(org, note): (crate::identity::Org, String)| OrgEntry {
        id: org.id.to_string(),
        name: org.name,
        note,
        href: None,
    };
    let view = OrgsPage {
        shell: visit.door(&console, "Organizations"),
        text: "Choose the one to act in.".to_owned(),
        pager: visit.pager("/orgs", AFTER, "organizations", next.as_deref()),
        orgs: orgs.into_iter().map(entry).collect(),
    };
    Ok(visit.page(&view))
}

#[derive(Deserialize)]
struct Switch {
    org: String,
}

async fn switch(
    State(console): State<Console>,
    who: Principal,
    Form(asked): Form<Switch>,
) -> Result<Response, Problem> {
    console.people.orgs.switch(&who, &id(&asked.org)?).await?;
    Ok(done("/", "switched"))
}

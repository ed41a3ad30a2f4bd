//! `/authorize`: a program asks to act for a person. What to do is the authorization server's to say; this shows it.

use airlock_core::Code;
use airlock_core::id::OrgId;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_SECURITY_POLICY;
use serde::Deserialize;

use crate::console::edge::{policy_to, sentence};
use crate::console::reply::{page, see_other};
use crate::console::views::{ConsentPage, MessagePage, OrgEntry, OrgsPage, Pager, ScopeWords};
use crate::console::visit::Visit;
use crate::console::{Console, Next};
use crate::http::form::Form;
use crate::http::{Principal, Problem};
use crate::oauth::{AuthorizedPerson, ConsentView, Params, Step};

pub(super) fn router() -> Router<Console> {
    Router::new().route("/authorize", get(show).post(decide)).route("/mcp/authorize", get(show))
}

type Fields = Vec<(String, String)>;

// The org that a page of ours carries on beside the request's own parameters.
const ORG: &str = "airlock_org";

/// The request's own parameters, and the org that was chosen for it.
fn split(all: &[(String, String)]) -> (Fields, Option<OrgId>) {
    let org = all.iter().find(|(name, _)| name == ORG).and_then(|(_, value)| value.parse().ok());
    let own = |(name, _): &&(String, String)| !matches!(name.as_str(), ORG | "csrf" | "decision");
    (all.iter().filter(own).cloned().collect(), org)
}

async fn show(
    State(console): State<Console>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    // Read by the authorization server's own rules: what a client sends goes back to it byte for byte, or not at all.
    let unread = |_| Problem::new(Code::InvalidArguments, "the request cannot be read");
    let params = Params::read(query.as_deref().unwrap_or_default().as_bytes()).map_err(unread)?;
    let (fields, org) = split(params.pairs());
    let person = person(&visit, org);
    let step = console.oauth.authorize().check(&fields, person.as_ref()).await?;
    answer(&console, visit, step, &fields)
}

fn person(visit: &Visit, org: Option<OrgId>) -> Option<AuthorizedPerson> {
    match &visit.who {
        Some(Principal::Person(me)) => AuthorizedPerson::of(me, org),
        _ => None,
    }
}

fn here(fields: &[(String, String)]) -> String {
    format!("/authorize?{}", serde_urlencoded::to_string(fields).unwrap_or_default())
}

fn sign_in_at(fields: &[(String, String)], email: Option<String>) -> String {
    let next = Next::read(Some(&here(fields)));
    let mut query = vec![("again", "1"), ("next", next.as_str())];
    if let Some(email) = &email {
        query.push(("email", email));
    }
    format!("/login?{}", serde_urlencoded::to_string(query).unwrap_or_default())
}

fn answer(
    console: &Console,
    visit: Visit,
    step: Step,
    fields: &[(String, String)],
) -> Result<Response, Problem> {
    match step {
        Step::Redirect(to) | Step::Done(to) => Ok(see_other(to.as_str())),
        // The sign-in page asks again whoever is signed in: this step comes only when that is needed.
        Step::SignIn { login_hint, .. } => {
            if matches!(visit.who, Some(Principal::Operator { .. })) {
                return Ok(operator(console, visit, fields));
            }
            Ok(see_other(&sign_in_at(fields, login_hint)))
        }
        Step::ChooseOrg(memberships) => {
            let entry = |m: crate::identity::Membership| {
                let mut with = fields.to_vec();
                with.push((ORG.to_owned(), m.org.id.to_string()));
                OrgEntry {
                    id: m.org.id.to_string(),
                    name: m.org.name,
                    note: format!("You are {} there", m.role),
                    href: Some(here(&with)),
                }
            };
            let view = OrgsPage {
                shell: visit.door(console, "Which organization?"),
                text: "The program will act for you in one of them, and in no other.".to_owned(),
                pager: Pager::default(),
                orgs: memberships.into_iter().map(entry).collect(),
            };
            Ok(visit.page(&view))
        }
        Step::Consent(asked) => Ok(consent(console, visit, *asked, fields)),
        Step::Page(error) => {
            let view = MessagePage {
                shell: visit.door(console, "This request cannot go on"),
                text: sentence(&error.to_string()),
                more: "Nothing was given to anybody. Start again from the program that sent you here."
                    .to_owned(),
                link: Some(("/".to_owned(), "Go home")),
            };
            Ok(page(http::StatusCode::BAD_REQUEST, &view))
        }
    }
}

fn operator(console: &Console, visit: Visit, fields: &[(String, String)]) -> Response {
    let view = MessagePage {
        shell: visit.door(console, "Sign in as a person"),
        text: "You are signed in with the operator token, which is nobody’s: no program can act for it."
            .to_owned(),
        more: String::new(),
        link: Some((sign_in_at(fields, None), "Sign in")),
    };
    visit.page(&view)
}

fn consent(console: &Console, visit: Visit, asked: ConsentView, fields: &[(String, String)]) -> Response {
    let account = match &visit.who {
        Some(Principal::Person(me)) => me.user.email.clone(),
        _ => String::new(),
    };
    let client_id = asked.request.iter().find(|(name, _)| name == "client_id").map(|(_, id)| id.clone());
    let ends = console.when(asked.ends_at);
    let mut carried = asked.request;
    carried.push((ORG.to_owned(), asked.org.id.to_string()));
    let view = ConsentPage {
        shell: visit.door(console, "Allow access"),
        carried,
        client: asked.client_name,
        verified: asked.verified,
        client_id: asked.client_host.or(client_id).unwrap_or_default(),
        redirect_host: asked.redirect_host,
        loopback: asked.all_loopback,
        account,
        org: asked.org.name,
        resource: asked.resource,
        scopes: asked.scopes.iter().filter_map(|(scope, _)| ScopeWords::of(scope.as_str())).collect(),
        ends: format!("{} ({}), or when you disconnect it", ends.relative, ends.absolute),
        other: Some((sign_in_at(fields, None), "Use another account")),
    };
    let mut response = visit.page(&view);
    if let Some(source) = &asked.form_action {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy_to(source));
    }
    response
}

// Names repeat in a request (`resource`), so the fields stay a list.
#[derive(Deserialize)]
#[serde(transparent)]
struct Decision(Fields);

async fn decide(
    State(console): State<Console>,
    visit: Visit,
    Form(Decision(fields)): Form<Decision>,
) -> Result<Response, Problem> {
    let said = fields.iter().find(|(name, _)| name == "decision").map(|(_, value)| value.clone());
    let (fields, org) = split(&fields);
    let Some(person) = person(&visit, org) else {
        return Ok(see_other(&sign_in_at(&fields, None)));
    };
    let authorize = console.oauth.authorize();
    let step = match said.as_deref() {
        Some("allow") => authorize.allow(&fields, &person).await?,
        Some("deny") => authorize.deny(&fields, &person).await?,
        _ => return Err(Problem::new(Code::InvalidArguments, "say allow or deny")),
    };
    answer(&console, visit, step, &fields)
}

//! One visit to a page: who comes, what their forms carry, what just happened; and how they are answered.

use std::convert::Infallible;

use airlock_core::Code;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::header::USER_AGENT;
use http::request::Parts;

use super::edge::sentence;
use super::reply::{page, see_other, with_cookie};
use super::text::When;
use super::views::{Notice, OrgChoice, OrgHere, Pager, Place, Shell, Who};
use super::{Console, next::Next};
use crate::audit::Caller;
use crate::authz::Role;
use crate::http::form::FormToken;
use crate::http::problem::status;
use crate::http::{Peer, Principal, Problem};

/// One visit to a page.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) who: Option<Principal>,
    /// Nobody in particular, seen where the visit comes from.
    pub(crate) nobody: Caller,
    token: FormToken,
    query: Vec<(String, String)>,
    notice: Option<Notice>,
    status: StatusCode,
}

impl FromRequestParts<Console> for Visit {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Infallible> {
        let Peer(peer) = Peer::from_request_parts(parts, &()).await?;
        let agent = parts.headers.get(USER_AGENT).and_then(|v| v.to_str().ok());
        let query =
            serde_urlencoded::from_str::<Vec<(String, String)>>(parts.uri.query().unwrap_or_default());
        let query = query.unwrap_or_default();
        let done = query.iter().find(|(name, _)| name == "done");
        Ok(Self {
            who: parts.extensions.get::<Principal>().cloned(),
            nobody: Caller::anonymous().at(peer, agent),
            token: FormToken::of(parts, &*console.host),
            notice: done.and_then(|(_, word)| told(word)).map(|text| Notice::Done(text.to_owned())),
            query,
            status: StatusCode::OK,
        })
    }
}

impl Visit {
    /// Whether a browser is signed in, not only a token shown.
    pub(crate) fn is_signed_in(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.csrf().is_some())
    }

    /// From after where a list is shown: the parameter of this name.
    pub(crate) fn after(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, after)| after.as_str())
    }

    /// The ways to the other parts of the list that this parameter is of; other lists of the page stay where they are.
    pub(crate) fn pager(&self, path: &str, name: &str, of: &'static str, next: Option<&str>) -> Pager {
        let others = self.query.iter().filter(|(n, _)| n != name && n != "done");
        let others: Vec<_> = others.map(|(n, value)| (n.as_str(), value.as_str())).collect();
        let at = |after: Option<&str>| {
            let pairs: Vec<_> = others.iter().copied().chain(after.map(|after| (name, after))).collect();
            let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
            if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
        };
        Pager { of, first: self.after(name).map(|_| at(None)), next: next.map(|after| at(Some(after))) }
    }

    /// The same page again with what was not right. What is not the visitor's to mend is a failure.
    pub(crate) fn failed(mut self, problem: impl Into<Problem>) -> Result<Self, Problem> {
        let problem = problem.into();
        let mends = matches!(
            problem.code(),
            Code::InvalidArguments
                | Code::Conflict
                | Code::PreconditionFailed
                | Code::Forbidden
                | Code::Unauthorized
                | Code::RateLimited
        );
        if !mends {
            return Err(problem);
        }
        self.status = status(problem.code(), problem.code().fault());
        self.notice = Some(Notice::Failed(sentence(problem.detail())));
        Ok(self)
    }

    /// Around a page that asks one thing.
    pub(crate) fn door(&self, console: &Console, title: impl Into<String>) -> Shell {
        let mut shell = Shell::bare(console.assets.clone(), title);
        shell.csrf.clone_from(&self.token.token);
        shell.notice.clone_from(&self.notice);
        shell
    }

    /// Around a page of the console.
    pub(crate) async fn room(&self, console: &Console, title: &str, here: Place) -> Result<Shell, Problem> {
        let who = match &self.who {
            None => None,
            Some(Principal::Person(me)) => {
                let all = console.people.orgs.of_user(&me.user.id).await?;
                let current = me.org.as_ref().map(|(org, _)| org);
                let here = all.iter().find(|m| Some(&m.org.id) == current);
                Some(Who {
                    name: me.user.name.clone(),
                    email: me.user.email.clone(),
                    operator: false,
                    org: here.map(|m| OrgHere { name: m.org.name.clone(), role: m.role }),
                    orgs: all
                        .iter()
                        .map(|m| OrgChoice {
                            id: m.org.id.to_string(),
                            name: m.org.name.clone(),
                            current: Some(&m.org.id) == current,
                        })
                        .collect(),
                })
            }
            Some(Principal::Operator { org, .. }) => {
                let org = match org {
                    Some(id) => Some(console.people.orgs.show(id).await?),
                    None => None,
                };
                Some(Who {
                    name: "Operator".to_owned(),
                    email: String::new(),
                    operator: true,
                    org: org.map(|org| OrgHere { name: org.name, role: Role::Owner }),
                    orgs: Vec::new(),
                })
            }
        };
        Ok(Shell { who, here, ..self.door(console, title) })
    }

    /// Sends a page, with the cookie that its forms need.
    pub(crate) fn page(self, view: &impl askama::Template) -> Response {
        with_cookie(page(self.status, view), self.token.cookie)
    }
}

impl Console {
    pub(crate) fn when(&self, at: airlock_core::Timestamp) -> When {
        When::of(at, self.host.now())
    }
}

/// Answers a form that did its work. `word`: one of [`DONE`].
pub(crate) fn done(path: &str, word: &str) -> Response {
    let (path, part) = path.split_once('#').unwrap_or((path, ""));
    let part = if part.is_empty() { String::new() } else { format!("#{part}") };
    see_other(&format!("{path}?done={word}{part}"))
}

/// Goes on to where somebody wanted to go.
pub(crate) fn go(next: &Next) -> Response {
    see_other(next.as_str())
}

fn told(word: &str) -> Option<&'static str> {
    DONE.iter().find(|(w, _)| *w == word).map(|(_, text)| *text)
}

// What an address may make a page say: these texts and no others.
const DONE: &[(&str, &str)] = &[
    ("saved", "Saved."),
    ("password", "Your password is changed, and all other browsers and AI clients are signed out."),
    ("email-sent", "A link is on its way to the new address. It changes once you follow it."),
    ("email", "Your address is changed."),
    ("session", "That browser is signed out."),
    ("sessions", "All other browsers are signed out."),
    ("client", "The client is disconnected."),
    ("token-revoked", "The token is revoked."),
    ("signed-out", "You are signed out."),
    ("reset", "Your new password is set. Sign in with it."),
    ("verified", "Your address is confirmed. Sign in."),
    ("account-deleted", "Your account is deleted."),
    ("switched", "You act in another organization now."),
    ("joined", "Welcome. You are in."),
    ("role", "The role is changed."),
    ("removed", "The person is no longer in the organization."),
    ("invited", "The invitation is on its way."),
    ("invitation-revoked", "The invitation is revoked."),
    ("left", "You left the organization."),
    ("org-deleted", "The organization is deleted."),
    ("blocked", "The client is blocked, and all that it was granted has ended."),
    ("unblocked", "The client is unblocked."),
    ("client-deleted", "The client is deleted."),
    ("registered", "It is registered."),
    ("app-revoked", "The app is revoked."),
    ("rule", "The rule is saved."),
    ("rule-removed", "The rule is removed; the schema is left."),
];

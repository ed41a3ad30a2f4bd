//! Who asks: a session's cookie, a personal access token, or the operator token, to a [`Principal`].
//!
//! The layer tells who it is; the extractors say who a handler is for: [`Me`] a person, [`OrgCtx`] somebody in an org with
//! a role, and [`Caller`] the operator. A handler that names none is open.

use std::sync::Arc;

use airlock_core::Code;
use airlock_core::id::{LoginId, OrgId, UserId};
use airlock_core::principal::ActorKind;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;

use super::operator::bearer;
use super::{LocalOperator, Operators, Peer, Problem, cookies, own_page};
use crate::audit::Caller;
use crate::authz::{Act, Role};
use crate::identity::{Login, Logins, Orgs, User, UserStatus, Users};
use crate::pats::Pats;

/// Names the org that an operator acts in: its id or slug.
pub const ORG_HEADER: &str = "airlock-org";

/// Knows who asks. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Principals {
    /// The operator token.
    pub operators: Operators,
    /// Browsers' sessions.
    pub logins: Logins,
    /// Personal access tokens.
    pub pats: Pats,
    /// People.
    pub users: Users,
    /// Orgs.
    pub orgs: Orgs,
    /// Our own origin, as browsers write it.
    pub origin: Arc<str>,
}

/// Who asks.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a request, and most are persons")]
pub enum Principal {
    /// A person.
    Person(Box<Me>),
    /// The holder of the operator token; by cookie when there is a session.
    Operator {
        /// As the audit log names them.
        caller: Caller,
        /// Their browser's session, with its CSRF token.
        login: Option<(Login, String)>,
        /// The org that the request names.
        org: Option<OrgId>,
    },
}

/// A person who asks.
#[derive(Clone, Debug)]
pub struct Me {
    /// Who.
    pub user: User,
    /// The browser's session, with its CSRF token; `None` for a personal access token.
    pub login: Option<(Login, String)>,
    /// The org they act in, and what they are there.
    pub org: Option<(OrgId, Role)>,
    /// As the audit log names them.
    pub caller: Caller,
}

/// Somebody in one org. Only this layer makes one, so what takes it knows that they may be there.
#[derive(Clone, Debug)]
pub struct OrgCtx {
    org: OrgId,
    role: Role,
    user: Option<UserId>,
    login: Option<LoginId>,
    caller: Caller,
}

impl OrgCtx {
    /// Which org.
    pub fn org(&self) -> &OrgId {
        &self.org
    }
    /// What they are in it. The operator is an owner there, and the org's own log says that it was the operator.
    pub fn role(&self) -> Role {
        self.role
    }
    /// Who; nobody for the operator.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }
    /// The browser's session.
    pub fn login(&self) -> Option<&LoginId> {
        self.login.as_ref()
    }
    /// As the audit log names them.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
    /// Lets only those pass whose role allows it.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn may(&self, act: Act) -> Result<(), Problem> {
        if self.role.may(act) {
            Ok(())
        } else {
            Err(Problem::new(Code::Forbidden, format!("your role, {}, does not allow this", self.role)))
        }
    }
}

impl Principals {
    /// Who asks, if anybody.
    pub(crate) async fn resolve(&self, parts: &mut Parts) -> Result<Option<Principal>, Problem> {
        let Ok(Peer(peer)) = Peer::from_request_parts(parts, &()).await;
        let agent = parts.headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let seen = |caller: Caller| caller.at(peer, agent.as_deref());
        if parts.extensions.get::<LocalOperator>().is_some() {
            return self.operator(Caller::operator(), None, parts).await.map(Some);
        }
        if parts.headers.contains_key(AUTHORIZATION) {
            // A credential that is shown decides: it is not passed over for a cookie.
            let shown = bearer(&parts.headers);
            if let Some(pat) = shown.filter(|text| text.starts_with("airpat_")) {
                let verified = self.pats.verify(pat).await?;
                let verified = verified.ok_or_else(|| {
                    Problem::new(Code::Unauthorized, "the personal access token is not valid")
                })?;
                let caller = seen(Caller::person(&verified.user.id));
                let org = Some((verified.pat.org_id, verified.role));
                return Ok(Some(Principal::Person(Box::new(Me {
                    user: verified.user,
                    login: None,
                    org,
                    caller,
                }))));
            }
            let caller = self.operators.admit(&parts.extensions, &parts.headers, peer).await?;
            return self.operator(caller, None, parts).await.map(Some);
        }
        let Some(cookie) = cookies::session(&parts.headers) else { return Ok(None) };
        let Some(login) = self.logins.check(cookie).await? else { return Ok(None) };
        let csrf = Logins::csrf_token(cookie);
        let Some(user) = login.user_id.clone() else {
            return self.operator(seen(Caller::operator()), Some((login, csrf)), parts).await.map(Some);
        };
        let user = self.users.show(&user).await?;
        if user.status != UserStatus::Active {
            return Ok(None);
        }
        let org = match &login.org_id {
            Some(org) => self.orgs.role_of(org, &user.id).await?.map(|role| (org.clone(), role)),
            None => None,
        };
        let caller = seen(Caller::person(&user.id));
        Ok(Some(Principal::Person(Box::new(Me { user, login: Some((login, csrf)), org, caller }))))
    }

    async fn operator(
        &self,
        caller: Caller,
        login: Option<(Login, String)>,
        parts: &Parts,
    ) -> Result<Principal, Problem> {
        let named = parts.headers.get(ORG_HEADER).and_then(|v| v.to_str().ok());
        let org = match named {
            None => login.as_ref().and_then(|(login, _)| login.org_id.clone()),
            Some(name) => {
                let by_id = match name.parse::<OrgId>() {
                    Ok(id) => self.orgs.show(&id).await.ok(),
                    Err(_) => None,
                };
                let found = match (by_id, name.parse()) {
                    (Some(org), _) => org,
                    (None, Ok(slug)) => self.orgs.by_slug(&slug).await?,
                    (None, Err(_)) => return Err(Problem::new(Code::NotFound, "no such organization")),
                };
                Some(found.id)
            }
        };
        Ok(Principal::Operator { caller, login, org })
    }
}

impl Principal {
    /// The CSRF token, when a cookie is what proves who asks.
    pub fn csrf(&self) -> Option<&str> {
        let login = match self {
            Self::Person(me) => me.login.as_ref(),
            Self::Operator { login, .. } => login.as_ref(),
        };
        login.map(|(_, csrf)| csrf.as_str())
    }
}

/// Tells who asks, for the JSON API. What changes something by cookie must come from our own page.
pub async fn layer(State(principals): State<Principals>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match principals.resolve(&mut parts).await {
        Err(problem) => problem.into_response(),
        Ok(found) => {
            if let Some(csrf) = found.as_ref().and_then(Principal::csrf)
                && !parts.method.is_safe()
            {
                let shown = parts.headers.get(own_page::CSRF_HEADER).and_then(|v| v.to_str().ok());
                if !own_page::from_us(&parts.headers, &principals.origin) || !own_page::shows(csrf, shown) {
                    let detail = "show X-CSRF-Token, as the page has it";
                    return Problem::new(Code::CsrfFailed, detail).into_response();
                }
            }
            if let Some(principal) = found {
                parts.extensions.insert(principal);
            }
            next.run(Request::from_parts(parts, body)).await
        }
    }
}

/// Tells who asks, for pages. Their forms carry the token in the body, where [`Form`](super::form::Form) checks it.
pub async fn page_layer(State(principals): State<Principals>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match principals.resolve(&mut parts).await {
        Err(problem) => problem.into_response(),
        Ok(found) => {
            if let Some(principal) = found {
                parts.extensions.insert(principal);
            }
            next.run(Request::from_parts(parts, body)).await
        }
    }
}

fn sign_in_first() -> Problem {
    Problem::new(Code::Unauthorized, "sign in first, or show a personal access token as a bearer")
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Principal>().cloned().ok_or_else(sign_in_first)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Me {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Principal>() {
            Some(Principal::Person(me)) => Ok((**me).clone()),
            Some(Principal::Operator { .. }) => {
                Err(Problem::new(Code::Forbidden, "this is a person's own; the operator token is nobody's"))
            }
            None => Err(sign_in_first()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OrgCtx {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Principal>() {
            Some(Principal::Person(me)) => {
                let (org, role) = me.org.clone().ok_or_else(|| {
                    Problem::new(Code::NotFound, "you belong to no organization yet, or chose none")
                })?;
                let login = me.login.as_ref().map(|(login, _)| login.id.clone());
                Ok(Self { org, role, user: Some(me.user.id.clone()), login, caller: me.caller.clone() })
            }
            Some(Principal::Operator { caller, login, org }) => {
                let org = org.clone().ok_or_else(|| {
                    Problem::new(Code::InvalidArguments, "say in which organization: the header Airlock-Org")
                })?;
                let login = login.as_ref().map(|(login, _)| login.id.clone());
                Ok(Self { org, role: Role::Owner, user: None, login, caller: caller.clone() })
            }
            None => Err(sign_in_first()),
        }
    }
}

/// Whether an actor is a person.
pub fn is_person(caller: &Caller) -> bool {
    caller.actor.kind == ActorKind::User
}

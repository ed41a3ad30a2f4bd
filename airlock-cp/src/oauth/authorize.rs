//! The authorization endpoint without its pages: what to do next with a request, and what a person's yes or no leads to.
//!
//! Nothing is trusted of what a page carries on: yes and no check the whole request anew.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::audit::Action;
use airlock_core::id::{OrgId, UserId};

use super::base::{Base, subject};
use super::client::{Client, ClientKind};
use super::codes_repo::{self, Code};
use super::consents::{self, Agreement, Consents};
use super::families::FAMILY_FOR;
use super::params::Params;
use super::request::{self, AuthRequest, PageError, RedirectTo, Stop};
use super::{Clients, Refusal, Resource, Scope, Scopes, Word, redirect};
use crate::audit::Caller;
use crate::authz::Role;
use crate::error::ServiceError;
use crate::http::Me;
use crate::identity::{Membership, Org, Orgs};
use crate::secrets::{Prefix, digest};
use crate::tenants::Tenants;

/// How long a code can be exchanged.
pub const CODE_FOR: Duration = Duration::from_secs(60);
/// A sign-in so young is one that was made for this request.
const JUST_NOW: Duration = Duration::from_secs(120);

/// A person who is signed in with a browser.
#[derive(Clone, Debug)]
pub struct AuthorizedPerson {
    /// Who.
    pub user: UserId,
    /// When they last gave their password.
    pub auth_at: Timestamp,
    /// The org that they chose for this request, once they did.
    pub org: Option<OrgId>,
    /// As the audit log names them.
    pub caller: Caller,
}

impl AuthorizedPerson {
    /// Who is signed in, with the org that the page carries on. `None` for a personal access token: it is no sign-in.
    pub fn of(me: &Me, org: Option<OrgId>) -> Option<Self> {
        let (login, _) = me.login.as_ref()?;
        Some(Self { user: me.user.id.clone(), auth_at: login.auth_at, org, caller: me.caller.clone() })
    }
}

/// What to do next with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Show this on a page of ours; send the browser nowhere.
    Page(PageError),
    /// Send the browser back to the client with a refusal.
    Redirect(RedirectTo),
    /// Let the person sign in, then check again.
    SignIn {
        /// Whose address to propose.
        login_hint: Option<String>,
        /// Whether even somebody who is signed in gives their password again.
        again: bool,
    },
    /// Let the person choose one of these, then check again with it.
    ChooseOrg(Vec<Membership>),
    /// Ask the person.
    Consent(Box<ConsentView>),
    /// Send the browser back to the client with a code.
    Done(RedirectTo),
}

/// What a person is asked.
#[derive(Clone, Debug)]
pub struct ConsentView {
    /// What the client calls itself.
    pub client_name: String,
    /// Whether somebody of the deployment vouches for that.
    pub verified: bool,
    /// The host of its metadata document.
    pub client_host: Option<String>,
    /// Where the browser goes with the code.
    pub redirect_host: String,
    /// What the page's `form-action` must name besides `'self'`.
    pub form_action: Option<String>,
    /// What it may do: the words of the protocol, and those for people.
    pub scopes: Vec<(Scope, &'static str)>,
    /// In which org.
    pub org: Org,
    /// The address that its tokens open.
    pub resource: String,
    /// When all of it ends by itself.
    pub ends_at: Timestamp,
    /// Whether any program on the person's machine could be behind it.
    pub all_loopback: bool,
    /// The request, for the page's hidden fields: give it back to [`Authorize::allow`] or [`Authorize::deny`], with `org`.
    pub request: Vec<(String, String)>,
}

/// The authorization endpoint without its pages. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Authorize {
    base: Base,
    clients: Clients,
    consents: Consents,
    orgs: Orgs,
    tenants: Tenants,
}

// A request with the person's org and what the client would get.
struct Settled {
    membership: Membership,
    agreement: Agreement,
}

enum Judged {
    Stop(Step),
    Settled(Box<(AuthRequest, Settled)>),
}

impl From<Stop> for Step {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Page(error) => Self::Page(error),
            Stop::Redirect(to) => Self::Redirect(to),
        }
    }
}

impl Authorize {
    pub(super) fn new(
        base: Base,
        clients: Clients,
        consents: Consents,
        orgs: Orgs,
        tenants: Tenants,
    ) -> Self {
        Self { base, clients, consents, orgs, tenants }
    }

    /// What to do next with a request: its parameters, decoded and in their order, and who is signed in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn check(
        &self,
        params: &[(String, String)],
        person: Option<&AuthorizedPerson>,
    ) -> Result<Step, ServiceError> {
        let request = match self.read(params).await? {
            Ok(request) => request,
            Err(stop) => return Ok(stop.into()),
        };
        let again = person.is_some_and(|person| self.must_sign_in_again(&request, person));
        let Some(person) = person.filter(|_| !again) else {
            if request.prompt.none {
                let refusal = Refusal::new(Word::LoginRequired, "nobody is signed in, or not lately enough");
                return Ok(self.back(&request, &refusal));
            }
            return Ok(Step::SignIn { login_hint: request.login_hint, again });
        };
        let (request, settled) = match self.settle(request, person).await? {
            Judged::Stop(step) => return Ok(step),
            Judged::Settled(both) => *both,
        };
        if !request.prompt.consent && self.consents.holds(&settled.agreement).await? {
            let base = &self.base;
            let now = base.now();
            let mut tx = base.store.begin().await?;
            let code = self.code(&mut tx, &request, &settled, person, now).await?;
            tx.commit().await?;
            return Ok(Step::Done(request.back(&base.issuer).code(code.expose())));
        }
        if request.prompt.none {
            let refusal = Refusal::new(Word::ConsentRequired, "the person has not agreed to this yet");
            return Ok(self.back(&request, &refusal));
        }
        Ok(Step::Consent(Box::new(self.view(params, &request, settled, person))))
    }

    /// The person says yes: keeps that, and sends the browser back with a code. `params` as the page carried them on.
    ///
    /// # Errors
    /// When the store does not answer or the act cannot be written into the audit log.
    pub async fn allow(
        &self,
        params: &[(String, String)],
        person: &AuthorizedPerson,
    ) -> Result<Step, ServiceError> {
        let request = match self.read(params).await? {
            Ok(request) => request,
            Err(stop) => return Ok(stop.into()),
        };
        let (request, settled) = match self.settle(request, person).await? {
            Judged::Stop(step) => return Ok(step),
            Judged::Settled(both) => *both,
        };
        if request.prompt.none {
            let refusal =
                Refusal::new(Word::ConsentRequired, "no page may be shown, so nobody can have said yes");
            return Ok(self.back(&request, &refusal));
        }
        let about = subject(&settled.agreement.org, &request.client.client_id);
        let (this, person_now) = (self.clone(), person.clone());
        let work = async move {
            let now = this.base.now();
            let mut tx = this.base.store.begin().await?;
            consents::keep(&mut tx, &settled.agreement, now).await?;
            let code = this.code(&mut tx, &request, &settled, &person_now, now).await?;
            tx.commit().await?;
            Ok(Step::Done(request.back(&this.base.issuer).code(code.expose())))
        };
        self.base.journal.act(&person.caller, Action::ConsentGranted, about, work).await
    }

    /// The person says no: sends the browser back with that.
    ///
    /// # Errors
    /// When the store does not answer or the act cannot be written into the audit log.
    pub async fn deny(
        &self,
        params: &[(String, String)],
        person: &AuthorizedPerson,
    ) -> Result<Step, ServiceError> {
        let request = match self.read(params).await? {
            Ok(request) => request,
            Err(stop) => return Ok(stop.into()),
        };
        let org = match self.settle(request.clone(), person).await? {
            Judged::Stop(step) => return Ok(step),
            Judged::Settled(both) => both.1.agreement.org,
        };
        let about = subject(&org, &request.client.client_id);
        self.base.journal.note(&person.caller, Action::ConsentDenied, about, None).await?;
        Ok(self.back(&request, &Refusal::new(Word::AccessDenied, "the person said no")))
    }

    async fn read(&self, params: &[(String, String)]) -> Result<Result<AuthRequest, Stop>, ServiceError> {
        let params = Params::from(params);
        let client = match request::client_id(&params) {
            Ok(id) => self.clients.find(id).await?,
            Err(error) => return Ok(Err(Stop::Page(error))),
        };
        Ok(request::read(&self.base.issuer, &params, client))
    }

    fn back(&self, request: &AuthRequest, refusal: &Refusal) -> Step {
        Step::Redirect(request.back(&self.base.issuer).refuse(refusal))
    }

    fn must_sign_in_again(&self, request: &AuthRequest, person: &AuthorizedPerson) -> bool {
        let age = self.base.now().since(person.auth_at);
        let allowed = match (request.prompt.login, request.max_age_s) {
            (true, _) => Duration::ZERO,
            (false, Some(seconds)) => Duration::from_secs(seconds),
            (false, None) => return age >= FAMILY_FOR,
        };
        age > allowed.max(JUST_NOW)
    }

    // Which org, which resource, how far. What is another's looks like what is not there.
    async fn settle(&self, request: AuthRequest, person: &AuthorizedPerson) -> Result<Judged, ServiceError> {
        let refuse = |word, why| Ok(Judged::Stop(self.back(&request, &Refusal::new(word, why))));
        let mut memberships = self.orgs.of_user(&person.user).await?;
        memberships.retain(|m| may_use(&request.client, &m.org.id));
        let named = match self.orgs_of(&request.resources).await? {
            Some(named) => named,
            None => return refuse(Word::InvalidTarget, NOT_REACHED),
        };
        let found = match (named.as_slice(), &person.org, memberships.as_slice()) {
            ([org], chosen, _) if chosen.as_ref().is_none_or(|chosen| chosen == org) => {
                memberships.into_iter().find(|m| m.org.id == *org)
            }
            ([_, ..], ..) => None,
            ([], Some(chosen), _) => memberships.into_iter().find(|m| m.org.id == *chosen),
            ([], None, [only]) => Some(only.clone()),
            ([], None, []) => {
                return refuse(
                    Word::AccessDenied,
                    "you belong to no organization that this client may be used in",
                );
            }
            ([], None, [_, _, ..]) if request.prompt.none => {
                return refuse(Word::InteractionRequired, "the person has to choose an organization");
            }
            ([], None, [_, _, ..]) => return Ok(Judged::Stop(Step::ChooseOrg(memberships))),
        };
        let Some(membership) = found else { return refuse(Word::InvalidTarget, NOT_REACHED) };
        // Disabled in the meantime, or the org deleted: the list does not know.
        if self.orgs.role_of(&membership.org.id, &person.user).await? != Some(membership.role) {
            return refuse(Word::AccessDenied, "you may not use this organization");
        }
        let Some(resource) = single(&request.resources, &membership.org) else {
            return refuse(Word::InvalidTarget, "ask for one tenant, or for the organization");
        };
        let scopes = granted(request.scopes.as_ref(), membership.role);
        if scopes.is_empty() {
            return refuse(Word::AccessDenied, "your role has none of these scopes");
        }
        let agreement = Agreement {
            user: person.user.clone(),
            org: membership.org.id.clone(),
            client_id: request.client.client_id.clone(),
            resource,
            redirect_uri: request.redirect_uri.clone(),
            scopes,
        };
        Ok(Judged::Settled(Box::new((request, Settled { membership, agreement }))))
    }

    // The orgs of the resources that are named; `None` if one of them is not there.
    async fn orgs_of(&self, resources: &[Option<Resource>]) -> Result<Option<Vec<OrgId>>, ServiceError> {
        let mut out: Vec<OrgId> = Vec::new();
        for resource in resources.iter().flatten() {
            let org = match resource {
                Resource::Org(slug) => self.orgs.by_slug(slug).await.map(|org| org.id),
                Resource::Tenant(slug) => self.tenants.by_slug(slug).await.map(|tenant| tenant.org_id),
            };
            match org {
                Ok(org) if out.contains(&org) => {}
                Ok(org) => out.push(org),
                Err(ServiceError::NotFound(_)) => return Ok(None),
                Err(other) => return Err(other),
            }
        }
        Ok(Some(out))
    }

    async fn code(
        &self,
        tx: &mut crate::store::Tx,
        request: &AuthRequest,
        settled: &Settled,
        person: &AuthorizedPerson,
        now: Timestamp,
    ) -> Result<airlock_core::Secret<String>, ServiceError> {
        let text = Prefix::Code.mint(&*self.base.host);
        let agreement = &settled.agreement;
        let code = Code {
            client_id: agreement.client_id.clone(),
            user: agreement.user.clone(),
            org: agreement.org.clone(),
            redirect_uri: request.redirect_uri.clone(),
            redirect_given: request.redirect_given,
            resource: agreement.resource.clone(),
            scopes: agreement.scopes.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            auth_at: person.auth_at,
            expires_at: now.after(CODE_FOR),
            used_at: None,
            family: None,
        };
        codes_repo::insert(tx, &digest(text.expose()), &code, now).await?;
        Ok(text)
    }

    fn view(
        &self,
        params: &[(String, String)],
        request: &AuthRequest,
        settled: Settled,
        person: &AuthorizedPerson,
    ) -> ConsentView {
        let client = &request.client;
        ConsentView {
            client_name: client.name.clone(),
            verified: client.is_verified(),
            client_host: client.id_host(),
            redirect_host: redirect::host(&request.redirect_uri),
            form_action: redirect::origin(&request.redirect_uri),
            scopes: settled.agreement.scopes.iter().map(|scope| (scope, scope.words())).collect(),
            resource: settled.agreement.resource.url(&self.base.issuer),
            org: settled.membership.org,
            ends_at: person.auth_at.after(FAMILY_FOR),
            all_loopback: client.is_all_loopback(),
            request: params.to_vec(),
        }
    }
}

const NOT_REACHED: &str = "the resource is not one that you reach here";

// A client of an org is for its people; one that came by itself, or of the instance, is for all.
fn may_use(client: &Client, org: &OrgId) -> bool {
    match (client.kind, &client.org_id) {
        (ClientKind::Preregistered, Some(owner)) => owner == org,
        _ => true,
    }
}

/// The one resource that tokens are bound to: the org's covers its tenants, two tenants have none in common.
fn single(resources: &[Option<Resource>], org: &Org) -> Option<Resource> {
    match resources {
        [Some(one)] => Some(one.clone()),
        several if several.is_empty() || several.iter().any(|r| !matches!(r, Some(Resource::Tenant(_)))) => {
            Some(Resource::Org(org.slug.clone()))
        }
        _ => None,
    }
}

/// What a role lets a client have of what it asks for; without a word, the MCP scopes. A role without any of these has
/// nothing to give.
pub(super) fn granted(asked: Option<&Scopes>, role: Role) -> Scopes {
    let mcp = Scopes::known_in(&role.mcp_scopes().into_iter().collect::<Vec<_>>().join(" "));
    match asked {
        _ if mcp.is_empty() => Scopes::default(),
        None => mcp,
        Some(asked) => asked.iter().filter(|s| !s.is_mcp() || mcp.iter().any(|m| m == *s)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_gives_no_more_than_it_has() {
        let check = |asked: Option<&str>, role: Role, expected: &str| {
            assert_eq!(
                granted(asked.map(Scopes::known_in).as_ref(), role).to_string(),
                expected,
                "{asked:?} {role}"
            );
        };
        check(None, Role::Member, "mcp:read mcp:call");
        check(None, Role::Auditor, "mcp:read");
        check(None, Role::Billing, "");
        check(Some("openid mcp:call"), Role::Auditor, "openid");
        check(Some("mcp:call"), Role::Auditor, "");
        check(Some("openid profile email"), Role::Owner, "openid profile email");
        check(Some("openid"), Role::Billing, "");
    }
}

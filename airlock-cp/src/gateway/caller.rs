//! Who asks the gateway: a person, and the app that they use.

use std::net::IpAddr;

use airlock_core::id::{OrgId, UserId};
use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::{Gateway, GatewayError};
use crate::apps::{AppRecord, NotProven, Shown};
use crate::audit::Caller;
use crate::authz::{Act, Role};
use crate::http::Peer;
use crate::http::limits::{Rate, neighbourhood};
use crate::http::operator::{bearer, user_agent};
use crate::oauth::Resource;

// Wrong credentials from one address.
const FAILURES: Rate = Rate::per_minute(30);
const CREDENTIAL_BYTES_MAX: usize = 4_096;

static X_PAT: HeaderName = HeaderName::from_static("x-pat");
static X_CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
static X_CLIENT_SECRET: HeaderName = HeaderName::from_static("x-client-secret");

/// What a person showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A personal access token.
    Pat,
    /// An access token that a client has of them.
    AccessToken,
}

/// A person who asks the gateway, in one org, and the app that they use.
#[derive(Clone, Debug)]
pub struct GatewayCaller {
    /// Who.
    pub user: UserId,
    /// In which org.
    pub org: OrgId,
    /// What they are in it.
    pub role: Role,
    /// What they showed.
    pub credential: Credential,
    /// The app, when the request shows one.
    pub app: Option<AppRecord>,
    /// As the audit log names them.
    pub caller: Caller,
}

impl GatewayCaller {
    /// Lets only those pass whose role allows it.
    ///
    /// # Errors
    /// `access_denied`.
    pub fn may(&self, act: Act) -> Result<(), GatewayError> {
        if self.role.may(act) {
            Ok(())
        } else {
            Err(GatewayError::forbidden("access_denied", "your role does not allow this"))
        }
    }
}

struct Person {
    user: UserId,
    org: OrgId,
    role: Role,
    credential: Credential,
}

/// The one value of a header. An empty one is as good as none; two are none that can be told.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.len() <= CREDENTIAL_BYTES_MAX => {
            value.to_str().map(|text| Some(text.trim()).filter(|text| !text.is_empty())).map_err(|_| ())
        }
        (Some(_), _) => Err(()),
    }
}

impl Gateway {
    async fn admit(&self, parts: &mut Parts) -> Result<GatewayCaller, GatewayError> {
        let Ok(Peer(peer)) = Peer::from_request_parts(parts, &()).await;
        let (from, now) = (neighbourhood(peer), self.host.monotonic());
        if let Some(wait) = self.limits.failures.wait(&from, FAILURES, now) {
            return Err(GatewayError::too_often(wait));
        }
        // Each is judged by itself, so that a good one does not carry a wrong one.
        let admitted = match (self.person(&parts.headers).await, self.app(&parts.headers).await) {
            (Err(refused), _) | (_, Err(refused)) => Err(refused),
            (Ok(person), Ok(app)) => together(person, app),
        };
        match admitted {
            Ok((person, app)) => {
                let agent = user_agent(&parts.headers);
                let caller = Caller::person(&person.user).at(peer, agent.as_deref());
                let Person { user, org, role, credential } = person;
                Ok(GatewayCaller { user, org, role, credential, app, caller })
            }
            Err(refused) => {
                let shown = [&AUTHORIZATION, &X_PAT, &X_CLIENT_ID, &X_CLIENT_SECRET];
                if shown.into_iter().any(|name| parts.headers.contains_key(name)) {
                    self.failed(from, refused.code());
                }
                Err(refused)
            }
        }
    }

    fn failed(&self, from: IpAddr, code: &'static str) {
        // Who is refused for what the store, or the person, does is not guessing.
        if matches!(code, "unauthorized" | "invalid_pat" | "invalid_client" | "origin_not_allowed") {
            let _ = self.limits.failures.take(&from, FAILURES, self.host.monotonic());
            self.metrics.auth_failure("gateway");
        }
    }

    /// The person. A personal access token decides where there is one, even beside a good access token.
    async fn person(&self, headers: &HeaderMap) -> Result<Option<Person>, GatewayError> {
        let invalid_pat =
            || GatewayError::unauthorized("invalid_pat", "the personal access token is not valid");
        if let Some(shown) = one(headers, &X_PAT).map_err(|()| invalid_pat())? {
            let verified = self.pats.verify(shown).await?.ok_or_else(invalid_pat)?;
            return Ok(Some(Person {
                user: verified.user.id,
                org: verified.pat.org_id,
                role: verified.role,
                credential: Credential::Pat,
            }));
        }
        if !headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let invalid = || GatewayError::unauthorized("unauthorized", "the access token is not valid");
        let shown = bearer(headers).filter(|text| !text.is_empty() && text.len() <= CREDENTIAL_BYTES_MAX);
        let token = self.tokens.verify(shown.ok_or_else(invalid)?).await?.ok_or_else(invalid)?;
        // What was given for one tenant's agents does not speak for the person.
        let Resource::Org(slug) = &token.resource else { return Err(invalid()) };
        let org = self.orgs.show(&token.org).await.map_err(|_| invalid())?;
        if org.slug != *slug {
            return Err(invalid());
        }
        Ok(Some(Person {
            user: token.user,
            org: token.org,
            role: token.role,
            credential: Credential::AccessToken,
        }))
    }

    /// The app.
    async fn app(&self, headers: &HeaderMap) -> Result<Option<AppRecord>, GatewayError> {
        let invalid = || GatewayError::unauthorized("invalid_client", "unknown app, or not its secret");
        let secret = one(headers, &X_CLIENT_SECRET).map_err(|()| invalid())?;
        let Some(client_id) = one(headers, &X_CLIENT_ID).map_err(|()| invalid())? else {
            return if secret.is_some() { Err(invalid()) } else { Ok(None) };
        };
        let elsewhere =
            || GatewayError::forbidden("origin_not_allowed", "this origin is not one of the app's");
        let origin = one(headers, &ORIGIN).map_err(|()| elsewhere())?;
        self.apps.prove(Shown { client_id, secret, origin }).await.map(Some).map_err(|why| match why {
            NotProven::Unknown => invalid(),
            NotProven::Origin => elsewhere(),
            NotProven::Revoked => GatewayError::forbidden("app_revoked", "the app was revoked"),
            NotProven::Store(error) => error.into(),
        })
    }
}

/// An app alone is nobody. One of another org is not there.
fn together(
    person: Option<Person>,
    app: Option<AppRecord>,
) -> Result<(Person, Option<AppRecord>), GatewayError> {
    match (person, app) {
        (Some(person), Some(app)) if app.org_id != person.org => {
            Err(GatewayError::unauthorized("invalid_client", "unknown app, or not its secret"))
        }
        (Some(person), app) => Ok((person, app)),
        (None, Some(_)) => Err(GatewayError::unauthorized(
            "user_required",
            "an app asks for a person: show their token as well",
        )),
        (None, None) => {
            let message = "show an access token as a bearer, or a personal access token in X-PAT";
            Err(GatewayError::unauthorized("unauthorized", message))
        }
    }
}

impl FromRequestParts<Gateway> for GatewayCaller {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        gateway.admit(parts).await
    }
}

//! Who asks for approvals, and who decides: a caller whose role, app, consent and rate allow it.

use airlock_core::approval::consent::ConsentAnswer;
use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{Gateway, GatewayCaller, GatewayError};
use crate::approvals::{Party, PartyApp};
use crate::authz::Act;
use crate::http::limits::Rate;

/// An enforcer's person, and the app that the enforcer is.
#[derive(Clone, Debug)]
pub(super) struct Asks(pub(super) Party);

/// An approver's person.
#[derive(Clone, Debug)]
pub(super) struct Decides(pub(super) Party);

/// Either.
#[derive(Clone, Debug)]
pub(super) struct Either(pub(super) Party);

impl Gateway {
    /// Counts a request of somebody's.
    pub(super) fn counted(&self, party: &Party) -> Result<(), GatewayError> {
        let now = self.host.monotonic();
        let config = self.approvals.config();
        let taken = match &party.app {
            Some(app) => match app.rate.per_minute(config.app_rate) {
                Some(n) => self.limits.apps.take(&app.id, Rate::per_minute(n), now),
                None => Ok(()),
            },
            None => self.limits.people.take(&party.user, Rate::per_minute(config.user_rate), now),
        };
        taken.map_err(GatewayError::too_often)
    }

    pub(super) async fn party(&self, parts: &mut Parts) -> Result<(GatewayCaller, Party), GatewayError> {
        let caller = GatewayCaller::from_request_parts(parts, self).await?;
        caller.may(Act::UseApprovals)?;
        let app = caller.app.as_ref().map(|app| PartyApp {
            id: app.app_id.clone(),
            name: app.name.clone(),
            rate: app.requests_per_minute,
        });
        let party =
            Party { org: caller.org.clone(), user: caller.user.clone(), app, caller: caller.caller.clone() };
        Ok((caller, party))
    }

    /// Lets only an app pass that its person allows.
    pub(super) async fn consented(&self, party: &Party) -> Result<(), GatewayError> {
        match self.approvals.consent(party).await? {
            ConsentAnswer::Approved => Ok(()),
            answer => {
                let page = self.consent_page.as_deref().map(str::to_owned);
                Err(GatewayError::consent(answer, party.app.clone(), page))
            }
        }
    }

    pub(super) async fn asks(&self, parts: &mut Parts) -> Result<Party, GatewayError> {
        let (_, party) = self.party(parts).await?;
        if self.approvals.config().require_app && party.app.is_none() {
            let message = "this gateway takes requests of registered apps only: show X-Client-Id";
            return Err(GatewayError::unauthorized("invalid_client", message));
        }
        self.consented(&party).await?;
        self.counted(&party)?;
        Ok(party)
    }

    pub(super) async fn decides(&self, parts: &mut Parts) -> Result<Party, GatewayError> {
        let (caller, party) = self.party(parts).await?;
        if party.app.is_some() {
            caller.may(Act::DecideThroughApp)?;
        }
        self.consented(&party).await?;
        self.counted(&party)?;
        Ok(party)
    }
}

impl FromRequestParts<Gateway> for Asks {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        gateway.asks(parts).await.map(Self)
    }
}

impl FromRequestParts<Gateway> for Decides {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        gateway.decides(parts).await.map(Self)
    }
}

impl FromRequestParts<Gateway> for Either {
    type Rejection = GatewayError;
    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, GatewayError> {
        let (_, party) = gateway.party(parts).await?;
        gateway.consented(&party).await?;
        gateway.counted(&party)?;
        Ok(Self(party))
    }
}

//! The parts of the authorization server, put together.

use axum::Router;

use super::assertions::Assertions;
use super::base::Base;
use super::client_auth::ClientAuth;
use super::revoke::RevocationEndpoint;
use super::routes::{self, Endpoints};
use super::{
    AccessTokens, Authorize, Clients, Consents, Devices, Families, TokenEndpoint, client_routes,
    family_routes,
};
use crate::config::OauthConfig;
use crate::fetch::Fetch;
use crate::http::Api;
use crate::identity::Orgs;
use crate::store::StoreError;
use crate::tenants::Tenants;

/// The authorization server. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Oauth {
    base: Base,
    config: OauthConfig,
    clients: Clients,
    consents: Consents,
    authorize: Authorize,
    tokens: TokenEndpoint,
    revocation: RevocationEndpoint,
    devices: Devices,
    families: Families,
    access: AccessTokens,
    auth: ClientAuth,
}

impl Oauth {
    pub(crate) fn new(base: Base, config: OauthConfig, fetch: Fetch, orgs: Orgs, tenants: Tenants) -> Self {
        let clients = Clients::new(base.clone(), config, fetch.clone());
        let consents = Consents::new(base.clone());
        let auth = ClientAuth::new(base.clone(), clients.clone(), Assertions::new(base.clone(), fetch));
        let devices = Devices::new(base.clone(), clients.clone(), orgs.clone(), tenants.clone());
        Self {
            authorize: Authorize::new(base.clone(), clients.clone(), consents.clone(), orgs, tenants),
            tokens: TokenEndpoint::new(base.clone(), auth.clone(), devices.clone()),
            revocation: RevocationEndpoint::new(base.clone(), auth.clone()),
            families: Families::new(base.clone(), consents.clone()),
            access: AccessTokens::new(base.clone()),
            base,
            config,
            clients,
            consents,
            devices,
            auth,
        }
    }

    /// Clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }
    /// What people let clients do.
    pub fn consents(&self) -> &Consents {
        &self.consents
    }
    /// The authorization endpoint without its pages.
    pub fn authorize(&self) -> &Authorize {
        &self.authorize
    }
    /// The token endpoint.
    pub fn tokens(&self) -> &TokenEndpoint {
        &self.tokens
    }
    /// Devices without a browser.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }
    /// Connected clients.
    pub fn families(&self) -> &Families {
        &self.families
    }
    /// Access tokens, to be checked.
    pub fn access(&self) -> &AccessTokens {
        &self.access
    }

    /// Everything that programs call by RFC, with the documents.
    pub(crate) fn router(&self) -> Router {
        routes::router(Endpoints {
            issuer: self.base.issuer.clone(),
            config: self.config,
            key: self.base.key.public(),
            clients: self.clients.clone(),
            tokens: self.tokens.clone(),
            revocation: self.revocation.clone(),
            devices: self.devices.clone(),
            auth: self.auth.clone(),
        })
    }
    /// Routes of the operator.
    pub(crate) fn admin_api(&self) -> Api {
        client_routes::admin_api(self.clients.clone())
    }
    /// Routes of people.
    pub(crate) fn people_api(&self) -> Api {
        client_routes::org_api(self.clients.clone()).merge(family_routes::api(self.families.clone())).person()
    }

    /// Forgets what ended long ago, and clients that nobody used. Once an hour.
    ///
    /// # Errors
    /// When the store does not answer; the next turn tries anew.
    pub async fn clear_old(&self) -> Result<(), StoreError> {
        self.clients.clear_unused().await?;
        self.families.clear_old().await
    }
}

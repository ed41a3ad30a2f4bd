//! The door: one gateway, one set of credentials, and the parts that are handed out of them.

use std::fmt;
use std::sync::Arc;

use airlock_core::id::TenantSlug;
use airlock_core::runtime::SystemHost;
use airlock_core::{Host, Secret};
use serde_json::Value;
use url::Url;

use crate::approvals::{Approvals, Enforcer};
use crate::auth::{Credentials, DeviceGrant, Idp, Session, SignInError, TokenStore, UserCredential};
use crate::calls::{self, Call};
use crate::config::ClientConfig;
use crate::data::McpPlane;
use crate::error::ClientError;
use crate::refusal::Refusal;
use crate::transport::{HttpTransport, Request, Retrying, Streamed, Transport};

/// The client that people of this kind are registered as, when a gateway names none.
const OIDC_CLIENT_DEFAULT: &str = "airlock-integrations";

/// A gateway, and who asks there. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Airlock {
    base: Url,
    transport: Arc<dyn Transport>,
    credentials: Credentials,
    host: Arc<dyn Host>,
}

impl Airlock {
    /// Over HTTP, with the system's clock and randomness.
    ///
    /// # Errors
    /// When the system gives no HTTP client.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let host: Arc<dyn Host> = Arc::new(SystemHost::new());
        let http = HttpTransport::new(config.base.clone())?;
        let transport = Arc::new(Retrying::new(http, config.retry, host.clone()));
        Ok(Self::with_parts(config, transport, host))
    }

    /// Over a transport, and with a clock and randomness, of one's own. The transport repeats what it likes to repeat.
    pub fn with_parts(config: ClientConfig, transport: Arc<dyn Transport>, host: Arc<dyn Host>) -> Self {
        Self { base: config.base, transport, credentials: config.credentials, host }
    }

    /// The gateway's address.
    pub fn base_url(&self) -> &Url {
        &self.base
    }

    /// The same gateway, asked on behalf of whoever signed in.
    #[must_use]
    pub fn signed_in(&self, session: Arc<Session>) -> Self {
        let mut other = self.clone();
        other.credentials.user = Some(UserCredential::Session(session));
        other
    }

    /// The same, asked on behalf of a person, for programs without a browser: of the one whom the configuration names; else of
    /// the one whose sign-in `store` keeps; else of whoever signs in now, with the code that `tell` shows them.
    ///
    /// # Errors
    /// When the gateway names no identity provider, nobody signs in in time, or the store fails.
    pub async fn on_behalf_of_a_person(
        &self,
        store: Arc<dyn TokenStore>,
        tell: impl FnOnce(&DeviceGrant),
    ) -> Result<Self, ClientError> {
        if self.credentials.user.is_some() {
            return Ok(self.clone());
        }
        let idp = self.identity_provider().await?;
        let kept = Session::restore(idp.clone(), store.clone())?;
        if kept.is_signed_in().await {
            return Ok(self.signed_in(Arc::new(kept)));
        }
        let mut grant = DeviceGrant::begin(&idp).await?;
        tell(&grant);
        let tokens = grant.finish(&idp).await?;
        Ok(self.signed_in(Arc::new(Session::begin(idp, store, tokens)?)))
    }

    /// The identity provider that the gateway names: where a person signs in.
    ///
    /// # Errors
    /// When the gateway names none, or it does not answer.
    pub async fn identity_provider(&self) -> Result<Idp, ClientError> {
        let found: Value = self.call(&calls::discovery()).await?;
        let text = |key: &str| found["idp"][key].as_str().filter(|text| !text.is_empty());
        let realm: Url = text("baseUrl").and_then(|url| url.parse().ok()).ok_or(SignInError::NoIdp)?;
        // Whoever answers for the gateway over TLS sends nobody to a page without.
        if self.base.scheme() == "https" && realm.scheme() != "https" {
            return Err(SignInError::UnsafeEndpoint("realm").into());
        }
        let client_id = text("clientId").unwrap_or(OIDC_CLIENT_DEFAULT).to_owned();
        Idp::discover(&realm, client_id, self.transport.clone(), self.host.clone()).await
    }

    /// Sends a call and reads its answer. What may be repeated is repeated by the transport; a token that the gateway does
    /// not take any more is refreshed, once.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn call<T>(&self, call: &Call<T>) -> Result<T, ClientError> {
        let answer = self.call_once(call).await;
        let refused = matches!(&answer, Err(ClientError::Refused(refusal)) if refusal.status == 401);
        match &self.credentials.user {
            Some(UserCredential::Session(session)) if refused && session.expire().await => {
                self.call_once(call).await
            }
            _ => answer,
        }
    }

    async fn call_once<T>(&self, call: &Call<T>) -> Result<T, ClientError> {
        let mut request = call.request.clone();
        self.credentials.put(&mut request).await?;
        let response = self.transport.send(&request).await?;
        tracing::debug!(path = request.path(), status = response.status.as_u16(), "answered");
        Ok(call.read(&response)?)
    }

    /// Opens an answer that goes on, with the same credentials.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub(crate) async fn open(&self, request: &Request) -> Result<Streamed, ClientError> {
        let mut opened = self.open_once(request).await?;
        if let Some(UserCredential::Session(session)) = &self.credentials.user
            && opened.status == http::StatusCode::UNAUTHORIZED
            && session.expire().await
        {
            opened = self.open_once(request).await?;
        }
        if opened.status.is_success() {
            return Ok(opened);
        }
        let refusal = Refusal::of(&opened.whole().await?).ok_or(ClientError::Answer)?;
        Err(ClientError::Refused(Box::new(refusal)))
    }

    async fn open_once(&self, request: &Request) -> Result<Streamed, ClientError> {
        let mut request = request.clone();
        self.credentials.put(&mut request).await?;
        Ok(self.transport.open(&request).await?)
    }

    /// Approvals, asked for by this enforcer.
    pub fn approvals(&self, enforcer: Enforcer) -> Approvals {
        Approvals::new(self.clone(), enforcer)
    }

    /// Tools of one tenant, called with an API key (`ak_live_…`) or an access token.
    pub fn data(&self, slug: TenantSlug, key: impl Into<String>) -> McpPlane {
        McpPlane::new(slug, Secret::new(key.into()), self.transport.clone(), self.host.clone())
    }

    pub(crate) fn host(&self) -> &dyn Host {
        &*self.host
    }
}

impl fmt::Debug for Airlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Airlock").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

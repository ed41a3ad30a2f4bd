//! The published client's sign-in, on texts: device code, browser, refresh.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use airlock_core::runtime::SystemHost;
use airlock_core::{Host, Timestamp};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use super::errors::GatewayError;
use super::models::{AuthCodeRequest, ConsentErrorInfo, DeviceCodeInfo, OidcDiscoveryResult, TokenResponse};
use crate::auth::{BrowserGrant, CALLBACK_TIME_MAX, IdpRefusal, Loopback, SCOPE, SignInError, form, refusal};
use crate::transport::{Request, Response, exchange, http_client};

const EXPIRY_SLACK: Duration = Duration::from_secs(30);
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const DEVICE_PAUSE_MIN_S: u64 = 5;

/// Where people sign in.
#[derive(Clone, Debug)]
pub struct AirlockAuthOptions {
    /// The realm's address, such as the gateway's discovery names it.
    pub keycloak_realm_url: String,
    /// The client that we are there; public, so it has no secret.
    pub oidc_client_id: String,
    /// The HTTP client to use; one of ours when `None`.
    pub reqwest_client: Option<reqwest::Client>,
}

impl Default for AirlockAuthOptions {
    fn default() -> Self {
        Self {
            keycloak_realm_url: String::new(),
            oidc_client_id: "airlock-integrations".to_owned(),
            reqwest_client: None,
        }
    }
}

#[derive(Default)]
struct Held {
    access: String,
    refresh: String,
    expires_at: Option<SystemTime>,
}

/// Signs a person in and keeps the tokens fresh. All methods may be called at once; tokens are refreshed by one request.
pub struct AirlockAuthClient {
    options: AirlockAuthOptions,
    found: Mutex<Option<OidcDiscoveryResult>>,
    held: Mutex<Held>,
    host: Arc<dyn Host>,
}

impl AirlockAuthClient {
    /// A client of one realm.
    pub fn new(options: AirlockAuthOptions) -> Self {
        let (found, held) = (Mutex::default(), Mutex::default());
        Self { options, found, held, host: Arc::new(SystemHost::new()) }
    }

    /// Puts in tokens that were kept.
    pub async fn restore_tokens(&self, access: String, refresh: String, expires_at: Option<SystemTime>) {
        *self.held.lock().await = Held { access, refresh, expires_at };
    }

    /// The tokens, to keep them: access, refresh, end. Empty texts mean none.
    pub async fn token_state(&self) -> (String, String, Option<SystemTime>) {
        let held = self.held.lock().await;
        (held.access.clone(), held.refresh.clone(), held.expires_at)
    }

    /// Whether there is an access token.
    pub async fn is_logged_in(&self) -> bool {
        !self.held.lock().await.access.is_empty()
    }

    /// Whether there is no access token that is still good.
    pub async fn is_token_expired(&self) -> bool {
        self.is_expired(&*self.held.lock().await)
    }

    fn is_expired(&self, held: &Held) -> bool {
        held.access.is_empty() || held.expires_at.is_some_and(|end| time(self.host.now()) >= end)
    }

    /// Finds the realm's endpoints; asked for once.
    ///
    /// # Errors
    /// As every method: when there is no answer, a refusal, or an answer of another form.
    pub async fn discover(&self) -> Result<OidcDiscoveryResult, GatewayError> {
        let mut found = self.found.lock().await;
        if let Some(found) = &*found {
            return Ok(found.clone());
        }
        let realm = self.options.keycloak_realm_url.trim_end_matches('/');
        let target = format!("{realm}/.well-known/openid-configuration");
        let read: OidcDiscoveryResult = self.ask(Request::new(http::Method::GET, target)).await?;
        *found = Some(read.clone());
        Ok(read)
    }

    /// Signs in by device code. `on_user_code` is called once, with what to show to the person; then this asks until they
    /// are done. Safe to drop.
    ///
    /// # Errors
    /// As [`discover`](Self::discover), and when the person says no or does not answer in time.
    pub async fn login<F>(&self, on_user_code: F) -> Result<TokenResponse, GatewayError>
    where
        F: FnOnce(&DeviceCodeInfo),
    {
        let found = self.discover().await?;
        let fields = [("client_id", self.options.oidc_client_id.as_str()), ("scope", SCOPE)];
        let info: DeviceCodeInfo =
            self.ask(form(&endpoint(&found.device_authorization_endpoint)?, &fields)).await?;
        on_user_code(&info);
        let seconds = |value: i32| u64::try_from(value).unwrap_or(0);
        let mut pause = info.interval.map_or(DEVICE_PAUSE_MIN_S, seconds).max(DEVICE_PAUSE_MIN_S);
        let ends_at = self.host.now().after(Duration::from_secs(seconds(info.expires_in)));
        let token_endpoint = endpoint(&found.token_endpoint)?;
        loop {
            tokio::time::sleep(Duration::from_secs(pause)).await;
            let fields = [
                ("grant_type", DEVICE_GRANT),
                ("client_id", self.options.oidc_client_id.as_str()),
                ("device_code", info.device_code.as_str()),
            ];
            let response = self.send(&form(&token_endpoint, &fields)).await?;
            if response.status.is_success() {
                return self.keep(read(&response)?).await;
            }
            let refused = refusal(&response);
            match refused.error.as_str() {
                "authorization_pending" => {}
                "slow_down" => pause += DEVICE_PAUSE_MIN_S,
                "expired_token" => return Err(expired()),
                "access_denied" => {
                    return Err(GatewayError::ours(403, "access_denied", "User denied access."));
                }
                _ => return Err(refused_by_idp("Token request failed", &refused, &response)),
            }
            if self.host.now() >= ends_at {
                return Err(expired());
            }
        }
    }

    /// Signs in through a browser on this machine. `on_browser_url` is called once, with the address to open; the browser
    /// comes back to `redirect_port` on loopback, 0 for a free one. Safe to drop.
    ///
    /// # Errors
    /// As [`discover`](Self::discover), and when the person says no or takes more than five minutes.
    pub async fn login_with_auth_code<F>(
        &self,
        on_browser_url: F,
        redirect_port: u16,
    ) -> Result<TokenResponse, GatewayError>
    where
        F: FnOnce(&str),
    {
        let found = self.discover().await?;
        let listener = Loopback::bind(redirect_port)
            .await
            .map_err(|error| GatewayError::ours(0, "no_port", error.to_string()))?;
        let grant = self.grant(&found, listener.redirect_uri())?;
        on_browser_url(grant.url.as_str());
        let redirected =
            tokio::time::timeout(CALLBACK_TIME_MAX, listener.receive(|r| grant.is_ours(r))).await;
        let Ok(redirected) = redirected else {
            return Err(GatewayError::ours(408, "timeout", "Authorization timed out or no code received."));
        };
        let code = grant.code(redirected).map_err(|error| match error {
            SignInError::Refused(refused) => {
                GatewayError::ours(400, &refused.error, format!("Authorization denied: {refused}"))
            }
            other => GatewayError::ours(403, "access_denied", format!("Authorization denied: {other}")),
        })?;
        self.exchange_code(code.expose(), &grant.redirect_uri, grant.verifier.expose()).await
    }

    /// An address to open in a browser that comes back to `redirect_uri`, where the caller listens.
    ///
    /// # Errors
    /// As [`discover`](Self::discover).
    pub async fn get_authorization_url(&self, redirect_uri: &str) -> Result<AuthCodeRequest, GatewayError> {
        let found = self.discover().await?;
        let grant = self.grant(&found, redirect_uri.to_owned())?;
        Ok(AuthCodeRequest {
            authorization_url: grant.url.to_string(),
            code_verifier: grant.verifier.expose().clone(),
            state: grant.state,
            redirect_uri: grant.redirect_uri,
        })
    }

    /// Exchanges the code that a browser brought back. The caller has compared the state.
    ///
    /// # Errors
    /// As [`discover`](Self::discover), and when the code is not taken.
    pub async fn exchange_code(
        &self,
        code: &str,
        redirect_uri: &str,
        code_verifier: &str,
    ) -> Result<TokenResponse, GatewayError> {
        let found = self.discover().await?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", self.options.oidc_client_id.as_str()),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", code_verifier),
        ];
        let response = self.send(&form(&endpoint(&found.token_endpoint)?, &fields)).await?;
        if !response.status.is_success() {
            return Err(refused_by_idp("Code exchange failed", &refusal(&response), &response));
        }
        self.keep(read(&response)?).await
    }

    /// Gets new tokens. Whoever asks meanwhile waits.
    ///
    /// # Errors
    /// When nobody is signed in; as [`discover`](Self::discover). A refusal ends the sign-in.
    pub async fn refresh_token(&self) -> Result<TokenResponse, GatewayError> {
        let found = self.discover().await?;
        let mut held = self.held.lock().await;
        self.refresh(&found, &mut held).await
    }

    async fn refresh(
        &self,
        found: &OidcDiscoveryResult,
        held: &mut Held,
    ) -> Result<TokenResponse, GatewayError> {
        if held.refresh.is_empty() {
            return Err(GatewayError::ours(401, "no_refresh_token", "Not logged in"));
        }
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.options.oidc_client_id.as_str()),
            ("refresh_token", held.refresh.as_str()),
        ];
        let response = self.send(&form(&endpoint(&found.token_endpoint)?, &fields)).await?;
        if !response.status.is_success() {
            // A provider in trouble does not end a sign-in.
            if !response.status.is_server_error() {
                *held = Held::default();
            }
            return Err(refused_by_idp("Token refresh failed", &refusal(&response), &response));
        }
        let tokens: TokenResponse = read(&response)?;
        self.put(held, &tokens);
        Ok(tokens)
    }

    /// An access token that is good now; refreshes it when it is not.
    ///
    /// # Errors
    /// When nobody is signed in; as [`refresh_token`](Self::refresh_token).
    pub async fn get_access_token(&self) -> Result<String, GatewayError> {
        let mut held = self.held.lock().await;
        if !self.is_expired(&held) {
            return Ok(held.access.clone());
        }
        if held.refresh.is_empty() {
            return Err(GatewayError::ours(401, "not_logged_in", "Token expired and no refresh token"));
        }
        let found = self.discover().await?;
        Ok(self.refresh(&found, &mut held).await?.access_token)
    }

    /// Forgets the tokens and ends them at the realm; that the latter did not work is not told.
    ///
    /// # Errors
    /// None today.
    pub async fn logout(&self) -> Result<(), GatewayError> {
        let held = std::mem::take(&mut *self.held.lock().await);
        if held.refresh.is_empty() {
            return Ok(());
        }
        let Ok(found) = self.discover().await else { return Ok(()) };
        let Ok(at) = endpoint(&found.revocation_endpoint) else { return Ok(()) };
        let fields = [
            ("client_id", self.options.oidc_client_id.as_str()),
            ("token", held.refresh.as_str()),
            ("token_type_hint", "refresh_token"),
        ];
        if let Err(error) = self.send(&form(&at, &fields)).await {
            tracing::debug!(%error, "the sign-in was not ended at the identity provider");
        }
        Ok(())
    }

    /// What a person still has to allow, when an error says so.
    pub fn parse_consent_error(error: &GatewayError) -> Option<ConsentErrorInfo> {
        const CODES: [&str; 3] = ["app_consent_required", "app_consent_pending", "app_consent_denied"];
        let GatewayError::Api { status_code: 403, response_body: Some(body), .. } = error else {
            return None;
        };
        let value: serde_json::Value = serde_json::from_str(body).ok()?;
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let code = text("error").filter(|code| CODES.contains(&code.as_str()))?;
        Some(ConsentErrorInfo {
            error: code,
            message: text("message").unwrap_or_default(),
            consent_url: text("consentUrl"),
            app_name: text("appName"),
            app_id: text("appId"),
        })
    }

    fn grant(&self, found: &OidcDiscoveryResult, redirect: String) -> Result<BrowserGrant, GatewayError> {
        let at = endpoint(&found.authorization_endpoint)?;
        Ok(BrowserGrant::at(at, &self.options.oidc_client_id, redirect, None, &*self.host))
    }

    async fn keep(&self, tokens: TokenResponse) -> Result<TokenResponse, GatewayError> {
        self.put(&mut *self.held.lock().await, &tokens);
        Ok(tokens)
    }

    fn put(&self, held: &mut Held, tokens: &TokenResponse) {
        let lives = Duration::from_secs(u64::try_from(tokens.expires_in).unwrap_or(0));
        *held = Held {
            access: tokens.access_token.clone(),
            refresh: tokens.refresh_token.clone(),
            expires_at: Some(time(self.host.now().after(lives).before(EXPIRY_SLACK))),
        };
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, GatewayError> {
        read(&self.send(&request).await?)
    }

    async fn send(&self, request: &Request) -> Result<Response, GatewayError> {
        let http = match &self.options.reqwest_client {
            Some(http) => http.clone(),
            None => http_client()?,
        };
        Ok(exchange(&http, "", request).await?)
    }
}

impl std::fmt::Debug for AirlockAuthClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("AirlockAuthClient");
        out.field("realm", &self.options.keycloak_realm_url).finish_non_exhaustive()
    }
}

fn read<T: DeserializeOwned>(response: &Response) -> Result<T, GatewayError> {
    if !response.status.is_success() {
        return Err(refused_by_idp("Request failed", &refusal(response), response));
    }
    Ok(serde_json::from_slice(&response.body)?)
}

fn refused_by_idp(what: &str, refused: &IdpRefusal, response: &Response) -> GatewayError {
    let description = refused.description.as_deref().unwrap_or_default();
    GatewayError::ours(
        response.status.as_u16(),
        &refused.error,
        format!("{what}: {} — {description}", refused.error),
    )
}

fn expired() -> GatewayError {
    GatewayError::ours(400, "expired_token", "Device code expired. Please try again.")
}

fn endpoint(text: &str) -> Result<Url, GatewayError> {
    text.parse().map_err(|_| GatewayError::ours(0, "missing_endpoint", "the realm does not offer this"))
}

fn time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

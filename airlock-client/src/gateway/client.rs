//! The published client's methods, each one call.

use std::sync::Arc;

use airlock_core::Host;
use airlock_core::runtime::SystemHost;

use super::errors::GatewayError;
use super::models::{
    ArtifactSubmitRequest, DecisionDeliverEnvelope, DndEffectiveResponse, EchoResponse,
    EncryptedArtifactRequest, ExchangeStatusResponse, PairingClaimRequest, PairingClaimResponse,
    PairingInitiateRequest, PairingInitiateResponse, PairingRevokeResponse, PairingStatusResponse,
    PresenceHeartbeatRequest,
};
use super::{canonical_json, crypto};
use crate::auth::put_texts;
use crate::calls::{self, Call, Submission};
use crate::transport::{exchange, http_client};

/// What is sent when the caller names no kind.
const ARTIFACT_TYPE_DEFAULT: &str = "command-approval";

/// A client of the gateway. Requests are sent once; nothing is repeated by itself.
///
/// ```no_run
/// use airlock_client::gateway as airlock_gateway;
/// use airlock_gateway::*;
///
/// # async fn demo() -> Result<(), GatewayError> {
/// let client = AirlockGatewayClient::new("https://airlock.example.com", Some("your-token"));
/// let request_id = client
///     .submit_artifact(ArtifactSubmitRequest {
///         enforcer_id: "my-enforcer".into(),
///         artifact_hash: "sha256-hash".into(),
///         ciphertext: EncryptedPayload {
///             alg: "aes-256-gcm".into(),
///             data: "base64-encrypted-content".into(),
///             nonce: Some("nonce".into()),
///             tag: Some("tag".into()),
///             aad: None,
///         },
///         artifact_type: None,
///         expires_at: None,
///         metadata: None,
///         request_id: None,
///     })
///     .await?;
/// if let Some(decision) = client.wait_for_decision(&request_id, 30).await? {
///     if let Some(body) = &decision.body {
///         // Not verified yet: see `airlock_client::approvals::verify_decision`.
///         println!("{} {:?}", body.is_approved(), body.reason);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct AirlockGatewayClient {
    base_url: String,
    token: Option<String>,
    pat: Option<String>,
    app: Option<(String, String)>,
    http: Option<reqwest::Client>,
    host: Arc<dyn Host>,
}

impl AirlockGatewayClient {
    /// With a bearer token, or none.
    pub fn new(base_url: impl Into<String>, token: Option<impl Into<String>>) -> Self {
        Self::made(base_url.into(), token.map(Into::into), None, http_client().ok())
    }
    /// As an app.
    pub fn with_credentials(
        base_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
    ) -> Self {
        let app = Some((client_id.into(), client_secret.into()));
        Self::made(base_url.into(), None, app, http_client().ok())
    }
    /// Over an HTTP client of one's own; it should follow no redirects.
    pub fn with_http_client(
        base_url: impl Into<String>,
        token: Option<impl Into<String>>,
        http: reqwest::Client,
    ) -> Self {
        Self::made(base_url.into(), token.map(Into::into), None, Some(http))
    }
    /// As an app, over an HTTP client of one's own; it should follow no redirects.
    pub fn with_credentials_and_http_client(
        base_url: impl Into<String>,
        client_id: impl Into<String>,
        client_secret: impl Into<String>,
        http: reqwest::Client,
    ) -> Self {
        Self::made(base_url.into(), None, Some((client_id.into(), client_secret.into())), Some(http))
    }

    fn made(
        base_url: String,
        token: Option<String>,
        app: Option<(String, String)>,
        http: Option<reqwest::Client>,
    ) -> Self {
        let base_url = base_url.trim_end_matches('/').to_owned();
        Self { base_url, token, pat: None, app, http, host: Arc::new(SystemHost::new()) }
    }

    /// Sets or takes away the bearer token.
    pub fn set_bearer_token(&mut self, token: Option<impl Into<String>>) {
        self.token = token.map(Into::into);
    }
    /// Sets or takes away the personal access token.
    pub fn set_pat(&mut self, pat: Option<impl Into<String>>) {
        self.pat = pat.map(Into::into);
    }

    /// `GET /echo`: is a gateway there?
    ///
    /// # Errors
    /// As every method: when there is no answer, a refusal, or an answer of another form.
    pub async fn echo(&self) -> Result<EchoResponse, GatewayError> {
        self.call(calls::echo()).await
    }

    /// `POST /v1/artifacts`; the request's id.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn submit_artifact(&self, request: ArtifactSubmitRequest) -> Result<String, GatewayError> {
        let request_id = request.request_id.unwrap_or_else(|| calls::new_id("req-", &*self.host));
        let submission = Submission {
            request_id: &request_id,
            enforcer_id: &request.enforcer_id,
            artifact_type: request.artifact_type.as_deref().unwrap_or(ARTIFACT_TYPE_DEFAULT),
            artifact_hash: &request.artifact_hash,
            ciphertext: &request.ciphertext,
            expires_at: request.expires_at.as_deref(),
            metadata: request.metadata.as_ref(),
        };
        self.call(calls::submit(&submission, self.host.now(), &*self.host)).await?;
        Ok(request_id)
    }

    /// Makes the payload canonical, hashes and encrypts it, and submits it; the request's id.
    ///
    /// # Errors
    /// [`GatewayError::Crypto`] when payload or key is blank or wrong; else as [`echo`](Self::echo).
    pub async fn encrypt_and_submit_artifact(
        &self,
        request: EncryptedArtifactRequest,
    ) -> Result<String, GatewayError> {
        let blank = |text: &str| text.trim().is_empty();
        if blank(&request.plaintext_payload) {
            return Err(GatewayError::Crypto("plaintext_payload is blank".into()));
        }
        if blank(&request.encryption_key_base64url) {
            return Err(GatewayError::Crypto("encryption_key_base64url is blank".into()));
        }
        let canonical =
            canonical_json::canonicalize(&request.plaintext_payload).map_err(GatewayError::Crypto)?;
        let ciphertext = crypto::aes_gcm_encrypt(&request.encryption_key_base64url, &canonical)
            .map_err(GatewayError::Crypto)?;
        self.submit_artifact(ArtifactSubmitRequest {
            enforcer_id: request.enforcer_id,
            artifact_type: request.artifact_type,
            artifact_hash: crypto::sha256_hex(&canonical),
            ciphertext,
            expires_at: request.expires_at,
            metadata: request.metadata,
            request_id: request.request_id,
        })
        .await
    }

    /// `GET /v1/exchanges/{id}`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn get_exchange_status(
        &self,
        request_id: &str,
    ) -> Result<ExchangeStatusResponse, GatewayError> {
        self.call(calls::exchange_status(request_id)).await
    }

    /// `GET /v1/exchanges/{id}/wait`, 1 to 60 seconds; `None` when there is no decision yet.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn wait_for_decision(
        &self,
        request_id: &str,
        timeout_seconds: u32,
    ) -> Result<Option<DecisionDeliverEnvelope>, GatewayError> {
        self.call(calls::wait(request_id, timeout_seconds)).await
    }

    /// `POST /v1/exchanges/{id}/withdraw`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn withdraw_exchange(&self, request_id: &str) -> Result<(), GatewayError> {
        self.call(calls::withdraw(request_id)).await
    }

    /// `POST /v1/acks`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn submit_ack(&self, msg_id: &str, request_id: Option<&str>) -> Result<(), GatewayError> {
        self.call(calls::ack(msg_id, request_id, self.host.now(), &*self.host)).await
    }

    /// `POST /v1/pairing/initiate`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn initiate_pairing(
        &self,
        request: &PairingInitiateRequest,
    ) -> Result<PairingInitiateResponse, GatewayError> {
        self.call(calls::initiate_pairing(request)).await
    }

    /// `GET /v1/pairing/{nonce}/status`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn get_pairing_status(&self, nonce: &str) -> Result<PairingStatusResponse, GatewayError> {
        self.call(calls::pairing_status(nonce)).await
    }

    /// `POST /v1/pairing/revoke`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn revoke_pairing(&self, routing_token: &str) -> Result<PairingRevokeResponse, GatewayError> {
        self.call(calls::revoke_pairing(routing_token)).await
    }

    /// `POST /v1/pairing/claim`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn claim_pairing(
        &self,
        request: &PairingClaimRequest,
    ) -> Result<PairingClaimResponse, GatewayError> {
        self.call(calls::claim_pairing(request)).await
    }

    /// `POST /v1/presence/heartbeat`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn send_heartbeat(&self, request: &PresenceHeartbeatRequest) -> Result<(), GatewayError> {
        self.call(calls::heartbeat(request)).await
    }

    /// `GET /v1/policy/dnd/effective`.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn get_effective_dnd_policies(
        &self,
        enforcer_id: &str,
        workspace_id: &str,
        session_id: Option<&str>,
    ) -> Result<DndEffectiveResponse, GatewayError> {
        self.call(calls::effective_dnd(enforcer_id, workspace_id, session_id)).await
    }

    /// `GET /v1/consent/status`: `approved`, or a refusal with one of the codes of consent.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub async fn check_consent(&self) -> Result<String, GatewayError> {
        self.call(calls::consent()).await
    }

    async fn call<T>(&self, mut call: Call<T>) -> Result<T, GatewayError> {
        let made;
        let http = match &self.http {
            Some(http) => http,
            // The system gave none when this client was made; it may by now.
            None => {
                made = http_client()?;
                &made
            }
        };
        let app = self.app.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
        put_texts(&mut call.request, self.token.as_deref(), self.pat.as_deref(), app)?;
        let response = exchange(http, &self.base_url, &call.request).await?;
        Ok(call.read(&response)?)
    }
}

impl std::fmt::Debug for AirlockGatewayClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AirlockGatewayClient").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

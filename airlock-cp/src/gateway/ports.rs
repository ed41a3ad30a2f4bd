//! Port: what first-party enforcers ask of the authorization server in JSON, instead of in OAuth's forms.

use std::net::IpAddr;
use std::time::Duration;

use airlock_core::Secret;
use async_trait::async_trait;

/// A device that waits for its person.
#[derive(Debug)]
pub struct StartedDevice {
    /// What the device shows when it asks again.
    pub device_code: Secret<String>,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// How long the codes are good.
    pub expires_in: Duration,
    /// How long to wait between two questions.
    pub interval: Duration,
}

/// Tokens just issued.
#[derive(Debug)]
pub struct IssuedTokens {
    /// Opens.
    pub access_token: Secret<String>,
    /// Gets the next.
    pub refresh_token: Secret<String>,
    /// How long the access token is good.
    pub expires_in: Duration,
}

/// What a device that asks again is told.
#[derive(Debug)]
pub enum DevicePoll {
    /// Its person said yes.
    Completed(IssuedTokens),
    /// They have not decided yet.
    Pending,
    /// The same, and it asks too often.
    SlowDown,
    /// The code is past its time, or was never given out.
    Expired,
    /// They said no.
    Denied,
}

/// Why there are no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The refresh token is none, was used, or was revoked.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Nothing can be issued just now.
    #[error("no tokens can be issued just now")]
    Unavailable,
}

/// The authorization server, for the client `airlock-integrations`.
#[async_trait]
pub trait AuthProxies: Send + Sync + std::fmt::Debug {
    /// Begins the sign-in of a device.
    async fn begin_device(&self, peer: IpAddr) -> Result<StartedDevice, ProxyError>;
    /// Asks what became of it.
    async fn poll_device(&self, device_code: &str, peer: IpAddr) -> Result<DevicePoll, ProxyError>;
    /// Gives new tokens for a refresh token, which is used up.
    async fn refresh(&self, refresh_token: &str, peer: IpAddr) -> Result<IssuedTokens, ProxyError>;
}

/// A control plane without an authorization server.
#[derive(Clone, Copy, Debug)]
pub struct NoProxies;

#[async_trait]
impl AuthProxies for NoProxies {
    async fn begin_device(&self, _: IpAddr) -> Result<StartedDevice, ProxyError> {
        Err(ProxyError::Unavailable)
    }
    async fn poll_device(&self, _: &str, _: IpAddr) -> Result<DevicePoll, ProxyError> {
        Err(ProxyError::Unavailable)
    }
    async fn refresh(&self, _: &str, _: IpAddr) -> Result<IssuedTokens, ProxyError> {
        Err(ProxyError::Unavailable)
    }
}

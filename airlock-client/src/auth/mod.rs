//! Who asks: an app, and the person on whose behalf it asks.
//!
//! A person is shown by a personal access token, by a bearer token of one's own, or by a [`Session`]: a sign-in by device
//! code ([`DeviceGrant`]) or through a browser on the same machine ([`BrowserGrant`]), refreshed by itself.

mod browser;
mod device;
mod idp;
mod loopback;
mod session;
mod token_store;

use std::fmt;
use std::sync::Arc;

use airlock_core::Secret;
use http::HeaderName;
use http::header::AUTHORIZATION;

pub use browser::{BrowserGrant, CALLBACK_TIME_MAX, Redirected};
pub use device::{DeviceGrant, Polled};
pub use idp::{Endpoints, Idp, IdpRefusal, SCOPE, SignInError, Tokens};
pub(crate) use idp::{form, refusal};
pub use loopback::Loopback;
pub use session::Session;
pub use token_store::{FileTokenStore, MemoryTokenStore, TokenStore};

use crate::error::ClientError;
use crate::transport::{Request, TransportError};

static X_PAT: HeaderName = HeaderName::from_static("x-pat");
static X_CLIENT_ID: HeaderName = HeaderName::from_static("x-client-id");
static X_CLIENT_SECRET: HeaderName = HeaderName::from_static("x-client-secret");

/// The app that asks: what it got when it was registered.
#[derive(Clone, Debug)]
pub struct AppCredentials {
    /// Its public id.
    pub client_id: String,
    /// Its secret; public apps have none.
    pub client_secret: Option<Secret<String>>,
}

/// The person on whose behalf is asked.
#[derive(Clone)]
#[non_exhaustive]
pub enum UserCredential {
    /// A personal access token, `airpat_…`.
    Pat(Secret<String>),
    /// An access token that somebody else keeps fresh.
    Bearer(Secret<String>),
    /// A sign-in that is refreshed when its token is about to end.
    Session(Arc<Session>),
}

impl fmt::Debug for UserCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pat(_) => "Pat(..)",
            Self::Bearer(_) => "Bearer(..)",
            Self::Session(_) => "Session(..)",
        })
    }
}

/// What is shown with every request.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The app, when there is one.
    pub app: Option<AppCredentials>,
    /// The person.
    pub user: Option<UserCredential>,
}

impl Credentials {
    /// Puts them into a request.
    pub(crate) async fn put(&self, request: &mut Request) -> Result<(), ClientError> {
        if let Some(app) = &self.app {
            request.put_secret(X_CLIENT_ID.clone(), &app.client_id)?;
            if let Some(secret) = &app.client_secret {
                request.put_secret(X_CLIENT_SECRET.clone(), secret.expose())?;
            }
        }
        match &self.user {
            None => {}
            Some(UserCredential::Pat(pat)) => request.put_secret(X_PAT.clone(), pat.expose())?,
            Some(UserCredential::Bearer(token)) => put_bearer(request, token)?,
            Some(UserCredential::Session(session)) => put_bearer(request, &session.access_token().await?)?,
        }
        Ok(())
    }
}

/// Puts credentials in as the published clients hold them: texts, any of which may be absent.
pub(crate) fn put_texts(
    request: &mut Request,
    token: Option<&str>,
    pat: Option<&str>,
    app: Option<(&str, &str)>,
) -> Result<(), TransportError> {
    if let Some(token) = token {
        request.put_secret(AUTHORIZATION, &format!("Bearer {token}"))?;
    }
    if let Some(pat) = pat {
        request.put_secret(X_PAT.clone(), pat)?;
    }
    if let Some((id, secret)) = app {
        request.put_secret(X_CLIENT_ID.clone(), id)?;
        request.put_secret(X_CLIENT_SECRET.clone(), secret)?;
    }
    Ok(())
}

pub(crate) fn put_bearer(request: &mut Request, token: &Secret<String>) -> Result<(), TransportError> {
    request.put_secret(AUTHORIZATION, &format!("Bearer {}", token.expose()))
}

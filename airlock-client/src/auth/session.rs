//! One sign-in, refreshed when its token is about to end: by one request, however many ask.

use std::sync::Arc;

use airlock_core::{Secret, Timestamp};
use tokio::sync::Mutex;

use super::idp::{Idp, SignInError, Tokens};
use super::token_store::TokenStore;
use crate::error::ClientError;

/// A sign-in that lasts.
pub struct Session {
    idp: Idp,
    store: Arc<dyn TokenStore>,
    /// Held while the token is refreshed: whoever asks meanwhile waits and gets the same one.
    tokens: Mutex<Option<Tokens>>,
}

impl Session {
    /// A session over what a store keeps, if it keeps anything.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn restore(idp: Idp, store: Arc<dyn TokenStore>) -> Result<Self, ClientError> {
        let tokens = store.load().map_err(SignInError::Store)?;
        Ok(Self { idp, store, tokens: Mutex::new(tokens) })
    }

    /// A session over fresh tokens, which the store keeps from now on.
    ///
    /// # Errors
    /// When the store cannot keep them.
    pub fn begin(idp: Idp, store: Arc<dyn TokenStore>, tokens: Tokens) -> Result<Self, ClientError> {
        store.save(&tokens).map_err(SignInError::Store)?;
        Ok(Self { idp, store, tokens: Mutex::new(Some(tokens)) })
    }

    /// The identity provider.
    pub fn idp(&self) -> &Idp {
        &self.idp
    }

    /// Whether there is anything to show or refresh.
    pub async fn is_signed_in(&self) -> bool {
        self.tokens.lock().await.is_some()
    }

    /// A token that is good now. Refreshes it when it is about to end.
    ///
    /// Dropping the future while it refreshes may lose the answer, and with it the new refresh token; the identity
    /// provider gives the same answer again for half a minute.
    ///
    /// # Errors
    /// When nobody is signed in, or the identity provider ends the sign-in: then the tokens are forgotten. A provider that
    /// cannot be reached does not end it.
    pub async fn access_token(&self) -> Result<Secret<String>, ClientError> {
        let mut held = self.tokens.lock().await;
        let now = self.idp.host.now();
        let is_good = |tokens: &&Tokens| tokens.expires_at > now;
        if let Some(tokens) = held.as_ref().filter(is_good) {
            return Ok(tokens.access.clone());
        }
        // Another process may have refreshed it meanwhile; a refresh token is good once.
        match self.store.load() {
            // The same one is no better than the one held, which the gateway may have refused before its time.
            Ok(Some(kept)) if held.as_ref().is_none_or(|own| !own.access.matches(kept.access.expose())) => {
                *held = Some(kept);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the kept tokens are not read"),
        }
        if let Some(tokens) = held.as_ref().filter(is_good) {
            return Ok(tokens.access.clone());
        }
        let refresh = held.as_ref().and_then(|tokens| tokens.refresh.clone());
        let refresh = refresh.ok_or(SignInError::NotSignedIn)?;
        match self.idp.refresh(&refresh).await {
            Ok(tokens) => {
                let access = tokens.access.clone();
                // The token is good even where it cannot be kept; the next start signs in again.
                if let Err(error) = self.store.save(&tokens) {
                    tracing::warn!(%error, "the new tokens are not kept");
                }
                *held = Some(tokens);
                Ok(access)
            }
            Err(ClientError::SignIn(SignInError::Refused(refused)))
                if refused.status < 500 && refused.status != 429 =>
            {
                *held = None;
                if let Err(error) = self.store.clear() {
                    tracing::warn!(%error, "the ended tokens are still kept");
                }
                Err(SignInError::Refused(refused).into())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the token for ended before its time; whether there is another way to get one.
    pub(crate) async fn expire(&self) -> bool {
        let mut held = self.tokens.lock().await;
        let Some(tokens) = held.as_mut().filter(|tokens| tokens.refresh.is_some()) else { return false };
        tokens.expires_at = Timestamp::default();
        true
    }

    /// Ends the sign-in here and at the identity provider.
    ///
    /// # Errors
    /// When the kept tokens cannot be removed.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        let tokens = self.tokens.lock().await.take();
        let cleared = self.store.clear();
        if let Some(refresh) = tokens.and_then(|tokens| tokens.refresh) {
            self.idp.revoke(&refresh).await;
        }
        Ok(cleared.map_err(SignInError::Store)?)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("client_id", &self.idp.client_id).finish_non_exhaustive()
    }
}

//! The revocation endpoint (RFC 7009): a refresh token ends its family, an access token itself. Unknown ones are no error.

use airlock_core::audit::Action;
use http::HeaderMap;

use super::base::{Base, Seen};
use super::client_auth::ClientAuth;
use super::params::Params;
use super::tokens_repo::{self as repo, FamilyRow};
use super::{OauthError, families_repo};
use crate::revocations::{Revocations, Revoked};
use crate::secrets::{Prefix, digest};

/// The revocation endpoint. Cloning shares it.
#[derive(Clone, Debug)]
pub struct RevocationEndpoint {
    base: Base,
    auth: ClientAuth,
}

impl RevocationEndpoint {
    pub(super) fn new(base: Base, auth: ClientAuth) -> Self {
        Self { base, auth }
    }

    /// Answers a request: its headers and its form. `token_type_hint` is not needed: the text says what it is.
    ///
    /// # Errors
    /// When the client does not show which one it is, or names no token. Never for a token that is not there, or is
    /// another client's, which stays as it is.
    pub async fn answer(&self, headers: &HeaderMap, params: &Params, seen: &Seen) -> Result<(), OauthError> {
        params.each_once()?;
        let shown = params.need("token", "token is missing")?;
        let client = self.auth.client(headers, params).await?;
        let now = self.base.now();
        let mut tx = self.base.store.begin().await?;
        let family = if let Some(hash) = Prefix::Refresh.digest_of(shown) {
            let found = repo::lock_refresh(&mut tx, &hash).await?.map(|row| row.family);
            let Some(family) = own(found, &client.client_id) else { return Ok(()) };
            if !families_repo::revoke(&mut tx, &family.id, "client_revoked_token", now).await? {
                return Ok(());
            }
            Revocations::record(&mut tx, &Revoked::Family { family: family.id.clone() }, now).await?;
            family
        } else {
            let hash = digest(shown);
            let found = repo::family_of_access(&mut tx, &hash).await?;
            let Some(family) = own(found, &client.client_id) else { return Ok(()) };
            if !repo::revoke_access(&mut tx, &hash, now).await? {
                return Ok(());
            }
            Revocations::record(&mut tx, &Revoked::AccessToken { digest: hex::encode(hash) }, now).await?;
            family
        };
        tx.commit().await?;
        self.base.hear().await?;
        let caller = seen.person(&family.user);
        self.base.note(&caller, Action::TokenRevoked, &family.org, &family.client_id, None).await
    }
}

fn own(family: Option<FamilyRow>, client_id: &str) -> Option<FamilyRow> {
    family.filter(|family| family.client_id == client_id)
}

//! Checks personal access tokens.
//!
//! There is no cache: a token that was taken back opens nothing at the next request, in any process.

use std::sync::Arc;

use airlock_core::Host;

use super::{Pat, repo};
use crate::authz::Role;
use crate::error::ServiceError;
use crate::identity::{Orgs, User, Users};
use crate::secrets::Prefix;
use crate::store::Store;

/// A token that was shown and holds, with its owner as they are now.
#[derive(Clone, Debug)]
pub struct VerifiedPat {
    /// The token.
    pub pat: Pat,
    /// Its owner.
    pub user: User,
    /// What they are in the token's org.
    pub role: Role,
}

/// Personal access tokens. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Pats {
    store: Store,
    host: Arc<dyn Host>,
    users: Users,
    orgs: Orgs,
}

impl Pats {
    pub(crate) fn new(store: Store, host: Arc<dyn Host>, users: Users, orgs: Orgs) -> Self {
        Self { store, host, users, orgs }
    }

    /// The token of this text with its owner; `None` if it is none, is past its time, was taken back, or its owner is
    /// disabled or has left the org.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn verify(&self, shown: &str) -> Result<Option<VerifiedPat>, ServiceError> {
        let Some(hash) = Prefix::Pat.digest_of(shown) else { return Ok(None) };
        let Some(pat) = repo::by_hash(&self.store, &hash).await? else { return Ok(None) };
        if pat.revoked_at.is_some() || self.host.now() >= pat.expires_at {
            return Ok(None);
        }
        let Some(role) = self.orgs.role_of(&pat.org_id, &pat.user_id).await? else { return Ok(None) };
        let user = self.users.show(&pat.user_id).await?;
        Ok(Some(VerifiedPat { pat, user, role }))
    }
}

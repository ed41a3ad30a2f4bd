//! What every part of the authorization server stands on.

use std::net::IpAddr;
use std::sync::Arc;

use airlock_core::audit::Action;
use airlock_core::crypto::PrivateKey;
use airlock_core::id::{OrgId, UserId};
use airlock_core::{Code, Host, Secret, Timestamp};

use super::OauthError;
use crate::audit::{Caller, Journal, Subject};
use crate::error::ServiceError;
use crate::revocations::Revocations;
use crate::store::Store;

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The peer's address.
    pub ip: IpAddr,
    /// Its user agent.
    pub user_agent: Option<String>,
}

impl Seen {
    /// A person, seen there.
    pub(super) fn person(&self, user: &UserId) -> Caller {
        Caller::person(user).at(self.ip, self.user_agent.as_deref())
    }
    /// Nobody we know, seen there.
    pub(super) fn nobody(&self) -> Caller {
        Caller::anonymous().at(self.ip, self.user_agent.as_deref())
    }
}

/// What every part stands on. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) store: Store,
    pub(crate) host: Arc<dyn Host>,
    pub(crate) journal: Journal,
    pub(crate) revocations: Revocations,
    /// Our own name. Nothing of a request gets into what we say of ourselves.
    pub(crate) issuer: Arc<str>,
    pub(crate) key: Arc<PrivateKey>,
    /// What successors of refresh tokens are derived with, so that a lost answer can be given again from digests alone.
    pub(crate) token_secret: Arc<Secret<[u8; 32]>>,
}

impl Base {
    pub(super) fn now(&self) -> Timestamp {
        self.host.now()
    }

    /// Writes down what happened; nothing is answered that is not written.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        action: Action,
        org: &OrgId,
        about: &str,
        refused: Option<Code>,
    ) -> Result<(), OauthError> {
        Ok(self.journal.note(caller, action, subject(org, about), refused).await?)
    }

    /// Lets this process hear of what it just took back.
    pub(super) async fn hear(&self) -> Result<(), ServiceError> {
        Ok(self.revocations.poll().await?)
    }
}

/// What an act is done to.
pub(super) fn subject(org: &OrgId, about: &str) -> Subject {
    Subject { org: org.clone(), tenant: None, resource: Some(about.chars().take(256).collect()) }
}

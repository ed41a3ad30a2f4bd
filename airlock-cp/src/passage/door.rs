//! Who may come in: the holders of the tenant's API keys, as often as their key allows.

use std::net::IpAddr;
use std::time::Duration;

use airlock_core::principal::{Actor, ActorKind, Principal};
use async_trait::async_trait;

use crate::mcp::{Door, DoorError, Visitor, Whose};
use crate::metrics::Metrics;
use crate::tenants::Tenants;
use crate::tenants::verify::{KeyError, Keys};

pub(super) struct KeysDoor {
    pub(super) keys: Keys,
    pub(super) tenants: Tenants,
    pub(super) metrics: Metrics,
}

#[async_trait]
impl Door for KeysDoor {
    async fn enter(&self, slug: &str, bearer: Option<&str>, peer: IpAddr) -> Result<Visitor, DoorError> {
        let key = match bearer {
            Some(bearer) => self.keys.verify(slug, bearer, peer).await,
            None => Err(KeyError::Unknown),
        };
        let key = match key {
            Ok(key) => key,
            Err(KeyError::Unavailable) => return Err(DoorError::Unavailable),
            Err(KeyError::TooManyAttempts { retry_after }) => {
                return Err(limited(retry_after, self.whose(slug).await));
            }
            Err(error) => {
                self.metrics.auth_failure("mcp");
                let revoked = error == KeyError::Revoked;
                return Err(DoorError::Unauthorized { revoked, of: self.whose(slug).await });
            }
        };
        let whose = Whose { org: key.org.clone(), tenant: key.tenant.clone() };
        self.keys.take(&key).map_err(|wait| limited(wait, Some(whose)))?;
        let actor = Actor { kind: ActorKind::ApiKey, id: key.kid.to_string(), name: Some(key.name) };
        Ok(Visitor { org: key.org, tenant: key.tenant, principal: Principal { actor, scope: key.scope } })
    }
}

impl KeysDoor {
    /// Whose log the refusal belongs in; nobody's when there is no such tenant or the store does not say.
    async fn whose(&self, slug: &str) -> Option<Whose> {
        let slug = slug.parse().ok()?;
        let tenant = self.tenants.by_slug(&slug).await.ok()?;
        Some(Whose { org: tenant.org_id, tenant: tenant.id })
    }
}

fn limited(wait: Duration, of: Option<Whose>) -> DoorError {
    // Rounded up: coming again at the second told is not too early.
    DoorError::RateLimited { retry_after_s: wait.as_secs() + u64::from(wait.subsec_nanos() > 0), of }
}

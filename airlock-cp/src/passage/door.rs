//! Who may come in: the holders of the tenant's API keys, and people through an OAuth client, side by side on one URL.

use std::net::IpAddr;
use std::time::Duration;

use airlock_core::id::TenantSlug;
use airlock_core::principal::{Actor, ActorKind, Principal};
use async_trait::async_trait;

use super::people::PeopleDoor;
use crate::mcp::{Door, DoorError, Reach, Visitor, Whose};
use crate::metrics::Metrics;
use crate::tenants::Tenants;
use crate::tenants::verify::{KeyError, Keys};

/// What every key of ours begins with. Anything else may be an access token.
const KEY: &str = "ak_";

pub(super) struct MainDoor {
    pub(super) keys: KeysDoor,
    pub(super) people: PeopleDoor,
    pub(super) tenants: Tenants,
    pub(super) metrics: Metrics,
}

pub(super) struct KeysDoor {
    pub(super) keys: Keys,
}

/// Why somebody does not come in, before anybody looked whose log it belongs in.
pub(super) enum Turned {
    /// What they showed opens nothing here.
    Unknown,
    /// It was taken back.
    Revoked,
    /// They come too often.
    TooOften(Duration, Option<Whose>),
    /// They are known, and the door error says all.
    Told(DoorError),
    /// The store gave no answer.
    Unavailable,
}

#[async_trait]
impl Door for MainDoor {
    async fn enter(&self, slug: &str, bearer: Option<&str>, peer: IpAddr) -> Result<Visitor, DoorError> {
        let entered = match (bearer, slug.parse()) {
            (Some(key), _) if key.starts_with(KEY) => self.keys.enter(slug, key, peer).await,
            (Some(token), Ok(slug)) => self.people.enter(&slug, token, peer).await,
            _ => Err(Turned::Unknown),
        };
        let turned = match entered {
            Ok(visitor) => return Ok(visitor),
            Err(turned) => turned,
        };
        Err(match turned {
            Turned::Unavailable => DoorError::Unavailable,
            Turned::Told(error) => error,
            Turned::TooOften(wait, of) => {
                let of = if of.is_some() { of } else { self.whose(slug).await };
                // Rounded up: coming again at the second told is not too early.
                let retry_after_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                DoorError::RateLimited { retry_after_s, of }
            }
            Turned::Unknown | Turned::Revoked => {
                self.metrics.auth_failure("mcp");
                let revoked = matches!(turned, Turned::Revoked);
                DoorError::Unauthorized { revoked, of: self.whose(slug).await }
            }
        })
    }
}

impl MainDoor {
    /// Whose log the refusal belongs in; nobody's when there is no such tenant or the store does not say.
    async fn whose(&self, slug: &str) -> Option<Whose> {
        let slug: TenantSlug = slug.parse().ok()?;
        let tenant = self.tenants.by_slug(&slug).await.ok()?;
        Some(Whose { org: tenant.org_id, tenant: tenant.id })
    }
}

impl KeysDoor {
    async fn enter(&self, slug: &str, key: &str, peer: IpAddr) -> Result<Visitor, Turned> {
        let key = self.keys.verify(slug, key, peer).await.map_err(|error| match error {
            KeyError::Unavailable => Turned::Unavailable,
            KeyError::TooManyAttempts { retry_after } => Turned::TooOften(retry_after, None),
            KeyError::Revoked => Turned::Revoked,
            KeyError::Unknown | KeyError::Expired | KeyError::WrongTenant => Turned::Unknown,
        })?;
        let whose = Whose { org: key.org.clone(), tenant: key.tenant.clone() };
        self.keys.take(&key).map_err(|wait| Turned::TooOften(wait, Some(whose)))?;
        let actor = Actor { kind: ActorKind::ApiKey, id: key.kid.to_string(), name: Some(key.name) };
        let principal = Principal { actor, scope: key.scope };
        Ok(Visitor { org: key.org, tenant: key.tenant, principal, reach: Reach::Call })
    }
}

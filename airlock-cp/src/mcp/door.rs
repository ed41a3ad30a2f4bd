//! Ports of the endpoint: who may come in, where calls go, who keeps tasks.

use std::net::IpAddr;

use airlock_core::id::{OrgId, SessionId, TenantId, WorkerId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::principal::{Actor, Principal};
use airlock_core::{CallError, Code};
use async_trait::async_trait;
use futures::future::BoxFuture;

/// Whose log a row belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The org.
    pub org: OrgId,
    /// The tenant.
    pub tenant: TenantId,
}

/// One who came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The tenant's org.
    pub org: OrgId,
    /// The tenant that the URL names.
    pub tenant: TenantId,
    /// Who, and how far their credential reaches.
    pub principal: Principal,
    /// What they may do within that.
    pub reach: Reach,
}

/// What a credential was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Calling tools.
    Call,
    /// Reading the schema. A call of another tool is answered with the challenge to ask for more.
    Read,
}

/// Why someone did not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// No credential, or none that opens this door. An unknown tenant looks the same.
    #[error("unauthorized")]
    Unauthorized {
        /// Whether the credential was once good.
        revoked: bool,
        /// The tenant, when it is known: its log gets the row.
        of: Option<Whose>,
    },
    /// A good token that was not given for this endpoint's scopes.
    #[error("insufficient scope")]
    InsufficientScope {
        /// The tenant.
        of: Whose,
        /// Who.
        actor: Actor,
    },
    /// Too many requests.
    #[error("too many requests")]
    RateLimited {
        /// When to come again, seconds.
        retry_after_s: u64,
        /// The tenant, when it is known.
        of: Option<Whose>,
    },
    /// The store that knows the keys gives no answer.
    #[error("credentials cannot be checked now")]
    Unavailable,
}

/// Port: opens the door to those with a key of the tenant, or a token for it.
#[async_trait]
pub trait Door: Send + Sync {
    /// Lets a peer in. `slug` is as the URL has it; without `bearer` nothing is looked up or hashed.
    async fn enter(&self, slug: &str, bearer: Option<&str>, peer: IpAddr) -> Result<Visitor, DoorError>;
}

/// Port: the data planes of all tenants.
#[async_trait]
pub trait Planes: Send + Sync {
    /// Answers a call of a tenant, and says through which worker and tunnel when one was reached. Dropping the future
    /// cancels the call.
    async fn call(
        &self,
        tenant: &TenantId,
        call: ToolCall,
    ) -> (Result<Rendered, CallError>, Option<(WorkerId, SessionId)>);
}

/// Port: the process's registry of tasks. It waits for them when it stops.
pub trait Spawn: Send + Sync {
    /// Starts a task.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

impl Spawn for tokio_util::task::TaskTracker {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(self.spawn(work));
    }
}

impl DoorError {
    pub(super) fn of(&self) -> Option<&Whose> {
        match self {
            Self::Unauthorized { of, .. } | Self::RateLimited { of, .. } => of.as_ref(),
            Self::InsufficientScope { of, .. } => Some(of),
            Self::Unavailable => None,
        }
    }

    /// Who it was, when that is known.
    pub(super) fn actor(&self) -> Option<&Actor> {
        match self {
            Self::InsufficientScope { actor, .. } => Some(actor),
            _ => None,
        }
    }

    /// The same for the client: nothing in it tells an unknown tenant from a wrong key.
    pub(super) fn call_error(&self) -> CallError {
        match self {
            Self::Unauthorized { revoked: false, .. } => {
                CallError::new(Code::Unauthorized, "no valid API key for this endpoint")
            }
            Self::Unauthorized { revoked: true, .. } => {
                CallError::new(Code::Unauthorized, "this API key was revoked").with_detail("key_revoked")
            }
            Self::InsufficientScope { .. } => insufficient_scope(),
            Self::RateLimited { retry_after_s, .. } => CallError::new(Code::RateLimited, "too many requests")
                .with_retry_after_ms(retry_after_s.saturating_mul(1000)),
            Self::Unavailable => {
                CallError::new(Code::Busy, "credentials cannot be checked now").with_retry_after_ms(1000)
            }
        }
    }
}

/// The same at the door and at a call.
pub(super) fn insufficient_scope() -> CallError {
    CallError::new(Code::InsufficientScope, "the access token was not given for this")
        .with_hint("authorize again, for the scopes that WWW-Authenticate names")
}

//! People through an OAuth client: their access token, what their role was granted, and what the token was given for.

use std::net::IpAddr;
use std::sync::Arc;

use airlock_core::Host;
use airlock_core::audit::Event;
use airlock_core::id::{FamilyId, TenantSlug};
use airlock_core::principal::{Actor, ActorKind, Principal, ToolScope};
use airlock_core::tool::GET_SCHEMA;
use async_trait::async_trait;

use super::door::Turned;
use crate::grants::Grants;
use crate::http::limits::{Buckets, Rate, neighbourhood};
use crate::mcp::{DoorError, Reach, Visitor, Whose};
use crate::oauth::{AccessTokens, Resource, Scope, VerifiedToken};
use crate::store::StoreError;
use crate::tenants::TenantStatus;

const CALLS: Rate = Rate::per_minute(600);
// Tokens that open nothing, from one address. A client that lost its token tries a few times.
const FAILURES: Rate = Rate::per_minute(120);
const FAMILIES_MAX: usize = 10_000;
const ADDRESSES_MAX: usize = 10_000;

/// Port: who knows access tokens.
#[async_trait]
pub(super) trait Tokens: Send + Sync {
    /// The token of this text, if it holds.
    async fn verify(&self, shown: &str) -> Result<Option<VerifiedToken>, StoreError>;
}

#[async_trait]
impl Tokens for AccessTokens {
    async fn verify(&self, shown: &str) -> Result<Option<VerifiedToken>, StoreError> {
        Self::verify(self, shown).await
    }
}

pub(super) struct PeopleDoor {
    tokens: Box<dyn Tokens>,
    grants: Grants,
    host: Arc<dyn Host>,
    failures: Buckets<IpAddr>,
    calls: Buckets<FamilyId>,
}

impl PeopleDoor {
    pub(super) fn new(tokens: Box<dyn Tokens>, grants: Grants, host: Arc<dyn Host>) -> Self {
        let (failures, calls) = (Buckets::new(ADDRESSES_MAX), Buckets::new(FAMILIES_MAX));
        Self { tokens, grants, host, failures, calls }
    }

    pub(super) async fn enter(
        &self,
        slug: &TenantSlug,
        shown: &str,
        peer: IpAddr,
    ) -> Result<Visitor, Turned> {
        let (from, now) = (neighbourhood(peer), self.host.monotonic());
        if let Some(wait) = self.failures.wait(&from, FAILURES, now) {
            return Err(Turned::TooOften(wait, None));
        }
        let entered = self.known(slug, shown).await;
        if matches!(entered, Err(Turned::Unknown)) {
            let _ = self.failures.take(&from, FAILURES, now);
        }
        entered
    }

    async fn known(&self, slug: &TenantSlug, shown: &str) -> Result<Visitor, Turned> {
        let away = |_: StoreError| Turned::Unavailable;
        let token = self.tokens.verify(shown).await.map_err(away)?.ok_or(Turned::Unknown)?;
        let reached = self.grants.reach(slug, token.role).await.map_err(away)?.ok_or(Turned::Unknown)?;
        // A token is for the place it names, in the org it was given for: no other tenant, and no other server (RFC 8707).
        let meant = match &token.resource {
            Resource::Tenant(named) => named == slug,
            Resource::Org(named) => *named == reached.org_slug,
        };
        if !meant || token.org != reached.org || reached.status != TenantStatus::Active {
            return Err(Turned::Unknown);
        }
        let whose = Whose { org: reached.org.clone(), tenant: reached.tenant.clone() };
        self.calls
            .take(&token.family, CALLS, self.host.monotonic())
            .map_err(|wait| Turned::TooOften(wait, Some(whose.clone())))?;
        let actor = Actor {
            kind: ActorKind::User,
            id: token.user.to_string(),
            name: Some(Event::clean_name(&token.client_name)),
        };
        // The role may have become less since the token was given.
        let allowed = token.role.mcp_scopes();
        let may = |scope: Scope| token.scopes.has(scope) && allowed.contains(scope.as_str());
        let mut scope = reached.scope.clone();
        let reach = match (may(Scope::McpCall), may(Scope::McpRead)) {
            (true, _) => Reach::Call,
            (false, true) => {
                scope.tools = only_schema_of(&scope.tools);
                Reach::Read
            }
            (false, false) => return Err(Turned::Told(DoorError::InsufficientScope { of: whose, actor })),
        };
        let principal = Principal { actor, scope };
        Ok(Visitor { org: whose.org, tenant: whose.tenant, principal, reach })
    }
}

/// What reading reaches of the tools: the one that reads the schema, if the role reaches it.
fn only_schema_of(granted: &ToolScope) -> ToolScope {
    let schema = GET_SCHEMA.parse().expect("our own tools have valid names");
    ToolScope::Only(granted.allows(&schema).then_some(schema).into_iter().collect())
}

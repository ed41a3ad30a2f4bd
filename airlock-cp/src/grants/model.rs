//! One grant, and what it opens.

use std::collections::BTreeSet;

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, OrgSlug, TenantId, ToolName};
use airlock_core::principal::{Scope, SnapshotPattern, SnapshotScope, ToolScope};
use airlock_core::tool::GET_SCHEMA;
use serde::{Deserialize, Deserializer, Serialize};

use crate::authz::Role;
use crate::error::ServiceError;
use crate::store::StoreError;
use crate::tenants::TenantStatus;

const LIST_MAX: usize = 1_000;
const PATTERN_BYTES_MAX: usize = 256;

/// What a role reaches of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Of which tenant.
    pub tenant_id: TenantId,
    /// Who.
    pub role: Role,
    /// Which snapshots; `null` is all.
    pub allowed_snapshots: Option<Vec<String>>,
    /// Which tools; `null` is all.
    pub tools: Option<Vec<String>>,
    /// Most rows an answer may have.
    pub max_rows: Option<u32>,
    /// Since when.
    pub updated_at: Timestamp,
}

/// A grant to be set. The snapshots must be said, so that forgetting them opens nothing; `null` is all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGrant {
    /// Exact snapshot ids, or prefixes that end in `*`.
    #[serde(deserialize_with = "said")]
    pub allowed_snapshots: Option<Vec<String>>,
    /// Names of tools; all when absent.
    #[serde(default)]
    pub tools: Option<Vec<String>>,
    /// Most rows an answer may have.
    #[serde(default)]
    pub max_rows: Option<u32>,
}

// With a function of its own, serde takes no absent field for `null`.
fn said<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    T::deserialize(from)
}

impl NewGrant {
    pub(super) fn check(&self, role: Role) -> Result<(), ServiceError> {
        if role.mcp_scopes().is_empty() {
            return Err(ServiceError::invalid("role", "this role reaches nothing through OAuth"));
        }
        for (field, list) in [("allowed_snapshots", &self.allowed_snapshots), ("tools", &self.tools)] {
            if list.as_ref().is_some_and(|list| list.len() > LIST_MAX) {
                return Err(ServiceError::invalid(field, format!("at most {LIST_MAX} entries")));
            }
        }
        for pattern in self.allowed_snapshots.iter().flatten() {
            SnapshotPattern::parse(pattern)
                .map_err(|rule| ServiceError::invalid("allowed_snapshots", rule))?;
            if pattern.len() > PATTERN_BYTES_MAX || pattern.chars().any(char::is_control) {
                let rule = "1-256 bytes without control characters";
                return Err(ServiceError::invalid("allowed_snapshots", rule));
            }
        }
        for tool in self.tools.iter().flatten() {
            tool.parse::<ToolName>().map_err(|e| ServiceError::invalid("tools", e.to_string()))?;
        }
        if self.max_rows == Some(0) {
            return Err(ServiceError::invalid("max_rows", "at least 1"));
        }
        Ok(())
    }
}

impl Grant {
    /// What it opens.
    pub(super) fn scope(&self) -> Result<Scope, StoreError> {
        let pattern = |text: &String| {
            SnapshotPattern::parse(text).map_err(|_| StoreError::Damaged("tenant_grants.snapshots"))
        };
        let name = |text: &String| text.parse().map_err(|_| StoreError::Damaged("tenant_grants.tools"));
        let snapshots = match &self.allowed_snapshots {
            None => SnapshotScope::All,
            Some(list) => SnapshotScope::Only(list.iter().map(pattern).collect::<Result<_, _>>()?),
        };
        let tools = match &self.tools {
            None => ToolScope::All,
            Some(list) => ToolScope::Only(list.iter().map(name).collect::<Result<_, _>>()?),
        };
        Ok(Scope { snapshots, tools, max_rows: self.max_rows })
    }
}

/// What is open without a grant: the schema.
pub(super) fn schema_only() -> Scope {
    let schema = GET_SCHEMA.parse().expect("our own tools have valid names");
    let tools = ToolScope::Only(BTreeSet::from([schema]));
    Scope { snapshots: SnapshotScope::Only(Vec::new()), tools, max_rows: None }
}

/// A tenant as somebody of a role sees it from its URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which tenant.
    pub tenant: TenantId,
    /// Whose.
    pub org: OrgId,
    /// The org's name in URLs.
    pub org_slug: OrgSlug,
    /// Whether the tenant's agents are let in.
    pub status: TenantStatus,
    /// How far the role reaches.
    pub scope: Scope,
}

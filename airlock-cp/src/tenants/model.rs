//! A tenant, and what may be asked to be made of one.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, TenantId, TenantSlug};
use serde::{Deserialize, Serialize};

/// Whether a tenant's agents and workers are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantStatus {
    /// They are.
    Active,
    /// They are refused until it is enabled again.
    Disabled,
}

impl TenantStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for TenantStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Disabled].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// One data plane of an org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tenant {
    /// Names it in the admin API and in tunnels.
    pub id: TenantId,
    /// Whose.
    pub org_id: OrgId,
    /// Names it in the MCP URL.
    pub slug: TenantSlug,
    /// What people call it.
    pub name: String,
    /// Whether its agents and workers are let in.
    pub status: TenantStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Counts its changes; the entity tag.
    pub version: i64,
}

/// A tenant to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its name in the MCP URL.
    pub slug: String,
    /// Its id; `t_` and the slug when absent.
    pub id: Option<String>,
    /// What people call it; the slug when absent.
    pub name: Option<String>,
}

/// What to change.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantPatch {
    /// A new name.
    pub name: Option<String>,
    /// Let its agents and workers in, or not.
    pub status: Option<TenantStatus>,
}

/// A part of a list, and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give it back to read on; `null` at the end.
    pub next_cursor: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next_cursor: None }
    }
}

impl<T> Page<T> {
    /// Cuts what was read with one entry too many, to see whether there are more.
    pub(crate) fn cut(mut items: Vec<T>, limit: usize, cursor: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if more { items.last().map(cursor) } else { None };
        Self { items, next_cursor }
    }
}

/// A name given by a person: 1-100 characters, none of them invisible.
pub(crate) fn clean_name(field: &'static str, text: &str) -> Result<String, crate::error::ServiceError> {
    let name = text.trim();
    let count = name.chars().count();
    if count == 0 || count > 100 || name.chars().any(char::is_control) {
        return Err(crate::error::ServiceError::invalid(field, "1-100 characters, no control characters"));
    }
    Ok(name.to_owned())
}

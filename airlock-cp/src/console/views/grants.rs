//! What people of a role reach of a tenant through AI clients.

use askama::Template;

use super::org::RoleChoice;
use super::{Pager, Shell};
use crate::console::text::filters;

/// What one role reaches.
#[derive(Clone, Debug)]
pub struct GrantEntry {
    /// The role.
    pub role: RoleChoice,
    /// Whether there is a rule.
    pub set: bool,
    /// Snapshots, a line each; `*` for all.
    pub snapshots: String,
    /// What it comes to, in words.
    pub reach: String,
}

/// What is reached of one tenant.
#[derive(Clone, Debug)]
pub struct TenantGrants {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its address for AI clients.
    pub endpoint: String,
    /// Each role.
    pub grants: Vec<GrantEntry>,
}

/// `/org/grants`.
#[derive(Debug, Template)]
#[template(path = "grants.html")]
pub struct GrantsPage {
    /// Around it.
    pub shell: Shell,
    /// The tenants.
    pub tenants: Vec<TenantGrants>,
    /// The other tenants.
    pub pager: Pager,
    /// Whether they may change any.
    pub manage: bool,
}

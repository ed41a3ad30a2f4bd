//! The org: its name, its people, who is asked to join.

use askama::Template;

use super::{Pager, Shell};
use crate::console::text::{When, filters};

/// A role to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleChoice {
    /// The word.
    pub value: &'static str,
    /// As people read it.
    pub label: &'static str,
    /// What it may do.
    pub what: &'static str,
}

impl RoleChoice {
    /// A role in words.
    pub fn of(role: crate::authz::Role) -> Self {
        use crate::authz::Role;
        let (label, what) = match role {
            Role::Owner => ("Owner", "everything, including the organization itself"),
            Role::Admin => ("Admin", "members, clients, apps and access to data"),
            Role::Approver => ("Approver", "decides requests; connects AI clients"),
            Role::Member => ("Member", "connects AI clients and makes tokens"),
            Role::Auditor => ("Auditor", "reads everything but secrets"),
            Role::Billing => ("Billing", "sees plan and usage"),
        };
        Self { value: role.as_str(), label, what }
    }
}

/// Somebody in the org.
#[derive(Clone, Debug)]
pub struct MemberEntry {
    /// Their id.
    pub id: String,
    /// What people call them.
    pub name: String,
    /// Their address.
    pub email: String,
    /// What they are.
    pub role: RoleChoice,
    /// Whether they may not sign in.
    pub disabled: bool,
    /// Whether it is who looks.
    pub me: bool,
    /// Since when.
    pub since: When,
    /// Whether who looks may change them.
    pub manage: bool,
}

/// Somebody asked to join.
#[derive(Clone, Debug)]
pub struct InvitationEntry {
    /// Its id.
    pub id: String,
    /// Whom.
    pub email: String,
    /// As what.
    pub role: RoleChoice,
    /// Who asked.
    pub by: String,
    /// Until when.
    pub ends: When,
}

/// `/org`.
#[derive(Debug, Template)]
#[template(path = "org.html")]
pub struct OrgPage {
    /// Around it.
    pub shell: Shell,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Who is in it.
    pub members: Vec<MemberEntry>,
    /// The other members.
    pub members_pager: Pager,
    /// Who is asked to join.
    pub invitations: Vec<InvitationEntry>,
    /// The other invitations.
    pub invitations_pager: Pager,
    /// The roles that who looks may give.
    pub roles: Vec<RoleChoice>,
    /// Whether they may rename it.
    pub may_change: bool,
    /// Whether they may invite.
    pub may_invite: bool,
    /// Whether they may leave: the operator is not in it.
    pub may_leave: bool,
    /// Whether they may delete it.
    pub may_delete: bool,
}

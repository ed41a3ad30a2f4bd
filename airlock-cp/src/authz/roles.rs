//! The roles of an org and what each may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a member is in an org. Declared from the most to the least powerful of those who act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Everything, including the org itself and its owners.
    Owner,
    /// Members but owners, clients, apps, grants.
    Admin,
    /// Decides requests.
    Approver,
    /// Uses what the org connects, with credentials of their own.
    Member,
    /// Reads everything but secrets.
    Auditor,
    /// Plan and usage.
    Billing,
}

/// What somebody wants to do in an org.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Act {
    /// See the org's name and one's own role.
    SeeOrg,
    /// Rename the org.
    ChangeOrg,
    /// Delete the org.
    DeleteOrg,
    /// See who is in it, and who is invited.
    SeeMembers,
    /// Invite, change roles and remove, owners excepted.
    ManageMembers,
    /// The same for owners.
    ManageOwners,
    /// See OAuth clients, apps of others, and grants.
    SeeClients,
    /// Register, block and delete clients; revoke apps of others; set grants.
    ManageClients,
    /// Register apps, and manage one's own.
    OwnApps,
    /// Make personal access tokens.
    OwnTokens,
    /// Read the audit log.
    ReadAudit,
    /// Ask for approvals, and decide what is routed to oneself.
    UseApprovals,
    /// Decide through an app of somebody else's making.
    DecideThroughApp,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Role] =
        &[Self::Owner, Self::Admin, Self::Approver, Self::Member, Self::Auditor, Self::Billing];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Approver => "approver",
            Self::Member => "member",
            Self::Auditor => "auditor",
            Self::Billing => "billing",
        }
    }

    /// Whether the role allows it.
    pub const fn may(self, act: Act) -> bool {
        match act {
            Act::SeeOrg => true,
            Act::ChangeOrg | Act::ManageMembers | Act::ManageClients => {
                matches!(self, Self::Owner | Self::Admin)
            }
            Act::DeleteOrg | Act::ManageOwners => matches!(self, Self::Owner),
            Act::SeeMembers => !matches!(self, Self::Billing),
            Act::SeeClients | Act::ReadAudit => matches!(self, Self::Owner | Self::Admin | Self::Auditor),
            Act::DecideThroughApp => matches!(self, Self::Owner | Self::Admin | Self::Approver),
            Act::OwnApps | Act::OwnTokens | Act::UseApprovals => {
                matches!(self, Self::Owner | Self::Admin | Self::Approver | Self::Member)
            }
        }
    }

    /// The scopes that an OAuth client may have for somebody of this role.
    pub fn mcp_scopes(self) -> BTreeSet<&'static str> {
        match self {
            Self::Owner | Self::Admin | Self::Approver | Self::Member => ["mcp:read", "mcp:call"].into(),
            Self::Auditor => ["mcp:read"].into(),
            Self::Billing => BTreeSet::new(),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|r| r.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The permission table of the documentation, a row an act: o(wner) a(dmin) p(approver) m(ember) u(auditor) b(illing).
    #[test]
    fn the_table_is_the_documented_one() {
        #[track_caller]
        fn check(act: Act, allowed: &str) {
            let letters = ['o', 'a', 'p', 'm', 'u', 'b'];
            for (role, letter) in Role::ALL.iter().zip(letters) {
                assert_eq!(role.may(act), allowed.contains(letter), "{act:?} {role}");
            }
        }
        check(Act::SeeOrg, "oapmub");
        check(Act::ChangeOrg, "oa");
        check(Act::DeleteOrg, "o");
        check(Act::SeeMembers, "oapmu");
        check(Act::ManageMembers, "oa");
        check(Act::ManageOwners, "o");
        check(Act::SeeClients, "oau");
        check(Act::ManageClients, "oa");
        check(Act::OwnApps, "oapm");
        check(Act::OwnTokens, "oapm");
        check(Act::ReadAudit, "oau");
        check(Act::UseApprovals, "oapm");
        check(Act::DecideThroughApp, "oap");
    }

    #[test]
    fn roles_parse_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}

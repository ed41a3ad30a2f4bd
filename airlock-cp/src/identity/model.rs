//! People, orgs, and how the two belong together.

use airlock_core::Timestamp;
use airlock_core::id::{InvitationId, LoginId, OrgId, OrgSlug, UserId};
use serde::{Deserialize, Serialize};

use crate::authz::Role;

/// Whether a person may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// They may.
    Active,
    /// Not until they are enabled again.
    Disabled,
}

impl UserStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

impl std::str::FromStr for UserStatus {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Active, Self::Disabled].into_iter().find(|s| s.as_str() == text).ok_or(())
    }
}

/// A person. Never a password, nor its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Names them.
    pub id: UserId,
    /// Their address, as they write it.
    pub email: String,
    /// When they showed that it is theirs.
    pub email_verified_at: Option<Timestamp>,
    /// What people call them.
    pub name: String,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// When they were made.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_login_at: Option<Timestamp>,
    /// Counts changes; the entity tag.
    pub version: i64,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Org {
    /// Names it.
    pub id: OrgId,
    /// Names it in URLs.
    pub slug: OrgSlug,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes; the entity tag.
    pub version: i64,
}

/// One person's place in one org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// Whether they may sign in.
    pub status: UserStatus,
    /// What they are in the org.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// An org as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// Which org.
    #[serde(flatten)]
    pub org: Org,
    /// What they are in it.
    pub role: Role,
}

/// A person asked to join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// Names it; the secret is in the mail only.
    pub id: InvitationId,
    /// Into which org.
    pub org_id: OrgId,
    /// Who is asked.
    pub email: String,
    /// As what.
    pub role: Role,
    /// Who asked: a user's id, or `operator`.
    pub invited_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be taken.
    pub expires_at: Timestamp,
}

/// One browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Names it; the secret is in the cookie only.
    pub id: LoginId,
    /// Who; nobody for the operator token.
    pub user_id: Option<UserId>,
    /// The org that is shown just now.
    pub org_id: Option<OrgId>,
    /// From where.
    pub ip: Option<String>,
    /// With which browser, in its own words.
    pub user_agent: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// When a password was last given.
    pub auth_at: Timestamp,
    /// When it was last used; within a minute.
    pub last_seen_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
}

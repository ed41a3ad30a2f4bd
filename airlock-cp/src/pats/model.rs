//! What is known of a personal access token. Its text is shown once.

use airlock_core::id::{OrgId, PatId, UserId};
use airlock_core::{Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// A personal access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pat {
    /// Names it.
    pub id: PatId,
    /// Whose.
    pub user_id: UserId,
    /// In which org.
    pub org_id: OrgId,
    /// What its owner calls it.
    pub name: String,
    /// Its first characters.
    pub hint: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
    /// When it was last used; within a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPat {
    /// What its owner calls it.
    pub name: String,
    /// When it ends: within a year; in 90 days when absent.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// A token just made: the only time its text is seen.
#[derive(Debug)]
pub struct MintedPat {
    /// What is known of it.
    pub pat: Pat,
    /// Its text.
    pub text: Secret<String>,
}

//! What is known of a personal access token. Its text is shown once.

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, PatId, UserId};
use serde::Serialize;

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

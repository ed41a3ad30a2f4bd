//! What people let clients do: kept for each person, org, client, resource and redirect address.

use std::time::Duration;

use airlock_core::Timestamp;
use airlock_core::id::{OrgId, UserId};

use super::base::Base;
use super::{Resource, Scopes};
use crate::store::{Sql, StoreError, Tx};

/// How long nobody is asked the same again.
pub const CONSENT_FOR: Duration = Duration::from_secs(90 * 86_400);

/// To whom and for what somebody says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Who.
    pub user: UserId,
    /// In which org.
    pub org: OrgId,
    /// To which client.
    pub client_id: String,
    /// To what.
    pub resource: Resource,
    /// Sent back to where: every byte of it, also the port.
    pub redirect_uri: String,
    /// How far.
    pub scopes: Scopes,
}

/// What people let clients do. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Consents {
    base: Base,
}

impl Consents {
    pub(super) fn new(base: Base) -> Self {
        Self { base }
    }

    /// Whether the person said yes to all of this in the last 90 days.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn holds(&self, asked: &Agreement) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "SELECT scopes FROM consents WHERE revoked_at IS NULL AND user_id = ? AND org_id = ? \
             AND client_id = ? AND resource = ? AND redirect_uri = ? AND granted_at > ?",
        );
        let sql = sql.bind(&asked.user).bind(&asked.org).bind(&asked.client_id);
        let sql = sql.bind(asked.resource.to_string()).bind(&asked.redirect_uri);
        let row = self.base.store.optional(sql.bind(self.base.now().before(CONSENT_FOR))).await?;
        let given = row.map(|row| row.parse::<Scopes>("scopes")).transpose()?;
        Ok(given.is_some_and(|given| asked.scopes.within(&given)))
    }

    /// Forgets those that hold no longer.
    pub(super) async fn clear_old(&self) -> Result<(), StoreError> {
        let before = self.base.now().before(CONSENT_FOR);
        self.base
            .store
            .execute(Sql::new("DELETE FROM consents WHERE granted_at <= ?").bind(before))
            .await
            .map(|_| ())
    }
}

/// Keeps a yes.
pub(super) async fn keep(tx: &mut Tx, given: &Agreement, now: Timestamp) -> Result<(), StoreError> {
    let sql = Sql::new(
        "INSERT INTO consents (user_id, org_id, client_id, resource, redirect_uri, scopes, granted_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, org_id, client_id, resource, redirect_uri) \
         DO UPDATE SET scopes = EXCLUDED.scopes, granted_at = EXCLUDED.granted_at, revoked_at = NULL",
    );
    let sql = sql.bind(&given.user).bind(&given.org).bind(&given.client_id);
    let sql = sql.bind(given.resource.to_string()).bind(&given.redirect_uri);
    tx.execute(sql.bind(given.scopes.to_string()).bind(now)).await.map(|_| ())
}

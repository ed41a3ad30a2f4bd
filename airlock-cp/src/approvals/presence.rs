//! Which enforcers live. It is shown to people and decides nothing.

use std::collections::BTreeMap;

use airlock_core::Timestamp;
use airlock_core::approval::presence::is_online;
use airlock_core::id::{OrgId, UserId};

use super::error::ApprovalError;
use super::model::Party;
use super::service::Approvals;
use crate::error::ServiceError;
use crate::store::{Row, Sql, StoreError, Tx};

const LIST_MAX: i64 = 500;

/// What an enforcer says of itself. What is absent keeps its earlier value.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Which.
    pub enforcer_id: String,
    /// How it is connected: `websocket`, `sse` or `poll`.
    pub transport: &'static str,
    /// Where it works.
    pub workspace: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// What it can do.
    pub capabilities: Option<BTreeMap<String, String>>,
}

/// One enforcer.
#[derive(Clone, Debug)]
pub struct Presence {
    /// Which.
    pub enforcer_id: String,
    /// Whether it is there.
    pub online: bool,
    /// When it was last heard.
    pub last_seen_at: Timestamp,
    /// How it was connected then.
    pub transport: String,
    /// Where it works.
    pub workspace: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// What it can do.
    pub capabilities: Option<BTreeMap<String, String>>,
}

const COLUMNS: &str = "SELECT p.enforcer_id, p.last_seen_at, p.transport, p.capabilities, p.workspace, p.enforcer_label \
     FROM presence p WHERE p.org_id = ? AND (p.user_id = ? OR EXISTS (SELECT 1 FROM pairings r JOIN approvers a \
     ON a.id = r.approver_id WHERE r.org_id = p.org_id AND r.owner_id = p.user_id AND r.enforcer_id = p.enforcer_id \
     AND r.state = 'Completed' AND a.user_id = ?))";

impl Approvals {
    /// Takes note that an enforcer lives.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn seen(&self, party: &Party, seen: &Seen) -> Result<(), ServiceError> {
        let capabilities = seen.capabilities.as_ref().map(serde_json::to_string).transpose();
        let capabilities = capabilities.map_err(|_| StoreError::Damaged("presence.capabilities"))?;
        let sql = Sql::new(
            "INSERT INTO presence (org_id, user_id, enforcer_id, last_seen_at, transport, capabilities, workspace, enforcer_label) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, user_id, enforcer_id) DO UPDATE SET \
             last_seen_at = excluded.last_seen_at, transport = excluded.transport, \
             capabilities = COALESCE(excluded.capabilities, presence.capabilities), \
             workspace = COALESCE(excluded.workspace, presence.workspace), \
             enforcer_label = COALESCE(excluded.enforcer_label, presence.enforcer_label)",
        );
        let sql = sql.bind(&party.org).bind(&party.user).bind(&seen.enforcer_id).bind(self.now());
        let sql = sql.bind(seen.transport).bind(capabilities).bind(seen.workspace.as_deref());
        self.on.store.execute(sql.bind(seen.label.as_deref())).await?;
        Ok(())
    }

    /// The enforcers of a person, and those that are paired with them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn enforcers(&self, party: &Party) -> Result<Vec<Presence>, ServiceError> {
        let sql = Sql::new(COLUMNS).bind(&party.org).bind(&party.user).bind(&party.user);
        let sql = sql.push(" ORDER BY p.last_seen_at DESC, p.enforcer_id LIMIT ?").bind(LIST_MAX);
        let now = self.now();
        Ok(self.on.store.all(sql).await?.iter().map(|row| presence(row, now)).collect::<Result<_, _>>()?)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`]; when the store does not answer.
    pub async fn enforcer(&self, party: &Party, id: &str) -> Result<Presence, ServiceError> {
        let sql = Sql::new(COLUMNS).bind(&party.org).bind(&party.user).bind(&party.user);
        let sql = sql.push(" AND p.enforcer_id = ? ORDER BY p.last_seen_at DESC LIMIT 1").bind(id);
        let row = self.on.store.optional(sql).await?.ok_or(ApprovalError::NotFound("enforcer"))?;
        Ok(presence(&row, self.now())?)
    }

    /// Whether an enforcer has a channel open somewhere, as far as it was heard of.
    pub(super) async fn has_channel(
        &self,
        tx: &mut Tx,
        org: &OrgId,
        user: &UserId,
        enforcer: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = Sql::new(
            "SELECT last_seen_at FROM presence WHERE org_id = ? AND user_id = ? AND enforcer_id = ? AND transport <> 'poll'",
        );
        let row = tx.optional(sql.bind(org).bind(user).bind(enforcer)).await?;
        let seen = row.map(|row| row.time("last_seen_at")).transpose()?;
        Ok(is_online(seen, false, now))
    }
}

fn presence(row: &Row, now: Timestamp) -> Result<Presence, StoreError> {
    let last_seen_at = row.time("last_seen_at")?;
    let capabilities: Option<String> = row.get("capabilities")?;
    let capabilities = capabilities.map(|text| serde_json::from_str(&text)).transpose();
    Ok(Presence {
        enforcer_id: row.get("enforcer_id")?,
        online: is_online(Some(last_seen_at), false, now),
        last_seen_at,
        transport: row.get("transport")?,
        workspace: row.get("workspace")?,
        label: row.get("enforcer_label")?,
        capabilities: capabilities.map_err(|_| StoreError::Damaged("presence.capabilities"))?,
    })
}

//! Whether an app may act for a person.

use airlock_core::Timestamp;
use airlock_core::approval::consent::{self, ConsentAnswer, ConsentState};
use airlock_core::audit::Action;

use super::error::ApprovalError;
use super::model::{Party, PartyApp};
use super::notice::Notice;
use super::service::Approvals;
use crate::error::ServiceError;
use crate::store::{Row, Sql, StoreError};

/// What a person said about an app.
#[derive(Clone, Debug)]
pub struct ConsentEntry {
    /// Which app.
    pub app_id: String,
    /// What it is called.
    pub app_name: String,
    /// What they said.
    pub state: ConsentState,
    /// When it first asked, or when they spoke first.
    pub asked_at: Timestamp,
    /// When they last decided.
    pub decided_at: Option<Timestamp>,
}

const COLUMNS: &str = "SELECT c.app_id, a.name, c.state, c.asked_at, c.decided_at FROM app_consents c \
     JOIN apps a ON a.id = c.app_id WHERE c.org_id = ? AND c.user_id = ?";

fn entry(row: &Row) -> Result<ConsentEntry, StoreError> {
    Ok(ConsentEntry {
        app_id: row.get("app_id")?,
        app_name: row.get("name")?,
        state: state(row)?,
        asked_at: row.time("asked_at")?,
        decided_at: row.time_opt("decided_at")?,
    })
}

fn state(row: &Row) -> Result<ConsentState, StoreError> {
    ConsentState::parse(&row.get::<String>("state")?).map_err(|_| StoreError::Damaged("app_consents.state"))
}

impl Approvals {
    /// Whether the app that somebody shows may act for them. The first question is put before them.
    ///
    /// # Errors
    /// When the store or the log does not take it.
    pub async fn consent(&self, party: &Party) -> Result<ConsentAnswer, ServiceError> {
        let Some(app) = party.app.clone() else { return Ok(ConsentAnswer::Approved) };
        let known = self.said_of(party, &app).await?;
        if known.is_some() {
            return Ok(consent::ask(known).1);
        }
        let (this, who, asked) = (self.clone(), party.clone(), app.clone());
        let work = async move {
            let sql = Sql::new(
                "INSERT INTO app_consents (org_id, user_id, app_id, state, asked_at) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT (org_id, user_id, app_id) DO NOTHING",
            );
            let (fresh, _) = consent::ask(None);
            let sql =
                sql.bind(&who.org).bind(&who.user).bind(&asked.id).bind(fresh.as_str()).bind(this.now());
            Ok(this.on.store.execute(sql).await? > 0)
        };
        if !self.act(party, Action::AppConsentAsked, &app.id, work).await? {
            // Another request of the app's was first.
            return Ok(consent::ask(self.said_of(party, &app).await?).1);
        }
        let approver = self.approver(party).await?;
        self.notify(&approver, Notice::Consent { app: app.name }).await;
        Ok(ConsentAnswer::Required)
    }

    async fn said_of(&self, party: &Party, app: &PartyApp) -> Result<Option<ConsentState>, StoreError> {
        let sql = Sql::new("SELECT state FROM app_consents WHERE org_id = ? AND user_id = ? AND app_id = ?");
        let row = self.on.store.optional(sql.bind(&party.org).bind(&party.user).bind(&app.id)).await?;
        row.as_ref().map(state).transpose()
    }

    /// What a person said about apps, the newest question first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn consents(&self, party: &Party) -> Result<Vec<ConsentEntry>, ServiceError> {
        let sql = Sql::new(COLUMNS).bind(&party.org).bind(&party.user);
        let rows = self.on.store.all(sql.push(" ORDER BY c.asked_at DESC, c.app_id LIMIT 500")).await?;
        Ok(rows.iter().map(entry).collect::<Result<_, _>>()?)
    }

    /// A person says yes.
    ///
    /// # Errors
    /// [`ApprovalError::NotFound`] for an app that is none of the org's; when the store or the log does not take it.
    pub async fn allow(&self, party: &Party, app_id: &str) -> Result<ConsentEntry, ServiceError> {
        self.say(party, app_id, Action::AppConsentAllowed, |known| Some(ConsentState::allow(known))).await
    }
    /// A person says no. What waits through the app ends.
    ///
    /// # Errors
    /// As [`Approvals::allow`].
    pub async fn deny(&self, party: &Party, app_id: &str) -> Result<ConsentEntry, ServiceError> {
        self.say(party, app_id, Action::AppConsentDenied, |known| Some(ConsentState::deny(known))).await
    }
    /// A person takes back what they said. What waits through the app ends.
    ///
    /// # Errors
    /// As [`Approvals::allow`]; there must be something to take back.
    pub async fn take_back(&self, party: &Party, app_id: &str) -> Result<ConsentEntry, ServiceError> {
        self.say(party, app_id, Action::AppConsentRevoked, |known| known.map(ConsentState::revoke)).await
    }

    async fn say(
        &self,
        party: &Party,
        app_id: &str,
        action: Action,
        next: fn(Option<ConsentState>) -> Option<ConsentState>,
    ) -> Result<ConsentEntry, ServiceError> {
        let sql = Sql::new("SELECT id FROM apps WHERE org_id = ? AND id = ?").bind(&party.org).bind(app_id);
        if self.on.store.optional(sql).await?.is_none() {
            return Err(ApprovalError::NotFound("app").into());
        }
        let (this, who, app) = (self.clone(), party.clone(), app_id.to_owned());
        let work = async move {
            let now = this.now();
            let mut tx = this.on.store.begin().await?;
            let one = |sql: Sql| sql.bind(&who.org).bind(&who.user).bind(&app);
            let read = Sql::new(
                "SELECT state FROM app_consents WHERE org_id = ? AND user_id = ? AND app_id = ? {for_update}",
            );
            let known = tx.optional(one(read)).await?.as_ref().map(state).transpose()?;
            let said = next(known).ok_or(ApprovalError::NotFound("consent"))?;
            let write = Sql::new(
                "INSERT INTO app_consents (org_id, user_id, app_id, state, asked_at, decided_at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (org_id, user_id, app_id) DO UPDATE SET state = excluded.state, decided_at = excluded.decided_at",
            );
            tx.execute(one(write).bind(said.as_str()).bind(now).bind(now)).await?;
            let shown = one(Sql::new(COLUMNS).push(" AND c.app_id = ?"));
            let shown = tx.optional(shown).await?.ok_or(StoreError::Damaged("app_consents"))?;
            tx.commit().await?;
            Ok(entry(&shown)?)
        };
        let said = self.act(party, action, app_id, work).await?;
        if said.state != ConsentState::Allowed {
            self.sweep().await?;
        }
        Ok(said)
    }
}

//! How much somebody may ask in a month.

use airlock_core::Timestamp;

use super::error::ApprovalError;
use super::exchanges_repo as repo;
use super::model::Party;
use super::service::Approvals;
use crate::error::ServiceError;
use crate::store::{Sql, StoreError, Tx};

/// What a person used of what they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Questions this month.
    pub asked: u64,
    /// How many a month may have.
    pub limit: Option<u64>,
    /// Workspaces that their standing pairings name.
    pub workspaces: u64,
}

impl Approvals {
    /// What somebody used this month.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn usage(&self, party: &Party) -> Result<Usage, ServiceError> {
        let since = month_of(self.now());
        let row = self.on.store.optional(repo::count_since(&party.org, &party.user, since)).await?;
        let asked = row.ok_or(StoreError::Damaged("exchanges"))?.count("n")?;
        let sql = Sql::new(
            "SELECT COUNT(DISTINCT workspace) AS n FROM pairings WHERE org_id = ? AND owner_id = ? AND state = 'Completed'",
        );
        let row = self.on.store.optional(sql.bind(&party.org).bind(&party.user)).await?;
        let workspaces = row.ok_or(StoreError::Damaged("pairings"))?.count("n")?;
        Ok(Usage { asked, limit: self.on.config.monthly_quota, workspaces })
    }

    pub(super) async fn check_quota(
        &self,
        tx: &mut Tx,
        party: &Party,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let Some(limit) = self.on.config.monthly_quota else { return Ok(()) };
        let row = tx.optional(repo::count_since(&party.org, &party.user, month_of(now))).await?;
        let used = row.ok_or(StoreError::Damaged("exchanges"))?.count("n")?;
        if used >= limit { Err(ApprovalError::Quota { used, limit }.into()) } else { Ok(()) }
    }
}

/// When the calendar month began, UTC.
fn month_of(now: Timestamp) -> Timestamp {
    let text = now.to_string();
    let month = text.get(..7).unwrap_or_default();
    format!("{month}-01T00:00:00.000Z").parse().unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_on_its_first_day() {
        for (now, month) in [
            ("2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00.000Z"),
            ("2026-03-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(month_of(now.parse().unwrap()).to_string(), month);
        }
    }
}

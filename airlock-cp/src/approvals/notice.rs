//! Mails to a person that something waits for them. They never say what.

use super::model::Approver;
use super::news::Topic;
use super::service::Approvals;
use crate::http::limits::Rate;
use crate::mail::{EmailAddress, Letter};
use crate::store::{Sql, StoreError};

/// Time runs slower for this count: one mail every ten minutes at most.
const MINUTES_APART: u32 = 10;
const PACE: Rate = Rate::per_minute(1);

/// What a mail is about.
pub(super) enum Notice {
    /// A question waits.
    Waiting,
    /// An app asks to act for them.
    Consent {
        /// What it is called.
        app: String,
    },
}

impl Approvals {
    /// Sends a mail, soon, unless the person is looking, got one lately, or has no address that is known to be theirs.
    pub(super) async fn notify(&self, approver: &Approver, notice: Notice) {
        if !self.on.mailer.sends() || self.on.news.listening_to(&Topic::Approver(approver.id.clone())) > 0 {
            return;
        }
        let now = self.on.host.monotonic() / MINUTES_APART;
        let key = match &notice {
            Notice::Waiting => format!("waiting {}", approver.id),
            Notice::Consent { app } => format!("consent {} {app}", approver.id),
        };
        if self.on.notices.take(&key, PACE, now).is_err() {
            return;
        }
        match self.address(approver).await {
            Ok(Some(address)) => {
                let links = self.on.mailer.links();
                let letter = match notice {
                    Notice::Waiting => Letter::ApprovalWaits { link: links.approvals() },
                    Notice::Consent { app } => Letter::AppAsks { app, link: links.consents() },
                };
                self.on.mailer.send(&address, &letter);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a person was not told that something waits"),
        }
    }

    async fn address(&self, approver: &Approver) -> Result<Option<EmailAddress>, StoreError> {
        let sql = Sql::new(
            "SELECT email FROM users WHERE id = ? AND status = 'active' AND email_verified_at IS NOT NULL",
        );
        let row = self.on.store.optional(sql.bind(&approver.user)).await?;
        let email = row.map(|row| row.get::<String>("email")).transpose()?;
        Ok(email.and_then(|text| text.parse().ok()))
    }
}

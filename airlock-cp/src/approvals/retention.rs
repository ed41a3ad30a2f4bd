//! What is forgotten when: payloads first, then the rest.

use std::time::Duration;

use super::service::Approvals;
use crate::store::{Sql, StoreError};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// Payloads go within a day of their end; this runs every hour.
const CIPHERTEXT: Duration = Duration::from_secs(22 * HOUR);
const UNFINISHED_PAIRINGS: Duration = Duration::from_secs(DAY);
const INBOX: Duration = Duration::from_secs(7 * DAY);
const PRESENCE: Duration = Duration::from_secs(7 * DAY);
const POLICIES: Duration = Duration::from_secs(7 * DAY);
const NONCES: Duration = Duration::from_secs(30 * DAY);
const METADATA: Duration = Duration::from_secs(90 * DAY);

impl Approvals {
    /// Forgets what is past its time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn clear_old(&self) -> Result<(), StoreError> {
        let before = |age: Duration| self.now().before(age);
        for (text, age) in [
            (
                "UPDATE exchanges SET ciphertext = NULL WHERE ciphertext IS NOT NULL AND ended_at < ?",
                CIPHERTEXT,
            ),
            // One that nobody ended is past its time a day after it: nothing waits longer than a day.
            (
                "UPDATE exchanges SET ciphertext = NULL WHERE ciphertext IS NOT NULL AND expires_at < ?",
                CIPHERTEXT,
            ),
            ("DELETE FROM inbox WHERE exchange_id IN (SELECT id FROM exchanges WHERE ended_at < ?)", INBOX),
            ("DELETE FROM exchanges WHERE ended_at < ?", METADATA),
            (
                "DELETE FROM pairings WHERE state <> 'Completed' AND completed_at IS NULL AND expires_at < ?",
                UNFINISHED_PAIRINGS,
            ),
            ("DELETE FROM pairings WHERE state = 'Revoked' AND ended_at < ?", METADATA),
            ("DELETE FROM decision_nonces WHERE used_at < ?", NONCES),
            ("DELETE FROM presence WHERE last_seen_at < ?", PRESENCE),
            ("DELETE FROM dnd_policies WHERE expires_at < ?", POLICIES),
        ] {
            self.on.store.execute(Sql::new(text).bind(before(age))).await?;
        }
        self.on.news.clear_old().await
    }
}

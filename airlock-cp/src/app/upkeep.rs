//! What runs again and again. Each failure is told; the next turn tries anew.

use std::time::Duration;

use super::{App, told};
use crate::audit::keeper;
use crate::{approvals, revocations, workers};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

impl App {
    pub(super) fn start(&self) {
        let tasks = &self.rooms.tasks;
        let revocations = self.rooms.revocations.clone();
        tasks.every(revocations::POLL_EVERY, move || {
            let revocations = revocations.clone();
            async move { told("revocations", revocations.poll().await) }
        });
        let keeper = self.rooms.keeper.clone();
        tasks.every(keeper::EVERY, move || {
            let keeper = keeper.clone();
            async move {
                told("audit lease", keeper.renew_lease().await);
                told("audit intents", keeper.close_left_open().await.map(|_| ()));
                told("audit checkpoints", keeper.sign_checkpoints(false).await);
            }
        });
        let keeper = self.rooms.keeper.clone();
        tasks.every(keeper::CHECKPOINT_EVERY, move || {
            let keeper = keeper.clone();
            async move { told("audit checkpoints", keeper.sign_checkpoints(true).await) }
        });
        let retention = self.rooms.retention.clone();
        tasks.every(HOUR, move || {
            let retention = retention.clone();
            async move { told("old audit records", retention.prune().await.map(|_| ())) }
        });
        let (keys, pats) = (self.rooms.keys.clone(), self.rooms.pats.clone());
        tasks.every(MINUTE, move || {
            let (keys, pats) = (keys.clone(), pats.clone());
            async move {
                told("last use of keys", keys.flush_used().await);
                told("last use of tokens", pats.flush_used().await);
            }
        });
        self.rooms.mailer.try_server();
        let directory = self.rooms.directory.clone();
        tasks.every(workers::SEEN_EVERY, move || {
            let directory = directory.clone();
            async move { directory.say_seen().await }
        });
        let sign_in = self.rooms.sign_in.clone();
        tasks.every(HOUR, move || {
            let sign_in = sign_in.clone();
            async move { told("old counts and links", sign_in.clear_old().await) }
        });
        let oauth = self.rooms.oauth.clone();
        tasks.every(HOUR, move || {
            let oauth = oauth.clone();
            async move { told("old tokens", oauth.clear_old().await) }
        });
        let approvals = self.rooms.approvals.clone();
        tasks.every(approvals::POLL_EVERY, move || {
            let approvals = approvals.clone();
            async move { told("news of approvals", approvals.poll().await) }
        });
        let approvals = self.rooms.approvals.clone();
        tasks.every(approvals::SWEEP_EVERY, move || {
            let approvals = approvals.clone();
            async move {
                if let Err(error) = approvals.sweep().await {
                    tracing::warn!(%error, "requests that are over were not ended; the next turn tries again");
                }
            }
        });
        let approvals = self.rooms.approvals.clone();
        tasks.every(HOUR, move || {
            let approvals = approvals.clone();
            async move { told("old approvals", approvals.clear_old().await) }
        });
        let (revocations, idempotency, logins) =
            (self.rooms.revocations.clone(), self.rooms.idempotency.clone(), self.rooms.logins.clone());
        tasks.every(HOUR, move || {
            let (revocations, idempotency, logins) =
                (revocations.clone(), idempotency.clone(), logins.clone());
            async move {
                told("old revocations", revocations.clear_old().await);
                told("old answers", idempotency.clear_old().await);
                told("old sessions", logins.clear_old().await);
            }
        });
    }
}

//! The room itself: what all its parts share.

use std::future::Future;
use std::sync::Arc;

use airlock_core::audit::Action;
use airlock_core::crypto::{b64url, hkdf_sha256, hmac_sha256};
use airlock_core::id::{ApproverId, PairingId};
use airlock_core::{Host, Secret, Timestamp};

use super::approvers;
use super::model::{Approver, Party};
use super::news::NewsDesk;
use crate::audit::Journal;
use crate::config::ApprovalsConfig;
use crate::error::ServiceError;
use crate::http::limits::Buckets;
use crate::mail::Mailer;
use crate::store::{Store, StoreError};
use crate::tasks::Tasks;

const KEYS_MAX: usize = 10_000;

/// The gateway's rooms. Cloning shares it.
#[derive(Clone)]
pub struct Approvals {
    pub(super) on: Arc<Ground>,
}

/// What the parts stand on.
pub(super) struct Ground {
    pub(super) store: Store,
    pub(super) host: Arc<dyn Host>,
    pub(super) journal: Journal,
    pub(super) mailer: Mailer,
    pub(super) tasks: Tasks,
    pub(super) config: ApprovalsConfig,
    pub(super) news: NewsDesk,
    /// Failed guesses of pairing codes, by person and by address.
    pub(super) guesses: Buckets<String>,
    /// Mails to one person.
    pub(super) notices: Buckets<String>,
    key: Secret<[u8; 32]>,
}

impl std::fmt::Debug for Approvals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Approvals").field("news", &self.on.news).finish_non_exhaustive()
    }
}

impl Approvals {
    /// The room over a store. `token_secret`: what texts that must be told again are derived with.
    pub fn new(
        store: Store,
        host: Arc<dyn Host>,
        journal: Journal,
        mailer: Mailer,
        tasks: Tasks,
        config: ApprovalsConfig,
        token_secret: &Secret<[u8; 32]>,
    ) -> Self {
        let key = Secret::new(hkdf_sha256(token_secret.expose(), b"", b"airlock approvals"));
        let news = NewsDesk::new(store.clone(), host.clone());
        let (guesses, notices) = (Buckets::new(KEYS_MAX), Buckets::new(KEYS_MAX));
        Self {
            on: Arc::new(Ground { store, host, journal, mailer, tasks, config, news, guesses, notices, key }),
        }
    }

    /// How it behaves.
    pub fn config(&self) -> &ApprovalsConfig {
        &self.on.config
    }

    /// The approver that somebody is; `None` before they first act as one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn approver_of(&self, party: &Party) -> Result<Option<Approver>, ServiceError> {
        Ok(approvers::of_user(&self.on.store, &party.org, &party.user).await?)
    }

    /// The approver that somebody is, from now on at the latest.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn approver(&self, party: &Party) -> Result<Approver, ServiceError> {
        if let Some(known) = self.approver_of(party).await? {
            return Ok(known);
        }
        let mut tx = self.on.store.begin().await?;
        let fresh = ApproverId::new(&*self.on.host);
        let approver = approvers::ensure(&mut tx, &fresh, &party.org, &party.user, self.now()).await?;
        tx.commit().await?;
        Ok(approver)
    }

    /// Reads what happened elsewhere and wakes who waits for it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn poll(&self) -> Result<(), StoreError> {
        self.on.news.poll().await
    }

    /// How many wait in this process, channels included.
    pub fn waiting(&self) -> usize {
        self.on.news.listening()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.on.host.now()
    }

    /// Does `work` between its intent and its outcome in the log, then wakes who waits for it.
    pub(super) fn act<'a, T: Send + 'static>(
        &'a self,
        party: &'a Party,
        action: Action,
        resource: &str,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> impl Future<Output = Result<T, ServiceError>> + Send + 'a {
        // On the heap: it is more than the futures of all who call should hold.
        let (work, subject) = (Box::pin(work), party.subject(resource));
        async move {
            let done = self.on.journal.act(&party.caller, action, subject, work).await;
            if done.is_ok() {
                self.wake().await;
            }
            done
        }
    }

    /// Wakes who waits in this process. Who waits elsewhere looks for themselves.
    pub(super) async fn wake(&self) {
        if let Err(error) = self.on.news.poll().await {
            tracing::warn!(%error, "who waits was not woken; the next turn tries again");
        }
    }

    /// A message's name.
    pub(crate) fn message_id(&self) -> String {
        let mut random = [0; 16];
        self.on.host.random(&mut random);
        format!("msg-{}", hex::encode(random))
    }

    /// What selects a pairing's approver. Derived, because it is told again and again and kept as a digest only. It opens
    /// nothing without the credentials of the person whose pairing it is.
    pub(super) fn routing_token(&self, pairing: &PairingId) -> Secret<String> {
        let digest = hmac_sha256(self.on.key.expose(), &[b"routing token|", pairing.as_str().as_bytes()]);
        Secret::new(format!("rt-{}", b64url(&digest)))
    }

    /// What a pairing code is looked up by.
    pub(super) fn code_hash(&self, code: &str) -> [u8; 32] {
        hmac_sha256(self.on.key.expose(), &[b"pairing code|", code.as_bytes()])
    }
}

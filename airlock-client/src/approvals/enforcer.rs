//! Who asks for approvals, and what it says to the gateway beside its requests.

use std::sync::Arc;

use airlock_core::approval::EnforcerId;
use airlock_core::approval::presence::HEARTBEAT_EVERY;
use airlock_core::{Host, Timestamp};

use super::pairing::BegunPairing;
use crate::calls;
use crate::client::Airlock;
use crate::error::ClientError;
use crate::gateway::models::PresenceHeartbeatRequest;

/// The program that asks before it acts, as it calls itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enforcer {
    pub(crate) id: EnforcerId,
    pub(crate) device_id: String,
    pub(crate) label: String,
    pub(crate) workspace: Option<String>,
    pub(crate) session: Option<String>,
}

impl Enforcer {
    /// An enforcer of this name. The name stays the same from run to run.
    pub fn new(id: EnforcerId) -> Self {
        let (device_id, label) = (format!("dev-{id}"), id.to_string());
        Self { id, device_id, label, workspace: None, session: None }
    }
    /// The same with another name for people.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
    /// The same in a workspace: what standing decisions are looked up for.
    #[must_use]
    pub fn with_workspace(mut self, workspace: impl Into<String>) -> Self {
        self.workspace = Some(workspace.into());
        self
    }
    /// The same in one session of its workspace.
    #[must_use]
    pub fn with_session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }
    /// The same on a device that has a name of its own.
    #[must_use]
    pub fn with_device(mut self, device_id: impl Into<String>) -> Self {
        self.device_id = device_id.into();
        self
    }
    /// Its name.
    pub fn id(&self) -> &EnforcerId {
        &self.id
    }
    /// What standing decisions are looked up for: the workspace, or its own name where it has none.
    pub(crate) fn workspace_id(&self) -> &str {
        self.workspace.as_deref().unwrap_or(self.id.as_str())
    }
}

/// One enforcer at one gateway. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Approvals {
    pub(crate) airlock: Airlock,
    pub(crate) enforcer: Arc<Enforcer>,
}

impl Approvals {
    pub(crate) fn new(airlock: Airlock, enforcer: Enforcer) -> Self {
        Self { airlock, enforcer: Arc::new(enforcer) }
    }
    /// The enforcer.
    pub fn enforcer(&self) -> &Enforcer {
        &self.enforcer
    }

    /// Whether the person lets this app act for them. Asks them when they were not asked before.
    ///
    /// # Errors
    /// While they have not: [`Refusal::needs_consent`](crate::Refusal::needs_consent) holds, and its `consent_url`, where there
    /// is one, is where they can.
    pub async fn check_consent(&self) -> Result<(), ClientError> {
        self.airlock.call(&calls::consent()).await.map(drop)
    }

    /// Begins a pairing: [`BegunPairing::code`] is for the person to type at their approver.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn pair(&self) -> Result<BegunPairing, ClientError> {
        BegunPairing::initiate(self).await
    }

    /// Takes up a code that the person made at their approver.
    ///
    /// # Errors
    /// When the code is unknown, used or expired; as [`pair`](Self::pair).
    pub async fn claim(&self, code: &str) -> Result<BegunPairing, ClientError> {
        BegunPairing::claim(self, code).await
    }

    /// Says once that this enforcer is there.
    ///
    /// # Errors
    /// When the gateway refuses or cannot be reached.
    pub async fn heartbeat(&self) -> Result<(), ClientError> {
        let beat = PresenceHeartbeatRequest {
            enforcer_id: self.enforcer.id.to_string(),
            workspace_name: self.enforcer.workspace.clone(),
            enforcer_label: Some(self.enforcer.label.clone()),
        };
        self.airlock.call(&calls::heartbeat(&beat)).await
    }

    /// Says so every half minute, until the future is dropped. What fails is said again with the next beat.
    pub async fn stay_present(&self) {
        loop {
            if let Err(error) = self.heartbeat().await {
                tracing::debug!(%error, "the heartbeat was not taken");
            }
            tokio::time::sleep(HEARTBEAT_EVERY).await;
        }
    }

    pub(crate) fn host(&self) -> &dyn Host {
        self.airlock.host()
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.host().now()
    }
}

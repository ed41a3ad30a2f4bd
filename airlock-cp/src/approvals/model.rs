//! What the store holds of exchanges, pairings and approvers.

use std::collections::BTreeMap;

use airlock_core::Timestamp;
use airlock_core::approval::{
    ArtifactHash, ArtifactType, Decision, EnforcerId, Exchange, PairingSession, RequestId, Verdict,
};
use airlock_core::crypto::Ciphertext;
use airlock_core::id::{ApproverId, ExchangeId, OrgId, PairingId, UserId};

use crate::apps::AppRate;
use crate::audit::{Caller, Subject};

/// Who asks the gateway: a person in an org, perhaps through an app.
#[derive(Clone, Debug)]
pub struct Party {
    /// In which org.
    pub org: OrgId,
    /// Who.
    pub user: UserId,
    /// Through which app.
    pub app: Option<PartyApp>,
    /// As the audit log names them.
    pub caller: Caller,
}

/// The app that somebody uses.
#[derive(Clone, Debug)]
pub struct PartyApp {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How often its people may ask.
    pub rate: AppRate,
}

impl Party {
    pub(super) fn subject(&self, resource: &str) -> Subject {
        Subject { org: self.org.clone(), tenant: None, resource: Some(resource.to_owned()) }
    }
}

/// A person as the one who decides, in one org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// The server's name for them.
    pub id: ApproverId,
    /// Who.
    pub user: UserId,
    /// In which org.
    pub org: OrgId,
}

/// A device that an approver signs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverDevice {
    /// Its key's name, which decisions carry.
    pub signer_key_id: String,
    /// Its key, base64url.
    pub public_key: String,
    /// What it calls itself.
    pub device_id: String,
    /// What its person calls it.
    pub label: Option<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when, if it was taken back.
    pub revoked_at: Option<Timestamp>,
}

/// One thing asked, and what became of it.
#[derive(Clone, Debug)]
pub struct ExchangeRecord {
    /// The store's name for it.
    pub id: ExchangeId,
    /// In which org.
    pub org: OrgId,
    /// Whose enforcer asked.
    pub owner: UserId,
    /// The enforcer's name for it.
    pub request_id: RequestId,
    /// Which enforcer.
    pub enforcer: EnforcerId,
    /// What the enforcer is called.
    pub enforcer_label: Option<String>,
    /// Through which app.
    pub app_id: Option<String>,
    /// What kind of thing.
    pub artifact_type: ArtifactType,
    /// The payload, sealed; `None` once it was erased.
    pub ciphertext: Option<Ciphertext>,
    /// Clear text for display.
    pub metadata: BTreeMap<String, String>,
    /// What a standing decision said, if this only reports one.
    pub standing_verdict: Option<Verdict>,
    /// When it was taken in.
    pub created_at: Timestamp,
    /// Since when it waits no longer, as far as the store was told.
    pub ended_at: Option<Timestamp>,
    /// Names the decision's message, once there is one.
    pub deliver_id: Option<String>,
    /// How it stands.
    pub exchange: Exchange,
}

impl ExchangeRecord {
    /// What it is about.
    pub fn artifact_hash(&self) -> &ArtifactHash {
        self.exchange.artifact_hash()
    }
    /// The decision, once there is one.
    pub fn decision(&self) -> Option<&Decision> {
        self.exchange.decision()
    }
}

/// Something in an approver's inbox.
#[derive(Clone, Debug)]
pub struct InboxItem {
    /// What.
    pub record: ExchangeRecord,
    /// Names the message.
    pub msg_id: String,
    /// Which pairing's key opens it.
    pub pairing_nonce: Option<String>,
    /// What the app is called.
    pub app_name: Option<String>,
}

/// A pairing, from its first code on. Never its code or routing token.
#[derive(Clone, Debug)]
pub struct Pairing {
    /// The store's name for it.
    pub id: PairingId,
    /// In which org.
    pub org: OrgId,
    /// Names it outside.
    pub nonce: String,
    /// How it stands.
    pub session: PairingSession,
    /// Who asked for the code.
    pub made_by: UserId,
    /// Whose enforcer it is, once there is one.
    pub owner: Option<UserId>,
    /// Who decides, once that is known.
    pub approver: Option<ApproverId>,
    /// Through which app it asks.
    pub app_id: Option<String>,
    /// The enforcer's side.
    pub peer: EnforcerSide,
    /// What the approver answered, unchanged.
    pub answer: Option<String>,
    /// Which of the approver's keys it was signed with.
    pub signer_key_id: Option<String>,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When the approver answered.
    pub completed_at: Option<Timestamp>,
}

/// What an enforcer says of itself when it pairs. None of it is proven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnforcerSide {
    /// Its device.
    pub device_id: Option<String>,
    /// What it calls itself.
    pub enforcer_id: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// Where it works.
    pub workspace: Option<String>,
    /// Through which gateway it came.
    pub gateway: Option<String>,
    /// Its X25519 key.
    pub key: Option<String>,
}

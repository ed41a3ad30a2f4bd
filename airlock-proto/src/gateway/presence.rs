//! Presence and the clock: plain JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `GET /echo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EchoResponse {
    /// The gateway's time, UTC.
    pub utc: String,
    /// The same instant with the gateway's offset.
    pub local: String,
    /// The gateway's zone.
    pub timezone: String,
    /// Its offset.
    pub offset_minutes: i32,
}

/// `POST /v1/presence/heartbeat`. What is absent keeps its earlier value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceHeartbeatRequest {
    /// Which enforcer lives.
    pub enforcer_id: String,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
}

/// It was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatResponse {
    /// `ok`.
    pub status: String,
}

/// One enforcer, as approvers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceRecord {
    /// The enforcer's id.
    pub enforcer_device_id: String,
    /// `online` or `offline`.
    pub status: String,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<String>,
    /// `websocket`, `sse` or `poll`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// What it said it can do: texts, because one published model reads nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<BTreeMap<String, String>>,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_name: Option<String>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer_label: Option<String>,
}

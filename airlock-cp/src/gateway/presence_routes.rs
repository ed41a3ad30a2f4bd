//! Which enforcers live.

use airlock_proto::gateway::{HeartbeatResponse, PresenceHeartbeatRequest, PresenceRecord, paths};
use axum::Json as Out;
use axum::extract::State;
use http::Method;
use serde_json::json;

use super::body::Json;
use super::party::{Asks, Decides};
use super::url_parts::Segment;
use super::{Gateway, GatewayError};
use crate::approvals::{Presence, Seen};
use crate::http::Api;

const TEXT_BYTES_MAX: usize = 256;

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::POST, paths::HEARTBEAT, "Say that an enforcer lives", heartbeat)
        .body(json!({"type": "object", "required": ["enforcerId"]}))
        .route(Method::GET, paths::PRESENCE, "Which enforcers live", list)
        .route(Method::GET, paths::PRESENCE_ONE, "Whether an enforcer lives", one)
}

/// Whether a text may name an enforcer, or something of it.
pub(super) fn is_plain(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

async fn heartbeat(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Json(sent): Json<PresenceHeartbeatRequest>,
) -> Result<Out<HeartbeatResponse>, GatewayError> {
    let texts = [&sent.workspace_name, &sent.enforcer_label].into_iter().flatten();
    if sent.enforcer_id.is_empty() || !texts.chain([&sent.enforcer_id]).all(|text| is_plain(text)) {
        return Err(GatewayError::bad_request(
            "enforcerId, workspaceName, enforcerLabel: at most 256 bytes of text",
        ));
    }
    let seen = Seen {
        enforcer_id: sent.enforcer_id,
        transport: "poll",
        workspace: sent.workspace_name,
        label: sent.enforcer_label,
        capabilities: None,
    };
    gateway.approvals.seen(&party, &seen).await?;
    Ok(Out(HeartbeatResponse { status: "ok".to_owned() }))
}

pub(super) fn told(presence: Presence) -> PresenceRecord {
    PresenceRecord {
        enforcer_device_id: presence.enforcer_id,
        status: if presence.online { "online" } else { "offline" }.to_owned(),
        last_seen_at: Some(presence.last_seen_at.to_string()),
        transport: Some(presence.transport),
        capabilities: presence.capabilities,
        workspace_name: presence.workspace,
        enforcer_label: presence.label,
    }
}

async fn list(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
) -> Result<Out<Vec<PresenceRecord>>, GatewayError> {
    Ok(Out(gateway.approvals.enforcers(&party).await?.into_iter().map(told).collect()))
}

async fn one(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
) -> Result<Out<PresenceRecord>, GatewayError> {
    Ok(Out(told(gateway.approvals.enforcer(&party, &id).await?)))
}

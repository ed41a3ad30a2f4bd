//! Standing decisions.

use airlock_core::approval::dnd::DndQuery;
use airlock_proto::gateway::{DndAcceptedResponse, msg_type, paths};
use axum::Json as Out;
use axum::extract::State;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::body::Json;
use super::party::{Asks, Decides};
use super::url_parts::{Params, Segment};
use super::{Gateway, GatewayError};
use crate::http::Api;

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::GET, paths::DND_EFFECTIVE, "The standing decisions for an enforcer", effective)
        .query(&["enforcerId", "workspaceId", "sessionId"])
        .route(Method::POST, paths::DND, "Make a standing decision, signed", set)
        .body(json!({
            "type": "object",
            "required": ["requestId", "objectType", "workspaceId", "enforcerId", "policyMode", "expiresAt"],
        }))
        .route(Method::GET, paths::DND, "One's own standing decisions", list)
        .route(Method::DELETE, paths::DND_ONE, "Take a standing decision back", revoke)
}

async fn effective(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    params: Params,
) -> Result<Out<Value>, GatewayError> {
    let query = DndQuery {
        enforcer_id: params.needed("enforcerId")?,
        workspace_id: params.needed("workspaceId")?,
        session_id: params.text("sessionId"),
    };
    let standing = gateway.approvals.effective_policies(&party, &query).await?;
    let name = gateway.approvals.message_id();
    Ok(Out(json!({"msgType": msg_type::DND_POLICY_EFFECTIVE, "requestId": name, "body": standing})))
}

async fn set(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Json(sent): Json<Map<String, Value>>,
) -> Result<(StatusCode, Out<DndAcceptedResponse>), GatewayError> {
    let request_id = gateway.approvals.set_policy(&party, sent).await?;
    Ok((StatusCode::CREATED, Out(DndAcceptedResponse { status: "accepted".to_owned(), request_id })))
}

async fn list(Decides(party): Decides, State(gateway): State<Gateway>) -> Result<Out<Value>, GatewayError> {
    let approver = gateway.approvals.approver(&party).await?;
    Ok(Out(json!({"items": gateway.approvals.policies(&approver).await?})))
}

async fn revoke(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
) -> Result<StatusCode, GatewayError> {
    gateway.approvals.revoke_policy(&party, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

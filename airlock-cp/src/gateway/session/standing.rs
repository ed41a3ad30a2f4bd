//! What stands between requests: which enforcers live, standing decisions, what was said of apps.

use airlock_proto::gateway::{ConsentList, ConsentRecord, DndAcceptedResponse, PresenceRecord};
use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Session;
use super::visitor::Visitor;
use crate::gateway::{consent_routes, presence_routes};
use crate::http::{Api, Body, PathOf, Problem};

const POLICIES: &str = "/api/v1/approver/policies";
const POLICY: &str = "/api/v1/approver/policies/{policy_id}";

pub(super) fn api() -> Api<Session> {
    let consent = |said: &'static str| match said {
        "allow" => "/api/v1/approver/consents/{app_id}/allow",
        "deny" => "/api/v1/approver/consents/{app_id}/deny",
        _ => "/api/v1/approver/consents/{app_id}/revoke",
    };
    Api::new()
        .route(Method::GET, "/api/v1/approver/enforcers", "Which enforcers live", enforcers)
        .route(Method::GET, POLICIES, "One's own standing decisions", policies)
        .route(Method::POST, POLICIES, "Make a standing decision, signed in the browser", set_policy)
        .body(json!({
            "type": "object",
            "required": ["requestId", "objectType", "workspaceId", "enforcerId", "policyMode", "expiresAt"],
        }))
        .route(Method::DELETE, POLICY, "Take a standing decision back", revoke_policy)
        .route(Method::GET, "/api/v1/approver/consents", "What one said about apps", consents)
        .route(Method::POST, consent("allow"), "Let an app act for oneself", allow)
        .route(Method::POST, consent("deny"), "Do not let an app act for oneself", deny)
        .route(Method::POST, consent("revoke"), "Do not let an app act for oneself any more", take_back)
}

async fn enforcers(Visitor(party): Visitor, State(session): State<Session>) -> Result<Json<Value>, Problem> {
    let all = session.gateway.approvals.enforcers(&party).await?;
    let items: Vec<PresenceRecord> = all.into_iter().map(presence_routes::told).collect();
    Ok(Json(json!({"items": items})))
}

async fn policies(Visitor(party): Visitor, State(session): State<Session>) -> Result<Json<Value>, Problem> {
    let approver = session.gateway.approvals.approver(&party).await?;
    Ok(Json(json!({"items": session.gateway.approvals.policies(&approver).await?})))
}

async fn set_policy(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<Map<String, Value>>,
) -> Result<(StatusCode, Json<DndAcceptedResponse>), Problem> {
    let request_id = session.gateway.approvals.set_policy(&party, sent).await?;
    Ok((StatusCode::CREATED, Json(DndAcceptedResponse { status: "accepted".to_owned(), request_id })))
}

async fn revoke_policy(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    session.gateway.approvals.revoke_policy(&party, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn consents(
    Visitor(party): Visitor,
    State(session): State<Session>,
) -> Result<Json<ConsentList>, Problem> {
    let all = session.gateway.approvals.consents(&party).await?;
    Ok(Json(ConsentList { items: all.into_iter().map(consent_routes::told).collect() }))
}

async fn allow(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(app): PathOf<String>,
) -> Result<Json<ConsentRecord>, Problem> {
    Ok(Json(consent_routes::told(session.gateway.approvals.allow(&party, &app).await?)))
}

async fn deny(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(app): PathOf<String>,
) -> Result<Json<ConsentRecord>, Problem> {
    Ok(Json(consent_routes::told(session.gateway.approvals.deny(&party, &app).await?)))
}

async fn take_back(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(app): PathOf<String>,
) -> Result<Json<ConsentRecord>, Problem> {
    Ok(Json(consent_routes::told(session.gateway.approvals.take_back(&party, &app).await?)))
}

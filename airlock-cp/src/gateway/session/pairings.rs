//! Pairing, from the approver's side. A routing token is the enforcer's: no page sees one.

use airlock_core::Code;
use airlock_proto::gateway::{
    PairingCompleteRequest, PairingPreGenerateRequest, PairingPreGenerateResponse, PairingRejectRequest,
    PairingRejectResponse, PairingResolveResponse, PairingRevokeResponse,
};
use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::visitor::Visitor;
use crate::gateway::pairing_routes::peer;
use crate::http::{Api, Body, Problem};

pub(super) fn api() -> Api<Session> {
    let with = |members: &[&str]| json!({"type": "object", "required": members});
    Api::new()
        .route(Method::GET, "/api/v1/approver/pairings", "All pairings that concern oneself", list)
        .route(Method::POST, "/api/v1/approver/pairings/resolve", "Who wants to pair, by code", resolve)
        .body(json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}))
        .route(Method::POST, "/api/v1/approver/pairings/complete", "Agree to a pairing, signed", complete)
        .body(with(&["pairingNonce", "responseJson"]))
        .route(Method::POST, "/api/v1/approver/pairings/reject", "Do not agree to a pairing", reject)
        .body(with(&["pairingNonce"]))
        .route(
            Method::POST,
            "/api/v1/approver/pairings/codes",
            "Make a code for an enforcer to take up",
            make_code,
        )
        .body(with(&[]))
        .route(
            Method::POST,
            "/api/v1/approver/pairings/revoke",
            "End a pairing, with what waits on it",
            revoke,
        )
        .body(with(&["pairingNonce"]))
}

async fn list(Visitor(party): Visitor, State(session): State<Session>) -> Result<Json<Value>, Problem> {
    Ok(Json(session.gateway.pairings_told(&party).await?))
}

// Not in a path, which logs keep: whoever knows a code may pair by it.
#[derive(Deserialize)]
struct Typed {
    code: String,
}

async fn resolve(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(typed): Body<Typed>,
) -> Result<Json<PairingResolveResponse>, Problem> {
    Ok(Json(session.gateway.resolved(&party, &typed.code).await?))
}

async fn complete(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<PairingCompleteRequest>,
) -> Result<Json<Value>, Problem> {
    // A page has keys, and an answer without them would pair nobody that can read.
    let answer = sent.response_json.filter(|answer| !answer.is_empty());
    let answer =
        answer.ok_or_else(|| Problem::new(Code::InvalidArguments, "missing field `responseJson`"))?;
    let done = session.gateway.approvals.complete(&party, &sent.pairing_nonce, Some(answer)).await?;
    Ok(Json(json!({
        "status": "completed", "pairingNonce": done.pairing.nonce, "approverId": done.approver.id,
    })))
}

async fn reject(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<PairingRejectRequest>,
) -> Result<Json<PairingRejectResponse>, Problem> {
    session.gateway.approvals.reject(&party, &sent.pairing_nonce).await?;
    Ok(Json(PairingRejectResponse { status: "rejected".to_owned(), pairing_nonce: sent.pairing_nonce }))
}

async fn make_code(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<PairingPreGenerateRequest>,
) -> Result<(StatusCode, Json<PairingPreGenerateResponse>), Problem> {
    let hint = peer(None, None, sent.label, sent.workspace_name, None, None)
        .map_err(|refused| Problem::new(Code::InvalidArguments, refused.message()))?;
    let begun = session.gateway.approvals.pre_generate(&party, hint).await?;
    let answer = PairingPreGenerateResponse {
        pairing_code: begun.code.to_string(),
        pairing_nonce: begun.pairing.nonce,
        expires_at: begun.pairing.session.expires_at().to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn revoke(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<PairingRejectRequest>,
) -> Result<Json<PairingRevokeResponse>, Problem> {
    let ended = session.gateway.approvals.unpair_by_nonce(&party, &sent.pairing_nonce).await?;
    Ok(Json(PairingRevokeResponse { status: "revoked".to_owned(), enforcer_id: ended.peer.enforcer_id }))
}

//! What waits, what did, and deciding it.

use airlock_core::Code;
use airlock_core::approval::{ExchangeState, RequestId};
use airlock_proto::gateway::{
    DecisionAcceptedBody, DecisionBody, DecisionSubmission, DecisionSubmitBody, HarpEnvelope,
    RefreshResponse, msg_type,
};
use axum::Json;
use axum::extract::State;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Session;
use super::visitor::Visitor;
use crate::approvals::{ApprovalError, Approver, InboxItem, Shelf, approval_request};
use crate::error::ServiceError;
use crate::http::{Api, Body, Paging, PathOf, Problem, QueryOf};

const INBOX: &str = "/api/v1/approver/inbox";
const ONE: &str = "/api/v1/approver/inbox/{request_id}";
// Each may bring its ciphertext along.
const PAGE_MAX: usize = 100;

pub(super) fn api() -> Api<Session> {
    let decision = json!({
        "type": "object", "required": ["msgType", "requestId", "sender", "body"],
        "properties": {"body": {
            "type": "object", "required": ["artifactHash", "decision", "signerKeyId", "nonce", "signature"]
        }},
    });
    Api::new()
        .route(Method::GET, INBOX, "What waits for oneself to decide, newest first", inbox)
        .query(&["limit", "cursor"])
        .route(Method::GET, "/api/v1/approver/history", "What waited for oneself, and what became of it", history)
        .query(&["limit", "cursor"])
        .route(Method::POST, "/api/v1/approver/decisions", "Decide, signed in the browser", decide)
        .body(decision)
        .route(Method::DELETE, ONE, "Put a request out of one's inbox; nothing is decided by that", dismiss)
        .route(
            Method::POST,
            "/api/v1/approver/inbox/{request_id}/refresh",
            "Ask an enforcer with an open channel to ask anew",
            refresh,
        )
        .body(json!({"type": "object", "required": ["enforcer"], "properties": {"enforcer": {"type": "string"}}}))
}

impl Session {
    async fn shelf(&self, visitor: &Visitor, shelf: Shelf, paging: &Paging) -> Result<Json<Value>, Problem> {
        let approver = self.gateway.approvals.approver(&visitor.0).await?;
        let limit = paging.limit().min(PAGE_MAX);
        let page = self.gateway.approvals.inbox(&approver, shelf, paging.cursor.as_deref(), limit).await?;
        let items: Vec<Value> = page.items.iter().map(|item| self.told(item, &approver)).collect();
        Ok(Json(json!({"approver_id": approver.id, "items": items, "next_cursor": page.next_cursor})))
    }

    /// The request as the gateway tells it, and what was decided.
    fn told(&self, item: &InboxItem, approver: &Approver) -> Value {
        let mut all = json!(approval_request(item, approver, self.gateway.host.now()));
        if let Some(decision) = item.record.decision() {
            all["decision"] = json!(DecisionBody::from(decision.clone()));
        }
        if let Some(verdict) = item.record.standing_verdict {
            all["standing"] = json!(verdict.as_str());
        }
        all
    }
}

async fn inbox(
    visitor: Visitor,
    State(session): State<Session>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Value>, Problem> {
    session.shelf(&visitor, Shelf::Waiting, &paging).await
}

async fn history(
    visitor: Visitor,
    State(session): State<Session>,
    QueryOf(paging): QueryOf<Paging>,
) -> Result<Json<Value>, Problem> {
    session.shelf(&visitor, Shelf::Over, &paging).await
}

async fn decide(
    Visitor(party): Visitor,
    State(session): State<Session>,
    Body(sent): Body<HarpEnvelope<DecisionSubmitBody>>,
) -> Result<Json<HarpEnvelope<DecisionAcceptedBody>>, Problem> {
    let request_id = sent.request_id.clone();
    let submission = DecisionSubmission::try_from(sent)
        .map_err(|error| Problem::new(Code::InvalidArguments, error.to_string()))?;
    session.gateway.approvals.decide(&party, submission).await?;
    let body = DecisionAcceptedBody { state: ExchangeState::Decided.to_string() };
    let now = session.gateway.host.now().to_string();
    let answer = HarpEnvelope::of_gateway(msg_type::DECISION_ACCEPTED, &request_id, now, body);
    Ok(Json(answer.named(session.gateway.approvals.message_id())))
}

/// A text that can be no request id names nothing.
fn request(text: &str) -> Result<RequestId, ServiceError> {
    text.parse().map_err(|_| ApprovalError::NotFound("request in the inbox").into())
}

async fn dismiss(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let approvals = &session.gateway.approvals;
    let approver = approvals.approver(&party).await?;
    approvals.dismiss(&party, &approver, &request(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Whom {
    enforcer: String,
}

async fn refresh(
    Visitor(party): Visitor,
    State(session): State<Session>,
    PathOf(id): PathOf<String>,
    Body(whom): Body<Whom>,
) -> Result<Json<RefreshResponse>, Problem> {
    session.gateway.approvals.ask_again(&party, &request(&id)?, &whom.enforcer).await?;
    Ok(Json(RefreshResponse { status: "forwarded".to_owned() }))
}

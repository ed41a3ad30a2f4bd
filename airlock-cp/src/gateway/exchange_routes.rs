//! Asking, waiting, taking back, acknowledging, deciding.

use std::time::Duration;

use airlock_core::approval::{ExchangeState, RequestId};
use airlock_proto::gateway::{
    AckAcceptedBody, AckSubmitBody, ArtifactAcceptedBody, ArtifactSubmitEnvelope, DecisionAcceptedBody,
    DecisionBody, DecisionSubmission, DecisionSubmitBody, ExchangeStatusBody, ExchangeStatusResponse,
    HarpEnvelope, Submission, WithdrawnBody, msg_type, paths,
};
use axum::Json as Out;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::body::{ARTIFACT_BYTES_MAX, Json};
use super::party::{Asks, Decides, Either};
use super::url_parts::{Params, Segment};
use super::{Gateway, GatewayError};
use crate::approvals::{ApprovalError, Party, Waited, decision_deliver};
use crate::http::Api;
use crate::http::limits::Rate;

const WAIT_S_DEFAULT: u64 = 30;
const WAIT_S_MAX: u64 = 60;
/// Errors that one who waits is answered without delay.
const WAIT_ERRORS: Rate = Rate { per_minute: 60, burst: 1 };
const ERROR_DELAY_MAX: Duration = Duration::from_secs(1);

pub(super) fn api() -> Api<Gateway> {
    let envelope = |body: &[&str]| {
        json!({
            "type": "object",
            "required": ["msgType", "requestId", "body"],
            "properties": {"body": {"type": "object", "required": body}},
        })
    };
    Api::new()
        .route(Method::POST, paths::ARTIFACTS, "Ask for an approval", submit)
        .body(envelope(&["artifactType", "artifactHash", "ciphertext"]))
        .route(Method::GET, paths::EXCHANGE, "How a request stands", status)
        .route(Method::GET, paths::WAIT, "Wait for a decision", wait)
        .query(&["timeout"])
        .route(Method::POST, paths::WITHDRAW, "Take a request back", withdraw)
        .route(Method::POST, paths::ACKS, "Say that a message arrived", ack)
        .body(envelope(&["msgId", "status"]))
        .route(Method::POST, paths::DECISIONS, "Decide", decide)
        .body(envelope(&["artifactHash", "decision", "signerKeyId", "nonce", "signature"]))
}

impl Gateway {
    /// Takes a question in: what it is answered.
    pub(super) async fn take_artifact(
        &self,
        party: &Party,
        sent: ArtifactSubmitEnvelope,
    ) -> Result<HarpEnvelope<ArtifactAcceptedBody>, GatewayError> {
        let request_id = sent.request_id.clone();
        let submission = Submission::try_from(sent)?;
        let accepted = self
            .approvals
            .submit(party, submission)
            .await
            .map_err(|e| GatewayError::from(e).about(&request_id))?;
        let body = ArtifactAcceptedBody {
            state: accepted.state.to_string(),
            expires_at: Some(accepted.expires_at.to_string()),
        };
        Ok(self.answer(msg_type::ARTIFACT_ACCEPTED, &request_id, body))
    }

    /// Takes a decision.
    pub(super) async fn take_decision(
        &self,
        party: &Party,
        sent: HarpEnvelope<DecisionSubmitBody>,
    ) -> Result<HarpEnvelope<DecisionAcceptedBody>, GatewayError> {
        let request_id = sent.request_id.clone();
        let submission = DecisionSubmission::try_from(sent)?;
        self.approvals
            .decide(party, submission)
            .await
            .map_err(|e| GatewayError::from(e).about(&request_id))?;
        let body = DecisionAcceptedBody { state: ExchangeState::Decided.to_string() };
        Ok(self.answer(msg_type::DECISION_ACCEPTED, &request_id, body))
    }

    /// Takes note that a message arrived.
    pub(super) async fn take_ack(
        &self,
        party: &Party,
        sent: HarpEnvelope<AckSubmitBody>,
    ) -> Result<HarpEnvelope<AckAcceptedBody>, GatewayError> {
        if sent.msg_type != msg_type::ACK_SUBMIT || sent.body.msg_id.is_empty() || sent.body.status.is_empty()
        {
            return Err(GatewayError::bad_request("an ack.submit with msgId and status"));
        }
        self.approvals.ack(party, &sent.body.msg_id).await?;
        let body = AckAcceptedBody { msg_id: sent.body.msg_id };
        Ok(self.answer(msg_type::ACK_ACCEPTED, &sent.request_id, body))
    }

    fn answer<B>(&self, kind: &str, request_id: &str, body: B) -> HarpEnvelope<B> {
        HarpEnvelope::of_gateway(kind, request_id, self.host.now().to_string(), body)
            .named(self.approvals.message_id())
    }
}

/// A request id; a text that can be none names no exchange.
fn request_id(text: &str) -> Result<RequestId, GatewayError> {
    text.parse().map_err(|_| ApprovalError::NotFound("exchange").into())
}

async fn submit(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Json(sent): Json<ArtifactSubmitEnvelope, ARTIFACT_BYTES_MAX>,
) -> Result<(StatusCode, Out<HarpEnvelope<ArtifactAcceptedBody>>), GatewayError> {
    Ok((StatusCode::ACCEPTED, Out(gateway.take_artifact(&party, sent).await?)))
}

async fn status(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
) -> Result<Out<ExchangeStatusResponse>, GatewayError> {
    let found = gateway.approvals.exchange(&party, &request_id(&id)?).await;
    let record = found.map_err(|e| GatewayError::from(e).about(&id))?;
    let body = ExchangeStatusBody {
        request_id: id.clone(),
        state: record.exchange.state(gateway.host.now()).to_string(),
        created_at: Some(record.created_at.to_string()),
        expires_at: Some(record.exchange.expires_at().to_string()),
        artifact_hash: Some(record.artifact_hash().to_string()),
        decision: record.decision().cloned().map(DecisionBody::from),
    };
    let msg_type = msg_type::EXCHANGE_STATUS.to_owned();
    Ok(Out(ExchangeStatusResponse { msg_type, request_id: id, body: Some(body) }))
}

async fn wait(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
    params: Params,
) -> Result<Response, GatewayError> {
    let seconds = match params.text("timeout").map(str::parse::<i64>) {
        Some(Ok(seconds)) => u64::try_from(seconds).unwrap_or(0).clamp(1, WAIT_S_MAX),
        Some(Err(_)) | None => WAIT_S_DEFAULT,
    };
    let waited = match request_id(&id) {
        Ok(request) => gateway
            .approvals
            .wait(&party, &request, Duration::from_secs(seconds))
            .await
            .map_err(GatewayError::from),
        Err(refused) => Err(refused),
    };
    let refused = match waited {
        Ok(Waited::Decided(record)) => {
            return Ok(Out(decision_deliver(&record)).into_response());
        }
        Ok(Waited::Nothing) => return Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(Waited::Ended(state)) => {
            let code = ApprovalError::ended(state).unwrap_or("NotFound");
            GatewayError::new(StatusCode::NOT_FOUND, code, format!("Exchange is in state '{state}'"))
        }
        Err(refused) => refused,
    };
    gateway.slow_down_errors(&party, &id).await;
    Err(refused.about(id))
}

impl Gateway {
    /// Some agents ask again at once after an error.
    async fn slow_down_errors(&self, party: &Party, id: &str) {
        let key = (party.user.clone(), id.chars().take(128).collect());
        if let Err(wait) = self.limits.wait_errors.take(&key, WAIT_ERRORS, self.host.monotonic()) {
            tokio::select! {
                () = self.tasks.stop().cancelled_owned() => {}
                () = tokio::time::sleep(wait.min(ERROR_DELAY_MAX)) => {}
            }
        }
    }
}

// Whatever the body is: some send none, some `null`, some an empty text.
async fn withdraw(
    Asks(party): Asks,
    State(gateway): State<Gateway>,
    Segment(id): Segment,
) -> Result<Out<HarpEnvelope<WithdrawnBody>>, GatewayError> {
    let withdrawn = gateway.approvals.withdraw(&party, &request_id(&id)?).await;
    let at = withdrawn.map_err(|e| GatewayError::from(e).about(&id))?;
    let body = WithdrawnBody {
        state: ExchangeState::Withdrawn.to_string(),
        withdrawn_at: at.to_string(),
        reason: "Enforcer-initiated withdrawal".to_owned(),
    };
    Ok(Out(gateway.answer(msg_type::EXCHANGE_WITHDRAWN, &id, body)))
}

async fn ack(
    Either(party): Either,
    State(gateway): State<Gateway>,
    Json(sent): Json<HarpEnvelope<AckSubmitBody>>,
) -> Result<Out<HarpEnvelope<AckAcceptedBody>>, GatewayError> {
    Ok(Out(gateway.take_ack(&party, sent).await?))
}

async fn decide(
    Decides(party): Decides,
    State(gateway): State<Gateway>,
    Json(sent): Json<HarpEnvelope<DecisionSubmitBody>>,
) -> Result<Out<HarpEnvelope<DecisionAcceptedBody>>, GatewayError> {
    Ok(Out(gateway.take_decision(&party, sent).await?))
}

/// A body that is an envelope of any kind.
pub(super) fn envelope_of<B: serde::de::DeserializeOwned>(
    sent: Value,
) -> Result<HarpEnvelope<B>, GatewayError> {
    super::body::read(sent.to_string().as_bytes())
}

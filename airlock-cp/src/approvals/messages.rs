//! What is told on channels and in the inbox, in the published protocol's words.

use airlock_core::Timestamp;
use airlock_core::approval::ExchangeState;
use airlock_proto::gateway::{
    ApprovalRequestBody, ApprovalRequestEnvelope, CiphertextRef, DecisionBody, DecisionDeliverEnvelope,
    HarpEnvelope, RecipientInfo, msg_type,
};
use serde_json::{Value, json};

use super::model::{Approver, ExchangeRecord, InboxItem};

/// One message: its kind, its name where it has one, all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// A word of the protocol: `approval.request`.
    pub kind: &'static str,
    /// Names it, for acknowledgements and for reading on.
    pub id: Option<String>,
    /// The whole message.
    pub body: Value,
}

/// Something that waits for an approver, or did.
pub(crate) fn approval_request(
    item: &InboxItem,
    approver: &Approver,
    now: Timestamp,
) -> ApprovalRequestEnvelope {
    let record = &item.record;
    let body = ApprovalRequestBody {
        artifact_type: record.artifact_type.to_string(),
        artifact_hash: record.artifact_hash().to_string(),
        ciphertext_ref: record.ciphertext.as_ref().map(|sealed| CiphertextRef::inline(&sealed.data)),
        ciphertext: record.ciphertext.clone(),
        metadata: record.metadata.clone(),
        enforcer_id: record.enforcer.to_string(),
        enforcer_label: record.enforcer_label.clone(),
        app_name: item.app_name.clone(),
        pairing_nonce: item.pairing_nonce.clone(),
        state: record.exchange.state(now).to_string(),
        decision: record.exchange.verdict().map(|verdict| verdict.to_string()),
    };
    let at = record.created_at.to_string();
    let envelope = HarpEnvelope::of_gateway(msg_type::APPROVAL_REQUEST, record.request_id.as_str(), at, body);
    HarpEnvelope {
        expires_at: Some(record.exchange.expires_at().to_string()),
        recipient: Some(RecipientInfo {
            approver_id: Some(approver.id.to_string()),
            ..RecipientInfo::default()
        }),
        ..envelope.named(item.msg_id.as_str())
    }
}

/// A decision, as its approver sent it; `None` before there is one.
pub(crate) fn decision_deliver(record: &ExchangeRecord) -> Option<DecisionDeliverEnvelope> {
    let (decision, deliver_id) = (record.decision()?, record.deliver_id.as_deref()?);
    let at = record.ended_at.unwrap_or(record.created_at);
    let (at, body) = (at.to_string(), DecisionBody::from(decision.clone()));
    let envelope = HarpEnvelope::of_gateway(msg_type::DECISION_DELIVER, record.request_id.as_str(), at, body);
    let recipient =
        RecipientInfo { enforcer_id: Some(record.enforcer.to_string()), ..RecipientInfo::default() };
    Some(HarpEnvelope {
        expires_at: Some(record.exchange.expires_at().to_string()),
        recipient: Some(recipient),
        ..envelope.named(deliver_id)
    })
}

fn message<T: serde::Serialize>(kind: &'static str, id: Option<String>, body: &T) -> Option<Message> {
    serde_json::to_value(body).ok().map(|body| Message { kind, id, body })
}

/// To an approver: something waits.
pub(super) fn asked(item: &InboxItem, approver: &Approver, now: Timestamp) -> Option<Message> {
    message(msg_type::APPROVAL_REQUEST, Some(item.msg_id.clone()), &approval_request(item, approver, now))
}

/// To an enforcer: it was decided.
pub(super) fn delivered(record: &ExchangeRecord) -> Option<Message> {
    message(msg_type::DECISION_DELIVER, record.deliver_id.clone(), &decision_deliver(record)?)
}

/// To an approver: it waits no longer.
pub(super) fn over(item: &InboxItem, now: Timestamp) -> Option<Message> {
    let record = &item.record;
    let state = record.exchange.state(now);
    let kind = match state {
        ExchangeState::PendingApproval => return None,
        ExchangeState::Decided | ExchangeState::Delivered => msg_type::EXCHANGE_DECIDED,
        ExchangeState::Expired => msg_type::EXCHANGE_EXPIRED,
        ExchangeState::Withdrawn => msg_type::EXCHANGE_WITHDRAWN,
        ExchangeState::Cancelled => msg_type::EXCHANGE_CANCELLED,
    };
    let mut body = json!({"state": state.as_str(), "enforcerId": record.enforcer.as_str()});
    if let Some(verdict) = record.exchange.verdict() {
        body["decision"] = json!(verdict.as_str());
    }
    let envelope = HarpEnvelope::of_gateway(kind, record.request_id.as_str(), now.to_string(), body);
    message(kind, None, &envelope)
}

/// To an approver: their code was claimed. To both: a pairing is over.
pub(super) fn of_pairing(kind: &'static str, nonce: &str, now: Timestamp) -> Option<Message> {
    message(
        kind,
        None,
        &HarpEnvelope::of_gateway(kind, nonce, now.to_string(), json!({"pairingNonce": nonce})),
    )
}

/// To an enforcer: ask anew.
pub(super) fn refresh(request_id: &str, now: Timestamp) -> Option<Message> {
    let body = json!({"reason": "the approver asks for it anew"});
    let envelope = HarpEnvelope::of_gateway(msg_type::REFRESH_REQUEST, request_id, now.to_string(), body);
    message(msg_type::REFRESH_REQUEST, None, &envelope)
}

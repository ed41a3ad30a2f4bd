//! An approver's requests to the gateway as values.

use airlock_core::{Host, Timestamp};
use airlock_proto::gateway::{
    DecisionBody, HarpEnvelope, PairingCompleteRequest, PairingCompleteResponse, PairingPreGenerateRequest,
    PairingPreGenerateResponse, PairingRejectRequest, PairingResolveResponse, SenderInfo, msg_type, paths,
};

use super::sign::SignedDecision;
use super::waiting::InboxPage;
use crate::calls::{Call, get, json, new_id, nothing, post};
use crate::transport::Response;
use http::Method;
use serde_json::{Map, Value};

/// The caller's own approver, where a path or a sender names one.
pub const ME: &str = "me";

/// Who wants to pair.
pub fn resolve(code: &str) -> Call<PairingResolveResponse> {
    get(paths::of(paths::PAIRING_RESOLVE, code), json)
}

/// Agrees to a pairing. It can be done once.
pub fn complete(nonce: &str, answer: &str) -> Call<PairingCompleteResponse> {
    let request =
        PairingCompleteRequest { pairing_nonce: nonce.to_owned(), response_json: Some(answer.to_owned()) };
    post(paths::PAIRING_COMPLETE, &request, json)
}

/// Does not agree.
pub fn refuse(nonce: &str) -> Call<()> {
    post(paths::PAIRING_REJECT, &PairingRejectRequest { pairing_nonce: nonce.to_owned() }, nothing)
}

/// Makes a code for an enforcer to take up.
pub fn pre_generate(label: Option<&str>) -> Call<PairingPreGenerateResponse> {
    let request = PairingPreGenerateRequest { workspace_name: None, label: label.map(str::to_owned) };
    post(paths::PAIRING_PRE_GENERATE, &request, json)
}

/// A page of what waits.
pub fn inbox(approver_id: &str, cursor: Option<&str>) -> Call<InboxPage> {
    get(shelf(paths::INBOX, approver_id, cursor, None), page)
}

/// A page of what waited: decided, over, or put out of sight.
pub fn history(approver_id: &str, cursor: Option<&str>, limit: u8) -> Call<InboxPage> {
    get(shelf(paths::INBOX_EXPIRED, approver_id, cursor, Some(limit)), page)
}

fn shelf(path: &str, approver_id: &str, cursor: Option<&str>, limit: Option<u8>) -> String {
    let limit = limit.map(|limit| limit.to_string());
    let query = [("cursor", cursor), ("limit", limit.as_deref())];
    let query: Vec<_> = query.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let path = paths::of(path, approver_id);
    if query.is_empty() {
        return path;
    }
    format!("{path}?{}", serde_urlencoded::to_string(query).expect("pairs of texts are a query"))
}

/// The approver's own standing decisions, as they were signed.
pub fn standing() -> Call<Vec<Map<String, Value>>> {
    get(paths::DND, |response| {
        #[derive(serde::Deserialize)]
        struct Listed {
            items: Vec<Map<String, Value>>,
        }
        json::<Listed>(response).map(|listed| listed.items)
    })
}

/// Hands a standing decision over. The same one may be sent again.
pub fn stand(signed: &Map<String, Value>) -> Call<()> {
    let mut call = post(paths::DND, signed, nothing);
    call.request = call.request.repeatable();
    call
}

/// Takes a standing decision back.
pub fn end_standing(id: &str) -> Call<()> {
    let mut call = get(paths::of(paths::DND_ONE, id), nothing);
    call.request.method = Method::DELETE;
    call
}

fn page(response: &Response) -> Result<InboxPage, serde_json::Error> {
    InboxPage::read(&response.body)
}

/// Hands a decision over. The same one may be sent again.
pub fn decide(signed: &SignedDecision, now: Timestamp, host: &dyn Host) -> Call<()> {
    let envelope = HarpEnvelope {
        msg_id: Some(new_id("msg-", host)),
        msg_type: msg_type::DECISION_SUBMIT.to_owned(),
        request_id: signed.request_id.to_string(),
        created_at: Some(now.to_string()),
        expires_at: None,
        sender: Some(SenderInfo::approver(signed.approver_id.as_deref().unwrap_or(ME))),
        recipient: None,
        body: DecisionBody::from(signed.decision.clone()),
    };
    let mut call = post(paths::DECISIONS, &envelope, nothing);
    call.request = call.request.repeatable();
    call
}

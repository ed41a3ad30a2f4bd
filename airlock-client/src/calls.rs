//! Every request to the gateway as a value, and how its answer is read. No I/O: send a [`Call`]'s request as you like,
//! give it the response.
//!
//! ```
//! use airlock_client::calls;
//! use airlock_client::transport::Response;
//!
//! let call = calls::echo();
//! assert_eq!(call.request.target, "/echo");
//! let body = r#"{"utc":"2026-01-01T00:00:00Z","local":"2026-01-01T00:00:00Z","timezone":"UTC","offsetMinutes":0}"#;
//! let echo = call.read(&Response::new(http::StatusCode::OK, body)).unwrap();
//! assert_eq!(echo.timezone, "UTC");
//! ```

use std::collections::HashMap;
use std::time::Duration;

use airlock_core::{Host, Timestamp};
use airlock_proto::gateway::{msg_type, paths};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::gateway::models::{
    DecisionDeliverEnvelope, DndEffectiveResponse, EchoResponse, EncryptedPayload, ExchangeStatusResponse,
    PairingClaimRequest, PairingClaimResponse, PairingInitiateRequest, PairingInitiateResponse,
    PairingRevokeResponse, PairingStatusResponse, PresenceHeartbeatRequest,
};
use crate::refusal::Refusal;
use crate::transport::{Request, Response};

/// Seconds that a gateway waits with an answer, at least and at most.
pub const WAIT_S: std::ops::RangeInclusive<u32> = 1..=60;
/// Time that the answer to a long poll may be late.
const WAIT_SLACK: Duration = Duration::from_secs(15);
/// Time for a request that is answered at once.
const SHORT: Duration = Duration::from_secs(20);
/// Life of an artifact for which none is given.
pub const TTL_DEFAULT: Duration = Duration::from_secs(600);

/// A request, and how its answer is read.
#[derive(Debug)]
pub struct Call<T> {
    /// The request, without credentials.
    pub request: Request,
    read: fn(&Response) -> Result<T, serde_json::Error>,
}

/// Why an answer gives no value.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The gateway refused.
    #[error("the gateway refused: {0}")]
    Refused(Box<Refusal>),
    /// It agreed, in words that are not understood.
    #[error("the gateway's answer is not of the form expected")]
    Shape(#[source] serde_json::Error),
}

impl<T> Call<T> {
    /// Reads the answer.
    ///
    /// # Errors
    /// When the gateway refused, or its answer has another form.
    pub fn read(&self, response: &Response) -> Result<T, Unread> {
        match Refusal::of(response) {
            Some(refusal) => Err(Unread::Refused(Box::new(refusal))),
            None => (self.read)(response).map_err(Unread::Shape),
        }
    }
}

pub(crate) fn json<T: DeserializeOwned>(response: &Response) -> Result<T, serde_json::Error> {
    serde_json::from_slice(&response.body)
}

// Whatever stands in an agreement that is only an agreement: nothing, an empty object, an envelope.
pub(crate) fn nothing(_: &Response) -> Result<(), serde_json::Error> {
    Ok(())
}

fn decision(response: &Response) -> Result<Option<DecisionDeliverEnvelope>, serde_json::Error> {
    if response.status == StatusCode::NO_CONTENT { Ok(None) } else { json(response).map(Some) }
}

fn status_word(response: &Response) -> Result<String, serde_json::Error> {
    let value: Value = json(response)?;
    Ok(value["status"].as_str().unwrap_or("unknown").to_owned())
}

pub(crate) fn get<T>(
    target: impl Into<String>,
    read: fn(&Response) -> Result<T, serde_json::Error>,
) -> Call<T> {
    Call { request: Request::new(Method::GET, target).within(SHORT), read }
}

pub(crate) fn post<T>(
    target: impl Into<String>,
    body: &impl Serialize,
    read: fn(&Response) -> Result<T, serde_json::Error>,
) -> Call<T> {
    let body = serde_json::to_vec(body).expect("texts, numbers and lists of them are JSON");
    let request = Request::new(Method::POST, target).within(SHORT).with_body("application/json", body);
    Call { request, read }
}

/// An id of our making: a prefix and a random UUID.
///
/// Source: RFC 9562, version 4.
pub fn new_id(prefix: &str, host: &dyn Host) -> String {
    let mut b = [0u8; 16];
    host.random(&mut b);
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"));
    let (x, y, z, u, v) = (hex(&b[..4]), hex(&b[4..6]), hex(&b[6..8]), hex(&b[8..10]), hex(&b[10..]));
    format!("{prefix}{x}-{y}-{z}-{u}-{v}")
}

/// Is a gateway there, and what is its time?
pub fn echo() -> Call<EchoResponse> {
    get(paths::ECHO, json)
}

/// Where people sign in.
pub fn discovery() -> Call<Value> {
    get(paths::DISCOVERY, json)
}

/// One artifact, encrypted and hashed.
#[derive(Debug)]
pub struct Submission<'a> {
    /// Names the request; sent again with the same hash it is the same request.
    pub request_id: &'a str,
    /// Who asks.
    pub enforcer_id: &'a str,
    /// What kind of thing.
    pub artifact_type: &'a str,
    /// What a decision will name.
    pub artifact_hash: &'a str,
    /// What only the approver can open.
    pub ciphertext: &'a EncryptedPayload,
    /// RFC 3339; [`TTL_DEFAULT`] from now when absent.
    pub expires_at: Option<&'a str>,
    /// Clear text beside it.
    pub metadata: Option<&'a HashMap<String, String>>,
}

/// Submits an artifact. The envelope's own id and times are new; the rest decides whether it is the same request.
pub fn submit(submission: &Submission<'_>, now: Timestamp, host: &dyn Host) -> Call<()> {
    let default_expiry = now.after(TTL_DEFAULT).to_string();
    let mut body = json!({
        "artifactType": submission.artifact_type,
        "artifactHash": submission.artifact_hash,
        "ciphertext": submission.ciphertext,
        "expiresAt": submission.expires_at.unwrap_or(&default_expiry),
    });
    if let Some(metadata) = submission.metadata {
        body["metadata"] = json!(metadata);
    }
    let envelope = json!({
        "msgId": new_id("msg-", host),
        "msgType": msg_type::ARTIFACT_SUBMIT,
        "requestId": submission.request_id,
        "createdAt": now,
        "sender": {"enforcerId": submission.enforcer_id},
        "body": body,
    });
    let mut call = post(paths::ARTIFACTS, &envelope, nothing);
    call.request = call.request.repeatable();
    call
}

/// Where an exchange stands.
pub fn exchange_status(request_id: &str) -> Call<ExchangeStatusResponse> {
    get(paths::of(paths::EXCHANGE, request_id), json)
}

/// Waits for a decision, [`WAIT_S`] seconds at most. `None` when there is none yet.
pub fn wait(request_id: &str, timeout_s: u32) -> Call<Option<DecisionDeliverEnvelope>> {
    let timeout_s = timeout_s.clamp(*WAIT_S.start(), *WAIT_S.end());
    let mut call = get(format!("{}?timeout={timeout_s}", paths::of(paths::WAIT, request_id)), decision);
    call.request = call.request.within(Duration::from_secs(timeout_s.into()) + WAIT_SLACK);
    call
}

/// Takes a request back.
pub fn withdraw(request_id: &str) -> Call<()> {
    post(paths::of(paths::WITHDRAW, request_id), &Value::Null, nothing)
}

/// Says that a message came in. `request_id` is the exchange's; the message's own id when absent.
pub fn ack(msg_id: &str, request_id: Option<&str>, now: Timestamp, host: &dyn Host) -> Call<()> {
    let envelope = json!({
        "msgId": new_id("ack-", host),
        "msgType": msg_type::ACK_SUBMIT,
        "requestId": request_id.unwrap_or(msg_id),
        "createdAt": now,
        "sender": {},
        "body": {"msgId": msg_id, "status": "delivered", "ackAt": now},
    });
    let mut call = post(paths::ACKS, &envelope, nothing);
    call.request = call.request.repeatable();
    call
}

/// Begins a pairing; a second one begins a second.
pub fn initiate_pairing(request: &PairingInitiateRequest) -> Call<PairingInitiateResponse> {
    post(paths::PAIRING_INITIATE, request, json)
}

/// Takes up a code that an approver made beforehand; it can be taken up once.
pub fn claim_pairing(request: &PairingClaimRequest) -> Call<PairingClaimResponse> {
    post(paths::PAIRING_CLAIM, request, json)
}

/// Where a pairing stands.
pub fn pairing_status(nonce: &str) -> Call<PairingStatusResponse> {
    get(paths::of(paths::PAIRING_STATUS, nonce), json)
}

/// Ends a pairing.
pub fn revoke_pairing(routing_token: &str) -> Call<PairingRevokeResponse> {
    let mut call = post(paths::PAIRING_REVOKE, &json!({"routingToken": routing_token}), json);
    call.request = call.request.repeatable();
    call
}

/// Says that an enforcer is there.
pub fn heartbeat(request: &PresenceHeartbeatRequest) -> Call<()> {
    let mut call = post(paths::HEARTBEAT, request, nothing);
    call.request = call.request.repeatable();
    call
}

/// The standing decisions that hold for an enforcer in a workspace.
pub fn effective_dnd(
    enforcer_id: &str,
    workspace_id: &str,
    session_id: Option<&str>,
) -> Call<DndEffectiveResponse> {
    let mut query = vec![("enforcerId", enforcer_id), ("workspaceId", workspace_id)];
    query.extend(session_id.map(|session| ("sessionId", session)));
    let query = serde_urlencoded::to_string(query).expect("pairs of texts are a query");
    get(format!("{}?{query}", paths::DND_EFFECTIVE), json)
}

/// The same, each as it was sent: what is signed is the whole object.
pub fn effective_dnd_as_sent(
    enforcer_id: &str,
    workspace_id: &str,
    session_id: Option<&str>,
) -> Call<Vec<Map<String, Value>>> {
    let request = effective_dnd(enforcer_id, workspace_id, session_id).request;
    Call { request, read: policies_as_sent }
}

fn policies_as_sent(response: &Response) -> Result<Vec<Map<String, Value>>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Listed {
        body: Vec<Map<String, Value>>,
    }
    json::<Listed>(response).map(|listed| listed.body)
}

/// Whether the person allowed the app: `approved`, or a refusal with one of the codes of consent.
pub fn consent() -> Call<String> {
    get(paths::CONSENT_STATUS, status_word)
}

#[cfg(test)]
mod tests {
    use airlock_core::test_util::FixedHost;

    use super::*;
    use crate::transport::Repeat;

    #[test]
    fn ids_are_version_4_uuids() {
        let id = new_id("req-", &FixedHost::new());
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [3, 8, 4, 4, 4, 12], "{id}");
        assert!(parts[3].starts_with('4') && "89ab".contains(&parts[4][..1]), "{id}");
    }

    #[test]
    fn what_stands_in_a_path_stays_in_its_segment() {
        assert_eq!(wait("req-1:a", 30).request.target, "/v1/exchanges/req-1:a/wait?timeout=30");
        assert_eq!(exchange_status("../a?b#c d").request.target, "/v1/exchanges/..%2Fa%3Fb%23c%20d");
        assert_eq!(
            effective_dnd("e", "w s&x=1", Some("é")).request.target,
            "/v1/policy/dnd/effective?enforcerId=e&workspaceId=w+s%26x%3D1&sessionId=%C3%A9"
        );
    }

    #[test]
    fn a_wait_is_clamped_and_outlives_its_own_timeout() {
        for (given, used) in [(0u32, 1u32), (1, 1), (25, 25), (200, 60)] {
            let request = wait("r", given).request;
            assert!(request.target.ends_with(&format!("?timeout={used}")), "{}", request.target);
            assert!(request.patience > Duration::from_secs(used.into()));
        }
    }

    #[test]
    fn a_submission_says_when_it_ends_and_may_be_repeated() {
        let host = FixedHost::new();
        let ciphertext =
            EncryptedPayload { alg: "a".into(), data: "d".into(), nonce: None, tag: None, aad: None };
        let mut submission = Submission {
            request_id: "req-1",
            enforcer_id: "e",
            artifact_type: "command-approval",
            artifact_hash: "h",
            ciphertext: &ciphertext,
            expires_at: None,
            metadata: None,
        };
        let body = |submission: &Submission<'_>| -> Value {
            let call = submit(submission, host.now(), &host);
            assert_eq!(call.request.repeat, Repeat::Safe);
            serde_json::from_slice(&call.request.body).unwrap()
        };
        let sent = body(&submission);
        assert_eq!(sent["createdAt"], "2026-01-01T00:00:00.000Z");
        assert_eq!(sent["body"]["expiresAt"], "2026-01-01T00:10:00.000Z");
        assert_eq!(sent["body"]["ciphertext"], json!({"alg": "a", "data": "d"}));
        assert!(sent["body"].get("metadata").is_none());
        submission.expires_at = Some("2026-01-01T00:01:00Z");
        assert_eq!(body(&submission)["body"]["expiresAt"], "2026-01-01T00:01:00Z");
    }

    #[track_caller]
    fn check(status: StatusCode, body: &str, expected: Result<Option<&str>, &str>) {
        let got = wait("r", 1).read(&Response::new(status, body.to_owned()));
        let got = got.map(|envelope| envelope.and_then(|e| e.body).map(|body| body.decision));
        let got = got.map_err(|unread| match unread {
            Unread::Refused(refusal) => refusal.code.unwrap_or_default(),
            Unread::Shape(_) => "shape".to_owned(),
        });
        assert_eq!(got.as_ref().map(Option::as_deref).map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn a_wait_is_answered_with_a_decision_nothing_or_a_refusal() {
        let decision = r#"{"msgId":"m","msgType":"decision.deliver","requestId":"r","body":{"artifactHash":"h","decision":"approve","reason":null,"nonce":null}}"#;
        check(StatusCode::OK, decision, Ok(Some("approve")));
        check(StatusCode::NO_CONTENT, "", Ok(None));
        check(StatusCode::NOT_FOUND, r#"{"error":"expired","body":{"code":"expired"}}"#, Err("expired"));
        check(StatusCode::OK, "<html>", Err("shape"));
        check(
            StatusCode::OK,
            r#"{"msgType":"decision.deliver","requestId":"r","body":{"artifactHash":null,"decision":"approve"}}"#,
            Err("shape"),
        );
    }
}

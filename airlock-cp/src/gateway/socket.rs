//! A WebSocket: what happens one way, what is asked the other, each as one JSON text.

use std::collections::BTreeMap;
use std::time::Duration;

use airlock_proto::gateway::msg_type;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::body::{ARTIFACT_BYTES_MAX, BODY_BYTES_MAX};
use super::channel_routes::{Opened, PING_EVERY, Role};
use super::exchange_routes::envelope_of;
use super::presence_routes::is_plain;
use super::{Gateway, GatewayError};
use crate::approvals::Seen;

pub(super) const FRAME_BYTES_MAX: usize = ARTIFACT_BYTES_MAX;
const IDLE_MAX: Duration = Duration::from_secs(120);
const CAPABILITIES_MAX: usize = 32;

const CLOSED_AUTH: u16 = 4401;
const CLOSED_REVOKED: u16 = 4403;
const CLOSED_GOING_AWAY: u16 = 1001;
/// Try again later: the reader was too slow, or the store did not answer.
const CLOSED_AGAIN: u16 = 1013;

/// Runs until either side ends it.
pub(super) async fn run(gateway: Gateway, mut ws: WebSocket, opened: Opened) {
    let Opened { role, id, party, mut channel, watch } = opened;
    let mut seen = Seen { enforcer_id: id, transport: "websocket", ..Seen::default() };
    let mut pings = tokio::time::interval(PING_EVERY);
    let mut heard = Instant::now();
    let ended = watch.ended();
    tokio::pin!(ended);
    let code = loop {
        let out = tokio::select! {
            why = &mut ended => break match why {
                None => CLOSED_GOING_AWAY,
                Some(refused) if refused.code() == "unauthorized" || refused.code() == "invalid_pat" => CLOSED_AUTH,
                Some(_) => CLOSED_REVOKED,
            },
            () = tokio::time::sleep_until(heard + IDLE_MAX) => break CLOSED_GOING_AWAY,
            _ = pings.tick() => {
                if role == Role::Enforcer {
                    gateway.say_seen(&party, &seen).await;
                }
                Some(json!({"msgType": msg_type::PING}))
            }
            message = channel.next() => match message {
                Ok(Some(message)) => Some(message.body),
                Ok(None) | Err(_) => break CLOSED_AGAIN,
            },
            frame = ws.recv() => {
                let Some(Ok(frame)) = frame else { return };
                heard = Instant::now();
                match frame {
                    Frame::Text(text) => gateway.hear(&party, role, &mut seen, text.as_str()).await,
                    Frame::Binary(_) => Some(gateway.told(&GatewayError::bad_request("frames are JSON texts"))),
                    Frame::Close(_) => return,
                    Frame::Ping(_) | Frame::Pong(_) => None,
                }
            }
        };
        if let Some(out) = out
            && ws.send(Frame::Text(out.to_string().into())).await.is_err()
        {
            return;
        }
    };
    let frame = CloseFrame { code, reason: "".into() };
    let _ = ws.send(Frame::Close(Some(frame))).await;
}

impl Gateway {
    fn told(&self, refused: &GatewayError) -> Value {
        refused.body(self.host.now())
    }

    /// What a frame is answered with, if anything.
    async fn hear(
        &self,
        party: &crate::approvals::Party,
        role: Role,
        seen: &mut Seen,
        text: &str,
    ) -> Option<Value> {
        let Ok(sent) = serde_json::from_str::<Value>(text) else {
            return Some(self.told(&GatewayError::bad_request("the frame is not JSON")));
        };
        let kind = sent.get("msgType").and_then(Value::as_str).unwrap_or_default();
        if kind != msg_type::ARTIFACT_SUBMIT && text.len() > BODY_BYTES_MAX {
            return Some(self.told(&GatewayError::bad_request("the frame is too long")));
        }
        match kind {
            msg_type::PONG => return None,
            msg_type::PING => return Some(json!({"msgType": msg_type::PONG})),
            msg_type::HELLO => {
                introduce(seen, &sent);
                if role == Role::Enforcer {
                    self.say_seen(party, seen).await;
                }
                return None;
            }
            _ => {}
        }
        let answered = match self.counted(party) {
            Ok(()) => self.answer_frame(party, role, kind, sent.clone()).await,
            Err(refused) => Err(refused),
        };
        Some(answered.unwrap_or_else(|refused| self.told(&refused)))
    }

    async fn answer_frame(
        &self,
        party: &crate::approvals::Party,
        role: Role,
        kind: &str,
        sent: Value,
    ) -> Result<Value, GatewayError> {
        let written = match (kind, role) {
            (msg_type::ARTIFACT_SUBMIT, Role::Enforcer) => {
                serde_json::to_value(self.take_artifact(party, envelope_of(sent)?).await?)
            }
            (msg_type::DECISION_SUBMIT, Role::Approver) => {
                serde_json::to_value(self.take_decision(party, envelope_of(sent)?).await?)
            }
            (msg_type::ACK_SUBMIT, _) => {
                serde_json::to_value(self.take_ack(party, envelope_of(sent)?).await?)
            }
            _ => return Err(GatewayError::bad_request("this channel does not take this msgType")),
        };
        written.map_err(|_| GatewayError::bad_request("the answer cannot be written"))
    }
}

/// What a client says of itself first. What is not as it should be is passed over.
fn introduce(seen: &mut Seen, hello: &Value) {
    let text = |name: &str| {
        hello
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty() && is_plain(text))
            .map(str::to_owned)
    };
    seen.workspace = text("workspaceName").or(seen.workspace.take());
    seen.label = text("enforcerLabel").or(seen.label.take());
    if let Some(all) = hello.get("capabilities").and_then(Value::as_object) {
        let plain = |(name, value): (&String, &Value)| {
            let value = value.as_str()?;
            (is_plain(name) && is_plain(value)).then(|| (name.clone(), value.to_owned()))
        };
        let some: BTreeMap<_, _> = all.iter().filter_map(plain).take(CAPABILITIES_MAX).collect();
        seen.capabilities = Some(some);
    }
}

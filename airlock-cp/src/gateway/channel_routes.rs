//! Live channels as server-sent events and as WebSockets.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use airlock_proto::gateway::{msg_type, paths};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method};

use super::party::{Asks, Decides};
use super::presence_routes::is_plain;
use super::url_parts::{Params, Segment};
use super::watch::Watch;
use super::{Gateway, GatewayError, socket};
use crate::approvals::{Channel, Message, Party, Seen};
use crate::http::{Api, Peer};
use crate::tasks::TaskKind;

pub(super) const PING_EVERY: Duration = Duration::from_secs(30);
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

pub(super) fn api() -> Api<Gateway> {
    Api::new()
        .route(Method::GET, paths::SSE_APPROVER, "An approver's events", approver_events)
        .route(Method::GET, paths::SSE_ENFORCER, "An enforcer's events", enforcer_events)
        .route(Method::GET, paths::WS, "Both ways, as a WebSocket", socket)
        .query(&["role", "id", "token"])
}

impl Gateway {
    async fn open(
        &self,
        party: &Party,
        role: Role,
        id: &str,
        after: Option<&str>,
    ) -> Result<Channel, GatewayError> {
        match role {
            Role::Approver => {
                let approver = self.approver(party, id).await?;
                Ok(self.approvals.approver_channel(approver, after).await?)
            }
            Role::Enforcer => {
                if id.is_empty() || !is_plain(id) {
                    return Err(GatewayError::bad_request("an enforcer's id: 1-256 bytes of text"));
                }
                Ok(self.approvals.enforcer_channel(party, id).await?)
            }
        }
    }

    /// Says that an enforcer lives, as long as its channel is open.
    pub(super) async fn say_seen(&self, party: &Party, seen: &Seen) {
        if let Err(error) = self.approvals.seen(party, seen).await {
            tracing::debug!(%error, "an enforcer's presence was not noted");
        }
    }
}

/// Whose channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Approver,
    Enforcer,
}

async fn approver_events(
    State(gateway): State<Gateway>,
    peer: Peer,
    Decides(party): Decides,
    Segment(id): Segment,
    request: Request,
) -> Result<Response, GatewayError> {
    let after = request.headers().get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let channel = gateway.open(&party, Role::Approver, &id, after).await?;
    let watch = Watch::new(&gateway, request.headers(), peer, true);
    Ok(events(gateway, channel, async move { watch.ended().await.map(|_| ()) }, None))
}

async fn enforcer_events(
    State(gateway): State<Gateway>,
    peer: Peer,
    Asks(party): Asks,
    Segment(id): Segment,
    request: Request,
) -> Result<Response, GatewayError> {
    let channel = gateway.open(&party, Role::Enforcer, &id, None).await?;
    let watch = Watch::new(&gateway, request.headers(), peer, false);
    let seen = Seen { enforcer_id: id, transport: "sse", ..Seen::default() };
    let ended = async move { watch.ended().await.map(|_| ()) };
    Ok(events(gateway, channel, ended, Some((party, seen))))
}

/// The stream: messages until the reader is too slow, `ended`, or the process stops.
pub(super) fn events(
    gateway: Gateway,
    channel: Channel,
    ended: impl Future<Output = Option<()>> + Send + 'static,
    lives: Option<(Party, Seen)>,
) -> Response {
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Event, Infallible>>(16);
    let counted = gateway.metrics.event_stream();
    // The task ends with the stream: a send to nobody fails, and a closed stream is noticed.
    gateway.tasks.clone().spawn(TaskKind::Follow, async move {
        let _counted = counted;
        let mut channel = channel;
        let mut pings = tokio::time::interval(PING_EVERY);
        tokio::pin!(ended);
        loop {
            let event = tokio::select! {
                _ = &mut ended => return,
                () = sender.closed() => return,
                _ = pings.tick() => {
                    if let Some((party, seen)) = &lives {
                        gateway.say_seen(party, seen).await;
                    }
                    continue;
                }
                message = channel.next() => match message {
                    Ok(Some(message)) => event(&message),
                    Ok(None) => return,
                    Err(error) => {
                        tracing::warn!(%error, "a channel ended");
                        return;
                    }
                },
            };
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
    });
    let ping = Event::default().event(msg_type::PING).data("{}");
    let events = tokio_stream::wrappers::ReceiverStream::new(receiver);
    Sse::new(events).keep_alive(KeepAlive::new().interval(PING_EVERY).event(ping)).into_response()
}

fn event(message: &Message) -> Event {
    let event = Event::default().event(message.kind).data(message.body.to_string());
    match &message.id {
        Some(id) => event.id(id.as_str()),
        None => event,
    }
}

/// What a WebSocket was asked for.
pub(super) struct Opened {
    pub(super) role: Role,
    pub(super) id: String,
    pub(super) party: Party,
    pub(super) channel: Channel,
    pub(super) watch: Watch,
}

async fn socket(
    State(gateway): State<Gateway>,
    peer: Peer,
    request: Request,
) -> Result<Response, GatewayError> {
    let (mut parts, _) = request.into_parts();
    let Ok(params) = Params::from_request_parts(&mut parts, &gateway).await;
    bearer_of_query(&mut parts, &params);
    let role = match params.text("role") {
        Some("approver") => Role::Approver,
        Some("enforcer") => Role::Enforcer,
        _ => {
            gateway.party(&mut parts).await?;
            return Err(GatewayError::bad_request("role: enforcer or approver"));
        }
    };
    let party = match role {
        Role::Approver => gateway.decides(&mut parts).await?,
        Role::Enforcer => gateway.asks(&mut parts).await?,
    };
    let id = params.needed("id")?.to_owned();
    let channel = gateway.open(&party, role, &id, None).await?;
    let watch = Watch::new(&gateway, &parts.headers, peer, role == Role::Approver);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &gateway).await;
    let upgrade = upgrade.map_err(|_| GatewayError::bad_request("this path is a WebSocket"))?;
    let opened = Opened { role, id, party, channel, watch };
    Ok(upgrade
        .max_message_size(socket::FRAME_BYTES_MAX)
        .on_upgrade(move |ws| socket::run(gateway, ws, opened)))
}

/// Browsers cannot set headers of a WebSocket, so the token may stand in the query.
fn bearer_of_query(parts: &mut Parts, params: &Params) {
    if parts.headers.contains_key(AUTHORIZATION) {
        return;
    }
    if let Some(Ok(mut value)) =
        params.text("token").map(|token| HeaderValue::from_str(&format!("Bearer {token}")))
    {
        value.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, value);
    }
}

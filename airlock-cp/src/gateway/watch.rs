//! Watches that who opened a channel may still have it: what was revoked ends it within a second.

use std::time::Duration;

use axum::extract::Request;
use http::HeaderMap;
use http::request::Parts;

use super::{Gateway, GatewayError};
use crate::http::Peer;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Tokens also run out with nobody taking them back.
const LOOKS_UNTIL_ANYWAY: u32 = 120;

/// What somebody showed when they opened a channel.
pub(super) struct Watch {
    gateway: Gateway,
    headers: HeaderMap,
    peer: Peer,
    decides: bool,
}

impl Watch {
    /// Of an approver's channel, or of an enforcer's.
    pub(super) fn new(gateway: &Gateway, headers: &HeaderMap, peer: Peer, decides: bool) -> Self {
        Self { gateway: gateway.clone(), headers: headers.clone(), peer, decides }
    }

    /// Returns when they may not have it any more, with why; `None` when the process stops.
    pub(super) async fn ended(&self) -> Option<GatewayError> {
        let stop = self.gateway.tasks.stop();
        let (mut known, mut looks) = (self.gateway.revocations.applied(), 0);
        loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let applied = self.gateway.revocations.applied();
            looks += 1;
            if applied == known && looks < LOOKS_UNTIL_ANYWAY {
                continue;
            }
            (known, looks) = (applied, 0);
            match self.still_may().await {
                // What the store could not say is asked again.
                Err(refused)
                    if !matches!(refused.code(), "unavailable" | "internal_error" | "rate_limited") =>
                {
                    return Some(refused);
                }
                _ => {}
            }
        }
    }

    async fn still_may(&self) -> Result<(), GatewayError> {
        let mut parts = self.parts();
        let (caller, party) = self.gateway.party(&mut parts).await?;
        if self.decides && party.app.is_some() {
            caller.may(crate::authz::Act::DecideThroughApp)?;
        }
        self.gateway.consented(&party).await
    }

    fn parts(&self) -> Parts {
        let mut request = Request::new(axum::body::Body::empty());
        *request.headers_mut() = self.headers.clone();
        let from = std::net::SocketAddr::new(self.peer.0, 0);
        request.extensions_mut().insert(axum::extract::ConnectInfo(from));
        request.into_parts().0
    }
}

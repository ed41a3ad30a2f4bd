//! Watches that who opened a channel may still have it: what was revoked ends it within a second.

use std::future::Future;
use std::time::Duration;

use axum::extract::Request;
use http::HeaderMap;
use http::request::Parts;

use super::{Gateway, GatewayError};
use crate::http::Peer;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Tokens also run out with nobody taking them back.
const LOOKS_UNTIL_ANYWAY: u32 = 120;

/// What a look at who has a channel found.
pub(super) enum Look<E> {
    /// They may still have it.
    May,
    /// What the store could not say is asked again.
    Unknown,
    /// They may not.
    MayNot(E),
}

/// Looks as soon as something was taken back anywhere, and now and then anyway. Returns when they may not have the channel any more,
/// with why; `None` when the process stops.
pub(super) async fn ended<E, F: Future<Output = Look<E>>>(
    gateway: &Gateway,
    look: impl Fn() -> F,
) -> Option<E> {
    let stop = gateway.tasks.stop();
    let (mut known, mut looks) = (gateway.revocations.applied(), 0);
    loop {
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let applied = gateway.revocations.applied();
        looks += 1;
        if applied == known && looks < LOOKS_UNTIL_ANYWAY {
            continue;
        }
        (known, looks) = (applied, 0);
        if let Look::MayNot(why) = look().await {
            return Some(why);
        }
    }
}

/// A request that shows the same once more.
pub(super) fn shown_again(headers: &HeaderMap, peer: Peer) -> Parts {
    let mut request = Request::new(axum::body::Body::empty());
    *request.headers_mut() = headers.clone();
    let from = std::net::SocketAddr::new(peer.0, 0);
    request.extensions_mut().insert(axum::extract::ConnectInfo(from));
    request.into_parts().0
}

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

    /// As [`ended`].
    pub(super) async fn ended(&self) -> Option<GatewayError> {
        ended(&self.gateway, || self.look()).await
    }

    async fn look(&self) -> Look<GatewayError> {
        match self.still_may().await {
            Ok(()) => Look::May,
            Err(refused) if matches!(refused.code(), "unavailable" | "internal_error" | "rate_limited") => {
                Look::Unknown
            }
            Err(refused) => Look::MayNot(refused),
        }
    }

    async fn still_may(&self) -> Result<(), GatewayError> {
        let mut parts = shown_again(&self.headers, self.peer);
        let (caller, party) = self.gateway.party(&mut parts).await?;
        if self.decides && party.app.is_some() {
            caller.may(crate::authz::Act::DecideThroughApp)?;
        }
        self.gateway.consented(&party).await
    }
}

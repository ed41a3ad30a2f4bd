//! The approver's side once more, for the pages: `/api/v1/approver`, with a browser's session. The services are the gateway's, and so
//! are the bodies; failures have the form of `/api/v1`.

mod devices;
mod events;
mod inbox;
mod pairings;
mod standing;
mod visitor;

use super::Gateway;
use crate::http::{Api, Principals};

/// What these routes stand on. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The gateway's services.
    pub(crate) gateway: Gateway,
    /// Who asks: to look again while a stream is open.
    pub(crate) principals: Principals,
}

/// The routes. They want the layer that tells who asks around them.
pub(crate) fn api(session: Session) -> Api {
    let with = |api: Api<Session>| api.person().with_state(session.clone());
    with(inbox::api())
        .merge(with(devices::api()))
        .merge(with(pairings::api()))
        .merge(with(standing::api()))
        .merge(with(events::api()))
}

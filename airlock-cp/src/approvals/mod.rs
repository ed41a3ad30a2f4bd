//! Approvals: the gateway between those who ask before they act and those who decide. It stores and forwards: ciphertext,
//! hashes and clear metadata pass through, keys that open payloads never do.
//!
//! What the rules are is `airlock_core::approval`; here is who may do what, that it is durable before it is answered, and that
//! who waits is woken in whichever process they wait. The routes are in `gateway`.

mod approvers;
mod channel;
mod consents;
mod decide;
mod devices;
mod dnd;
mod end;
mod error;
mod exchanges_repo;
mod inbox;
mod messages;
mod model;
mod news;
mod notice;
mod pairing;
mod pairings_repo;
mod presence;
mod quota;
mod retention;
mod routing;
mod service;
mod submit;
mod wait;

pub use channel::Channel;
pub use consents::ConsentEntry;
pub(crate) use end::SWEEP_EVERY;
pub use error::ApprovalError;
pub use inbox::Shelf;
pub use messages::Message;
pub(crate) use messages::{approval_request, decision_deliver};
pub use model::{
    Approver, ApproverDevice, EnforcerSide, ExchangeRecord, InboxItem, Pairing, Party, PartyApp,
};
pub(crate) use news::POLL_EVERY;
pub use pairing::{Begun, Completed};
pub use presence::{Presence, Seen};
pub use quota::Usage;
pub use service::Approvals;
pub use submit::Accepted;
pub use wait::Waited;

//! The tunnel as a value: both roles, and no idea of what carries it.
//!
//! [`WorkerSession`] dials, [`HubSession`] is dialled. Neither does I/O, reads a clock or draws a random number; a shell
//! does, and drives them by this grammar:
//!
//! - `handle_*`: something happened: a frame came, a deadline passed.
//! - verbs (`call`, `cancel`, `reply`, `fail`, `drain`, `close`, `identify`): the shell wants something.
//! - `poll_transmit`: the next frame to send, until `None`. A shell polls only when its carrier takes a frame: what is
//!   not polled waits here, bounded, so that slow carriers hold back answers, not memory.
//! - `poll_event`: the next thing for the shell to act on, until `None`.
//! - `next_deadline`: when to call `handle_timeout` at the latest.
//!
//! After any `handle_*` or verb, poll transmit, then events, then ask for the deadline. `now` is monotonic and never
//! goes back; `wall` is the clock on the wall, for what crosses machines.
//!
//! ```text
//!   worker                                   hub
//!   hello(nonce, ts, key_fp) ──────────────►  Hello ─► identify(..)
//!             ◄────────────── challenge(nonce, session, signature)
//!   auth(signature) ───────────────────────►  Authenticated
//!   Ready     ◄────────────────────── ready
//!             ◄─────────────────────── call    call(..)
//!   reply, chunk…, end  or  failure ───────►  Reply | Failed
//!   ping ◄────────────────────────────► pong
//!   drain ◄───────────────────────────► drain, then what runs is finished: Closed(Drained)
//! ```

mod admission;
mod answers;
mod calls;
mod drain;
mod error;
mod handshake;
mod heartbeat;
mod hub;
mod outbox;
mod worker;

pub use error::{CloseReason, RejectCode, SessionError};
pub use handshake::{Claims, Identity};
pub use hub::{HubEvent, HubIdentity, HubSession};
pub use worker::{WorkerEvent, WorkerIdentity, WorkerSession};

use crate::wire::{Frame, frame::Kind};

/// The frame of a kind.
fn frame(kind: Kind) -> Frame {
    Frame { kind: Some(kind) }
}

/// What a kind is called, for errors.
fn name_of(kind: &Kind) -> &'static str {
    match kind {
        Kind::Hello(_) => "hello",
        Kind::Challenge(_) => "challenge",
        Kind::Auth(_) => "auth",
        Kind::Ready(_) => "ready",
        Kind::Reject(_) => "reject",
        Kind::Call(_) => "call",
        Kind::Cancel(_) => "cancel",
        Kind::Reply(_) => "reply",
        Kind::Chunk(_) => "chunk",
        Kind::End(_) => "end",
        Kind::Failure(_) => "failure",
        Kind::Admin(_) => "admin",
        Kind::AdminReply(_) => "admin_reply",
        Kind::Ping(_) => "ping",
        Kind::Pong(_) => "pong",
        Kind::Drain(_) => "drain",
    }
}

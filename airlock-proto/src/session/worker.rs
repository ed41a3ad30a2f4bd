//! The worker's end of a tunnel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use airlock_core::crypto::{PrivateKey, PublicKey, sha256};
use airlock_core::error::{CallError, Code};
use airlock_core::id::{CallId, SessionId, TenantId, WorkerId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::time::Timestamp;

use super::answers::{Answers, Begin};
use super::drain::Drain;
use super::heartbeat::{Beat, Heartbeat};
use super::outbox::Outbox;
use super::{CloseReason, RejectCode, SessionError, handshake, name_of};
use crate::convert::{TenantCall, WireError, bounded, call_error_to_wire};
use crate::limits::{HANDSHAKE_TIMEOUT, HEARTBEAT_MAX, HEARTBEAT_MIN, NAME_BYTES_MAX, REPLY_BYTES_MAX};
use crate::version::VERSION;
use crate::wire::{self, Frame, frame::Kind};

/// Who a worker is, and whom it takes for its control plane.
#[derive(Clone, Debug)]
pub struct WorkerIdentity {
    /// Its tenant. Calls for another are refused.
    pub tenant_id: TenantId,
    /// Its name.
    pub worker_id: WorkerId,
    /// Its key.
    pub key: Arc<PrivateKey>,
    /// The control plane's pinned key.
    pub cp_key: PublicKey,
    /// Version of its software.
    pub version: String,
}

/// What a worker's shell has to act on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// The tunnel is open.
    Ready {
        /// Names it.
        session_id: SessionId,
        /// Time between pings.
        heartbeat: Duration,
        /// The control plane's clock.
        server_time: Timestamp,
    },
    /// Run this and answer with [`WorkerSession::reply`] or [`WorkerSession::fail`].
    Call(Box<ToolCall>),
    /// Stop running this; its answer would be dropped.
    Cancel(CallId),
    /// The control plane goes. What runs is finished first; then `Closed(Drained)`.
    Draining {
        /// When to dial again after that.
        retry_after: Duration,
    },
    /// The tunnel ended; so did every call that came through it. The last event.
    Closed(CloseReason),
}

/// The worker's end of one tunnel. See [the module](super) for how to drive it.
#[derive(Debug)]
pub struct WorkerSession {
    me: WorkerIdentity,
    state: State,
    handshake_deadline: Duration,
    heartbeat: Heartbeat,
    /// Between our pings, whatever the control plane asks for.
    own_interval: Option<Duration>,
    drain: Drain,
    answers: Answers,
    outbox: Outbox,
    events: VecDeque<WorkerEvent>,
}

#[derive(Debug)]
enum State {
    /// Hello sent.
    Hello {
        hello: Bytes,
    },
    /// Auth sent.
    Auth {
        session_id: SessionId,
    },
    Open,
    Closed,
}

impl WorkerSession {
    /// Begins a tunnel: the hello waits to be sent. `nonce` must be random and new.
    pub fn new(me: WorkerIdentity, nonce: [u8; 32], wall: Timestamp, now: Duration) -> Self {
        let hello: Bytes = wire::Hello {
            v: VERSION,
            tenant_id: me.tenant_id.as_str().to_owned(),
            worker_id: me.worker_id.as_str().to_owned(),
            key_fp: Bytes::copy_from_slice(&sha256(&[&me.key.public().to_bytes()])),
            nonce: Bytes::copy_from_slice(&nonce),
            ts_ms: wall.as_millis(),
            version: me.version.clone(),
            features: Vec::new(),
        }
        .encode_to_vec()
        .into();
        let mut outbox = Outbox::default();
        outbox.end_with(Some(Kind::Hello(hello.clone())));
        Self {
            me,
            state: State::Hello { hello },
            handshake_deadline: now + HANDSHAKE_TIMEOUT,
            heartbeat: Heartbeat::new(HEARTBEAT_MAX, now),
            own_interval: None,
            drain: Drain::default(),
            answers: Answers::default(),
            outbox,
            events: VecDeque::new(),
        }
    }

    /// The same with an interval of its own between pings, instead of the one that the control plane asks for.
    #[must_use]
    pub fn with_heartbeat(mut self, interval: Option<Duration>) -> Self {
        self.own_interval = interval;
        self
    }

    /// Whether calls may come through.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }
    /// Whether the tunnel has ended. What `poll_transmit` still yields may be sent.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Takes in a frame. After the end of the session frames are ignored.
    ///
    /// # Errors
    /// If the peer broke the protocol; the session is closed then.
    pub fn handle_frame(
        &mut self,
        now: Duration,
        _wall: Timestamp,
        frame: Frame,
    ) -> Result<(), SessionError> {
        if self.is_closed() {
            return Ok(());
        }
        self.heartbeat.heard(now);
        let handled = match frame.kind {
            Some(kind) if self.is_open() => self.handle_open(now, kind),
            Some(kind) => self.handle_handshake(now, kind),
            // A kind from a newer control plane.
            None => Ok(()),
        };
        if let Err(error) = handled {
            self.close(CloseReason::Misbehaved(error));
        }
        handled
    }

    /// Acts on the deadline that [`Self::next_deadline`] announced.
    pub fn handle_timeout(&mut self, now: Duration) {
        match self.state {
            State::Closed => {}
            State::Hello { .. } | State::Auth { .. } => {
                if now >= self.handshake_deadline {
                    self.close(CloseReason::HandshakeTimeout);
                }
            }
            State::Open if self.drain.is_overdue(now) => self.close(CloseReason::DrainTimeout),
            State::Open => match self.heartbeat.timeout(now) {
                Beat::Quiet => {}
                Beat::Ping(seq) => self.outbox.ping(seq),
                Beat::Dead => self.close(CloseReason::PeerSilent),
            },
        }
    }

    /// When to call [`Self::handle_timeout`] at the latest.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Closed => None,
            State::Hello { .. } | State::Auth { .. } => Some(self.handshake_deadline),
            State::Open => {
                [Some(self.heartbeat.deadline()), self.drain.deadline()].into_iter().flatten().min()
            }
        }
    }

    /// The next frame to send. Answers take turns, a chunk each.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        if let Some(frame) = self.outbox.poll().or_else(|| self.answers.poll()) {
            return Some(frame);
        }
        // Everything was handed out, the last answer's end included.
        if self.is_open() && self.drain.is_mutual() && self.answers.is_idle() {
            self.close(CloseReason::Drained);
        }
        None
    }

    /// The next thing to act on.
    pub fn poll_event(&mut self) -> Option<WorkerEvent> {
        self.events.pop_front()
    }

    /// Answers a call. Dropped if the call was cancelled, answered before, or never was.
    pub fn reply(&mut self, id: CallId, rendered: Rendered) {
        if rendered.body.len() > REPLY_BYTES_MAX {
            let error = CallError::new(Code::LimitExceeded, "the answer is too large to be sent");
            return self.fail(&id, &error.with_limit("max_result_bytes"));
        }
        self.answers.reply(id, rendered);
    }

    /// Says that a call has no answer. Dropped as [`Self::reply`] is.
    pub fn fail(&mut self, id: &CallId, error: &CallError) {
        if self.answers.remove(id) {
            self.push(Kind::Failure(call_error_to_wire(id, error)));
        }
    }

    /// Begins to leave: the control plane sends no more calls, what runs is finished, then `Closed(Drained)`.
    pub fn drain(&mut self, now: Duration) {
        match self.state {
            State::Open => {
                if let Some(drain) = self.drain.send(now, Duration::ZERO) {
                    self.push(Kind::Drain(drain));
                }
            }
            State::Hello { .. } | State::Auth { .. } => self.close(CloseReason::ShuttingDown),
            State::Closed => {}
        }
    }

    /// Ends the session.
    pub fn close(&mut self, reason: CloseReason) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        self.answers.clear();
        self.outbox.end_with(None);
        self.events.push_back(WorkerEvent::Closed(reason));
    }

    fn handle_handshake(&mut self, now: Duration, kind: Kind) -> Result<(), SessionError> {
        match (&self.state, kind) {
            (_, Kind::Reject(reject)) => {
                self.rejected(&reject);
                Ok(())
            }
            (State::Hello { hello }, Kind::Challenge(bytes)) => {
                let challenge: wire::Challenge = handshake::decode("challenge", &bytes)?;
                handshake::check_challenge(self.me.cp_key, hello, &challenge)
                    .map_err(|_| SessionError::WrongControlPlane)?;
                let session_id =
                    challenge.session_id.parse().map_err(|_| WireError::Invalid("challenge.session_id"))?;
                let auth = handshake::auth(&self.me.key, hello, &bytes);
                self.state = State::Auth { session_id };
                self.outbox.push(Kind::Auth(auth.encode_to_vec().into()))
            }
            (State::Auth { session_id }, Kind::Ready(ready)) => {
                let asked = Duration::from_secs(ready.heartbeat_s.into());
                let heartbeat = self.own_interval.unwrap_or(asked).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX);
                self.heartbeat = Heartbeat::new(heartbeat, now);
                self.events.push_back(WorkerEvent::Ready {
                    session_id: session_id.clone(),
                    heartbeat,
                    server_time: Timestamp::from_millis(ready.server_time_ms),
                });
                self.state = State::Open;
                Ok(())
            }
            (_, other) => Err(SessionError::Unexpected(name_of(&other))),
        }
    }

    fn handle_open(&mut self, now: Duration, kind: Kind) -> Result<(), SessionError> {
        match kind {
            Kind::Call(call) => self.handle_call(call)?,
            Kind::Cancel(cancel) => {
                let id: CallId = cancel.id.parse().map_err(|_| WireError::Invalid("cancel.id"))?;
                if self.answers.remove(&id) {
                    self.events.push_back(WorkerEvent::Cancel(id));
                }
            }
            Kind::Admin(admin) => {
                bounded("admin.id", admin.id.len(), NAME_BYTES_MAX)?;
                let unsupported =
                    wire::AdminReply { id: admin.id, code: "unsupported".into(), result: Bytes::new() };
                self.outbox.push(Kind::AdminReply(unsupported))?;
            }
            Kind::Ping(ping) => self.outbox.pong(ping.seq),
            Kind::Pong(_) => {}
            Kind::Drain(drain) => {
                if self.drain.receive(now) {
                    if let Some(ours) = self.drain.send(now, Duration::ZERO) {
                        self.outbox.push(Kind::Drain(ours))?;
                    }
                    let retry_after = Duration::from_millis(drain.retry_after_ms);
                    self.events.push_back(WorkerEvent::Draining { retry_after });
                }
            }
            Kind::Reject(reject) => self.rejected(&reject),
            other => return Err(SessionError::Unexpected(name_of(&other))),
        }
        Ok(())
    }

    fn handle_call(&mut self, call: wire::Call) -> Result<(), SessionError> {
        if self.drain.is_received() {
            return Err(SessionError::Unexpected("call"));
        }
        let id: CallId = call.id.parse().map_err(|_| WireError::Invalid("call.id"))?;
        match self.answers.begin(&id) {
            Begin::Started => {}
            Begin::Twice => return Err(SessionError::CallTwice),
            Begin::Full => {
                let busy = CallError::new(Code::Busy, "the worker runs as many calls as it may");
                return self.outbox.push(Kind::Failure(call_error_to_wire(&id, &busy)));
            }
        }
        match TenantCall::try_from(call) {
            Ok(given) if given.tenant == self.me.tenant_id => {
                self.events.push_back(WorkerEvent::Call(Box::new(given.call)));
            }
            Ok(_) => self.fail(&id, &CallError::new(Code::ScopeDenied, "the call is for another tenant")),
            // A newer control plane may ask for what we do not know; that ends the call, not the tunnel.
            Err(error) => {
                self.fail(
                    &id,
                    &CallError::new(Code::WorkerIncompatible, format!("call not understood: {error}")),
                );
            }
        }
        Ok(())
    }

    fn rejected(&mut self, reject: &wire::Reject) {
        self.close(CloseReason::Rejected(RejectCode::parse(&reject.code)));
    }

    fn push(&mut self, kind: Kind) {
        if let Err(error) = self.outbox.push(kind) {
            self.close(CloseReason::Misbehaved(error));
        }
    }
}

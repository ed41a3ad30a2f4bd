//! The control plane's end of a tunnel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::PrivateKey;
use airlock_core::error::{CallError, Code};
use airlock_core::id::{CallId, SessionId, TenantId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::time::Timestamp;

use super::admission::{Admission, Verdict};
use super::calls::Calls;
use super::drain::Drain;
use super::handshake::{Claims, Identity};
use super::heartbeat::{Beat, Heartbeat};
use super::outbox::Outbox;
use super::{CloseReason, SessionError, name_of};
use crate::convert::call_to_wire;
use crate::limits::{
    CALL_BUDGET_MAX, CALL_GRACE, CALLS_IN_FLIGHT_MAX, HANDSHAKE_TIMEOUT, REPLY_BYTES_MAX, TUNNEL_AGE_MAX,
    WORKER_FRAME_BYTES_MAX,
};
use crate::wire::{self, Frame, frame::Kind};

/// Who the control plane is.
#[derive(Clone, Debug)]
pub struct HubIdentity {
    /// The key that workers pin.
    pub key: Arc<PrivateKey>,
}

/// What the control plane's shell has to act on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HubEvent {
    /// A worker says who it is. Look it up and answer with [`HubSession::identify`].
    Hello(Claims),
    /// The worker proved it. Calls may be made.
    Authenticated(Claims),
    /// A call ended with an answer.
    Reply {
        /// Which.
        id: CallId,
        /// The answer.
        rendered: Rendered,
    },
    /// A call ended with the worker's word that there is no answer, or because it took too long.
    Failed {
        /// Which.
        id: CallId,
        /// Why.
        error: CallError,
    },
    /// A call ended with the tunnel: `worker_unavailable` for its caller, unless another worker takes it.
    Lost {
        /// Which.
        id: CallId,
        /// Whether the answer had begun. Then no other worker may be asked.
        begun: bool,
    },
    /// The worker takes no more calls. What runs is finished first.
    Draining,
    /// The tunnel ended. The last event; every call has ended before it.
    Closed(CloseReason),
}

/// The control plane's end of one tunnel. See [the module](super) for how to drive it.
#[derive(Debug)]
pub struct HubSession {
    session_id: SessionId,
    interval: Duration,
    state: State,
    handshake_deadline: Duration,
    age_deadline: Duration,
    heartbeat: Heartbeat,
    drain: Drain,
    calls: Calls,
    outbox: Outbox,
    events: VecDeque<HubEvent>,
}

#[derive(Debug)]
enum State {
    Handshake(Box<Admission>),
    Open { tenant: TenantId },
    Closed,
}

impl HubSession {
    /// Begins the hub's end of a tunnel. `nonce` must be random and new.
    pub fn new(
        me: HubIdentity,
        session_id: SessionId,
        nonce: [u8; 32],
        heartbeat: Duration,
        now: Duration,
    ) -> Self {
        let admission = Admission::new(me.key, session_id.clone(), nonce);
        Self {
            session_id,
            interval: heartbeat,
            state: State::Handshake(Box::new(admission)),
            handshake_deadline: now + HANDSHAKE_TIMEOUT,
            age_deadline: now + TUNNEL_AGE_MAX,
            heartbeat: Heartbeat::new(heartbeat, now),
            drain: Drain::default(),
            calls: Calls::default(),
            outbox: Outbox::default(),
            events: VecDeque::new(),
        }
    }

    /// Names the tunnel.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }
    /// Whether the worker proved who it is.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }
    /// Whether the tunnel has ended. What `poll_transmit` still yields should be sent.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether no more calls can be made: the tunnel drains or has ended.
    pub fn is_leaving(&self) -> bool {
        self.is_closed() || self.drain.is_begun()
    }

    /// Takes in a frame. After the end of the session frames are ignored.
    ///
    /// # Errors
    /// If the peer broke the protocol; the session is closed then.
    pub fn handle_frame(&mut self, now: Duration, wall: Timestamp, frame: Frame) -> Result<(), SessionError> {
        if self.is_closed() {
            return Ok(());
        }
        self.heartbeat.heard(now);
        let handled = match frame.kind {
            Some(kind) if self.is_open() => self.handle_open(now, kind),
            Some(kind) => self.handle_handshake(now, wall, kind),
            // A kind from a newer worker.
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
            State::Handshake(_) => {
                if now >= self.handshake_deadline {
                    self.close(CloseReason::HandshakeTimeout);
                }
            }
            State::Open { .. } if self.drain.is_overdue(now) => self.close(CloseReason::DrainTimeout),
            State::Open { .. } => {
                self.expire_calls(now);
                if now >= self.age_deadline {
                    self.drain(now, Duration::ZERO);
                }
                match self.heartbeat.timeout(now) {
                    Beat::Quiet => {}
                    Beat::Ping(seq) => self.outbox.ping(seq),
                    Beat::Dead => self.close(CloseReason::PeerSilent),
                }
            }
        }
    }

    /// When to call [`Self::handle_timeout`] at the latest.
    pub fn next_deadline(&self) -> Option<Duration> {
        match self.state {
            State::Closed => None,
            State::Handshake(_) => Some(self.handshake_deadline),
            State::Open { .. } => {
                let age = (!self.drain.is_begun()).then_some(self.age_deadline);
                [Some(self.heartbeat.deadline()), self.drain.deadline(), self.calls.deadline(), age]
                    .into_iter()
                    .flatten()
                    .min()
            }
        }
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        let frame = self.outbox.poll();
        if frame.is_none() && self.is_open() && self.drain.is_mutual() && self.calls.len() == 0 {
            self.close(CloseReason::Drained);
        }
        frame
    }

    /// The next thing to act on.
    pub fn poll_event(&mut self) -> Option<HubEvent> {
        self.events.pop_front()
    }

    /// Says what is known of the worker that said hello. Whatever it is, the worker is challenged.
    pub fn identify(&mut self, identity: Identity) {
        // The session may have ended while the shell was looking.
        let State::Handshake(admission) = &mut self.state else { return };
        if let Some(challenge) = admission.identify(identity) {
            self.push(challenge);
        }
    }

    /// Asks the worker to run a call of this tenant.
    ///
    /// # Errors
    /// `worker_unavailable` when the tunnel is not open or drains, `busy` when as many calls as may are in flight,
    /// `limit_exceeded` when the call is too long for a frame, `scope_denied` when the worker is another tenant's.
    /// Then the call was not sent.
    pub fn call(&mut self, now: Duration, call: &ToolCall, tenant: &TenantId) -> Result<(), CallError> {
        let State::Open { tenant: own } = &self.state else { return Err(gone()) };
        if own != tenant {
            return Err(CallError::new(Code::ScopeDenied, "the worker belongs to another tenant"));
        }
        if self.drain.is_begun() {
            return Err(gone());
        }
        if self.calls.len() >= CALLS_IN_FLIGHT_MAX {
            return Err(CallError::new(Code::Busy, "the worker runs as many calls as it may"));
        }
        if self.calls.contains(&call.id) {
            return Err(CallError::new(Code::Internal, "a call id was used twice"));
        }
        let wire =
            call_to_wire(tenant, call).map_err(|e| CallError::new(Code::LimitExceeded, e.to_string()))?;
        self.outbox
            .push(Kind::Call(wire))
            .map_err(|_| CallError::new(Code::Busy, "the worker does not read its calls"))?;
        self.calls.begin(call.id.clone(), now + call.budget.min(CALL_BUDGET_MAX) + CALL_GRACE);
        Ok(())
    }

    /// Gives a call up: no event comes of it any more.
    pub fn cancel(&mut self, id: &CallId) {
        if self.calls.remove(id) {
            self.withdraw(id);
        }
    }

    /// Begins to leave: no more calls, what runs is finished, then `Closed(Drained)`. The worker dials again after
    /// `retry_after`.
    pub fn drain(&mut self, now: Duration, retry_after: Duration) {
        match self.state {
            State::Open { .. } => {
                if let Some(drain) = self.drain.send(now, retry_after) {
                    self.push(Kind::Drain(drain));
                }
            }
            State::Closed => {}
            State::Handshake(_) => self.close(CloseReason::ShuttingDown),
        }
    }

    /// Ends the session. With [`CloseReason::Rejected`] the worker is told why.
    pub fn close(&mut self, reason: CloseReason) {
        self.end(reason, Timestamp::default());
    }

    fn end(&mut self, reason: CloseReason, wall: Timestamp) {
        if self.is_closed() {
            return;
        }
        self.state = State::Closed;
        self.outbox.end_with(match reason {
            CloseReason::Rejected(code) => Some(Kind::Reject(wire::Reject {
                code: code.as_str().to_owned(),
                server_time_ms: wall.as_millis(),
            })),
            _ => None,
        });
        self.events.extend(self.calls.drain().map(|(id, begun)| HubEvent::Lost { id, begun }));
        self.events.push_back(HubEvent::Closed(reason));
    }

    fn handle_handshake(&mut self, now: Duration, wall: Timestamp, kind: Kind) -> Result<(), SessionError> {
        let State::Handshake(admission) = &mut self.state else { return Ok(()) };
        match admission.handle(wall, kind)? {
            Verdict::Ask(claims) => self.events.push_back(HubEvent::Hello(claims)),
            Verdict::Admit(claims) => self.open(now, wall, claims)?,
            Verdict::Reject(code) => self.end(CloseReason::Rejected(code), wall),
        }
        Ok(())
    }

    fn open(&mut self, now: Duration, wall: Timestamp, claims: Claims) -> Result<(), SessionError> {
        self.heartbeat = Heartbeat::new(self.interval, now);
        self.age_deadline = now + TUNNEL_AGE_MAX;
        self.state = State::Open { tenant: claims.tenant_id.clone() };
        self.events.push_back(HubEvent::Authenticated(claims));
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.outbox.push(Kind::Ready(wire::Ready {
            heartbeat_s: u32::try_from(self.interval.as_secs()).unwrap_or(u32::MAX),
            max_frame: number(WORKER_FRAME_BYTES_MAX),
            config_revision: 0,
            server_time_ms: wall.as_millis(),
            max_calls: number(CALLS_IN_FLIGHT_MAX),
            max_reply: REPLY_BYTES_MAX as u64,
        }))
    }

    fn handle_open(&mut self, now: Duration, kind: Kind) -> Result<(), SessionError> {
        match kind {
            Kind::Reply(reply) => self.calls.handle_reply(reply)?,
            Kind::Chunk(chunk) => self.calls.handle_chunk(chunk)?,
            Kind::End(end) => {
                if let Some((id, rendered)) = self.calls.handle_end(end)? {
                    self.events.push_back(HubEvent::Reply { id, rendered });
                }
            }
            Kind::Failure(failure) => {
                if let Some((id, error)) = self.calls.handle_failure(failure)? {
                    self.events.push_back(HubEvent::Failed { id, error });
                }
            }
            Kind::Ping(ping) => self.outbox.pong(ping.seq),
            Kind::Pong(_) => {}
            Kind::Drain(_) => {
                if self.drain.receive(now) {
                    if let Some(ours) = self.drain.send(now, Duration::ZERO) {
                        self.outbox.push(Kind::Drain(ours))?;
                    }
                    self.events.push_back(HubEvent::Draining);
                }
            }
            other => return Err(SessionError::Unexpected(name_of(&other))),
        }
        Ok(())
    }

    fn expire_calls(&mut self, now: Duration) {
        for id in self.calls.expired(now) {
            self.calls.remove(&id);
            let error = CallError::new(Code::QueryTimeout, "the worker did not answer in time");
            self.withdraw(&id);
            self.events.push_back(HubEvent::Failed { id, error });
        }
    }

    /// Tells the worker that an answer is not wanted, or does not even ask for it.
    fn withdraw(&mut self, id: &CallId) {
        if !self.outbox.withdraw_call(id.as_str()) {
            self.push(Kind::Cancel(wire::Cancel { id: id.as_str().to_owned() }));
        }
    }

    fn push(&mut self, kind: Kind) {
        if let Err(error) = self.outbox.push(kind) {
            self.close(CloseReason::Misbehaved(error));
        }
    }
}

fn gone() -> CallError {
    CallError::new(Code::WorkerUnavailable, "the worker's tunnel is not open")
}

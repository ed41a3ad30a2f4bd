//! Two sessions, a line between them, and a clock that the test winds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::crypto::PrivateKey;
use airlock_core::id::{CallId, TenantId};
use airlock_core::plane::{ContentType, Head, Rendered, Revision, ToolCall};
use airlock_core::principal::{Actor, ActorKind, Principal, Scope};
use airlock_core::runtime::SystemHost;
use airlock_core::time::Timestamp;
use airlock_proto::session::{
    CloseReason, HubEvent, HubIdentity, HubSession, Identity, SessionError, WorkerEvent, WorkerIdentity,
    WorkerSession,
};
use airlock_proto::wire::Frame;

pub(crate) const WALL: Timestamp = Timestamp::from_millis(1_767_323_045_678);
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) fn key() -> Arc<PrivateKey> {
    Arc::new(PrivateKey::generate(&SystemHost::new()))
}

pub(crate) fn tenant() -> TenantId {
    "t_acme".parse().unwrap()
}

pub(crate) fn call_id(n: u64) -> CallId {
    format!("c_{n:026}").parse().unwrap()
}

pub(crate) fn call(n: u64) -> ToolCall {
    ToolCall {
        id: call_id(n),
        tool: "execute_sql".parse().unwrap(),
        arguments: serde_json::value::RawValue::from_string(format!("{{\"n\":{n}}}")).unwrap(),
        bound: None,
        principal: Principal {
            actor: Actor { kind: ActorKind::ApiKey, id: "abcd1234".into(), name: None },
            scope: Scope::EVERYTHING,
        },
        trace: "tr_1".parse().unwrap(),
        budget: Duration::from_secs(30),
        revision: Revision::V2025_06_18,
        accept: ContentType::McpResult,
    }
}

pub(crate) fn rendered(bytes: usize) -> Rendered {
    let body: Vec<u8> = (0..bytes).map(|i| u8::try_from(i % 251).unwrap()).collect();
    Rendered { head: Head { rows: 3, ..Head::ok() }, content_type: ContentType::McpResult, body: body.into() }
}

/// Frames on their way, and whether they arrive.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) frames: VecDeque<Frame>,
    /// Nothing is taken from the sender.
    pub(crate) stalled: bool,
    /// What is sent is lost.
    pub(crate) cut: bool,
}

pub(crate) struct Pair {
    pub(crate) now: Duration,
    pub(crate) wall_hub: Timestamp,
    pub(crate) worker: WorkerSession,
    pub(crate) hub: HubSession,
    pub(crate) up: Line,
    pub(crate) down: Line,
    /// What the hub will know of the worker.
    pub(crate) identity: Identity,
    pub(crate) worker_events: Vec<WorkerEvent>,
    pub(crate) hub_events: Vec<HubEvent>,
    pub(crate) worker_error: Option<SessionError>,
    pub(crate) hub_error: Option<SessionError>,
}

impl Pair {
    /// Two sides that know each other's keys; nothing has been sent.
    pub(crate) fn new() -> Self {
        let (worker_key, hub_key) = (key(), key());
        let identity = Identity::Known(worker_key.public());
        Self::with(worker_key, hub_key.clone(), hub_key, identity)
    }

    pub(crate) fn with(
        worker_key: Arc<PrivateKey>,
        hub_key: Arc<PrivateKey>,
        pinned: Arc<PrivateKey>,
        identity: Identity,
    ) -> Self {
        let now = Duration::from_secs(1000);
        let me = WorkerIdentity {
            tenant_id: tenant(),
            worker_id: "w_acme_prod".parse().unwrap(),
            key: worker_key,
            cp_key: pinned.public(),
            version: "0.1.0".into(),
        };
        let session = "s_01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        Self {
            now,
            wall_hub: WALL,
            worker: WorkerSession::new(me, [1; 32], WALL, now),
            hub: HubSession::new(HubIdentity { key: hub_key }, session, [2; 32], HEARTBEAT, now),
            up: Line::default(),
            down: Line::default(),
            identity,
            worker_events: Vec::new(),
            hub_events: Vec::new(),
            worker_error: None,
            hub_error: None,
        }
    }

    /// Two sides past the handshake, their events cleared.
    pub(crate) fn open() -> Self {
        let mut pair = Self::new();
        pair.drive();
        assert!(pair.worker.is_open() && pair.hub.is_open());
        pair.worker_events.clear();
        pair.hub_events.clear();
        pair
    }

    /// One frame each way at most. True if anything moved.
    pub(crate) fn step(&mut self) -> bool {
        self.send(usize::MAX) | self.deliver_up() | self.deliver_down() | self.take_events()
    }

    /// Until nothing moves.
    pub(crate) fn drive(&mut self) {
        while self.step() {}
    }

    /// Winds the clock, waking each side at its deadlines, and delivers what they say.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.drive();
            let next = [self.worker.next_deadline(), self.hub.next_deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|n| *n <= end) else { break };
            self.now = self.now.max(next);
            self.worker.handle_timeout(self.now);
            self.hub.handle_timeout(self.now);
        }
        self.now = end;
        self.drive();
    }

    pub(crate) fn send(&mut self, most: usize) -> bool {
        let mut moved = false;
        for _ in 0..most {
            let up = if self.up.stalled { None } else { self.worker.poll_transmit() };
            let down = if self.down.stalled { None } else { self.hub.poll_transmit() };
            if up.is_none() && down.is_none() {
                break;
            }
            moved = true;
            self.up.frames.extend(up.filter(|_| !self.up.cut));
            self.down.frames.extend(down.filter(|_| !self.down.cut));
        }
        moved
    }

    pub(crate) fn deliver_up(&mut self) -> bool {
        let Some(frame) = self.up.frames.pop_front() else { return false };
        if let Err(error) = self.hub.handle_frame(self.now, self.wall_hub, frame) {
            self.hub_error = Some(error);
        }
        true
    }

    pub(crate) fn deliver_down(&mut self) -> bool {
        let Some(frame) = self.down.frames.pop_front() else { return false };
        if let Err(error) = self.worker.handle_frame(self.now, WALL, frame) {
            self.worker_error = Some(error);
        }
        true
    }

    pub(crate) fn take_events(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.worker.poll_event() {
            self.worker_events.push(event);
            moved = true;
        }
        while let Some(event) = self.hub.poll_event() {
            if let HubEvent::Hello(_) = event {
                self.hub.identify(self.identity);
            }
            self.hub_events.push(event);
            moved = true;
        }
        moved
    }

    pub(crate) fn start(&mut self, n: u64) {
        self.hub.call(self.now, &call(n), &tenant()).unwrap();
    }

    /// Calls that the worker was asked to run.
    pub(crate) fn asked(&self) -> Vec<CallId> {
        self.worker_events
            .iter()
            .filter_map(|e| match e {
                WorkerEvent::Call(call) => Some(call.id.clone()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn replies(&self) -> Vec<(CallId, Rendered)> {
        self.hub_events
            .iter()
            .filter_map(|e| match e {
                HubEvent::Reply { id, rendered } => Some((id.clone(), rendered.clone())),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn closed_worker(&self) -> Option<CloseReason> {
        self.worker_events.iter().find_map(|e| match e {
            WorkerEvent::Closed(reason) => Some(*reason),
            _ => None,
        })
    }

    pub(crate) fn closed_hub(&self) -> Option<CloseReason> {
        self.hub_events.iter().find_map(|e| match e {
            HubEvent::Closed(reason) => Some(*reason),
            _ => None,
        })
    }
}

//! The shell around one session of the worker: moves frames, runs calls, decides nothing.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc::error::TrySendError, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tracing::{error, info};

use airlock_core::error::CallError;
use airlock_core::id::{CallId, TraceId};
use airlock_core::plane::{Rendered, ToolCall};
use airlock_core::{Host, Timestamp};
use airlock_proto::session::{CloseReason, WorkerEvent, WorkerIdentity, WorkerSession};
use airlock_proto::wire::Frame;

use super::dial::{Carrier, DialError};
use super::{Plane, TunnelStatus};

/// After our last frame: how long the control plane may take to close its half, so that nothing sent is cut off.
const GOODBYE: Duration = Duration::from_secs(2);

/// How one tunnel ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// It was never opened.
    NotDialled(DialError),
    /// The session ended.
    Closed {
        why: CloseReason,
        /// How long the control plane asks us to stay away.
        retry_after: Duration,
        was_up: bool,
    },
    /// Our process stops, and nothing had begun.
    Stopped,
}

impl Ended {
    pub(super) fn was_up(&self) -> bool {
        matches!(self, Self::Closed { was_up: true, .. })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDialled(error) => error.fmt(f),
            Self::Closed { why, .. } => why.fmt(f),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// Everything that can wake a tunnel.
enum Woken {
    Frame(Result<Option<Frame>, Status>),
    Done(CallId, Result<Rendered, CallError>),
    Writable,
    Deadline,
    Shutdown,
}

struct Driver<'a> {
    me: &'a WorkerIdentity,
    plane: &'a Plane,
    host: &'a dyn Host,
    status: &'a watch::Sender<TunnelStatus>,
    session: WorkerSession,
    carrier: Carrier,
    running: JoinSet<(CallId, Result<Rendered, CallError>)>,
    handles: HashMap<CallId, AbortHandle>,
    retry_after: Duration,
    was_up: bool,
    closed: Option<CloseReason>,
}

/// Drives one session from its hello to its end. Calls that still run then are aborted.
pub(super) async fn drive(
    me: &WorkerIdentity,
    heartbeat: Option<Duration>,
    carrier: Carrier,
    plane: &Plane,
    host: &dyn Host,
    status: &watch::Sender<TunnelStatus>,
    shutdown: &CancellationToken,
) -> Ended {
    let mut nonce = [0; 32];
    host.random(&mut nonce);
    let session =
        WorkerSession::new(me.clone(), nonce, host.now(), host.monotonic()).with_heartbeat(heartbeat);
    let mut driver = Driver {
        me,
        plane,
        host,
        status,
        session,
        carrier,
        running: JoinSet::new(),
        handles: HashMap::new(),
        retry_after: Duration::ZERO,
        was_up: false,
        closed: None,
    };
    let mut leaving = false;
    let why = loop {
        let stalled = driver.settle();
        if let Some(why) = driver.closed {
            break why;
        }
        match driver.wait(stalled, (!leaving).then_some(shutdown)).await {
            Woken::Shutdown => {
                leaving = true;
                driver.session.drain(host.monotonic());
            }
            woken => driver.handle(woken),
        }
    };
    driver.running.abort_all();
    driver.carrier.goodbye().await;
    Ended::Closed { why, retry_after: driver.retry_after, was_up: driver.was_up }
}

impl Driver<'_> {
    /// Acts on events and sends frames until neither is left. True when frames wait for the carrier.
    fn settle(&mut self) -> bool {
        loop {
            let stalled = self.flush();
            let Some(event) = self.session.poll_event() else { return stalled };
            self.handle_event(event);
        }
    }

    fn flush(&mut self) -> bool {
        loop {
            match self.carrier.outbound.try_reserve() {
                Ok(place) => match self.session.poll_transmit() {
                    Some(frame) => place.send(frame),
                    None => return false,
                },
                Err(TrySendError::Full(())) => return true,
                Err(TrySendError::Closed(())) => {
                    self.session.close(CloseReason::Disconnected);
                    return false;
                }
            }
        }
    }

    async fn wait(&mut self, stalled: bool, shutdown: Option<&CancellationToken>) -> Woken {
        let deadline =
            self.session.next_deadline().unwrap_or(Duration::MAX).saturating_sub(self.host.monotonic());
        loop {
            tokio::select! {
                frame = self.carrier.inbound.message() => return Woken::Frame(frame),
                // An aborted one is passed over: nobody waits for it.
                Some(done) = self.running.join_next() => if let Ok((id, result)) = done {
                    return Woken::Done(id, result);
                },
                // The place itself is not kept: the next flush takes it.
                _ = self.carrier.outbound.reserve(), if stalled => return Woken::Writable,
                () = tokio::time::sleep(deadline) => return Woken::Deadline,
                () = async { shutdown.expect("checked before").cancelled().await }, if shutdown.is_some() => {
                    return Woken::Shutdown;
                }
            }
        }
    }

    fn handle(&mut self, woken: Woken) {
        let now = self.host.monotonic();
        match woken {
            Woken::Frame(Ok(Some(frame))) => {
                if let Err(error) = self.session.handle_frame(now, self.host.now(), frame) {
                    error!(%error, "the control plane broke the protocol");
                }
            }
            Woken::Frame(Ok(None) | Err(_)) => self.session.close(CloseReason::Disconnected),
            Woken::Done(id, result) => {
                self.handles.remove(&id);
                match result {
                    Ok(rendered) => self.session.reply(id, rendered),
                    Err(error) => self.session.fail(&id, &error),
                }
            }
            Woken::Writable | Woken::Shutdown => {}
            Woken::Deadline => self.session.handle_timeout(now),
        }
    }

    fn handle_event(&mut self, event: WorkerEvent) {
        match event {
            WorkerEvent::Ready { session_id, server_time, .. } => {
                self.was_up = true;
                let since = self.host.now();
                // The line is documented: people and scripts wait for it.
                info!(
                    "tunnel up: tenant={} worker={} session={session_id}",
                    self.me.tenant_id, self.me.worker_id
                );
                warn_of_skew(since, server_time);
                self.status.send_replace(TunnelStatus::Up { session_id, since });
            }
            WorkerEvent::Call(call) => self.start(*call),
            WorkerEvent::Cancel(id) => {
                if let Some(handle) = self.handles.remove(&id) {
                    handle.abort();
                }
            }
            WorkerEvent::Draining { retry_after } => self.retry_after = retry_after,
            WorkerEvent::Closed(why) => self.closed = Some(why),
            // An event of a newer session; without it the tunnel works as before.
            _ => {}
        }
    }

    /// The session bounds how many run.
    fn start(&mut self, call: ToolCall) {
        let (id, plane) = (call.id.clone(), self.plane.clone());
        let incident = TraceId::new(self.host);
        let handle = self.running.spawn(async move {
            let id = call.id.clone();
            let answered = AssertUnwindSafe(plane.0.call(call)).catch_unwind().await;
            let result = answered.unwrap_or_else(|_| {
                // The panic's text went to the panic hook; it may quote values, so it goes no further.
                error!(call.id = %id, %incident, "a call panicked");
                Err(CallError::internal(incident.as_str()))
            });
            (id, result)
        });
        self.handles.insert(id, handle);
    }
}

impl Carrier {
    /// Ends our half of the stream and waits for the other, so that frames under way arrive.
    async fn goodbye(self) {
        let Self { outbound, mut inbound } = self;
        drop(outbound);
        let _ =
            tokio::time::timeout(GOODBYE, async { while let Ok(Some(_)) = inbound.message().await {} }).await;
    }
}

/// Clocks that drift apart end in `clock_skew`; say so while the tunnel still opens.
fn warn_of_skew(ours: Timestamp, theirs: Timestamp) {
    let skew = ours.since(theirs).max(theirs.since(ours));
    if skew > airlock_proto::limits::CLOCK_SKEW_MAX / 4 {
        tracing::warn!(skew_s = skew.as_secs(), "this host's clock differs from the control plane's");
    }
}

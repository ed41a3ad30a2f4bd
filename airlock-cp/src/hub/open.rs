//! `Tunnel/Open`: the shell around one session of the hub. It moves frames and decides nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::future::OptionFuture;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{Instrument, debug, info, info_span, warn};

use airlock_core::error::{CallError, Code};
use airlock_core::id::{CallId, SessionId};
use airlock_proto::limits::HANDSHAKE_TIMEOUT;
use airlock_proto::session::{Claims, CloseReason, HubEvent, HubIdentity, HubSession, Identity, RejectCode};
use airlock_proto::wire::{Frame, tunnel_server::Tunnel};

use super::registry::{Asked, COMMANDS_MAX, Command, Ended, Live, Slot};
use super::{Hub, LiveWorker, PeerIp};

/// Frames between a session and HTTP/2. More wait in the session, where they can be withdrawn.
const FRAMES_BUFFERED: usize = 16;
/// How long the last frame, which says why, may take to leave.
const LAST_WORD: Duration = Duration::from_secs(1);

#[tonic::async_trait]
impl Tunnel for Hub {
    type OpenStream = ReceiverStream<Result<Frame, Status>>;

    async fn open(&self, request: Request<Streaming<Frame>>) -> Result<Response<Self::OpenStream>, Status> {
        let inner = &self.0;
        if inner.leaving.is_cancelled() {
            return Err(Status::unavailable("the control plane is leaving"));
        }
        let ip = peer_ip(&request);
        if inner.door.is_throttled(ip, inner.host.monotonic()) {
            return Err(Status::resource_exhausted("too many failed handshakes from this address"));
        }
        let Some(place) = inner.door.enter() else {
            return Err(Status::unavailable("too many handshakes at once"));
        };
        let (outbound, frames) = mpsc::channel(FRAMES_BUFFERED);
        let driver = Driver::new(self.clone(), ip, request.into_inner(), outbound, place);
        let span = info_span!("tunnel.drive", session.id = %driver.session.session_id());
        inner.tunnels.spawn(driver.run().instrument(span));
        Ok(Response::new(ReceiverStream::new(frames)))
    }
}

fn peer_ip(request: &Request<Streaming<Frame>>) -> IpAddr {
    let extensions = request.extensions();
    let given = extensions.get::<PeerIp>().map(|p| p.0);
    let by_axum = || extensions.get::<axum::extract::ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    let by_tonic = || request.remote_addr().map(|a| a.ip());
    // Unknown ones share one account of failures.
    given.or_else(by_axum).or_else(by_tonic).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Everything that can wake a tunnel.
#[expect(clippy::large_enum_variant, reason = "made and consumed once a turn, never kept")]
enum Woken {
    Frame(Result<Option<Frame>, Status>),
    Command(Command),
    Writable,
    Deadline,
    End,
    Leaving,
    Stop,
}

/// One tunnel from its first frame to its last.
struct Driver {
    hub: Hub,
    ip: IpAddr,
    session: HubSession,
    inbound: Streaming<Frame>,
    outbound: mpsc::Sender<Result<Frame, Status>>,
    /// Given back when the handshake is over.
    place: Option<OwnedSemaphorePermit>,
    claims: Option<Claims>,
    live: Option<Arc<Live>>,
    commands: mpsc::Receiver<Command>,
    command_sender: mpsc::Sender<Command>,
    waiting: HashMap<CallId, (oneshot::Sender<Ended>, Slot)>,
    /// Whether the directory was told that the worker is connected.
    announced: bool,
    closed: Option<CloseReason>,
}

impl Driver {
    fn new(
        hub: Hub,
        ip: IpAddr,
        inbound: Streaming<Frame>,
        outbound: mpsc::Sender<Result<Frame, Status>>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let host = &hub.0.host;
        let mut nonce = [0; 32];
        host.random(&mut nonce);
        let me = HubIdentity { key: hub.0.key.clone() };
        let session =
            HubSession::new(me, SessionId::new(host.as_ref()), nonce, hub.0.heartbeat, host.monotonic());
        let (command_sender, commands) = mpsc::channel(COMMANDS_MAX);
        Self {
            hub,
            ip,
            session,
            inbound,
            outbound,
            place: Some(place),
            claims: None,
            live: None,
            commands,
            command_sender,
            waiting: HashMap::new(),
            announced: false,
            closed: None,
        }
    }

    async fn run(mut self) {
        while self.closed.is_none() {
            let stalled = self.settle().await;
            if self.closed.is_none() {
                self.wait(stalled).await;
            }
        }
        self.finish().await;
    }

    /// Acts on events and sends frames until neither is left. True when frames wait for the carrier.
    async fn settle(&mut self) -> bool {
        loop {
            let stalled = self.flush();
            let Some(event) = self.session.poll_event() else { return stalled };
            self.handle_event(event).await;
        }
    }

    fn flush(&mut self) -> bool {
        loop {
            match self.outbound.try_reserve() {
                Ok(place) => match self.session.poll_transmit() {
                    Some(frame) => place.send(Ok(frame)),
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

    /// Waits for whatever happens next and tells the session.
    async fn wait(&mut self, stalled: bool) {
        let inner = self.hub.0.clone();
        let deadline =
            self.session.next_deadline().unwrap_or(Duration::MAX).saturating_sub(inner.host.monotonic());
        let end = self.live.as_ref().map(|l| l.end.clone());
        let woken = tokio::select! {
            frame = self.inbound.message() => Woken::Frame(frame),
            Some(command) = self.commands.recv() => Woken::Command(command),
            // The place itself is not kept: the next flush takes it.
            _ = self.outbound.reserve(), if stalled => Woken::Writable,
            () = tokio::time::sleep(deadline) => Woken::Deadline,
            Some(()) = OptionFuture::from(end.as_ref().map(|e| e.cancelled())) => Woken::End,
            () = inner.leaving.cancelled(), if !self.session.is_leaving() => Woken::Leaving,
            () = inner.stop.cancelled() => Woken::Stop,
        };
        let now = inner.host.monotonic();
        match woken {
            Woken::Frame(Ok(Some(frame))) => {
                if let Err(error) = self.session.handle_frame(now, inner.host.now(), frame) {
                    warn!(%error, "a worker broke the protocol");
                }
            }
            Woken::Frame(Ok(None) | Err(_)) => self.session.close(CloseReason::Disconnected),
            Woken::Command(command) => self.handle_command(command),
            Woken::Writable => {}
            Woken::Deadline => self.session.handle_timeout(now),
            Woken::End => {
                let why = self.live.as_ref().map_or(CloseReason::ShuttingDown, |l| l.why());
                self.session.close(why);
            }
            Woken::Leaving => {
                self.set_draining();
                self.session.drain(now, inner.retry_after.get().copied().unwrap_or_default());
            }
            Woken::Stop => self.session.close(CloseReason::ShuttingDown),
        }
    }

    fn set_draining(&self) {
        if let Some(live) = &self.live {
            live.set_draining();
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Call(asked) => {
                let Asked { call, answer, slot } = *asked;
                let live = slot.live();
                let result = if live.end.is_cancelled() {
                    Err(CallError::new(Code::WorkerUnavailable, "the tunnel is being dropped"))
                } else {
                    self.session.call(self.hub.0.host.monotonic(), &call, &live.worker.tenant_id)
                };
                match result {
                    Ok(()) => _ = self.waiting.insert(call.id, (answer, slot)),
                    // Another worker may have better luck.
                    Err(error) if error.code == Code::WorkerUnavailable => {
                        tell(answer, slot, Ended::Lost { begun: false });
                    }
                    Err(error) => tell(answer, slot, Ended::Done(Err(error))),
                }
            }
            Command::Cancel(id) => {
                self.session.cancel(&id);
                self.waiting.remove(&id);
            }
        }
    }

    async fn handle_event(&mut self, event: HubEvent) {
        match event {
            HubEvent::Hello(claims) => self.handle_hello(claims).await,
            HubEvent::Authenticated(claims) => self.handle_authenticated(claims).await,
            HubEvent::Reply { id, rendered } => self.end(&id, Ended::Done(Ok(rendered))),
            HubEvent::Failed { id, error } => self.end(&id, Ended::Done(Err(error))),
            HubEvent::Lost { id, begun } => self.end(&id, Ended::Lost { begun }),
            HubEvent::Draining => self.set_draining(),
            HubEvent::Closed(why) => self.closed = Some(why),
            // Not printed: it could carry an answer.
            _ => debug!("an event that this shell does not know"),
        }
    }

    fn end(&mut self, id: &CallId, ended: Ended) {
        if let Some((answer, slot)) = self.waiting.remove(id) {
            tell(answer, slot, ended);
        }
    }

    async fn handle_hello(&mut self, claims: Claims) {
        let inner = &self.hub.0;
        let identity = if inner.door.is_new(claims.nonce, inner.host.monotonic()) {
            self.look_up(&claims).await
        } else {
            Some(Identity::Unknown)
        };
        self.claims = Some(claims);
        match identity {
            Some(identity) => self.session.identify(identity),
            None => self.session.close(CloseReason::Disconnected),
        }
    }

    async fn handle_authenticated(&mut self, claims: Claims) {
        let inner = self.hub.0.clone();
        self.place = None;
        let worker = LiveWorker {
            tenant_id: claims.tenant_id.clone(),
            worker_id: claims.worker_id.clone(),
            session_id: self.session.session_id().clone(),
            version: claims.version.clone(),
            connected_at: inner.host.now(),
            ip: self.ip,
            in_flight: 0,
            draining: false,
        };
        let (live, older) = inner.registry.add(worker, self.command_sender.clone());
        if let Some(older) = older {
            older.end(CloseReason::Rejected(RejectCode::Superseded));
        }
        self.live = Some(live.clone());
        // Revoked since the first look: `drop_worker` found no tunnel then. From here on it finds this one.
        let code = match self.look_up(&claims).await {
            Some(Identity::Known(_)) => None,
            Some(Identity::Revoked(_)) => Some(CloseReason::Rejected(RejectCode::Revoked)),
            Some(Identity::TenantDisabled(_)) => Some(CloseReason::Rejected(RejectCode::TenantDisabled)),
            Some(Identity::Unknown) => Some(CloseReason::Rejected(RejectCode::NotAuthenticated)),
            None => Some(CloseReason::Disconnected),
        };
        if let Some(why) = code {
            return self.session.close(why);
        }
        if inner.directory.connected(&live.worker).await.is_err() {
            return self.session.close(CloseReason::Disconnected);
        }
        self.announced = true;
        info!(tenant = %claims.tenant_id, worker = %claims.worker_id, "worker joined");
    }

    /// `None` when the directory does not answer.
    async fn look_up(&self, claims: &Claims) -> Option<Identity> {
        let asked = self.hub.0.directory.worker(&claims.tenant_id, &claims.worker_id);
        tokio::time::timeout(HANDSHAKE_TIMEOUT, asked).await.ok()?.ok()
    }

    async fn finish(mut self) {
        let inner = self.hub.0.clone();
        let why = self.closed.unwrap_or(CloseReason::Disconnected);
        if let Some(live) = &self.live {
            inner.registry.remove(live);
        }
        // Calls that were handed over and not yet taken: no byte of them left.
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Call(asked) = command {
                tell(asked.answer, asked.slot, Ended::Lost { begun: false });
            }
        }
        while let Some(frame) = self.session.poll_transmit() {
            let _ = tokio::time::timeout(LAST_WORD, self.outbound.send(Ok(frame))).await;
        }
        match &self.live {
            Some(live) if self.announced => {
                info!(tenant = %live.worker.tenant_id, worker = %live.worker.worker_id, %why, "worker left");
                inner.directory.disconnected(&live.worker, why).await;
            }
            _ => {
                debug!(%why, "a tunnel did not open");
                if !matches!(why, CloseReason::Disconnected | CloseReason::ShuttingDown) {
                    inner.door.failed(self.ip, inner.host.monotonic());
                }
                if let (Some(claims), CloseReason::Rejected(code)) = (&self.claims, why) {
                    inner.directory.refused(claims, self.ip, code).await;
                }
            }
        }
    }
}

/// Tells whoever asked how the call ended; the slot is free before they know.
fn tell(answer: oneshot::Sender<Ended>, slot: Slot, ended: Ended) {
    drop(slot);
    // Nobody listens when the caller went; its cancel is on the way.
    let _ = answer.send(ended);
}

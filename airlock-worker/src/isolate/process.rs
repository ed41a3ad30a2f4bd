//! The parent's side of one child: start, hand over snapshots, ask, watch, kill.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use airlock_core::policy::limits::Limits;
use airlock_core::query::{QueryError, Shaped};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::{AsyncReadExt as _, Interest};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::command::ChildCommand;
use super::doors::Door;
use super::frame::{self, Lengths, PREFIX_BYTES, REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use super::measure::{Measure, State};
use super::wire::{Ask, Failure, Reply, Request};
use crate::cache::{DataKey, TmpfsData};

/// One running child.
pub(super) struct ChildProcess {
    child: Child,
    socket: UnixStream,
    /// Most recently used last.
    held: VecDeque<Held>,
    measures: Vec<(Measure, State)>,
    memory_bytes: u64,
}

/// A snapshot that the child has open.
struct Held {
    key: DataKey,
    limits: Arc<Limits>,
    alive: Weak<()>,
}

/// Why a child gave no reply.
#[derive(Debug)]
pub(super) enum Ended {
    /// It is gone, for a reason that its exit or its last words tell.
    Gone,
    /// It says that it broke, or said what no child says.
    Broken,
    /// It ran past the deadline.
    Late,
    /// It took too much memory.
    Memory,
}

/// How a child's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// By itself.
    Crashed,
    /// By itself, because it could not get memory.
    Memory,
    /// By `SIGKILL`, which no statement sends: an operator, or the system that ran out of memory.
    Killed,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl ChildProcess {
    /// Starts a child and waits until it has locked itself in.
    pub(super) async fn start(
        command: &ChildCommand,
        memory_bytes: u64,
        without: &[Measure],
    ) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = command.spawn(theirs.into())?;
        let socket = UnixStream::from_std(ours)?;
        let mut this = Self { child, socket, held: VecDeque::new(), measures: vec![], memory_bytes };
        let setup = Request::Setup { memory_bytes, without: without.to_vec() };
        let hello = async {
            this.send(&setup, None).await?;
            this.receive().await
        };
        match timeout(START_TIMEOUT, hello).await.map_err(|_| io::ErrorKind::TimedOut)?? {
            (Reply::Hello(measures), _) => this.measures = measures,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(this)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }
    pub(super) fn measures(&self) -> &[(Measure, State)] {
        &self.measures
    }
    /// Whether it has this snapshot open, with the plans that it made for it.
    pub(super) fn holds(&self, key: DataKey) -> bool {
        self.held.iter().any(|held| held.key == key)
    }
    /// How many snapshots it has open.
    pub(super) fn held_count(&self) -> usize {
        self.held.len()
    }
    /// Whether the process still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
    /// Whether it holds so much memory between statements that a fresh one is better.
    pub(super) fn is_bloated(&self) -> bool {
        self.pid().and_then(anonymous_bytes).is_some_and(|bytes| bytes > self.memory_bytes / 2)
    }
    /// Ends it, without waiting.
    pub(super) fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.start_kill();
    }
    /// Waits until it has ended, and says how. One that has not ended soon is killed, and counts as crashed.
    pub(super) async fn exit(&mut self) -> Exit {
        let status = match timeout(EXIT_TIMEOUT, self.child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                self.kill();
                let _ = self.child.wait().await;
                None
            }
        };
        let mut words = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            // Nothing of this is ever logged: it is only compared.
            let _ = timeout(LAST_WORDS_TIMEOUT, stderr.take(LAST_WORDS_BYTES).read_to_end(&mut words)).await;
        }
        let killed = status.and_then(|s| s.signal()) == Some(rustix::process::Signal::KILL.as_raw());
        match words.windows(OUT_OF_MEMORY.len()).any(|w| w == OUT_OF_MEMORY) {
            true => Exit::Memory,
            false if killed => Exit::Killed,
            false => Exit::Crashed,
        }
    }

    /// Makes the child hold this snapshot under these limits; drops what it no longer needs.
    pub(super) async fn hold(
        &mut self,
        data: &TmpfsData,
        limits: &Arc<Limits>,
    ) -> Result<Result<(), QueryError>, Ended> {
        if let Some(at) = self.held.iter().position(|h| h.key == data.key() && *h.limits == **limits)
            && let Some(held) = self.held.remove(at)
        {
            self.held.push_back(held);
            return Ok(Ok(()));
        }
        let stale = |h: &Held| h.key == data.key() || h.alive.strong_count() == 0;
        let surplus = (self.held.len() + 1).saturating_sub(HELD_MAX);
        self.forget(|at, held| at < surplus || stale(held)).await?;

        let open = Request::Open {
            key: data.key(),
            limits: Box::new((**limits).clone()),
            tables: data.files().len(),
        };
        self.send(&open, None).await?;
        for table in data.files() {
            let message = Request::Table { name: table.name().to_owned(), bytes: table.bytes() };
            self.send(&message, Some(table.reader().as_fd())).await?;
        }
        match self.receive().await? {
            (Reply::Opened(Ok(())), _) => {
                self.held.push_back(Held { key: data.key(), limits: limits.clone(), alive: data.alive() });
                Ok(Ok(()))
            }
            (Reply::Opened(Err(failure)), _) => Ok(Err(failure.into())),
            _ => Err(Ended::Broken),
        }
    }

    /// Drops snapshots that no longer exist.
    pub(super) async fn forget_evicted(&mut self) -> Result<(), Ended> {
        self.forget(|_, held| held.alive.strong_count() == 0).await
    }

    async fn forget(&mut self, which: impl Fn(usize, &Held) -> bool) -> Result<(), Ended> {
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.held.drain(..).enumerate().partition(|(at, held)| which(*at, held));
        self.held = kept.into_iter().map(|(_, held)| held).collect();
        if gone.is_empty() {
            return Ok(());
        }
        self.send(&Request::Forget(gone.into_iter().map(|(_, held)| held.key).collect()), None).await?;
        match self.receive().await? {
            (Reply::Forgotten, _) => Ok(()),
            _ => Err(Ended::Broken),
        }
    }

    /// Runs a statement on a snapshot that the child holds. Dropping the future leaves the child in the middle of it:
    /// it must be killed then.
    pub(super) async fn run(&mut self, ask: Ask) -> Result<Result<Shaped, QueryError>, Ended> {
        self.send(&Request::Run(ask), None).await?;
        match self.receive().await? {
            (Reply::Answer(answer), body) => {
                Ok(answer.join(body).ok_or(QueryError::Engine("answer".to_owned())))
            }
            (Reply::Failed(Failure::Crashed), _) => Err(Ended::Broken),
            (Reply::Failed(failure), _) => Ok(Err(failure.into())),
            _ => Err(Ended::Broken),
        }
    }

    /// Has the child try what it must not be able to do.
    pub(super) async fn try_doors(&mut self) -> Result<Vec<(Door, bool)>, Ended> {
        self.send(&Request::TryDoors, None).await?;
        match self.receive().await? {
            (Reply::Doors(doors), _) => Ok(doors),
            _ => Err(Ended::Broken),
        }
    }

    async fn send(&self, request: &Request, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let bytes = frame::encode(request, &[], REQUEST_BYTES_MAX)?;
        let mut sent = 0;
        while sent < bytes.len() {
            // The descriptor travels with the first byte.
            let passed = descriptor.filter(|_| sent == 0);
            sent += self
                .socket
                .async_io(Interest::WRITABLE, || send_some(&self.socket, &bytes[sent..], passed))
                .await?;
        }
        Ok(())
    }

    async fn receive(&mut self) -> io::Result<(Reply, Vec<u8>)> {
        let mut prefix = [0; PREFIX_BYTES];
        self.socket.read_exact(&mut prefix).await?;
        let lengths = Lengths::parse(prefix, REPLY_BYTES_MAX)?;
        let mut bytes = vec![0; lengths.total()];
        self.socket.read_exact(&mut bytes).await?;
        lengths.split(bytes)
    }
}

/// Waits for `work` while a child with this process id is watched.
///
/// # Errors
/// When `work` failed, the deadline passed, or the child took more than `memory_bytes`. Nothing is killed here.
pub(super) async fn watched<T>(
    pid: Option<u32>,
    memory_bytes: u64,
    deadline: Instant,
    work: impl Future<Output = Result<T, Ended>>,
) -> Result<T, Ended> {
    let mut tick = interval(WATCH_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.reset();
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = sleep_until(deadline) => return Err(Ended::Late),
            _ = tick.tick() => {
                if pid.and_then(anonymous_bytes).is_some_and(|bytes| bytes > memory_bytes) {
                    return Err(Ended::Memory);
                }
            }
        }
    }
}

fn send_some(socket: &UnixStream, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
    if !passed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&passed)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}

/// Memory of a process that is its own; pages of snapshots are shared and not counted. `None` where the system does
/// not tell.
fn anonymous_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// From start to hello.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two looks at a child's memory.
const WATCH_INTERVAL: Duration = Duration::from_millis(50);
/// Snapshots that one child keeps open.
const HELD_MAX: usize = 16;
/// What Rust's allocator says before it aborts.
const OUT_OF_MEMORY: &[u8] = b"memory allocation of";
/// From the end of the socket to the end of the process.
const EXIT_TIMEOUT: Duration = Duration::from_secs(1);
/// Last words that are looked at.
const LAST_WORDS_BYTES: u64 = 4096;
/// For reading them; the pipe's other end is closed by then.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);

//! [`ChildRunner`]: a pool of children as core's port for running statements.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use airlock_core::principal::{Actor, ActorKind};
use airlock_core::query::{Job, QueryError, QueryRunner, Shaped};
use airlock_core::runtime::{Turn, Turns};
use airlock_core::snapshot::Snapshot;
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::command::ChildCommand;
use super::doors::Door;
use super::measure::{Measure, State, describe};
use super::process::{ChildProcess, Ended, Exit, watched};
use super::quarantine::Quarantine;
use super::wire::Ask;
use crate::cache::{DataKey, TmpfsData};

/// How queries are isolated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IsolateConfig {
    /// How a child is started.
    pub command: ChildCommand,
    /// How many children; one statement each at a time.
    pub children: usize,
    /// Bytes of private memory of one child: `query_process_memory`.
    pub process_memory: u64,
    /// Statements that may wait for a child.
    pub queue_max: usize,
    /// Measures to leave out: where a platform cannot have them and the operator says so, and in tests of that case.
    pub without: Vec<Measure>,
}

impl IsolateConfig {
    /// As many children as there are cores, with every measure.
    pub fn new(command: ChildCommand, process_memory: u64) -> Self {
        let children = std::thread::available_parallelism().map_or(1, usize::from);
        Self { command, children, process_memory, queue_max: 64, without: vec![] }
    }
}

/// Runs statements in confined children of this process.
///
/// Dropping the runner ends the children.
#[derive(Debug)]
pub struct ChildRunner(Arc<Pool>);

struct Pool {
    config: IsolateConfig,
    /// One for each child.
    turns: Turns<Actor>,
    idle: Mutex<Vec<ChildProcess>>,
    quarantine: Mutex<Quarantine>,
    measures: Vec<(Measure, State)>,
    start: Instant,
    tasks: TaskTracker,
    /// Cancelled when the runner goes.
    closing: CancellationToken,
}

impl ChildRunner {
    /// Starts the children and logs, in one line, what confines them.
    ///
    /// # Errors
    /// If a child does not start and lock itself in.
    pub async fn start(config: IsolateConfig) -> io::Result<Self> {
        let mut idle = Vec::new();
        for _ in 0..config.children.max(1) {
            idle.push(ChildProcess::start(&config.command, config.process_memory, &config.without).await?);
        }
        let measures = idle.first().map(|child| child.measures().to_vec()).unwrap_or_default();
        let line = describe(&measures);
        if measures.contains(&(Measure::Seccomp, State::On)) {
            tracing::info!("query children: {line}");
        } else {
            tracing::warn!("query children are weakly confined: {line}");
        }
        let pool = Arc::new(Pool {
            turns: Turns::new(idle.len(), config.queue_max),
            idle: Mutex::new(idle),
            quarantine: Mutex::default(),
            measures,
            start: Instant::now(),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            config,
        });
        pool.tasks.spawn(sweep(pool.clone()));
        Ok(Self(pool))
    }

    /// What confines the children on this machine.
    pub fn measures(&self) -> &[(Measure, State)] {
        &self.0.measures
    }

    /// Has a child try what it must not be able to do: `true` is shut.
    ///
    /// # Errors
    /// If the child did not answer.
    pub async fn try_doors(&self) -> io::Result<Vec<(Door, bool)>> {
        let asker = Actor { kind: ActorKind::System, id: "doors".to_owned(), name: None };
        let turn = self.0.turns.take(asker).await.map_err(|_| io::ErrorKind::ResourceBusy)?;
        let mut lease = Lease::take(&self.0, turn, None).await?;
        let doors = lease.child().try_doors().await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        lease.give_back();
        Ok(doors)
    }

    /// Process ids of the children that are idle now.
    pub fn idle_pids(&self) -> Vec<u32> {
        self.0.idle.lock().iter().filter_map(ChildProcess::pid).collect()
    }
}

impl Drop for ChildRunner {
    fn drop(&mut self) {
        self.0.closing.cancel();
        self.0.tasks.close();
        self.0.idle.lock().clear();
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl QueryRunner<TmpfsData> for ChildRunner {
    /// Askers are served in turn.
    async fn run(
        &self,
        asker: &Actor,
        job: Job,
        snapshot: Arc<Snapshot<TmpfsData>>,
    ) -> Result<(Shaped, Duration), QueryError> {
        let pool = &self.0;
        let begun = Instant::now();
        let deadline = begun + job.timeout;
        if pool.quarantine.lock().holds(job.sql.as_str(), pool.start.elapsed()) {
            return Err(QueryError::Crashed);
        }
        let mut attempt = 1;
        loop {
            let turn = pool.queue(asker, deadline).await?;
            let queued = begun.elapsed();
            match pool.execute(&job, &snapshot, turn, deadline).await {
                Ok(shaped) => return Ok((shaped, queued)),
                Err(Failed::Query(error)) => return Err(error),
                Err(Failed::Killed) if attempt < ATTEMPTS_MAX => attempt += 1,
                // Once more is no accident: the statement may be what makes the system run out of memory.
                Err(Failed::Killed) => return Err(pool.crashed(&job)),
                Err(Failed::NotStarted(_)) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(Failed::NotStarted(kind)) => {
                    return Err(QueryError::Engine(format!("a query child did not start: {kind}")));
                }
            }
        }
    }
}

/// Why an attempt gave no answer.
enum Failed {
    /// For a reason that another attempt would not change.
    Query(QueryError),
    /// Someone killed the child. That is not the statement's doing, and it changed nothing, so it may run again.
    Killed,
    /// There was no child.
    NotStarted(io::ErrorKind),
}

impl Pool {
    /// Waits for a free child. What never got one was not slow itself.
    async fn queue(&self, asker: &Actor, deadline: Instant) -> Result<Turn<Actor>, QueryError> {
        match timeout_at(deadline, self.turns.take(asker.clone())).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(QueryError::Busy { retry_after_ms: BUSY_RETRY_MS }),
        }
    }

    async fn execute(
        self: &Arc<Self>,
        job: &Job,
        snapshot: &Arc<Snapshot<TmpfsData>>,
        turn: Turn<Actor>,
        deadline: Instant,
    ) -> Result<Shaped, Failed> {
        let started = Lease::take(self, turn, Some(snapshot.clone())).await;
        let mut lease = started.map_err(|e| Failed::NotStarted(e.kind()))?;
        let ask = Ask {
            key: snapshot.data.key(),
            sql: job.sql.as_str().to_owned(),
            format: job.format,
            max_rows: job.max_rows,
            offset: job.offset,
            timeout: deadline.saturating_duration_since(Instant::now()),
        };
        let child = lease.child();
        let (pid, memory) = (child.pid(), self.config.process_memory);
        let work = async {
            match child.hold(&snapshot.data, &job.limits).await? {
                Ok(()) => child.run(ask).await,
                Err(error) => Ok(Err(error)),
            }
        };
        match watched(pid, memory, deadline + KILL_GRACE, work).await {
            Ok(result) => {
                lease.give_back();
                result.map_err(Failed::Query)
            }
            Err(ended) => Err(self.bury(job, lease, ended).await),
        }
    }

    /// Says why a child ended.
    async fn bury(&self, job: &Job, mut lease: Lease, ended: Ended) -> Failed {
        let error = match ended {
            Ended::Late => QueryError::Timeout,
            Ended::Memory => MEMORY_EXCEEDED,
            Ended::Broken => self.crashed(job),
            Ended::Gone => match lease.child().exit().await {
                Exit::Memory => MEMORY_EXCEEDED,
                Exit::Crashed => self.crashed(job),
                Exit::Killed => {
                    tracing::warn!("a query child was killed from outside");
                    return Failed::Killed;
                }
            },
        };
        tracing::warn!(error = %error, "a statement ended its query child");
        Failed::Query(error)
    }

    /// Keeps a statement away from the next child.
    fn crashed(&self, job: &Job) -> QueryError {
        self.quarantine.lock().add(job.sql.as_str(), self.start.elapsed());
        QueryError::Crashed
    }
}

/// The child that has the snapshot open already: opening it and planning anew takes longer than most statements. Else the
/// one with the fewest, so that together they have many open.
fn next(idle: &mut Vec<ChildProcess>, key: Option<DataKey>) -> Option<ChildProcess> {
    let holds = |child: &ChildProcess| key.is_some_and(|key| child.holds(key));
    let at = idle.iter().position(holds).or_else(|| {
        let counted = idle.iter().enumerate().map(|(at, child)| (child.held_count(), at));
        counted.min().map(|(_, at)| at)
    });
    at.map(|at| idle.remove(at))
}

/// A child in use. Dropped without being given back, the child is killed, and a fresh one takes its place.
struct Lease {
    pool: Arc<Pool>,
    /// `None` only between `give_back` and the end of `drop`.
    held: Option<(ChildProcess, Turn<Actor>)>,
    /// Kept until the child no longer runs on it.
    snapshot: Option<Arc<Snapshot<TmpfsData>>>,
    runtime: tokio::runtime::Handle,
}

impl Lease {
    async fn take(
        pool: &Arc<Pool>,
        turn: Turn<Actor>,
        snapshot: Option<Arc<Snapshot<TmpfsData>>>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        let idle = {
            let mut idle = pool.idle.lock();
            let key = snapshot.as_ref().map(|snapshot| snapshot.data.key());
            std::iter::from_fn(|| next(&mut idle, key))
                .find_map(|mut child| child.is_running().then_some(child))
        };
        let child = match idle {
            Some(child) => child,
            None => pool.fresh().await?,
        };
        Ok(Self { pool: pool.clone(), held: Some((child, turn)), snapshot, runtime })
    }

    fn child(&mut self) -> &mut ChildProcess {
        &mut self.held.as_mut().expect("a lease holds its child until it is given back").0
    }

    /// The child answered: it may serve the next statement, unless it grew too large.
    fn give_back(mut self) {
        if self.child().is_bloated() {
            return;
        }
        if let Some((child, turn)) = self.held.take() {
            self.pool.idle.lock().push(child);
            drop(turn);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((mut child, turn)) = self.held.take() else { return };
        child.kill();
        let (pool, snapshot) = (self.pool.clone(), self.snapshot.take());
        let replace = async move {
            child.exit().await;
            drop(snapshot);
            match pool.fresh().await {
                Ok(child) if !pool.closing.is_cancelled() => pool.idle.lock().push(child),
                Ok(_) => {}
                // The next statement tries again, and says so when it fails.
                Err(e) => tracing::warn!(kind = %e.kind(), "a query child did not start"),
            }
            drop(turn);
        };
        self.pool.tasks.spawn_on(replace, &self.runtime);
    }
}

impl Pool {
    async fn fresh(&self) -> io::Result<ChildProcess> {
        ChildProcess::start(&self.config.command, self.config.process_memory, &self.config.without).await
    }
}

/// Has idle children drop snapshots that were evicted, so that nothing of them outlives their last reader by long.
async fn sweep(pool: Arc<Pool>) {
    let mut tick = interval(SWEEP_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = pool.closing.cancelled() => return,
            _ = tick.tick() => {}
        }
        for _ in 0..pool.config.children {
            // A child that serves a statement meanwhile is told before its next one.
            let Some(turn) = pool.turns.try_take() else { break };
            let idle = {
                let mut idle = pool.idle.lock();
                if idle.is_empty() { None } else { Some(idle.remove(0)) }
            };
            let Some(child) = idle else { continue };
            let mut lease = Lease {
                pool: pool.clone(),
                held: Some((child, turn)),
                snapshot: None,
                runtime: tokio::runtime::Handle::current(),
            };
            if let Ok(Ok(())) = tokio::time::timeout(SWEEP_INTERVAL, lease.child().forget_evicted()).await {
                lease.give_back();
            }
        }
    }
}

/// How often a statement is tried when its children are killed from outside, or do not start.
const ATTEMPTS_MAX: u32 = 2;
const MEMORY_EXCEEDED: QueryError = QueryError::LimitExceeded { limit: "query_process_memory" };
/// After the deadline, for a child that stops by itself.
const KILL_GRACE: Duration = Duration::from_millis(500);
/// When to try again after [`QueryError::Busy`].
const BUSY_RETRY_MS: u64 = 1_000;
/// Between two visits to idle children.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

//! Runs queries on threads of this process, for embedders and for the query child.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::{Job, QueryError, QueryRunner, Session, Shaped};
use crate::id::SubjectHandle;
use crate::principal::Actor;
use crate::snapshot::{MemoryTables, Snapshot};

/// Stack of a thread that plans queries: the deepest admitted statement needs less, in every profile.
pub const QUERY_STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs statements on a fixed number of threads, each with a stack of [`QUERY_STACK_BYTES`], and keeps the sessions of
/// the snapshots queried last. Statements beyond the threads wait in line, first come, first served; a caller that
/// leaves gives up its place.
///
/// A deadline is told on time. A plan or kernel that does not yield keeps its thread until it is done, and memory
/// outside the engine's pool is not bounded: serving strangers needs a runner with processes. Dropping the runner stops
/// its threads when their statements next yield.
#[derive(Debug)]
pub struct InProcess {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    sessions: Mutex<Vec<Kept>>,
    stopped: tokio::sync::watch::Sender<bool>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    is_closed: bool,
}

struct Task {
    has_begun: Arc<AtomicBool>,
    job: Job,
    snapshot: Arc<Snapshot<MemoryTables>>,
    reply: oneshot::Sender<Result<(Shaped, Duration), QueryError>>,
    since: Instant,
}

/// A session, for as long as its snapshot lives elsewhere.
struct Kept {
    snapshot: Weak<Snapshot<MemoryTables>>,
    handle: SubjectHandle,
    session: Arc<Session>,
}

impl InProcess {
    /// A runner of this many threads: `max_concurrent_queries`, or the number of cores when that is zero. More plans at
    /// once than cores halve the throughput.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn new(threads: NonZeroUsize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            sessions: Mutex::default(),
            stopped: tokio::sync::watch::Sender::new(false),
        });
        let runner = Self { shared };
        for n in 0..threads.get() {
            let shared = runner.shared.clone();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            std::thread::Builder::new()
                .name(format!("query-{n}"))
                .stack_size(QUERY_STACK_BYTES)
                .spawn(move || work(&shared, &runtime))?;
        }
        Ok(runner)
    }

    /// Lets go of what is kept of a subject.
    pub fn forget(&self, handle: &SubjectHandle) {
        self.shared.sessions.lock().retain(|kept| kept.handle != *handle);
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.stopped.send_replace(true);
        self.shared.wake.notify_all();
    }
}

#[async_trait]
impl QueryRunner<MemoryTables> for InProcess {
    async fn run(
        &self,
        _asker: &Actor,
        job: Job,
        snapshot: Arc<Snapshot<MemoryTables>>,
    ) -> Result<(Shaped, Duration), QueryError> {
        let timeout = job.timeout;
        let (reply, answer) = oneshot::channel();
        let has_begun = Arc::new(AtomicBool::new(false));
        {
            let mut queue = self.shared.queue.lock();
            // Callers that went away make room.
            queue.waiting.retain(|task| !task.reply.is_closed());
            if queue.waiting.len() >= QUEUE_MAX {
                return Err(BUSY);
            }
            let has_begun = has_begun.clone();
            queue.waiting.push_back(Task { has_begun, job, snapshot, reply, since: Instant::now() });
        }
        self.shared.wake.notify_one();
        match tokio::time::timeout(timeout, answer).await {
            // It never ran, so it is not the statement that was slow.
            Err(_) if !has_begun.load(Ordering::Acquire) => Err(BUSY),
            Err(_) => Err(QueryError::Timeout),
            Ok(Err(_)) => Err(QueryError::Engine("runner".to_owned())),
            Ok(Ok(answer)) => answer,
        }
    }
}

fn work(shared: &Shared, runtime: &tokio::runtime::Runtime) {
    let mut stopped = shared.stopped.subscribe();
    while let Some(Task { has_begun, mut job, snapshot, mut reply, since }) = next(shared) {
        let waited = since.elapsed();
        if reply.is_closed() {
            continue;
        }
        has_begun.store(true, Ordering::Release);
        job.timeout = job.timeout.saturating_sub(waited);
        let answer = runtime.block_on(async {
            if job.timeout.is_zero() {
                return Some(Err(BUSY));
            }
            let session = match session(shared, &snapshot, &job) {
                Ok(session) => session,
                Err(error) => return Some(Err(error)),
            };
            tokio::select! {
                biased;
                _ = stopped.changed() => None,
                () = reply.closed() => None,
                answer = session.run(&job) => Some(answer),
            }
        });
        drop(snapshot);
        if let Some(answer) = answer {
            // The caller may have gone in the meantime.
            let _ = reply.send(answer.map(|shaped| (shaped, waited)));
        }
    }
}

/// Waits for the next task; `None` when the runner is gone.
fn next(shared: &Shared) -> Option<Task> {
    let mut queue = shared.queue.lock();
    loop {
        if queue.is_closed {
            queue.waiting.clear();
            return None;
        }
        if let Some(task) = queue.waiting.pop_front() {
            return Some(task);
        }
        shared.wake.wait(&mut queue);
    }
}

/// The snapshot's session, kept or opened. Sessions of snapshots that are gone are let go.
fn session(
    shared: &Shared,
    snapshot: &Arc<Snapshot<MemoryTables>>,
    job: &Job,
) -> Result<Arc<Session>, QueryError> {
    {
        let mut sessions = shared.sessions.lock();
        sessions.retain(|kept| kept.snapshot.strong_count() > 0);
        if let Some(at) =
            sessions.iter().position(|kept| std::ptr::eq(kept.snapshot.as_ptr(), Arc::as_ptr(snapshot)))
        {
            let kept = sessions.remove(at);
            let session = kept.session.clone();
            sessions.push(kept);
            return Ok(session);
        }
    }
    let session = Arc::new(Session::open(snapshot.data.tables().to_vec(), &job.limits)?);
    let mut sessions = shared.sessions.lock();
    if sessions.len() >= SESSIONS_MAX {
        sessions.remove(0);
    }
    sessions.push(Kept {
        snapshot: Arc::downgrade(snapshot),
        handle: snapshot.manifest.handle,
        session: session.clone(),
    });
    Ok(session)
}

const QUEUE_MAX: usize = 64;
const BUSY: QueryError = QueryError::Busy { retry_after_ms: 500 };
const SESSIONS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use arrow::array::{Int64Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use futures::StreamExt;

    use super::*;
    use crate::egress::Checked;
    use crate::id::{Generation, PolicyHash, SubjectId};
    use crate::policy::limits::Limits;
    use crate::principal::ActorKind;
    use crate::query::{Format, Rows};
    use crate::snapshot::{Manifest, MemoryTable};
    use crate::time::Timestamp;

    fn handle(subject: &str) -> SubjectHandle {
        let subject = SubjectId::from_str(subject).expect("a subject's id");
        SubjectHandle::derive(&[0; 32], "t", &PolicyHash([0; 32]), &subject)
    }

    fn snapshot(subject: &str, values: Vec<i64>) -> Arc<Snapshot<MemoryTables>> {
        let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(Int64Array::from(values))])
            .expect("one column");
        let manifest = Manifest {
            handle: handle(subject),
            generation: Generation(1),
            policy_hash: PolicyHash([0; 32]),
            exported_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            duration_ms: 0,
            tables: vec![],
        };
        let data = vec![MemoryTable::dangerous_assume_masked("t".to_owned(), schema, vec![batch])].into();
        Arc::new(Snapshot { manifest, fresh_until: Duration::ZERO, data })
    }

    static ASKER: Actor = Actor { kind: ActorKind::Embedded, id: String::new(), name: None };

    fn job(sql: &str) -> Job {
        let limits = Arc::new(Limits::default());
        Job {
            sql: Checked::new(sql, &limits).expect("the statement is within bounds"),
            format: Format::Json,
            max_rows: 10,
            offset: 0,
            limits,
            timeout: Duration::from_secs(60),
        }
    }

    fn rows(answer: Result<(Shaped, Duration), QueryError>) -> String {
        match answer.expect("the statement runs").0.rows {
            Rows::Text { rows_json, .. } => rows_json,
            Rows::Arrow(_) => panic!("text was asked for"),
        }
    }

    fn runner(threads: usize) -> InProcess {
        InProcess::new(NonZeroUsize::new(threads).expect("not zero")).expect("threads start")
    }

    #[tokio::test]
    async fn each_snapshot_answers_from_its_own_rows() {
        let runner = runner(2);
        let (a, b) = (snapshot("a", vec![1]), snapshot("b", vec![2]));
        for _ in 0..3 {
            let (x, y) = tokio::join!(
                runner.run(&ASKER, job("SELECT a FROM t"), a.clone()),
                runner.run(&ASKER, job("SELECT a FROM t"), b.clone())
            );
            assert_eq!((rows(x), rows(y)), ("[[1]]".to_owned(), "[[2]]".to_owned()));
        }
        assert_eq!(runner.shared.sessions.lock().len(), 2);
    }

    #[tokio::test]
    async fn sessions_go_with_their_snapshots() {
        let runner = runner(1);
        let (a, b) = (snapshot("a", vec![1]), snapshot("b", vec![2]));
        rows(runner.run(&ASKER, job("SELECT a FROM t"), a.clone()).await);
        rows(runner.run(&ASKER, job("SELECT a FROM t"), b.clone()).await);
        runner.forget(&handle("b"));
        assert_eq!(runner.shared.sessions.lock().len(), 1);
        // The thread may still hold the last snapshot for a moment, so both are asked for.
        drop(a);
        rows(runner.run(&ASKER, job("SELECT a FROM t"), b.clone()).await);
        assert!(runner.shared.sessions.lock().iter().all(|kept| kept.handle == handle("b")));
    }

    #[tokio::test]
    async fn a_deadline_is_told_on_time_and_the_runner_goes_on() {
        let runner = runner(1);
        let many = snapshot("a", (0..100_000).collect());
        let mut long =
            job("SELECT count(*) FROM t x JOIN t y ON x.a % 2 = y.a % 2 JOIN t z ON z.a % 2 = y.a % 2");
        long.timeout = Duration::from_millis(200);
        assert_eq!(runner.run(&ASKER, long, many.clone()).await.map(drop), Err(QueryError::Timeout));
        assert_eq!(rows(runner.run(&ASKER, job("SELECT count(*) FROM t"), many).await), "[[100000]]");
    }

    #[tokio::test]
    async fn a_caller_that_leaves_stops_its_query() {
        let runner = runner(1);
        let many = snapshot("a", (0..100_000).collect());
        let long =
            job("SELECT count(*) FROM t x JOIN t y ON x.a % 2 = y.a % 2 JOIN t z ON z.a % 2 = y.a % 2");
        let left =
            tokio::time::timeout(Duration::from_millis(100), runner.run(&ASKER, long, many.clone())).await;
        assert!(left.is_err());
        assert_eq!(rows(runner.run(&ASKER, job("SELECT 1"), many).await), "[[1]]");
    }

    #[tokio::test]
    async fn the_queue_is_bounded() {
        let runner = runner(1);
        let many = snapshot("a", (0..100_000).collect());
        let long = "SELECT count(*) FROM t x JOIN t y ON x.a % 2 = y.a % 2 JOIN t z ON z.a % 2 = y.a % 2";
        let asks = (0..QUEUE_MAX + 2).map(|_| {
            let mut job = job(long);
            job.timeout = Duration::from_millis(500);
            runner.run(&ASKER, job, many.clone())
        });
        let answers = futures::future::join_all(asks).await;
        assert!(answers.iter().any(|a| matches!(a, Err(QueryError::Busy { .. }))));
        assert!(answers.iter().any(|a| matches!(a, Err(QueryError::Timeout))));
    }

    const ENDLESS: &str =
        "SELECT count(*) FROM t x JOIN t y ON x.a % 2 = y.a % 2 JOIN t z ON z.a % 2 = y.a % 2";

    #[tokio::test]
    async fn those_who_wait_are_served_in_turn_and_those_who_leave_give_up_their_place() {
        let runner = runner(1);
        let many = snapshot("a", (0..100_000).collect());
        let mut running = runner.run(&ASKER, job(ENDLESS), many.clone());
        assert!(futures::poll!(&mut running).is_pending());
        for _ in 0..2 {
            let mut waiting: Vec<_> =
                (0..QUEUE_MAX - 1).map(|_| runner.run(&ASKER, job("SELECT 1"), many.clone())).collect();
            for place in &mut waiting {
                assert!(futures::poll!(place).is_pending());
            }
        }
        let mut waiting = futures::stream::FuturesUnordered::new();
        for n in 0..10 {
            let mut place = runner.run(&ASKER, job(&format!("SELECT {n}")), many.clone());
            assert!(futures::poll!(&mut place).is_pending());
            waiting.push(async move { rows(place.await) });
        }
        drop(running);
        for n in 0..10 {
            assert_eq!(waiting.next().await, Some(format!("[[{n}]]")));
        }
    }

    /// A plan keeps values in it while it runs, so two runs must not share one.
    #[tokio::test]
    async fn statements_at_once_over_one_session_do_not_mix_their_values() {
        let runner = runner(4);
        let snapshot = snapshot("a", (0..2_000).collect());
        for round in 0..20 {
            let asks = (0..8).map(|n| {
                let n = round * 8 + n;
                let sql = format!("SELECT a FROM t WHERE a = (SELECT max(a) FROM t WHERE a <= {n})");
                let answer = runner.run(&ASKER, job(&sql), snapshot.clone());
                async move { assert_eq!(rows(answer.await), format!("[[{n}]]")) }
            });
            futures::future::join_all(asks).await;
        }
    }
}

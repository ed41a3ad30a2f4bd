use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::future::join_all;
use tokio::sync::Semaphore as Gate;

use super::*;
use crate::principal::ActorKind;
use crate::snapshot::export::tests::{keys, plan, source};
use crate::snapshot::source::{Catalog, Reader, SourceError};
use crate::snapshot::{MemorySnapshots, MemorySource};
use crate::test_util::FixedHost;

/// Counts reads; each waits for a turn at the gate, and fails while it is told to.
#[derive(Debug)]
struct Gated {
    rows: MemorySource,
    gate: Gate,
    begun: AtomicUsize,
    is_down: AtomicBool,
}

#[async_trait]
impl Source for Gated {
    async fn catalog(&self) -> Result<Catalog, SourceError> {
        self.rows.catalog().await
    }
    async fn begin(&self) -> Result<Box<dyn Reader>, SourceError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        if self.is_down.load(Ordering::SeqCst) {
            return Err(SourceError::Unavailable("down".into()));
        }
        self.rows.begin().await
    }
}

struct Bench {
    snapshots: Snapshots<MemorySnapshots>,
    source: Arc<Gated>,
    host: Arc<FixedHost>,
}

impl Bench {
    fn new(gate: usize, ttl_s: u64, limits: Limits) -> Self {
        let source = Arc::new(Gated {
            rows: source(),
            gate: Gate::new(gate),
            begun: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
        });
        let host = Arc::new(FixedHost::new());
        let snapshots = Snapshots::new(SnapshotsSetup {
            plan: Arc::new(plan()),
            source: source.clone(),
            keys: keys(),
            limits,
            ttl: Duration::from_secs(ttl_s),
            store: MemorySnapshots,
            host: host.clone(),
        });
        Self { snapshots, source, host }
    }
    fn open(ttl_s: u64, limits: Limits) -> Self {
        Self::new(10_000, ttl_s, limits)
    }
    async fn get(&self, subject: &str) -> Result<(u64, Cold), ExportError> {
        let (snapshot, cold) = self.snapshots.get(&subject.parse().unwrap()).await?;
        Ok((snapshot.manifest.generation.0, cold))
    }
    fn begun(&self) -> usize {
        self.source.begun.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn fifty_first_calls_are_one_export() {
    let bench = Bench::new(0, 60, Limits::default());
    let open = async {
        tokio::task::yield_now().await;
        bench.source.gate.add_permits(50);
    };
    let (all, ()) = tokio::join!(join_all((0..50).map(|_| bench.get("u_1"))), open);
    assert_eq!(all, vec![Ok((1, Cold::Yes)); 50]);
    assert_eq!(bench.begun(), 1);
    assert_eq!(bench.get("u_1").await, Ok((1, Cold::No)));
    assert_eq!(bench.get("u_2").await, Ok((2, Cold::Yes)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_threads_calls_are_one_export_as_well() {
    let bench = Arc::new(Bench::new(0, 60, Limits::default()));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let bench = bench.clone();
            #[expect(clippy::disallowed_methods, reason = "a test joins what it spawns")]
            tokio::spawn(async move { bench.get("u_1").await })
        })
        .collect();
    bench.source.gate.add_permits(50);
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().0, 1);
    }
    assert_eq!(bench.begun(), 1);
}

#[tokio::test]
async fn one_failure_is_given_to_all_who_wait() {
    let bench = Bench::new(0, 60, Limits::default());
    bench.source.is_down.store(true, Ordering::SeqCst);
    let open = async {
        tokio::task::yield_now().await;
        bench.source.gate.add_permits(50);
    };
    let (all, ()) = tokio::join!(join_all((0..10).map(|_| bench.get("u_1"))), open);
    let down = ExportError::Source(SourceError::Unavailable("down".into()));
    assert_eq!(all, vec![Err(down); 10]);
    assert_eq!(bench.begun(), 1);
}

#[tokio::test]
async fn a_first_caller_who_leaves_does_not_end_the_export_for_others() {
    let bench = Bench::new(0, 60, Limits::default());
    let mut first = Box::pin(bench.get("u_1"));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(bench.get("u_1"));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    bench.source.gate.add_permits(1);
    assert_eq!(second.await, Ok((1, Cold::Yes)));
    assert_eq!(bench.begun(), 1);
}

#[tokio::test]
async fn an_export_that_nobody_waits_for_ends_and_frees_its_turn() {
    let bench = Bench::new(0, 60, Limits { max_concurrent_exports: 1, ..Limits::default() });
    let mut first = Box::pin(bench.get("u_1"));
    assert!(futures::poll!(&mut first).is_pending());
    assert_eq!(bench.snapshots.stats().exporting, 1);
    drop(first);
    bench.snapshots.sweep();
    assert_eq!(bench.snapshots.stats().exporting, 0);
    bench.source.gate.add_permits(1);
    assert_eq!(bench.get("u_2").await, Ok((2, Cold::Yes)));
}

#[tokio::test]
async fn snapshots_age_and_are_swept() {
    let bench = Bench::open(60, Limits::default());
    assert_eq!(bench.get("u_1").await, Ok((1, Cold::Yes)));
    bench.host.advance(Duration::from_secs(59));
    assert_eq!(bench.get("u_1").await, Ok((1, Cold::No)));
    bench.snapshots.sweep();
    assert_eq!(bench.snapshots.stats().kept, 1);
    bench.host.advance(Duration::from_secs(1));
    assert_eq!(bench.get("u_1").await, Ok((2, Cold::Yes)));
    bench.host.advance(Duration::from_secs(60));
    bench.snapshots.sweep();
    assert_eq!((bench.snapshots.stats().kept, bench.snapshots.stats().bytes), (0, 0));
}

#[tokio::test]
async fn a_ttl_of_zero_exports_for_every_call_and_keeps_nothing() {
    let bench = Bench::open(0, Limits::default());
    assert_eq!(bench.get("u_1").await, Ok((1, Cold::Yes)));
    assert_eq!(bench.get("u_1").await, Ok((2, Cold::Yes)));
    assert_eq!((bench.snapshots.stats().kept, bench.snapshots.stats().bytes), (0, 0));
}

#[tokio::test]
async fn the_least_recently_used_goes_first() {
    let bench = Bench::open(60, Limits { max_snapshots: 2, ..Limits::default() });
    for subject in ["u_1", "u_2", "u_1", "u_4"] {
        bench.get(subject).await.unwrap();
    }
    assert_eq!((bench.snapshots.stats().kept, bench.snapshots.stats().evicted), (2, 1));
    assert_eq!(bench.get("u_1").await, Ok((1, Cold::No)));
    assert_eq!(bench.get("u_2").await, Ok((4, Cold::Yes)));
}

#[tokio::test]
async fn room_is_made_by_count_and_by_bytes_and_readers_count() {
    let one = Bench::open(60, Limits { max_snapshots: 1, ..Limits::default() });
    one.get("u_1").await.unwrap();
    one.get("u_2").await.unwrap();
    assert_eq!((one.snapshots.stats().kept, one.snapshots.stats().evicted), (1, 1));
    assert_eq!(one.get("u_2").await.unwrap().1, Cold::No);
    assert_eq!(one.get("u_1").await.unwrap().1, Cold::Yes);

    let bytes = one.snapshots.stats().bytes;
    let tight = Bench::open(60, Limits { max_total_bytes: bytes + bytes / 2, ..Limits::default() });
    let (held, _) = tight.snapshots.get(&"u_1".parse().unwrap()).await.unwrap();
    let error = tight.get("u_2").await.unwrap_err();
    assert_eq!(error, ExportError::TooLarge { limit: "max_total_bytes" }, "the first is still read");
    drop(held);
    assert_eq!(tight.get("u_2").await.unwrap().1, Cold::Yes);

    let none = Bench::open(60, Limits { max_total_bytes: 1, ..Limits::default() });
    assert_eq!(none.get("u_1").await.unwrap_err(), ExportError::TooLarge { limit: "max_total_bytes" });
}

#[tokio::test]
async fn missing_subjects_are_remembered_for_ten_seconds() {
    let bench = Bench::open(60, Limits::default());
    let missing = ExportError::NotFound { root_table: "users".into() };
    assert_eq!(bench.get("u_9").await, Err(missing.clone()));
    assert_eq!(bench.get("u_9").await, Err(missing.clone()));
    assert_eq!(bench.begun(), 1);
    bench.host.advance(Duration::from_secs(10));
    assert_eq!(bench.get("u_9").await, Err(missing));
    assert_eq!(bench.begun(), 2);
}

#[test]
fn only_so_many_missing_subjects_are_remembered() {
    let keys = keys();
    let mut missing = Missing::default();
    let handles: Vec<SubjectHandle> = (0..MISSING_MAX + 10)
        .map(|i| keys.subject_handle(&plan().policy_hash, &format!("u_{i}").parse().unwrap()))
        .collect();
    handles.iter().for_each(|h| missing.learn(*h, Duration::ZERO));
    assert_eq!((missing.until.len(), missing.order.len()), (MISSING_MAX, MISSING_MAX));
    assert!(
        !missing.knows(&handles[0], Duration::ZERO) && missing.knows(&handles[MISSING_MAX], Duration::ZERO)
    );
    missing.sweep(MISSING_FOR);
    assert!(missing.until.is_empty());
}

#[tokio::test]
async fn a_failing_source_is_left_alone_and_tried_again() {
    let bench = Bench::open(60, Limits::default());
    bench.source.is_down.store(true, Ordering::SeqCst);
    for _ in 0..5 {
        assert!(matches!(bench.get("u_1").await, Err(ExportError::Source(_))));
    }
    assert_eq!(bench.get("u_2").await, Err(ExportError::Resting { retry_after: Duration::from_secs(30) }));
    assert_eq!(bench.begun(), 5);
    bench.source.is_down.store(false, Ordering::SeqCst);
    bench.host.advance(Duration::from_secs(30));
    assert_eq!(bench.get("u_1").await.unwrap().1, Cold::Yes);
    assert_eq!(bench.get("u_2").await.unwrap().1, Cold::Yes);
}

#[tokio::test]
async fn one_caller_does_not_go_through_all_subjects() {
    let bench = Bench::open(3600, Limits { new_subjects_per_minute: 2, ..Limits::default() });
    let asker = |id: &str| Actor { kind: ActorKind::ApiKey, id: id.to_owned(), name: None };
    let get = async |who: &str, subject: &str| {
        bench.snapshots.get_for(&asker(who), &subject.parse().unwrap()).await.map(|(_, cold)| cold)
    };
    assert_eq!(get("a", "u_1").await, Ok(Cold::Yes));
    // Those that do not exist are what a guesser asks for.
    assert!(matches!(get("a", "u_none").await, Err(ExportError::NotFound { .. })));
    let refused = get("a", "u_2").await.unwrap_err();
    assert!(matches!(refused, ExportError::TooManySubjects { first: true, .. }));
    assert_eq!(get("a", "u_1").await, Ok(Cold::No), "what is at hand is not counted");
    assert_eq!(get("b", "u_2").await, Ok(Cold::Yes));
    assert_eq!(get("a", "u_2").await, Ok(Cold::No));
    bench.host.advance(Duration::from_secs(60));
    bench.snapshots.drop_all();
    assert_eq!(get("a", "u_2").await, Ok(Cold::Yes));
}

#[tokio::test]
async fn what_is_dropped_while_it_is_exported_is_not_kept() {
    let bench = Bench::new(0, 60, Limits::default());
    let subject: SubjectId = "u_1".parse().unwrap();
    let ways: [fn(&Snapshots<MemorySnapshots>, &SubjectId); 2] =
        [|s, id| s.drop_subject(id), |s, _| s.drop_all()];
    for drop_it in ways {
        let mut call = Box::pin(bench.get("u_1"));
        assert!(futures::poll!(&mut call).is_pending());
        drop_it(&bench.snapshots, &subject);
        bench.source.gate.add_permits(1);
        assert_eq!(call.await.unwrap().1, Cold::Yes);
        assert_eq!(bench.snapshots.stats().kept, 0);
    }
}

#[tokio::test]
async fn only_so_many_exports_run_and_the_rest_is_told_to_come_back() {
    let limits = Limits { max_concurrent_exports: 1, export_timeout_ms: 10, ..Limits::default() };
    let bench = Bench::new(0, 60, limits);
    let turn = bench.snapshots.0.exports.acquire().await.unwrap();
    assert_eq!(bench.get("u_1").await, Err(ExportError::Busy));
    assert_eq!(bench.begun(), 0);
    drop(turn);
    assert_eq!(bench.get("u_1").await, Err(ExportError::TimedOut));
    assert_eq!(bench.begun(), 1);
}

#[tokio::test]
async fn numbers_add_up() {
    let bench = Bench::open(60, Limits::default());
    bench.get("u_1").await.unwrap();
    bench.get("u_1").await.unwrap();
    bench.get("u_9").await.unwrap_err();
    let stats = bench.snapshots.stats();
    assert_eq!((stats.kept, stats.hits, stats.misses, stats.exported, stats.failed), (1, 1, 2, 1, 1));
    assert!(stats.bytes > 0);
    assert!(!format!("{:?}", bench.snapshots).contains("u_1"));
}

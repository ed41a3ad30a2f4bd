//! Query children: what they answer, what ends them, what they cannot do.

use std::sync::Arc;
use std::time::Duration;

use airlock_core::egress::Checked;
use airlock_core::policy::limits::Limits;
use airlock_core::principal::{Actor, ActorKind};
use airlock_core::query::{Format, Job, QueryError, QueryRunner as _};
use airlock_core::snapshot::Snapshot;
use airlock_worker::cache::TmpfsData;
use airlock_worker::isolate::{ChildCommand, ChildRunner, Door, IsolateConfig, Measure, State};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};

use crate::snapshots::{snapshot, store};

const COUNT: &str = "SELECT count(*) FROM orders";
/// Runs for years, a row at a time.
const SPIN: &str =
    "SELECT count(*) FROM orders a, orders b, orders c, orders d WHERE (a.id * b.id + c.id * d.id) % 7 = 3";
/// Gathers more than any child may hold.
const EAT: &str =
    "SELECT array_agg(concat(cast(a.id AS varchar), repeat('x', 1000))) FROM orders a, orders b";
const MIB: u64 = 1024 * 1024;

fn config(children: usize) -> IsolateConfig {
    let command = ChildCommand::program(env!("CARGO_BIN_EXE_airlock"));
    let mut config = IsolateConfig::new(command, 2048 * MIB);
    config.children = children;
    config
}

async fn runner(children: usize) -> ChildRunner {
    ChildRunner::start(config(children)).await.unwrap()
}

/// Bounds so wide that only the process around the engine holds.
fn limits() -> Arc<Limits> {
    let limits = Limits { max_join_rows: u64::MAX, query_memory: 1 << 40, ..Limits::default() };
    Arc::new(limits)
}

fn asker(id: &str) -> Actor {
    Actor { kind: ActorKind::ApiKey, id: id.to_owned(), name: None }
}

fn job(sql: &str, timeout: Duration) -> Job {
    let limits = limits();
    let sql = Checked::new(sql, &limits).unwrap();
    Job { sql, format: Format::Json, max_rows: 10, offset: 0, limits, timeout }
}

const LONG: Duration = Duration::from_secs(120);

/// Rows of an answer, as JSON.
async fn ask(
    runner: &ChildRunner,
    snapshot: &Arc<Snapshot<TmpfsData>>,
    sql: &str,
) -> Result<String, QueryError> {
    let (shaped, _) = runner.run(&asker("a"), job(sql, LONG), snapshot.clone()).await?;
    let airlock_core::query::Rows::Text { rows_json, .. } = shaped.rows else { panic!("asked for JSON") };
    Ok(rows_json)
}

#[tokio::test]
async fn each_snapshot_answers_for_itself() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    for generation in 1..12 {
        let snapshot = snapshot(&store, generation, 10 * i64::try_from(generation).unwrap());
        for _ in 0..2 {
            assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), format!("[[{}]]", 10 * generation));
        }
    }
}

#[tokio::test]
async fn a_refused_or_wrong_statement_leaves_its_child_alone() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    let snapshot = snapshot(&store, 1, 3);
    let pids = runner.idle_pids();
    assert!(matches!(
        ask(&runner, &snapshot, "SELECT * FROM read_csv('/etc/passwd')").await,
        Err(QueryError::Refused(_))
    ));
    assert!(matches!(ask(&runner, &snapshot, "SELECT nope FROM orders").await, Err(QueryError::Sql { .. })));
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[3]]");
    assert_eq!(runner.idle_pids(), pids);
}

#[tokio::test]
async fn a_statement_whose_child_is_killed_runs_again() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    let snapshot = snapshot(&store, 1, 5000);
    // At whatever moment: before, while and after it runs.
    for _ in 0..20 {
        let pid = runner.idle_pids().into_iter().next();
        let done = std::cell::Cell::new(false);
        let asked = async {
            let result = ask(&runner, &snapshot, COUNT).await;
            done.set(true);
            result
        };
        let kill = async {
            // The answer may be there before we look.
            while !done.get() && !runner.idle_pids().is_empty() {
                tokio::task::yield_now().await;
            }
            if let (Some(pid), false) = (pid, done.get()) {
                kill(pid);
            }
        };
        let (result, ()) = tokio::join!(asked, kill);
        assert_eq!(result.unwrap(), "[[5000]]");
    }
}

/// Twice is no accident: the system's own killer may mean this statement.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_statement_whose_children_are_killed_twice_is_held_back() {
    let (_dir, store) = store();
    let (folder, mut config) = (tempfile::tempdir().unwrap(), config(1));
    // Notes the process that it becomes.
    let (script, notes) = (folder.path().join("child"), folder.path().join("notes"));
    let text =
        format!("#!/bin/sh\necho $$ >>{}\nexec {} \"$@\"\n", notes.display(), env!("CARGO_BIN_EXE_airlock"));
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    config.command = ChildCommand::program(&script);
    let runner = ChildRunner::start(config).await.unwrap();
    let snapshot = snapshot(&store, 1, 5000);
    // A second of its own work is long past its start.
    let works = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|s| s.split(' ').nth(11)?.parse::<u64>().ok()) >= Some(100)
    };
    let kill_two = async {
        for n in 0..2 {
            loop {
                let noted = std::fs::read_to_string(&notes).unwrap();
                if let Some(pid) = noted.lines().nth(n).filter(|pid| works(pid)) {
                    break kill(pid.parse().unwrap());
                }
                tokio::task::yield_now().await;
            }
        }
    };
    let (result, ()) = tokio::join!(ask(&runner, &snapshot, SPIN), kill_two);
    assert_eq!(result, Err(QueryError::Crashed));
    // The same text is held back, any other runs in a new child.
    assert_eq!(ask(&runner, &snapshot, SPIN).await, Err(QueryError::Crashed));
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[5000]]");
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    // It may have been found dead, and be gone, already.
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

#[tokio::test]
async fn a_statement_past_its_deadline_is_ended() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    let snapshot = snapshot(&store, 1, 5000);
    let result = runner.run(&asker("a"), job(SPIN, Duration::from_millis(300)), snapshot.clone()).await;
    assert_eq!(result.map(|_| ()), Err(QueryError::Timeout));
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[5000]]");
}

#[tokio::test]
async fn a_statement_that_takes_too_much_memory_is_ended() {
    let (_dir, store) = store();
    let mut config = config(1);
    config.process_memory = 400 * MIB;
    let runner = ChildRunner::start(config).await.unwrap();
    let snapshot = snapshot(&store, 1, 5000);
    let limit = "query_process_memory";
    assert_eq!(ask(&runner, &snapshot, EAT).await, Err(QueryError::LimitExceeded { limit }));
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[5000]]");
}

#[tokio::test]
async fn a_dropped_call_stops_its_statement() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    let snapshot = snapshot(&store, 1, 5000);
    let pid = runner.idle_pids();
    let mut call = Box::pin(ask(&runner, &snapshot, SPIN));
    while !runner.idle_pids().is_empty() {
        assert!((&mut call).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    drop(call);
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[5000]]");
    assert_ne!(runner.idle_pids(), pid);
}

#[tokio::test]
async fn with_every_child_busy_and_the_queue_full_a_call_is_turned_away() {
    let (_dir, store) = store();
    let mut config = config(1);
    config.queue_max = 0;
    let runner = ChildRunner::start(config).await.unwrap();
    let snapshot = snapshot(&store, 1, 5000);
    let mut call = Box::pin(ask(&runner, &snapshot, SPIN));
    assert!((&mut call).now_or_never().is_none());
    assert!(matches!(ask(&runner, &snapshot, COUNT).await, Err(QueryError::Busy { .. })));
}

#[tokio::test]
async fn what_never_left_the_queue_did_not_time_out() {
    let (_dir, store) = store();
    let runner = runner(1).await;
    let snapshot = snapshot(&store, 1, 5000);
    let mut call = Box::pin(ask(&runner, &snapshot, SPIN));
    assert!((&mut call).now_or_never().is_none());
    let result = runner.run(&asker("a"), job(COUNT, Duration::from_millis(20)), snapshot.clone()).await;
    assert!(matches!(result, Err(QueryError::Busy { .. })));
}

#[tokio::test]
async fn a_flood_of_one_asker_does_not_keep_another_waiting() {
    let (_dir, store) = store();
    let mut config = config(1);
    config.queue_max = 4;
    let runner = ChildRunner::start(config).await.unwrap();
    let snapshot = snapshot(&store, 1, 5000);
    let (a, b) = (asker("a"), asker("b"));
    let mut held = Box::pin(runner.run(&a, job(SPIN, LONG), snapshot.clone()));
    assert!((&mut held).now_or_never().is_none());
    let mut flood: Vec<_> =
        (0..4).map(|_| Box::pin(runner.run(&a, job(COUNT, LONG), snapshot.clone()))).collect();
    assert!(flood.iter_mut().all(|call| call.now_or_never().is_none()));
    // The queue is full of one asker's: its newest gives way to another's first.
    let mut other = Box::pin(runner.run(&b, job(COUNT, LONG), snapshot.clone()));
    assert!((&mut other).now_or_never().is_none());
    assert!(matches!(flood.pop().unwrap().await, Err(QueryError::Busy { .. })));
    drop(held);
    // With one child, statements end in the order in which they began.
    let named = flood.into_iter().map(|call| call.map(|answer| ("a", answer)).boxed());
    let calls: FuturesUnordered<_> = named.chain([other.map(|answer| ("b", answer)).boxed()]).collect();
    let order: Vec<_> = calls.map(|(who, answer)| answer.map(|_| who)).try_collect().await.unwrap();
    assert_eq!(order, ["a", "b", "a", "a"]);
}

/// Invariants I3 and I4.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_door_of_a_child_is_shut() {
    // A descriptor that any child would inherit.
    let leaked = rustix::io::dup(std::io::stdin()).unwrap();
    let runner = runner(1).await;
    let open: Vec<Door> =
        runner.try_doors().await.unwrap().into_iter().filter(|(_, shut)| !shut).map(|(d, _)| d).collect();
    assert_eq!(open, []);
    drop(leaked);

    let pid = runner.idle_pids()[0];
    // Readable by root only, because the child is not dumpable.
    if let Ok(environ) = std::fs::read(format!("/proc/{pid}/environ")) {
        assert_eq!(environ, b"");
    }
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    assert!(
        limits.is_empty() || limits.lines().any(|l| l.starts_with("Max core file size") && l.contains(" 0 "))
    );
}

/// What a measure does not hold is seen, by the list and by trying.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_machine_that_allows_no_measure_is_reported_and_still_answers() {
    let (_dir, store) = store();
    let mut config = config(1);
    config.without = Measure::ALL.to_vec();
    let runner = ChildRunner::start(config).await.unwrap();
    assert!(runner.measures().iter().all(|(_, state)| *state == State::LeftOut));
    let doors = runner.try_doors().await.unwrap();
    for door in [
        Door::Network,
        Door::LocalSocket,
        Door::ReadFile,
        Door::WriteFile,
        Door::Execute,
        Door::Fork,
        Door::Trace,
    ] {
        assert!(doors.contains(&(door, false)), "{door:?}");
    }
    // These two depend on no measure.
    for door in [Door::Environment, Door::Descriptors] {
        assert!(doors.contains(&(door, true)), "{door:?}");
    }
    let snapshot = snapshot(&store, 1, 3);
    assert_eq!(ask(&runner, &snapshot, COUNT).await.unwrap(), "[[3]]");
}

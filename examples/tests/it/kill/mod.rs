//! `kill -9` of worker, query child and control plane at random moments under load. Whatever dies: every answer that a
//! client saw has exactly one row, the chain holds, nothing of a snapshot is left, no child outlives its worker, and the
//! tunnel heals. `rotation` does the same to clients' refresh tokens.
//!
//! `AIRLOCK_SOAK_KILLS` sets how many (`make soak`), `AIRLOCK_KILL_SEED` repeats the same choices. The clients and the
//! system's own timing are not repeated with them.

pub(crate) mod chance;
mod load;
pub(crate) mod processes;
mod proof;
mod rotation;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::needs;
use crate::passage::database::{Database, SEED};
use crate::passage::stack::{PATIENCE, Running, Stack, data_dir};
use chance::Chance;
use load::{BUSY, Load, SUBJECTS};
use proof::Rows;

/// Kills in an ordinary test run.
const KILLS: usize = 24;
/// Snapshots end soon, so that exports are among what is interrupted; the load asks for many subjects, again and again.
const POLICY: &str = "
root_table: users
root_filter_col: external_id
snapshot_ttl_s: 3
limits: {new_subjects_per_minute: 100000}
tables:
  - {name: users, mask_columns: {email: email, ssn: null, name: hash}}
  - {name: orders, parent: users, fk: user_id}
";

fn seed_sql() -> String {
    let (busy, orders) = BUSY;
    format!(
        "{SEED}
        INSERT INTO users SELECT 100 + i, 'k_' || i, 'K ' || i, i || '@example.net', i FROM generate_series(0, {SUBJECTS} - 1) i;
        INSERT INTO orders SELECT 1000 + 10 * i + j, 100 + i, j FROM generate_series(0, {SUBJECTS} - 1) i, generate_series(0, i % 7) j;
        INSERT INTO users VALUES (99, '{busy}', 'Busy', 'busy@example.net', '1');
        INSERT INTO orders SELECT 100000 + i, 99, i FROM generate_series(1, {orders}) i;"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_random_moments_lose_and_double_nothing() {
    let Some(server) = needs::variable("AIRLOCK_TEST_POSTGRES") else { return };
    Scene::open(&server, "w_acme_kill", false).await.play(kills()).await;
}

/// The same where the control plane's store is a Postgres database, whose commits it may die in the middle of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_over_a_postgres_store() {
    let Some(server) = needs::variable("AIRLOCK_TEST_POSTGRES") else { return };
    Scene::open(&server, "w_acme_kill_pg", true).await.play(kills() / 2).await;
}

/// Its token is used up, its file half written, its key not known yet: whatever it was about to do, the next start ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_while_it_enrolls_gets_in_at_its_next_start() {
    let Some(database) = Database::new().await else { return };
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let seed = seed();
    println!("enrollment: AIRLOCK_KILL_SEED={seed}");
    let mut chance = Chance::new(seed);
    for n in 0..kills() / 4 {
        let worker = format!("w_acme_new_{n}");
        let start = || stack.start_worker("t_acme", &worker, POLICY, &database.reader_url());
        let mut killed = start();
        tokio::time::sleep(chance.up_to(Duration::from_millis(500))).await;
        killed.kill();
        stack.worker("t_acme", &worker, POLICY, &database.reader_url());
    }
}

fn kills() -> usize {
    number("AIRLOCK_SOAK_KILLS").map_or(KILLS, |n| usize::try_from(n).unwrap())
}

fn seed() -> u64 {
    let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    number("AIRLOCK_KILL_SEED").unwrap_or_else(now)
}

#[expect(clippy::disallowed_methods, reason = "tests have no config.rs")]
fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

struct Scene {
    stack: Stack,
    worker: Running,
    worker_id: &'static str,
    database: Database,
    /// The control plane's, when it is not a file.
    store: Option<Database>,
    key: String,
    tally: BTreeMap<&'static str, usize>,
    longest: Duration,
    /// Questions asked to see whether all is well again.
    healed: u64,
}

#[derive(Clone, Copy)]
enum Victim {
    Worker,
    QueryChild,
    ControlPlane,
}

impl Scene {
    async fn open(server: &str, worker_id: &'static str, on_postgres: bool) -> Self {
        let database = Database::on(server.parse().unwrap(), &seed_sql()).await;
        let store = match on_postgres {
            true => Some(Database::on(server.parse().unwrap(), "").await),
            false => None,
        };
        let stack = Stack::start_on(&steady_address(), store.as_ref().map(Database::owner_url));
        stack.cli(&["tenant", "create", "acme"]);
        let worker = stack.worker("t_acme", worker_id, POLICY, &database.reader_url());
        let key = stack.key("t_acme", &["--rate", "0"]);
        let (tally, longest) = (BTreeMap::new(), Duration::ZERO);
        Self { stack, worker, worker_id, database, store, key, tally, longest, healed: 0 }
    }

    async fn play(mut self, kills: usize) {
        let seed = seed();
        println!("{}: {kills} kills, AIRLOCK_KILL_SEED={seed}", self.worker_id);
        let begun = Instant::now();
        let mut chance = Chance::new(seed);
        let narrow = self.stack.key("t_acme", &["--rate", "0", "--snapshots", "u_2"]);
        let (load, clients) = Load::start(&self.stack.url, [self.key.clone(), narrow], seed);
        for _ in 0..kills {
            tokio::time::sleep(chance.up_to(Duration::from_millis(400))).await;
            match chance.below(10) {
                0..=3 => self.kill(Victim::Worker, &mut chance).await,
                4..=6 => self.kill(Victim::QueryChild, &mut chance).await,
                _ => self.kill(Victim::ControlPlane, &mut chance).await,
            }
            // Now and then the next one comes before all is well again.
            if !chance.once_in(4) {
                self.heal().await;
            }
            let wrong = load.book.lock().unwrap().wrong.clone();
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
        self.heal().await;
        load.stop();
        clients.join_all().await;
        self.leave_nothing().await;

        let book = std::mem::take(&mut *load.book.lock().unwrap());
        assert!(book.wrong.is_empty(), "{}", book.wrong.join("\n"));
        assert!(book.counts.get("ok") > Some(&0), "no call went well");
        let rows = Rows::read(&self.stack.audit("t_acme", self.worker_id));
        let misfits = rows.misfits(&book.seen, &book.unseen);
        assert!(misfits.is_empty(), "{} misfits:\n{}", misfits.len(), misfits.join("\n"));
        println!(
            "{}: {:?} killed in {} s; {} answers with one row each {:?}; {} calls without an answer, {} rows say unknown; \
             healed within {:.1} s",
            self.worker_id,
            self.tally,
            begun.elapsed().as_secs(),
            book.seen.len(),
            book.counts,
            book.unseen.len(),
            rows.unknown(),
            self.longest.as_secs_f64(),
        );
    }

    async fn kill(&mut self, victim: Victim, chance: &mut Chance) {
        let name = match victim {
            Victim::Worker => {
                self.kill_worker().await;
                self.worker = self.start_worker();
                "workers"
            }
            Victim::QueryChild => {
                let children = processes::children(self.worker.pid());
                // None while the worker starts.
                let Some(child) = (!children.is_empty()).then(|| &children[chance.below(children.len())])
                else {
                    return;
                };
                child.kill();
                "query children"
            }
            Victim::ControlPlane => {
                self.stack.cp.kill();
                tokio::time::sleep(chance.up_to(Duration::from_millis(200))).await;
                self.stack.restart();
                "control planes"
            }
        };
        *self.tally.entry(name).or_default() += 1;
    }

    fn start_worker(&self) -> Running {
        self.stack.start_worker("t_acme", self.worker_id, POLICY, &self.database.reader_url())
    }

    /// Kills the worker; waits until nothing of it is left, neither process nor byte.
    async fn kill_worker(&mut self) {
        let folder = data_dir(self.worker_id);
        let children = processes::children(self.worker.pid());
        self.worker.kill();
        check_left(&folder);
        until("the worker's children are gone", || !children.iter().any(processes::Process::is_alive)).await;
        until("orphans are gone", || processes::orphans().is_empty()).await;
        until("nobody has its files", || processes::holders(&folder).is_empty()).await;
    }

    /// Waits until a call is answered. What a supervisor would start again, is.
    async fn heal(&mut self) {
        let begun = Instant::now();
        loop {
            assert!(
                self.stack.cp.is_running(),
                "the control plane ended by itself:\n{}",
                self.stack.cp.said()
            );
            if !self.worker.is_running() {
                // Its children were killed while it started.
                *self.tally.entry("workers that ended by themselves").or_default() += 1;
                self.worker = self.start_worker();
            }
            // Never the same text: one whose child is killed twice in a row is not run again for a minute.
            self.healed += 1;
            let sql = format!("SELECT {} AS n, count(*) FROM orders", self.healed);
            let answer = self.stack.sql("acme", &self.key, "u_1", &sql).await;
            if answer["result"]["structuredContent"]["rows"] == serde_json::json!([[self.healed, 2]]) {
                break;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "not healed within {PATIENCE:?}: {answer}\nworker:\n{}control plane:\n{}",
                self.worker.said(),
                self.stack.cp.said()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.longest = self.longest.max(begun.elapsed());
    }

    /// After the last kill: a restarted worker has nothing of the one before, and no intent stays open.
    async fn leave_nothing(&mut self) {
        self.kill_worker().await;
        self.worker = self.stack.worker("t_acme", self.worker_id, POLICY, &self.database.reader_url());
        let folder = data_dir(self.worker_id);
        let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [".lock"], "a dead worker left something in {}", folder.display());
        if let Some(store) = &self.store {
            let begun = Instant::now();
            while store.number("SELECT count(*) FROM audit_open").await > 0 {
                assert!(begun.elapsed() < PATIENCE, "intents of dead control planes stay open");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}: {:?}", processes::orphans());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a dead worker's folder may hold: the lock, shapes and counts, and files that were about to lose their names.
#[track_caller]
fn check_left(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            check_left(&path);
            continue;
        }
        let text = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        let is_harmless = match name.to_str().unwrap() {
            "manifest.json" | "manifest.json.tmp" => !text.contains("\"k_") && !text.contains("@example.net"),
            _ => text.is_empty(),
        };
        assert!(is_harmless, "{} holds {text}", path.display());
    }
}

/// A port below those that the system gives to outgoing connections, so that it is free again after each kill.
fn steady_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    loop {
        let address = format!("127.0.0.1:{}", first + NEXT.fetch_add(1, Ordering::Relaxed));
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

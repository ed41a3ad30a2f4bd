//! `kill -9` of the control plane while clients rotate their refresh tokens, several families at once. Whatever dies: nobody
//! honest is locked out, no token ever has two successors, who shows what was rotated out ends its family, and every token
//! that a client was given has its row.

mod book;
mod client;
mod person;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::{kills, seed, steady_address};
use crate::needs;
use crate::passage::database::Database;
use crate::passage::stack::{PATIENCE, Stack};
use book::Book;
use client::Client;
use person::Person;
use store::Kept;

const EMAIL: &str = "ada@acme.example";
const PASSWORD: &str = "correct horse battery staple";
/// Each with a family of its own at a time.
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_while_refresh_tokens_rotate_lock_nobody_out_and_double_nothing() {
    play("rotation", None, kills()).await;
}

/// The same where the store is a Postgres database, whose commits the control plane may die in the middle of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_rotate_over_a_postgres_store_survive_kills_as_well() {
    let Some(server) = needs::variable("AIRLOCK_TEST_POSTGRES") else { return };
    let database = Database::on(server.parse().unwrap(), "").await;
    play("rotation over Postgres", Some(&database), kills() / 4).await;
}

async fn play(name: &str, database: Option<&Database>, kills: usize) {
    let seed = seed();
    println!("{name}: {kills} kills, AIRLOCK_KILL_SEED={seed}");
    let (begun, mut chance) = (Instant::now(), Chance::new(seed));
    let mut stack = Stack::start_on(&steady_address(), database.map(Database::owner_url));
    stack.cli(&["tenant", "create", "acme"]);
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    let ids: Vec<String> = (0..CLIENTS).map(|n| format!("kill-{n}")).collect();
    for id in &ids {
        stack.cli(&["client", "create", "--name", id, "--id", id, "--redirect-uri", person::BACK]);
    }
    let person = Arc::new(Person::sign_in(&stack.url, EMAIL, PASSWORD).await);
    let (book, stop) = (Arc::new(Book::default()), Arc::new(AtomicBool::new(false)));
    let mut clients = tokio::task::JoinSet::new();
    for (n, id) in ids.iter().enumerate() {
        let other = &ids[(n + 1) % CLIENTS];
        let own = Chance::new(seed ^ ((n as u64 + 1) << 32));
        let client = Client::new([id, other], person.clone(), book.clone(), own);
        clients.spawn(client.live(stop.clone()));
    }
    for _ in 0..kills {
        // Now and then the next one comes before anybody was answered.
        if !chance.once_in(4) {
            served(&book, &mut stack).await;
        }
        tokio::time::sleep(chance.up_to(Duration::from_millis(300))).await;
        stack.cp.kill();
        tokio::time::sleep(chance.up_to(Duration::from_millis(200))).await;
        stack.restart();
        book.check();
    }
    served(&book, &mut stack).await;
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    stack.cp.kill();
    book.check();

    let kept = match database {
        Some(database) => Kept::postgres(&database.owner_url()).await,
        None => Kept::sqlite(&stack.folder.path().join("cp")).await,
    };
    let told = book.told();
    let misfits = kept.misfits(&told).await;
    assert!(misfits.is_empty(), "{} misfits:\n{}", misfits.len(), misfits.join("\n"));
    kept.verifies().await;
    println!(
        "{name}: {kills} control planes killed in {} s; {told}; {} families, {} tokens in the store",
        begun.elapsed().as_secs(),
        kept.families,
        kept.tokens,
    );
}

/// Waits until somebody got tokens since the control plane started.
async fn served(book: &Book, stack: &mut Stack) {
    let (begun, before) = (Instant::now(), book.answers());
    while book.answers() == before {
        assert!(stack.cp.is_running(), "the control plane ended by itself:\n{}", stack.cp.said());
        assert!(begun.elapsed() < PATIENCE, "nobody got tokens within {PATIENCE:?}:\n{}", stack.cp.said());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

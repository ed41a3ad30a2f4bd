//! No raw value of a masked column is anywhere but in the database: every cell is a canary, and everything that the programs
//! keep, say and send is searched for it. The one clear column is the control: it is found where answers go, and nowhere else.

pub(crate) mod find;
pub(crate) mod process;
mod programs;
mod sample;
mod wire;

use airlock_client::transport::http_client;
use serde_json::{Value, json};

use crate::needs;
use crate::passage::database::Database;
use find::Finder;
use programs::{OPERATOR, Programs};

/// Answered.
const GOOD: &[&str] = &[
    "SELECT * FROM users",
    "SELECT * FROM orders",
    "SELECT * FROM merchants",
    "SELECT * FROM calls",
    "SELECT * FROM lines",
    "SELECT * FROM codes",
    "SELECT u.*, o.*, m.* FROM users u JOIN orders o ON o.user_id = u.id JOIN merchants m ON m.id = o.merchant_id",
    "SELECT email, count(*) FROM orders GROUP BY 1 ORDER BY 2 DESC",
    "SELECT max(joined), min(born), sum(pin), string_agg(notes, ' ') FROM users",
    "SELECT upper(name), md5(email), reverse(notes), encode(CAST(motto AS bytea), 'base64') FROM users",
];

/// Refused before anything is run.
const REFUSED: &[&str] = &[
    "SELECT * FROM pg_catalog.pg_user",
    "DELETE FROM users",
    "SELECT 1; SELECT 2",
    "SELECT * FROM '/proc/self/maps'",
    "SELECT pg_read_file('/etc/passwd')",
    "EXPLAIN ANALYZE VERBOSE SELECT * FROM users",
];

/// Fail while they run, on a value that the engine's own words would quote; or are none.
const FAILING: &[&str] = &[
    "SELECT CAST(name AS int) FROM users",
    "SELECT CAST(motto AS int) FROM users",
    "SELECT CAST(motto AS date) FROM users",
    "SELECT CAST(motto AS timestamp) FROM users",
    "SELECT CAST(motto AS decimal(10, 2)) FROM users",
    "SELECT CAST(motto AS boolean) FROM users",
    "SELECT CAST(motto AS interval) FROM users",
    "SELECT motto + 1 FROM users",
    "SELECT motto || CAST(1 / (pin - pin) AS text) FROM users",
    "SELECT CAST(id AS smallint) FROM users",
    "SELECT repeat(motto, 100000000) FROM users",
    "SELECT to_timestamp(motto) FROM users",
    "SELECT to_date(motto, '%Y') FROM users",
    "SELECT date_trunc(motto, joined) FROM users",
    "SELECT decode(motto, 'hex') FROM users",
    "SELECT regexp_replace(motto, '(' || motto, '') FROM users",
    "SELECT (SELECT motto FROM users UNION ALL SELECT sku FROM orders) AS one",
    "SELECT nope FROM users",
    "SELECT motto FROM users WHERE motto > 5",
    "SELEC motto FROM users",
];

struct Canary {
    programs: Programs,
    key: String,
    answers: Vec<(String, Vec<u8>)>,
    errors: Vec<(String, Vec<u8>)>,
}

impl Canary {
    /// Calls a tool as agents do, and keeps head and body of the answer. What failed is kept by itself.
    async fn call(&mut self, tool: &str, arguments: Value, accept: &str) {
        let what = format!("{tool} {arguments}");
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
        let sent = http_client()
            .unwrap()
            .post(&self.programs.url)
            .bearer_auth(&self.key)
            .header("Accept", accept)
            .header("MCP-Protocol-Version", "2025-11-25")
            .json(&call)
            .send();
        let answer = sent.await.unwrap();
        let head = format!("{:?}", answer.headers());
        let body = answer.bytes().await.unwrap();
        let read: Value = serde_json::from_slice(&body).unwrap_or_default();
        let failed = read["error"].is_object() || read["result"]["isError"] == true;
        let kept = if failed { &mut self.errors } else { &mut self.answers };
        kept.push((what, [head.as_bytes(), &body].concat()));
    }

    async fn sql(&mut self, subject: &str, sql: &str) {
        self.call("execute_sql", json!({"snapshot_id": subject, "sql": sql}), "application/json").await;
    }

    /// A page of numbers.
    async fn page(&self, at: usize) -> Vec<u8> {
        let url = format!("http://{}/metrics", self.programs.metrics[at]);
        http_client().unwrap().get(url).send().await.unwrap().bytes().await.unwrap().into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cell_of_a_masked_column_leaves_the_database() {
    let Some(server) = needs::variable("AIRLOCK_TEST_POSTGRES") else { return };
    let database = Database::on(server.parse().unwrap(), &sample::seed()).await;
    let programs = Programs::start(sample::POLICY, &database.reader_url()).await;
    let key = programs.admin(&["api-key", "create", "--tenant", "t_acme", "--name", "canary"]);
    let mut canary = Canary { programs, key, answers: vec![], errors: vec![] };

    for sql in GOOD {
        canary.sql("subject_1", sql).await;
    }
    for format in ["json", "csv", "markdown", "objects"] {
        let arguments = json!({"snapshot_id": "subject_1", "sql": GOOD[0], "format": format});
        canary.call("execute_sql", arguments, "application/json").await;
    }
    let arguments = json!({"snapshot_id": "subject_1", "sql": GOOD[0]});
    canary.call("execute_sql", arguments, "application/vnd.apache.arrow.stream").await;
    let arguments = json!({"snapshot_id": "subject_1", "sql": GOOD[1], "max_rows": 1});
    canary.call("execute_sql", arguments, "application/json").await;
    for arguments in
        [json!({}), json!({"detail": "compact"}), json!({"detail": "full", "snapshot_id": "subject_1"})]
    {
        canary.call("get_schema", arguments, "application/json").await;
    }
    canary.call("null_rates", json!({"snapshot_id": "subject_1"}), "application/json").await;
    canary.sql("subject_2", GOOD[4]).await;
    assert!(canary.errors.is_empty(), "{:?}", shown(&canary.errors));

    let told = canary.answers.len();
    for sql in REFUSED.iter().chain(FAILING) {
        canary.sql("subject_1", sql).await;
    }
    for subject in ["subject_3", "nobody"] {
        canary.sql(subject, GOOD[0]).await;
    }
    assert!(canary.answers.len() == told, "not refused: {:?}", shown(&canary.answers[told..]));
    let failed = String::from_utf8_lossy(&canary.errors[canary.errors.len() - 2].1).into_owned();
    assert!(failed.contains("the source failed"), "{failed}");
    search(canary).await;
}

fn shown(kept: &[(String, Vec<u8>)]) -> Vec<String> {
    kept.iter().map(|(what, bytes)| format!("{what}: {}", String::from_utf8_lossy(bytes))).collect()
}

/// Looks everywhere.
async fn search(mut canary: Canary) {
    let worker = canary.programs.worker.id();
    // Where values go that are masked, or clear.
    let mut shown = std::mem::take(&mut canary.answers);
    // Where no value goes.
    let mut silent = std::mem::take(&mut canary.errors);

    let snapshots = process::open_files(worker);
    let memory: Vec<Vec<u8>> =
        process::children(worker).into_iter().filter_map(process::memory).flatten().collect();
    if snapshots.is_none() {
        // The worker hides its files from others of its user; root sees them.
        println!("not searched: the open files of another process; run as root");
    }
    // Its log is among them; that is searched below, more strictly.
    let mut snapshots = snapshots.unwrap_or_default();
    snapshots.retain(|(name, _)| name.starts_with(canary.programs.snapshots.to_str().unwrap()));
    let named = process::files(&canary.programs.snapshots);
    let wire = canary.programs.wire.seen();

    for args in [
        &["yaml", "preview", "--subject", "subject_1"][..],
        &["yaml", "preview", "--subject", "subject_1", "--json", "--explain"],
    ] {
        shown.push((args.join(" "), canary.programs.airlock(args)));
    }
    for args in [
        &["yaml", "preview", "--subject", "subject_3"][..],
        &["doctor"],
        &["yaml", "lint"],
        &["yaml", "lint", "--format", "json"],
        &["init", "--root-filter-col", "external_id", "--output", "-"],
        &["init", "--root-filter-col", "external_id", "--print-grants"],
    ] {
        silent.push((args.join(" "), canary.programs.airlock(args)));
    }
    let export = canary.programs.admin(&["audit", "export", "--tenant", "t_acme", "--format", "jsonl"]);
    assert!(
        export.matches("mcp.tools.call").count() > GOOD.len() + REFUSED.len() + FAILING.len(),
        "{export}"
    );
    silent.push(("audit export".into(), export.into()));
    silent.push(("control plane's metrics".into(), canary.page(0).await));
    silent.push(("worker's metrics".into(), canary.page(1).await));
    for log in ["cp.log", "worker.log"] {
        let text = canary.programs.log(log);
        // Of other people's crates too, those that may write at all.
        assert!(text.contains("TRACE"), "{log} says little");
        assert!(log == "cp.log" || text.contains("read by COPY"), "nothing was read in bulk");
        silent.push((log.into(), text.into()));
    }
    let store = process::files(&canary.programs.folder.path().join("store"));
    assert!(store.iter().any(|(_, bytes)| bytes.starts_with(b"SQLite format 3")), "the store is elsewhere");
    silent.extend(store);
    silent.extend(named);

    let clear = Finder::of_clear();
    let is_clear = |bytes: &Vec<u8>| clear.find(bytes).is_some();
    assert!(wire.iter().any(is_clear), "the control is not found in the tunnel");
    assert!(
        shown.iter().filter(|(_, bytes)| is_clear(bytes)).count() >= 10,
        "the control is not found in answers"
    );
    assert!(
        snapshots.is_empty() || snapshots.iter().any(|(_, bytes)| is_clear(bytes)),
        "nor in the snapshot"
    );
    assert!(memory.is_empty() || memory.iter().any(is_clear), "nor in a query child");

    let numbered =
        |name: &'static str, all: Vec<Vec<u8>>| all.into_iter().map(move |bytes| (name.to_owned(), bytes));
    shown.extend(snapshots);
    shown.extend(numbered("the tunnel", wire));
    shown.extend(numbered("a query child's memory", memory));

    let masked = Finder::of_masked();
    let mut leaks = Vec::new();
    for (place, bytes) in shown.iter().chain(&silent) {
        leaks.extend(masked.find(bytes).map(|what| format!("{place}: {what}")));
    }
    let secret = canary.key.rsplit('_').next().unwrap();
    let never = Finder::of_texts(&[sample::CLEAR, secret, OPERATOR]);
    for (place, bytes) in &silent {
        leaks.extend(never.find(bytes).map(|what| format!("{place}: {what}")));
    }
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

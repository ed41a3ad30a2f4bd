//! Clients under way: each asks, remembers what it was told, and by which trace its row can be found.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlock_client::transport::http_client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::chance::Chance;
use crate::passage::class;

/// Subjects `k_0` … ; the n-th has `n % 7 + 1` orders.
pub(super) const SUBJECTS: usize = 40;
/// A subject with so many orders that a self-join takes a while.
pub(super) const BUSY: (&str, usize) = ("k_busy", 400);
const CLIENTS: u64 = 4;
/// Longer than any deadline of ours: past it a call is stuck.
const STUCK: Duration = Duration::from_secs(90);
/// Before the next call when one was disturbed, as a client does.
const A_MOMENT: Duration = Duration::from_millis(20);

/// What clients asked, and what they were told.
pub(super) struct Load {
    url: String,
    /// One key for everything, one that reaches one subject.
    keys: [String; 2],
    seed: u64,
    asked: AtomicU64,
    stop: AtomicBool,
    pub(super) book: Mutex<Book>,
}

/// What came of the calls.
#[derive(Default)]
pub(super) struct Book {
    pub(super) seen: Vec<Seen>,
    /// Traces of calls whose answer nobody saw.
    pub(super) unseen: Vec<String>,
    /// Answers that belong to no such question.
    pub(super) wrong: Vec<String>,
    /// Answers by what they said.
    pub(super) counts: BTreeMap<String, u32>,
}

/// One answer that a client saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) trace: String,
    pub(super) action: &'static str,
    /// The class of its failure; empty when it went well.
    pub(super) class: String,
}

/// One question.
struct Question {
    method: &'static str,
    params: Value,
    narrow: bool,
    /// The class it must have when nothing stands in the way, and rows where they are known.
    class: &'static str,
    rows: Option<Value>,
}

/// What a killed part may make of any call.
const DISTURBED: [&str; 3] = ["worker_unavailable", "query_crashed", "audit_unavailable"];

impl Load {
    pub(super) fn start(url: &str, keys: [String; 2], seed: u64) -> (Arc<Self>, JoinSet<()>) {
        let load = Arc::new(Self {
            url: url.to_owned(),
            keys,
            seed,
            asked: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            book: Mutex::default(),
        });
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            clients.spawn(load.clone().client(Chance::new(seed ^ (n + 1) << 32)));
        }
        (load, clients)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    async fn client(self: Arc<Self>, mut chance: Chance) {
        let http = http_client().unwrap();
        while !self.stop.load(Ordering::Relaxed) {
            let n = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            let question = question(&mut chance, n);
            let trace = format!("{:016x}{n:016x}", self.seed | 1 << 63);
            // Some go away before they are answered.
            let patience = if chance.once_in(12) { chance.up_to(Duration::from_millis(60)) } else { STUCK };
            let message =
                json!({"jsonrpc": "2.0", "id": n, "method": question.method, "params": question.params});
            let asked = async {
                let sent = http
                    .post(format!("{}/mcp/acme", self.url))
                    .bearer_auth(&self.keys[usize::from(question.narrow)])
                    .header("traceparent", format!("00-{trace}-{n:016x}-01"))
                    .json(&message)
                    .send()
                    .await?;
                let status = sent.status().as_u16();
                Ok::<_, reqwest::Error>((status, sent.bytes().await?))
            };
            match tokio::time::timeout(patience, asked).await {
                Ok(Ok((status, body))) => {
                    if self.told(n, trace, &question, status, &body) {
                        tokio::time::sleep(A_MOMENT).await;
                    }
                }
                Ok(Err(_)) => {
                    self.book.lock().unwrap().unseen.push(trace);
                    tokio::time::sleep(A_MOMENT).await;
                }
                Err(_) => {
                    let mut book = self.book.lock().unwrap();
                    if patience == STUCK {
                        book.wrong.push(format!("call {n} was never answered"));
                    }
                    book.unseen.push(trace);
                }
            }
        }
    }

    /// Writes an answer down; whether something stood in its way.
    fn told(&self, n: u64, trace: String, question: &Question, status: u16, body: &[u8]) -> bool {
        let answer: Value = serde_json::from_slice(body).unwrap_or_default();
        let found = class(&answer);
        let rows = &answer["result"]["structuredContent"]["rows"];
        let is_its_own = status == 200 && answer["id"] == json!(n);
        let is_right = found == question.class
            && question.rows.as_ref().is_none_or(|wanted| rows == wanted)
            && (found.is_empty()
                == answer["result"]["isError"].as_bool().map_or(answer["error"].is_null(), |e| !e));
        let mut book = self.book.lock().unwrap();
        if !is_its_own || !(is_right || DISTURBED.contains(&found)) {
            book.wrong.push(format!("call {n}, {} {}: {status} {answer}", question.method, question.params));
        }
        *book.counts.entry(if found.is_empty() { "ok" } else { found }.to_owned()).or_default() += 1;
        let action = if question.method == "tools/list" { "mcp.tools.list" } else { "mcp.tools.call" };
        book.seen.push(Seen { trace, action, class: found.to_owned() });
        !is_right
    }
}

fn question(chance: &mut Chance, n: u64) -> Question {
    let k = chance.below(SUBJECTS);
    let subject = format!("k_{k}");
    let call = |tool: &str, arguments: Value| Question {
        method: "tools/call",
        params: json!({"name": tool, "arguments": arguments}),
        narrow: false,
        class: "",
        rows: None,
    };
    // No two texts are the same: one that ended a child is not run again for a minute.
    let sql = |subject: &str, sql: String| call("execute_sql", json!({"snapshot_id": subject, "sql": sql}));
    match chance.below(12) {
        0..=3 => Question {
            rows: Some(json!([[n, k % 7 + 1]])),
            ..sql(&subject, format!("SELECT {n} AS n, count(*) AS orders FROM orders"))
        },
        4 | 5 => {
            let join = "FROM orders a JOIN orders b ON a.amount * b.id <= b.amount * a.id";
            sql(BUSY.0, format!("SELECT {n} AS n, count(*) AS pairs {join}"))
        }
        6 => Question {
            class: "egress_blocked",
            ..sql(&subject, format!("SELECT {n} FROM pg_catalog.pg_user"))
        },
        7 => Question { class: "sql_error", ..sql(&subject, format!("SELECT column_{n} FROM users")) },
        8 => Question { class: "snapshot_not_found", ..sql(&format!("none_{n}"), "SELECT 1".to_owned()) },
        9 => Question { class: "scope_denied", narrow: true, ..sql(&subject, format!("SELECT {n}")) },
        10 => call("get_schema", json!({"snapshot_id": subject})),
        _ => Question { method: "tools/list", params: json!({}), narrow: false, class: "", rows: None },
    }
}

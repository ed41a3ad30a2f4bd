//! The corpus of attacks, sent as an agent would: each is refused for its reason, and the worker does not notice.

use std::collections::BTreeSet;

use airlock_core::audit::{Action, Line};
use serde_json::json;

use crate::corpus::{REFUSED, entries};
use crate::needs;
use crate::passage::class;
use crate::passage::database::Database;
use crate::passage::stack::Stack;

/// The tables that the corpus speaks of.
const SEED: &str = r#"
CREATE TABLE users (id bigint PRIMARY KEY, name text, email text, plan text, created_at timestamptz, tags text[]);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users, amount numeric(12,2), status text, day date,
    ordered_at timestamp, note text);
CREATE TABLE "Events" (id bigint PRIMARY KEY, "userId" bigint REFERENCES users, kind text, payload jsonb, blob bytea);
INSERT INTO users VALUES (1, 'Ada', 'ada@example.net', 'free', now(), '{a,b}');
INSERT INTO orders VALUES (10, 1, 10.50, 'paid', '2023-12-09', '2023-12-09', 'x');
INSERT INTO "Events" VALUES (1, 1, 'login', '{"a": 1}', '\x0001');
"#;

const POLICY: &str = "
root_table: users
tables:
  - {name: users, mask_columns: {name: hash, email: hash}}
  - {name: orders, parent: users, fk: user_id, mask_columns: {note: scrub}}
  - {name: Events, parent: users, fk: userId}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attacks_are_refused_and_the_worker_lives_on() {
    let Some(server) = needs::variable("AIRLOCK_TEST_POSTGRES") else { return };
    let database = Database::on(server.parse().unwrap(), SEED).await;
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let mut worker = stack.worker("t_acme", "w_acme_attacked", POLICY, &database.reader_url());
    let pid = worker.pid();
    let key = stack.key("t_acme", &["--rate", "0"]);
    let harmless = "SELECT count(*) FROM orders JOIN users ON users.id = user_id JOIN \"Events\" ON users.id = \"userId\"";
    let answers = async || {
        stack.sql("acme", &key, "1", harmless).await["result"]["structuredContent"]["rows"] == json!([[1]])
    };
    assert!(answers().await);
    #[cfg(target_os = "linux")]
    let children = crate::kill::processes::children(pid);

    let attacks = entries(REFUSED);
    assert!(attacks.len() >= 100, "{} attacks", attacks.len());
    let mut wrong = vec![];
    for (reason, sql) in &attacks {
        let answer = stack.sql("acme", &key, "1", sql).await;
        // What is no statement at all is told as a mistake.
        let expected = if reason == "sql_error" { reason } else { "egress_blocked" };
        let said = answer.to_string();
        if class(&answer) != expected || said.contains("s3cret") {
            wrong.push(format!("expected {expected} ({reason}): {sql}\n   found {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // The same process, the same children, the same tunnel; each attack has its row and its reason.
    assert!(worker.is_running() && answers().await);
    #[cfg(target_os = "linux")]
    assert_eq!(crate::kill::processes::children(pid), children, "no attack ended a query child");
    let log = stack.audit("t_acme", "w_acme_attacked");
    let rows: Vec<_> = log
        .lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(Line::Record(record)) if record.event.action == Action::ToolsCall => Some(record.event),
            _ => None,
        })
        .collect();
    assert_eq!(rows.len(), attacks.len() + 2);
    for (row, (reason, sql)) in rows[1..].iter().zip(&attacks) {
        let told = row.detail_code.as_deref().or(row.error_class.as_deref());
        assert_eq!(told, Some(reason.as_str()), "{sql}");
    }
    let sessions: BTreeSet<_> = rows.iter().map(|row| row.context.session_id.clone()).collect();
    assert!(sessions.len() == 1 && !sessions.contains(&None), "{sessions:?}");
    assert!(!log.contains("s3cret"));
}

//! One question through the whole passage, with the programs as they are shipped and a real Postgres.

pub(crate) mod database;
pub(crate) mod program;
mod rotate;
pub(crate) mod stack;

use serde_json::{Value, json};

use database::{Database, POLICY};
use stack::Stack;

/// What kind of failure an answer tells.
pub(crate) fn class(answer: &Value) -> &str {
    let in_result = &answer["result"]["structuredContent"]["error"]["class"];
    in_result.as_str().or(answer["error"]["data"]["error_class"].as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_from_a_masked_snapshot_and_leaves_a_row() {
    let Some(database) = Database::new().await else { return };
    let stack = Stack::start();
    assert_eq!(stack.cli(&["tenant", "create", "acme"]), "t_acme");
    assert_eq!(stack.cli(&["tenant", "create", "other"]), "t_other");
    let _worker = stack.worker("t_acme", "w_acme_it", POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);

    let (status, list) =
        stack.post("acme", &key, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
    let names: Vec<&str> =
        list["result"]["tools"].as_array().unwrap().iter().filter_map(|t| t["name"].as_str()).collect();
    assert_eq!((status, names), (200, vec!["execute_sql", "get_schema", "null_rates"]));

    let sql = "SELECT u.email, u.ssn, sum(o.amount) AS spent FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1, 2";
    let answer = stack.sql("acme", &key, "u_1", sql).await;
    let content = &answer["result"]["structuredContent"];
    let row = &content["rows"][0];
    assert!(row[0].as_str().is_some_and(|e| e.ends_with("@example.net") && !e.contains("alice")), "{answer}");
    assert_eq!((&row[1], &row[2]), (&Value::Null, &json!("16.49")), "{answer}");
    assert_eq!(
        (&content["columns"][0]["masked"], &content["snapshot"]["cold"]),
        (&json!(true), &json!(true))
    );

    // Everything else is refused as documented.
    assert_eq!(
        class(&stack.sql("acme", &key, "u_1", "SELECT * FROM pg_catalog.pg_user").await),
        "egress_blocked"
    );
    assert_eq!(class(&stack.sql("acme", &key, "u_1", "SELECT nope FROM users").await), "sql_error");
    let missing = stack.sql("acme", &key, "u_999", "SELECT 1").await;
    assert_eq!((class(&missing), &missing["error"]["code"]), ("snapshot_not_found", &json!(-32004)));
    assert!(missing["error"]["message"].as_str().unwrap().starts_with("No record in users"));
    let narrow = stack.key("t_acme", &["--snapshots", "u_2"]);
    assert_eq!(class(&stack.sql("acme", &narrow, "u_1", "SELECT 1").await), "scope_denied");
    for (slug, key) in [("acme", "ak_live_aaaaaaaa_bad"), ("other", key.as_str()), ("nobody", key.as_str())] {
        let (status, _) =
            stack.post(slug, key, &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})).await;
        assert_eq!(status, 401, "{slug}");
    }

    // What was asked is in the log, which verifies from its export.
    let text = stack.audit("t_acme", "w_acme_it");
    assert_eq!(text.matches("\"mcp.tools.call\"").count(), 5, "{text}");
    assert!(!text.contains("SELECT") && !text.contains("alice"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tunnel_heals_and_a_stopped_worker_is_told() {
    let Some(database) = Database::new().await else { return };
    let mut stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let mut worker = stack.worker("t_acme", "w_acme_heal", POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);
    let answers = async |stack: &Stack| {
        stack.sql("acme", &key, "u_1", "SELECT 1 AS one").await["result"]["structuredContent"]["rows"]
            == json!([[1]])
    };
    assert!(answers(&stack).await);

    stack.restart();
    stack.until(async || answers(&stack).await).await;

    worker.kill();
    stack
        .until(async || class(&stack.sql("acme", &key, "u_1", "SELECT 1").await) == "worker_unavailable")
        .await;
    let _again = stack.worker("t_acme", "w_acme_heal", POLICY, &database.reader_url());
    assert!(answers(&stack).await);
}

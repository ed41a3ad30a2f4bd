//! Clients that are not ours, against the programs as they are shipped: what a user of each gets, and is told when something
//! is wrong.

mod client;
mod curl;
mod inspector;
mod oauth;
mod published;
mod server;

use serde_json::{Value, json};

use crate::passage::class;
use crate::passage::database::{Database, POLICY, SEED};
use crate::passage::stack::Stack;
use client::Client;
use server::Server;

/// What tells one client from another, as its user sees it.
struct Manners {
    /// Its program and its Python.
    name: &'static str,
    /// How it asks for a revision, and which is agreed on.
    protocols: &'static [(&'static str, Option<&'static str>)],
    /// What it puts before a tool's name.
    prefix: &'static str,
    /// Checks what it tells of a refusal at the door.
    turned_away: fn(&Value),
    /// Checks what it tells of an error: code, class, message.
    told: fn(&Value, i32, &str, &str),
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_1_lists_asks_and_is_told() {
    visit(&Manners {
        name: "mcp1",
        protocols: &[("", Some("2025-11-25"))],
        prefix: "",
        // Its users see the status, and nothing of the body.
        turned_away: |seen| assert_eq!(seen["failed"]["status"], 401, "{seen}"),
        told: in_full,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_2_lists_asks_and_is_told_in_both_eras() {
    visit(&Manners {
        name: "mcp2",
        protocols: &[("auto", Some("2026-07-28")), ("legacy", Some("2025-11-25"))],
        prefix: "",
        turned_away: |seen| in_full(seen, -32003, "unauthorized", "no valid API key for this endpoint"),
        told: in_full,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn litellm_in_front_lists_asks_and_is_told() {
    visit(&Manners {
        name: "litellm",
        protocols: &[("", None)],
        prefix: "good-",
        // It offers its users nothing of an endpoint that does not let it in.
        turned_away: |seen| assert_eq!(seen["tools"], json!([]), "{seen}"),
        // It passes on the message alone.
        told: |seen, _, _, message| {
            let text = seen["failed"]["text"].as_str().unwrap_or_default();
            assert!(text.ends_with(message), "{seen}");
        },
    })
    .await;
}

/// An error that reaches the client's user whole.
fn in_full(seen: &Value, code: i32, class: &str, message: &str) {
    let failed = &seen["failed"];
    let told = (&failed["code"], &failed["class"], &failed["message"]);
    assert_eq!(told, (&json!(code), &json!(class), &json!(message)), "{seen}");
}

/// Everything that the documentation promises a client, in one life of a passage.
async fn visit(manners: &Manners) {
    let Some(python) = Client::python(manners.name) else { return };
    let Some(server) = Server::start() else { return };
    let database = Database::on(server.config(), SEED).await;
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    stack.cli(&["tenant", "create", "other"]);
    let name = format!("w_acme_{}", manners.name);
    let mut worker = stack.worker("t_acme", &name, POLICY, &database.reader_url());
    let key = stack.key("t_acme", &[]);
    let narrow = stack.key("t_acme", &["--snapshots", "u_2"]);

    let endpoint = |slug: &str, key: &str| json!({"url": format!("{}/mcp/{slug}", stack.url), "key": key});
    let mut endpoints = json!({
        "wrong": endpoint("acme", "ak_live_aaaaaaaa_bad"),
        "other": endpoint("other", &key),
        "narrow": endpoint("acme", &narrow),
        "good": endpoint("acme", &key),
    });
    for (mode, _) in manners.protocols.iter().filter(|(mode, _)| !mode.is_empty()) {
        endpoints[mode] = endpoint("acme", &key);
        endpoints[mode]["mode"] = json!(mode);
    }
    let mut client = Client::start(&python, manners.name, &endpoints);

    for (mode, protocol) in manners.protocols {
        let seen = client.visit(if mode.is_empty() { "good" } else { mode }, "u_1", SQL);
        assert_eq!((&seen["failed"], seen["protocol"].as_str()), (&Value::Null, *protocol), "{mode}");
        saw_all(&seen, manners.prefix);
    }
    for endpoint in ["wrong", "other"] {
        (manners.turned_away)(&client.visit(endpoint, "u_1", SQL));
    }
    let told = |seen: &Value, code, class, message| {
        assert_eq!(seen["tools"].as_array().map(Vec::len), Some(3), "{seen}");
        (manners.told)(seen, code, class, message);
    };
    let denied = client.visit("narrow", "u_1", SQL);
    told(&denied, -32005, "scope_denied", "this API key does not reach that snapshot");
    let unknown = client.visit("good", "u_999", SQL);
    told(&unknown, -32004, "snapshot_not_found", "No record in users");

    // Without its source, what was exported still answers; what was not waits for it.
    server.stop();
    saw_all(&client.visit("good", "u_1", SQL), "good-");
    let cold = client.visit("good", "u_2", SQL);
    told(&cold, -32002, "source_unavailable", "the source cannot be read at the moment");
    server.resume();
    assert_eq!(client.visit("good", "u_2", SQL)["answer"]["rows"][0][2], "999.00");

    worker.kill();
    let nobody = async || class(&stack.sql("acme", &key, "u_1", "SELECT 1").await) == "worker_unavailable";
    stack.until(nobody).await;
    let gone = client.visit("good", "u_1", SQL);
    told(&gone, -32001, "worker_unavailable", "no worker of the tenant is connected");
}

/// Without its source a snapshot answers until it expires, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_outlives_its_source_until_it_expires() {
    let Some(server) = Server::start() else { return };
    let database = Database::on(server.config(), SEED).await;
    let stack = Stack::start();
    stack.cli(&["tenant", "create", "acme"]);
    let policy = format!("snapshot_ttl_s: 5{POLICY}");
    let _worker = stack.worker("t_acme", "w_acme_ttl", &policy, &database.reader_url());
    let key = stack.key("t_acme", &[]);
    let first = stack.sql("acme", &key, "u_1", SQL).await;
    server.stop();
    stack
        .until(async || {
            let answer = stack.sql("acme", &key, "u_1", SQL).await;
            let content = &answer["result"]["structuredContent"];
            if class(&answer) == "source_unavailable" {
                return true;
            }
            // Nothing but the snapshot of before can have answered.
            let generation = |content: &Value| content["snapshot"]["generation"].clone();
            assert_eq!(generation(content), generation(&first["result"]["structuredContent"]), "{answer}");
            false
        })
        .await;
}

/// Tools, schema, a masked answer, and a refusal that a model can read.
fn saw_all(seen: &Value, prefix: &str) {
    let tools: Vec<&str> = seen["tools"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let expected = ["execute_sql", "get_schema", "null_rates"];
    assert!(tools.iter().map(|tool| tool.trim_start_matches(prefix)).eq(expected), "{seen}");
    let schema = &seen["schema"];
    assert_eq!((&schema["root_table"], &schema["root_filter_col"]), (&json!("users"), &json!("external_id")));
    let row = &seen["answer"]["rows"][0];
    let email = row[0].as_str().unwrap_or_default();
    assert!(email.ends_with("@example.net") && !email.contains("alice"), "{seen}");
    assert_eq!(
        (&row[1], &row[2], &seen["is_error"]),
        (&Value::Null, &json!("16.49"), &json!(false)),
        "{seen}"
    );
    assert_eq!(seen["blocked"], "egress_blocked", "{seen}");
}

const SQL: &str = "SELECT u.email, u.ssn, sum(o.amount) AS spent FROM users u JOIN orders o ON o.user_id = u.id GROUP BY 1, 2";

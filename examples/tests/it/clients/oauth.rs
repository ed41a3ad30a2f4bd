//! Clients that are not ours, from a bare address: they find the authorization server, and a person in a real browser lets
//! them in.

use std::time::Instant;

use serde_json::{Value, json};

use super::client::{CHROMIUM, Client};
use crate::needs;
use crate::passage::database::{Database, POLICY};
use crate::passage::stack::{PATIENCE, Stack};

pub(super) const EMAIL: &str = "ada@acme.example";
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// A Python with what the scripts need, when there is a browser as well.
fn python() -> Option<String> {
    needs::variable(CHROMIUM)?;
    Client::python("browser")
}

fn begins(seen: &Value, prefix: &str) {
    assert!(seen.as_str().is_some_and(|text| text.starts_with(prefix)), "{seen}");
}

/// Asks until it is so: what another process did is known here a moment later.
fn until(client: &mut Client, what: &str, so: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let seen = client.ask(&json!({"do": what}));
        if so(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_provider_connects_calls_refreshes_and_asks_again_after_a_revocation() {
    let Some(browser) = python() else { return };
    a_life_of_the_provider("oauth", &browser, &browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_provider_of_the_1_line_does_so_too() {
    let (Some(browser), Some(python)) = (python(), Client::python("mcp1")) else { return };
    a_life_of_the_provider("oauth1", &python, &browser).await;
}

/// From a bare address: found, registered, let in, used, refreshed, revoked, asked again. `browser`: who drives Chromium.
async fn a_life_of_the_provider(name: &str, python: &str, browser: &str) {
    let Some(database) = Database::new().await else { return };
    let stack = Stack::for_people();
    stack.cli(&["tenant", "create", "acme"]);
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    let _worker = stack.worker("t_acme", &format!("w_acme_{name}"), POLICY, &database.reader_url());

    let url = format!("{}/mcp/acme", stack.url);
    let given = json!({"url": url, "email": EMAIL, "password": PASSWORD, "python": browser});
    let mut client = Client::start(python, name, &given);
    let first = client.ask(&json!({"do": "call"}));
    assert_eq!(first["failed"], Value::Null, "{first}");
    assert_eq!(first["tools"], json!(["get_schema"]));
    assert_eq!((&first["is_error"], &first["answer"]["root_table"]), (&json!(false), &json!("users")));
    begins(&first["access"], "at_");
    begins(&first["refresh"], "rt_");
    assert_eq!(first["expires_in"], 28_800);
    let consents = first["consents"].as_array().unwrap();
    assert_eq!(consents.len(), 1, "{first}");
    let read = consents[0]["read"].as_str().unwrap();
    for told in ["A desktop agent", "Unverified", "127.0.0.1", EMAIL] {
        assert!(read.contains(told), "{told}: {read}");
    }

    // Without a grant a person's client reads the schema, and sees no tool that reads a snapshot.
    assert_eq!(client.ask(&json!({"do": "query"}))["failed"]["class"], "tool_not_found");
    stack.cli(&["grant", "set", "--tenant", "t_acme", "--role", "owner", "--snapshots", "all"]);
    let query = until(&mut client, "query", |seen| seen["failed"].is_null());
    assert_eq!(query["answer"]["rows"], json!([["16.49"]]), "{query}");

    client.ask(&json!({"do": "expire"}));
    let refreshed = client.ask(&json!({"do": "call"}));
    assert_eq!((&refreshed["failed"], &refreshed["is_error"]), (&Value::Null, &json!(false)), "{refreshed}");
    assert_ne!(refreshed["access"], first["access"]);
    assert_ne!(refreshed["refresh"], first["refresh"]);
    assert_eq!(refreshed["consents"].as_array().map(Vec::len), Some(1));

    // By the command line, in another process.
    stack.cli(&["session", "revoke", EMAIL]);
    let again = until(&mut client, "call", |seen| seen["consents"].as_array().map(Vec::len) == Some(2));
    assert_eq!((&again["failed"], &again["is_error"]), (&Value::Null, &json!(false)), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_sdk_signs_in_both_ways_refreshes_and_signs_out() {
    let Some(python) = python() else { return };
    let stack = Stack::for_people();
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    let realm = format!("{}/realms/airlock", stack.url);
    let given = json!({"realm": realm, "email": EMAIL, "password": PASSWORD});
    let mut client = Client::start(&python, "sdk_auth", &given);
    let seen = client.ask(&json!("go"));
    for way in ["device", "refreshed", "code"] {
        begins(&seen[way]["access"], "at_");
        begins(&seen[way]["refresh"], "rt_");
        assert_eq!(
            (&seen[way]["type"], &seen[way]["expires_in"]),
            (&json!("Bearer"), &json!(28_800)),
            "{seen}"
        );
        assert_eq!(seen[way]["scope"], "openid profile email", "{seen}");
    }
    assert_ne!(seen["device"]["refresh"], seen["refreshed"]["refresh"]);
    assert_eq!(seen["signed_out"], true);
    assert_eq!(seen["denied"], "User denied the authorization request.");
    let read = seen["device_page"]["read"].as_str().unwrap();
    assert!(read.contains(seen["user_code"].as_str().unwrap()) && read.contains("Airlock SDK"), "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_suite_passes_its_scenarios_for_authorization_servers() {
    let Some(python) = python() else { return };
    let Some(programs) = needs::variable("AIRLOCK_TEST_NODE") else { return };
    let stack = Stack::for_people();
    stack.owner(EMAIL, "Ada Lovelace", PASSWORD);
    let back = ["--redirect-uri", "http://127.0.0.1/callback"];
    stack.cli(&[["client", "create", "--name", "Suite", "--id", "suite"].as_slice(), &back].concat());
    let modules = std::path::Path::new(&programs).join("node_modules");
    let suite = [modules.join(".bin/node"), modules.join("@modelcontextprotocol/conformance/dist/index.js")];
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let given = json!({
        "suite": suite, "url": stack.url, "client": "suite", "port": port, "email": EMAIL, "password": PASSWORD
    });
    let seen = Client::start(&python, "suite_auth", &given).ask(&json!("go"));
    assert_eq!(seen["ended"], 0, "{seen}");
    assert!(seen["said"].as_str().unwrap().contains("Total: 3 passed, 0 failed"), "{seen}");
}

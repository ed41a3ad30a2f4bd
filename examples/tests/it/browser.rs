//! The console in Chromium, against the control plane as it is shipped: `examples/tests/browser` says what is walked and
//! what every page must be.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::needs;
use crate::passage::stack::{OPERATOR, Stack};

// Every page that a person meets, and most of what it says when something is not right.
const PAGES_MIN: usize = 43;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_walked_at_both_widths_light_and_dark() {
    let Some(chromium) = needs::variable("AIRLOCK_TEST_CHROMIUM") else { return };
    let Some(python) = needs::variable("AIRLOCK_TEST_PYTHON_BROWSER") else { return };
    let stack = Stack::for_people();
    stack.cli(&["tenant", "create", "crm"]);
    stack.owner("ada@acme.example", "Ada Lovelace", "correct horse battery staple");
    let client = client().await;
    let place = json!({
        "url": stack.url, "mail": stack.folder.path().join("mail"), "operator": OPERATOR,
        "client": client, "shots": needs::optional("AIRLOCK_TEST_SHOTS")
    });
    let seen = tokio::task::spawn_blocking(move || walk(&python, &chromium, &place)).await.unwrap();
    assert_eq!(seen["wrong"], json!([]));
    let pages = seen["seen"].as_array().map_or(0, Vec::len);
    assert!(pages >= PAGES_MIN, "{pages} pages were seen: {seen}");
}

/// A program that waits on loopback for the answer to its request: where the browser is sent back to.
async fn client() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = "<!doctype html><title>Client</title><link rel=icon href='data:,'><p>Thank you.";
    let router = axum::Router::new()
        .route("/back", axum::routing::get(move || async move { axum::response::Html(page) }));
    #[expect(clippy::disallowed_methods, reason = "a client of the test's own; it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/back")
}

#[expect(clippy::disallowed_methods, reason = "drives the browser as a person does")]
fn walk(python: &str, chromium: &str, place: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/walk.py");
    let home = tempfile::tempdir().unwrap();
    let out = Command::new(python)
        .arg(script)
        .arg(place.to_string())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", home.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AIRLOCK_TEST_CHROMIUM", chromium)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

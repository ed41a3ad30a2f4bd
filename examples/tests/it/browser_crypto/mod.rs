//! The approver's module for browsers (`airlock-cp/console/js/approver-crypto.js`) in Chromium, held against core and the approver in Rust.
//! The page is served as the console serves its own: same policy, on loopback, so that the browser gives it WebCrypto.

mod life;
mod payloads;
mod refusals;
mod vectors;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::needs;
use life::Enforcers;

const MODULE: &str = include_str!("../../../../airlock-cp/console/js/approver-crypto.js");
const DRIVER: &str = include_str!("../../browser/crypto.js");
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self'; require-trusted-types-for 'script'; trusted-types default";

#[test]
fn the_module_stands_alone() {
    let code: Vec<&str> = MODULE.lines().filter(|line| !line.trim_start().starts_with(['/', '*'])).collect();
    let code = code.join("\n");
    for reach in [
        "import ",
        "import(",
        "document",
        "window",
        "globalThis",
        "self.",
        "fetch",
        "XMLHttp",
        "WebSocket",
        "localStorage",
        "sessionStorage",
        "indexedDB",
        "navigator",
        "postMessage",
        "eval",
        "Function(",
        "Math.random",
        "console",
    ] {
        assert!(!code.contains(reach), "{reach}");
    }
}

// None where there is no browser.
async fn called(function: &'static str, enforcers: &Arc<Enforcers>) -> Option<Value> {
    let chromium = needs::variable("AIRLOCK_TEST_CHROMIUM")?;
    let python = needs::variable("AIRLOCK_TEST_PYTHON_BROWSER")?;
    let url = serve(Arc::clone(enforcers)).await;
    let seen = tokio::task::spawn_blocking(move || call(&python, &chromium, &url, function)).await.unwrap();
    assert_eq!(seen["wrong"], json!([]));
    Some(seen["given"].clone())
}

async fn serve(enforcers: Arc<Enforcers>) -> String {
    let script = "text/javascript; charset=utf-8";
    let page = "<!doctype html><title>Test</title><link rel=icon href=/icon.svg>";
    let inviting = Arc::clone(&enforcers);
    let router = Router::new()
        .route("/", get(move || async move { answer("text/html", page) }))
        .route(
            "/icon.svg",
            get(move || async move { answer("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg'/>") }),
        )
        .route("/approver-crypto.js", get(move || async move { answer(script, MODULE) }))
        .route("/crypto.js", get(move || async move { answer(script, DRIVER) }))
        .route("/given", get(|| async { answer("application/json", vectors::given().to_string()) }))
        .route(
            "/invitations",
            get(move || async move { answer("application/json", inviting.invite().to_string()) }),
        )
        .route(
            "/sealed",
            post(move |answers: String| async move {
                answer(
                    "application/json",
                    enforcers.seal(&serde_json::from_str::<Vec<String>>(&answers).unwrap()).to_string(),
                )
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a server of the test's own; it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

fn answer(kind: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CONTENT_SECURITY_POLICY, POLICY)], body)
}

#[expect(clippy::disallowed_methods, reason = "starts the browser")]
fn call(python: &str, chromium: &str, url: &str, function: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/crypto.py");
    let home = tempfile::tempdir().unwrap();
    let out = Command::new(python)
        .arg(script)
        .args([url, function])
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
